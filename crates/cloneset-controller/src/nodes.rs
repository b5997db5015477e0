//! Labels of nodes, which the order of deletion needs where a template spreads pods over topologies
//! (CS-70). They are read when such a CloneSet takes pods away, not watched: most sets never ask, and
//! nodes change all the time, but for their labels.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::stream::{self, StreamExt};
use kruise_api::{meta::StringMap, pod::Pod, shared_list::SharedList};
use kruise_runtime::{ApiClient, NODES, ObjectKey};
use serde::Deserialize;
use tokio::time::Instant;

/// Zones and racks hardly ever change.
const FRESH_FOR: Duration = Duration::from_secs(60);
/// Reads in flight.
const CONCURRENCY: usize = 16;

/// What was read lately.
pub(crate) struct NodeLabels {
    client: ApiClient,
    read: Mutex<HashMap<String, (Instant, StringMap)>>,
}

#[derive(Deserialize)]
struct Node {
    metadata: NodeMetadata,
}

#[derive(Deserialize)]
struct NodeMetadata {
    #[serde(default)]
    labels: StringMap,
}

impl NodeLabels {
    pub(crate) fn new(client: ApiClient) -> Self {
        Self {
            client,
            read: Mutex::default(),
        }
    }

    /// Labels of the nodes that these pods run on. A node that can't be read is left out, and so are
    /// its pods when the spread is looked at.
    pub(crate) async fn of(&self, pods: &SharedList<Arc<Pod>>) -> BTreeMap<String, StringMap> {
        let mut found = BTreeMap::new();
        let mut missing = BTreeSet::new();
        {
            let mut read = self.lock();
            read.retain(|_, (at, _)| at.elapsed() < FRESH_FOR);
            for name in pods.iter().map(|pod| &pod.spec.node_name) {
                if name.is_empty() {
                    continue;
                }
                match read.get(name.as_str()) {
                    Some((_, labels)) => {
                        found.insert(name.to_string(), labels.clone());
                    }
                    None => {
                        missing.insert(name.to_string());
                    }
                }
            }
        }
        let answers: Vec<_> = stream::iter(missing)
            .map(|name| async {
                let labels = self.get(&name).await;
                (name, labels)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let now = Instant::now();
        let mut read = self.lock();
        for (name, labels) in answers {
            if let Some(labels) = labels {
                read.insert(name.clone(), (now, labels.clone()));
                found.insert(name, labels);
            }
        }
        found
    }

    async fn get(&self, name: &str) -> Option<StringMap> {
        let node = self.client.get(&NODES, &ObjectKey::new("", name)).await;
        let node = match node {
            Ok(node) => node?,
            Err(error) => {
                tracing::warn!(node = name, %error, "spread is looked at without this node");
                return None;
            }
        };
        serde_json::from_value::<Node>(node)
            .ok()
            .map(|node| node.metadata.labels)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, StringMap)>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
