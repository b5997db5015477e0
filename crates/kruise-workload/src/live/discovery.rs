//! Which kinds the API server serves, and under what names. One group is asked for at a time, and remembered for a while,
//! so that a CRD that is installed later is found.

use std::{sync::Arc, time::Duration};

use kruise_runtime::{ApiClient, ApiError};
use serde::Deserialize;

use super::recent::Recent;
use crate::error::Cause;

/// A kind that is not known may be installed at any moment.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
/// Where an object is missing, its kind may have moved. Most often it is gone, and the next one that asks for it doesn't
/// ask for its kind.
const DOUBTED_AFTER: Duration = Duration::from_secs(2);
/// A kind that is known gains and loses subresources and versions once in a while.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// An API server that refuses is not asked again at once.
const REFUSED_FOR: Duration = Duration::from_secs(1);

/// A kind in one version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Served {
    kind: String,
    pub(super) version: String,
    plural: String,
    namespaced: bool,
    pub(super) has_scale: bool,
}

impl Served {
    /// Path of an object.
    pub(super) fn path(&self, group: &str, namespace: &str, name: &str) -> String {
        let Self {
            version, plural, ..
        } = self;
        let root = version_path(group, version);
        if self.namespaced {
            format!("{root}/namespaces/{namespace}/{plural}/{name}")
        } else {
            format!("{root}/{plural}/{name}")
        }
    }
}

type Group = Result<Arc<[Served]>, Arc<ApiError>>;

/// Asks the API server which kinds it serves.
pub(super) struct Discovery {
    client: ApiClient,
    groups: Recent<String, Group>,
}

/// How sure one has to be of what is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// As sure as of a kind that is known.
    Known,
    /// The object is not where it should be.
    Doubted,
}

impl Discovery {
    pub(super) fn new(client: ApiClient) -> Self {
        Self {
            client,
            groups: Recent::default(),
        }
    }

    /// The versions in which a kind is served, the one that the server prefers first. There is at least one.
    pub(super) async fn versions(
        &self,
        group: &str,
        kind: &str,
        trust: Trust,
    ) -> Result<Vec<Served>, Cause> {
        let unknown = || Cause::UnknownKind {
            group: group.to_owned(),
            kind: kind.to_owned(),
        };
        if !is_group(group) {
            return Err(unknown());
        }
        let of_kind = |served: &&Served| served.kind == kind;
        let good_for = |known: &Group| match (known, trust) {
            (Err(_), _) => REFUSED_FOR,
            (Ok(all), _) if !all.iter().any(|it| of_kind(&it)) => UNKNOWN_FOR,
            (Ok(_), Trust::Known) => ASKED_AGAIN_AFTER,
            (Ok(_), Trust::Doubted) => DOUBTED_AFTER,
        };
        let is_good = |known: &Group, age: Duration| age < good_for(known);
        let ask = async || self.ask(group).await.map_err(Arc::new);
        let all = self.groups.get(group.to_owned(), is_good, ask).await;
        let all = all.map_err(Cause::Api)?;
        let versions: Vec<Served> = all.iter().filter(of_kind).cloned().collect();
        if versions.is_empty() {
            return Err(unknown());
        }
        Ok(versions)
    }

    /// All kinds of a group.
    async fn ask(&self, group: &str) -> Result<Arc<[Served]>, ApiError> {
        let mut served = vec![];
        for version in self.versions_of(group).await? {
            let path = version_path(group, &version);
            let list: Option<ResourceList> = self.client.read_at(&path).await?;
            served.extend(list.unwrap_or_default().served(&version));
        }
        Ok(served.into())
    }

    /// The versions of a group, the preferred one first. None: there is no such group.
    async fn versions_of(&self, group: &str) -> Result<Vec<String>, ApiError> {
        if group.is_empty() {
            return Ok(vec!["v1".to_owned()]);
        }
        let path = format!("/apis/{group}");
        let found: Option<ApiGroup> = self.client.read_at(&path).await?;
        let ApiGroup {
            versions,
            preferred_version: GroupVersion { version: preferred },
        } = found.unwrap_or_default();
        let mut versions: Vec<_> = versions.into_iter().map(|it| it.version).collect();
        versions.sort_by_key(|version| *version != preferred);
        Ok(versions)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ApiGroup {
    versions: Vec<GroupVersion>,
    preferred_version: GroupVersion,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GroupVersion {
    version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResourceList {
    resources: Vec<ListedResource>,
}

/// A kind, or a subresource of one: `games` and `games/scale`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ListedResource {
    name: String,
    kind: String,
    namespaced: bool,
}

impl ResourceList {
    fn served(&self, version: &str) -> Vec<Served> {
        let all = &self.resources;
        let kinds = all.iter().filter(|it| !it.name.contains('/'));
        kinds
            .map(|it| {
                let scale = format!("{}/scale", it.name);
                Served {
                    kind: it.kind.clone(),
                    version: version.to_owned(),
                    plural: it.name.clone(),
                    namespaced: it.namespaced,
                    has_scale: all.iter().any(|other| other.name == scale),
                }
            })
            .collect()
    }
}

/// Path of a version of a group, below which its kinds are.
fn version_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    }
}

/// Whether a group may be called so. Users write it, and it becomes part of a path.
fn is_group(group: &str) -> bool {
    let may_be = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-.".contains(&it);
    group.bytes().all(may_be)
        && !group
            .split('.')
            .any(|part| part.is_empty() && !group.is_empty())
}
