//! What a workload is asked for by.

use std::fmt;

use kruise_api::{apps, meta::OwnerReference, policy, resource::ObjectKey, text::Text};

/// An object that somebody says is a workload.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reference {
    /// Group and version. Only the group decides which kind is meant (PB-25).
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace: that of the pod, or of the object that says so.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID, where another object of that name is not meant (PB-24).
    pub uid: Option<Text>,
}

/// What an object targets in its own namespace: a `targetRef`, of whichever kind the object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target<'a> {
    /// Group and version. Only the group decides which kind is meant.
    pub api_version: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Name.
    pub name: &'a str,
}

impl<'a> From<&'a policy::v1beta1::TargetReference> for Target<'a> {
    fn from(target: &'a policy::v1beta1::TargetReference) -> Self {
        Self {
            api_version: &target.api_version,
            kind: &target.kind,
            name: &target.name,
        }
    }
}

impl<'a> From<&'a apps::v1beta1::TargetReference> for Target<'a> {
    fn from(target: &'a apps::v1beta1::TargetReference) -> Self {
        Self {
            api_version: &target.api_version,
            kind: &target.kind,
            name: &target.name,
        }
    }
}

impl<'a> Target<'a> {
    /// Group of the kind; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &'a str {
        group(self.api_version)
    }
}

/// The group in a group and version: what is before the slash.
fn group(api_version: &str) -> &str {
    let group = api_version.rsplit_once('/');
    group.map(|(group, _)| group).unwrap_or_default()
}

impl Reference {
    /// The owner of an object in this namespace, whatever its UID is by now (PB-17).
    #[must_use]
    pub fn to_owner(namespace: &str, owner: &OwnerReference) -> Self {
        Self {
            api_version: owner.api_version.as_str().to_owned(),
            kind: owner.kind.as_str().to_owned(),
            namespace: namespace.to_owned(),
            name: owner.name.as_str().to_owned(),
            uid: None,
        }
    }

    /// The owner of an object in this namespace, and no other of that name (PB-24).
    #[must_use]
    pub fn to_very_owner(namespace: &str, owner: &OwnerReference) -> Self {
        Self {
            uid: Some(owner.uid.clone()),
            ..Self::to_owner(namespace, owner)
        }
    }

    /// What an object in this namespace targets.
    #[must_use]
    pub fn to_target<'a>(namespace: &str, target: impl Into<Target<'a>>) -> Self {
        let target = target.into();
        Self {
            api_version: target.api_version.to_owned(),
            kind: target.kind.to_owned(),
            namespace: namespace.to_owned(),
            name: target.name.to_owned(),
            uid: None,
        }
    }

    /// Group of the kind; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        group(&self.api_version)
    }

    /// Where the object is.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.namespace.clone(), self.name.clone())
    }

    /// Whether an object with this UID may be meant.
    pub(crate) fn admits(&self, uid: &str) -> bool {
        self.uid.as_ref().is_none_or(|meant| *meant == *uid)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            api_version,
            kind,
            namespace,
            name,
            uid,
        } = self;
        write!(out, "{api_version} {kind} {namespace}/{name}")?;
        match uid {
            Some(uid) => write!(out, " with UID {uid}"),
            None => Ok(()),
        }
    }
}
