//! Look-ups of kinds of others, of which the API server is asked.

use std::{sync::Arc, time::Duration};

use kruise_api::{resource::ObjectKey, selector::SelectorTextError, white_list::ListedWorkload};
use kruise_runtime::{ApiClient, ApiError};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    discovery::{Discovery, Served, Trust},
    recent::Recent,
};
use crate::{
    error::Cause,
    indexed::DEFAULT_REPLICAS,
    look_ups::{Existing, Scale},
    reference::Reference,
};

/// How old an answer may be, how long one is waited for, and how long an index is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) max_age: Duration,
    pub(crate) patience: Duration,
    pub(crate) lag: Duration,
}

impl Timing {
    /// A webhook has three seconds in all.
    pub(crate) const OF_ADMISSION: Self = Self {
        max_age: Duration::from_secs(5),
        patience: Duration::from_secs(1),
        // A ReplicaSet's first pods come within milliseconds after it, and nobody looks at them again soon.
        lag: Duration::from_millis(300),
    };
    /// No watch wakes a reconciler when such a workload changes. Its pods do, at last when they come into service, which takes
    /// them longer than this, and so one that wakes a reconciler is not counted by the workload that was before it.
    pub(crate) const OF_RECONCILERS: Self = Self {
        max_age: Duration::from_secs(1),
        patience: Duration::from_secs(10),
        // What appears in an index wakes them again.
        lag: Duration::ZERO,
    };
}

/// That an object exists is news for longer than how many pods it wants: nothing follows from it but that this is unknown.
const EXISTENCE_AGE: Duration = Duration::from_secs(10);
/// A failed call is not repeated at once for the next pod.
const FAILED_FOR: Duration = Duration::from_secs(1);

type Answer<T> = Result<Option<T>, Cause>;

/// An object, whatever UID it has.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    group: String,
    kind: String,
    key: ObjectKey,
}

/// What the API server is asked, and what it said a moment ago.
pub(crate) struct Custom {
    client: ApiClient,
    pub(crate) timing: Timing,
    discovery: Discovery,
    replicas: Recent<Place, Answer<Existing>>,
    scales: Recent<Place, Answer<Scale>>,
    objects: Recent<Place, Answer<Existing>>,
}

impl Custom {
    pub(crate) fn new(client: ApiClient, timing: Timing) -> Self {
        Self {
            discovery: Discovery::new(client.clone()),
            client,
            timing,
            replicas: Recent::default(),
            scales: Recent::default(),
            objects: Recent::default(),
        }
    }

    /// The object in the version that the list names, if it is served, with its replicas.
    pub(crate) async fn replicas(
        &self,
        asked: &Reference,
        listed: &ListedWorkload,
    ) -> Answer<Existing> {
        let version = &listed.version;
        let ask = async || {
            let object: Option<Workload> = self.find(asked, Part::Whole { version }).await?;
            Ok(object.map(Existing::from))
        };
        self.recently(&self.replicas, self.timing.max_age, asked, ask)
            .await
    }

    pub(crate) async fn scale(&self, asked: &Reference) -> Answer<Scale> {
        let ask = async || {
            let scale: Option<ScaleObject> = match self.find(asked, Part::Scale).await {
                Err(cause) if is_of_unset_replicas(&cause) => return self.unset_scale(asked).await,
                found => found?,
            };
            let scale = scale.map(Scale::try_from).transpose();
            scale.map_err(Cause::Selector)
        };
        self.recently(&self.scales, self.timing.max_age, asked, ask)
            .await
    }

    /// The scale of an object that doesn't say how many replicas it wants (PB-21). Where the object may not be read, there
    /// is none, and so it is unknown (DV-PB8).
    async fn unset_scale(&self, asked: &Reference) -> Answer<Scale> {
        let object: Option<Object> = match self.find(asked, Part::Metadata).await {
            Err(cause) if cause.is_forbidden() => None,
            found => found?,
        };
        Ok(object.map(|Object { metadata }| Scale {
            uid: metadata.uid,
            replicas: DEFAULT_REPLICAS,
            selector: None,
        }))
    }

    pub(crate) async fn object(&self, asked: &Reference) -> Answer<Existing> {
        let ask = async || {
            let object: Option<Object> = self.find(asked, Part::Metadata).await?;
            Ok(object.map(Existing::from))
        };
        self.recently(&self.objects, EXISTENCE_AGE, asked, ask)
            .await
    }

    /// A part of an object; none where there is no such object, or its kind has no such part.
    async fn find<T: DeserializeOwned>(&self, asked: &Reference, part: Part<'_>) -> Answer<T> {
        let Some(path) = self.path(asked, part, Trust::Known).await? else {
            return Ok(None);
        };
        if let Some(found) = self.read(&path, part).await? {
            return Ok(Some(found));
        }
        // A path of which nothing is served any more leads to no object, either.
        match self.path(asked, part, Trust::Doubted).await? {
            Some(other) if other != path => self.read(&other, part).await,
            _ => Ok(None),
        }
    }

    async fn path(
        &self,
        asked: &Reference,
        part: Part<'_>,
        trust: Trust,
    ) -> Result<Option<String>, Cause> {
        let (group, kind) = (asked.group(), &asked.kind);
        let served = self.discovery.versions(group, kind, trust).await?;
        Ok(part.path(&served, asked))
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, part: Part<'_>) -> Answer<T> {
        let read = match part {
            Part::Whole { .. } | Part::Scale => self.client.read_at(path).await,
            Part::Metadata => self.client.metadata_at(path).await,
        };
        read.map_err(|error| Cause::Api(Arc::new(error)))
    }

    async fn recently<T: Clone>(
        &self,
        answers: &Recent<Place, Answer<T>>,
        max_age: Duration,
        asked: &Reference,
        ask: impl AsyncFnOnce() -> Answer<T>,
    ) -> Answer<T> {
        let place = Place {
            group: asked.group().to_owned(),
            kind: asked.kind.clone(),
            key: asked.key(),
        };
        let is_good = |answer: &Answer<T>, age: Duration| match answer {
            Ok(_) => age < max_age,
            Err(_) => age < self.timing.max_age.min(FAILED_FOR),
        };
        answers.get(place, is_good, ask).await
    }
}

/// What of an object is asked for.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// All of it, in this version if it is served.
    Whole { version: &'a str },
    /// Its scale subresource, in the first version that has one.
    Scale,
    /// Nothing but its metadata.
    Metadata,
}

impl Part<'_> {
    /// Where it is; none where the kind has no such part, or no object can be called so.
    fn path(self, served: &[Served], asked: &Reference) -> Option<String> {
        match self {
            Self::Whole { version } => {
                let named = served.iter().find(|it| it.version == version);
                path(named.or(served.first())?, asked)
            }
            Self::Scale => {
                let scaled = served.iter().find(|it| it.has_scale)?;
                path(scaled, asked).map(|path| format!("{path}/scale"))
            }
            Self::Metadata => path(served.first()?, asked),
        }
    }
}

/// What the API server answers (500) when it is asked for the scale of a custom object whose field of replicas is absent.
const UNSET_REPLICAS: &str = "the spec replicas field";

fn is_of_unset_replicas(cause: &Cause) -> bool {
    let Cause::Api(error) = cause else {
        return false;
    };
    matches!(&**error, ApiError::Ambiguous { code: Some(500), message, .. } if message.contains(UNSET_REPLICAS))
}

/// Path of the object; none where no object can be called so. Users write the name.
fn path(served: &Served, asked: &Reference) -> Option<String> {
    let Reference {
        namespace, name, ..
    } = asked;
    let may_be = |it: u8| it.is_ascii_alphanumeric() || b"-._:~".contains(&it);
    let is_segment = |name: &str| !matches!(name, "" | "." | "..") && name.bytes().all(may_be);
    let is_possible = is_segment(name) && is_segment(namespace);
    is_possible.then(|| served.path(asked.group(), namespace, name))
}

/// What is read of an object of a kind in the white list.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Workload {
    metadata: Metadata,
    spec: Option<Spec>,
}

/// What is read of any other object.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Object {
    metadata: Metadata,
}

/// `autoscaling/v1` `Scale`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ScaleObject {
    metadata: Metadata,
    spec: Option<Spec>,
    status: Option<ScaleStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    uid: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    replicas: Option<i32>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ScaleStatus {
    selector: Option<String>,
}

impl From<Workload> for Existing {
    fn from(Workload { metadata, spec }: Workload) -> Self {
        Self {
            uid: metadata.uid,
            replicas: spec.and_then(|spec| spec.replicas),
        }
    }
}

impl From<Object> for Existing {
    fn from(Object { metadata }: Object) -> Self {
        Self {
            uid: metadata.uid,
            replicas: None,
        }
    }
}

impl TryFrom<ScaleObject> for Scale {
    type Error = SelectorTextError;

    fn try_from(scale: ScaleObject) -> Result<Self, SelectorTextError> {
        let ScaleObject {
            metadata,
            spec,
            status,
        } = scale;
        let selector = status.and_then(|status| status.selector);
        let selector = selector.map(|text| text.parse().map(Arc::new));
        Ok(Self {
            uid: metadata.uid,
            replicas: spec.and_then(|spec| spec.replicas).unwrap_or_default(),
            selector: selector.transpose()?,
        })
    }
}
