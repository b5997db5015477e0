//! Look-ups of kinds of others, of which the API server is asked.

use std::{sync::Arc, time::Duration};

use kruise_api::{resource::ObjectKey, selector::SelectorTextError, white_list::ListedWorkload};
use kruise_runtime::{ApiClient, ApiError};
use serde::Deserialize;

use super::{
    discovery::{Discovery, Served, Trust},
    recent::Recent,
};
use crate::{
    error::Cause,
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
        let ask = async || {
            let served = self.served(asked, Trust::Known).await?;
            let named = served.iter().find(|it| it.version == listed.version);
            let Some(path) = named.or(served.first()).and_then(|it| path(it, asked)) else {
                return Ok(None);
            };
            let object: Option<Workload> = self.client.read_at(&path).await.map_err(api)?;
            Ok(object.map(Existing::from))
        };
        self.recently(&self.replicas, self.timing.max_age, asked, ask)
            .await
    }

    pub(crate) async fn scale(&self, asked: &Reference) -> Answer<Scale> {
        let ask = async || {
            let served = self.served(asked, Trust::Known).await?;
            let scaled = served.iter().find(|it| it.has_scale);
            let Some(path) = scaled.and_then(|it| path(it, asked)) else {
                return Ok(None);
            };
            let path = format!("{path}/scale");
            let scale: Option<ScaleObject> = self.client.read_at(&path).await.map_err(api)?;
            let scale = scale.map(Scale::try_from).transpose();
            scale.map_err(Cause::Selector)
        };
        self.recently(&self.scales, self.timing.max_age, asked, ask)
            .await
    }

    pub(crate) async fn object(&self, asked: &Reference) -> Answer<Existing> {
        let ask = async || {
            let served = self.served(asked, Trust::Known).await?;
            let found = self.metadata(&served, asked).await?;
            if found.is_some() {
                return Ok(found);
            }
            // A path of which nothing is served any more leads to no object, either.
            match self.served(asked, Trust::Doubted).await? {
                same if same == served => Ok(None),
                other => self.metadata(&other, asked).await,
            }
        };
        self.recently(&self.objects, EXISTENCE_AGE, asked, ask)
            .await
    }

    async fn metadata(&self, served: &[Served], asked: &Reference) -> Answer<Existing> {
        let Some(path) = served.first().and_then(|it| path(it, asked)) else {
            return Ok(None);
        };
        let object: Option<Object> = self.client.metadata_at(&path).await.map_err(api)?;
        Ok(object.map(Existing::from))
    }

    async fn served(&self, asked: &Reference, trust: Trust) -> Result<Vec<Served>, Cause> {
        let (group, kind) = (asked.group(), &asked.kind);
        self.discovery.versions(group, kind, trust).await
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

fn api(error: ApiError) -> Cause {
    Cause::Api(Arc::new(error))
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
