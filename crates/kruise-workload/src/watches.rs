//! What a process watches so that it can find workloads.

use kruise_api::{read::Configuration, resource::CONFIG_MAPS, well_known::configuration};
use kruise_runtime::{ApiClient, Setup, WatchOptions, Watched};

use crate::{
    finder::Finder,
    indexed::{IndexedKind, IndexedReplicaSet, IndexedWorkload},
    live::{Custom, Live, Stores, Timing},
};

/// The watches behind a finder. Each is that of the process, whoever else asks for the same.
pub struct WorkloadWatches {
    /// Of the kinds that were asked for; ReplicaSet is apart.
    workloads: Vec<(IndexedKind, Watched<IndexedWorkload>)>,
    replica_sets: Option<Watched<IndexedReplicaSet>>,
    configuration: Watched<Configuration>,
    namespace: String,
}

impl WorkloadWatches {
    /// Asks for watches of these kinds, and of the ConfigMap with the white list. Of a kind that is not among them, a
    /// search fails ([`crate::Cause::NotWatched`]).
    #[must_use]
    pub fn ask(setup: &mut Setup, kinds: &[IndexedKind]) -> Self {
        let mut workloads = vec![];
        let mut replica_sets = None;
        for &kind in kinds {
            let options = WatchOptions {
                may_be_missing: kind.may_be_missing(),
                ..WatchOptions::default()
            };
            match kind {
                IndexedKind::ReplicaSet => {
                    replica_sets = Some(setup.watch(kind.resource(), options));
                }
                _ => workloads.push((kind, setup.watch(kind.resource(), options))),
            }
        }
        let namespace = setup.installation_namespace();
        let options = WatchOptions {
            namespace: Some(namespace.clone()),
            field_selector: Some(format!("metadata.name={}", configuration::NAME)),
            ..WatchOptions::default()
        };
        Self {
            workloads,
            replica_sets,
            configuration: setup.watch(CONFIG_MAPS, options),
            namespace,
        }
    }

    /// The watch of a kind that was asked for, for those who are woken by changes (PB-51); none of ReplicaSets.
    #[must_use]
    pub fn watched(&self, kind: IndexedKind) -> Option<&Watched<IndexedWorkload>> {
        let mut workloads = self.workloads.iter();
        workloads.find(|(own, _)| *own == kind).map(|(_, it)| it)
    }

    /// The watch of ReplicaSets, if it was asked for.
    #[must_use]
    pub fn replica_sets(&self) -> Option<&Watched<IndexedReplicaSet>> {
        self.replica_sets.as_ref()
    }

    /// A finder for admission: what the API server said a moment ago is good enough, and an answer comes soon or never.
    /// `client` is [`Setup::replica_client`].
    #[must_use]
    pub fn finder_for_admission(&self, client: ApiClient) -> Finder {
        self.finder(client, Timing::OF_ADMISSION)
    }

    /// A finder for reconcilers: what the API server said a second ago is good enough. `client` is [`Setup::client`].
    #[must_use]
    pub fn finder_for_reconcilers(&self, client: ApiClient) -> Finder {
        self.finder(client, Timing::OF_RECONCILERS)
    }

    fn finder(&self, client: ApiClient, timing: Timing) -> Finder {
        let workloads = self.workloads.iter();
        Finder::over(Live {
            stores: Stores {
                workloads: workloads.map(|(kind, it)| (*kind, it.store())).collect(),
                replica_sets: self.replica_sets.as_ref().map(Watched::store),
                configuration: self.configuration.store(),
                namespace: self.namespace.clone(),
            },
            custom: Custom::new(client, timing),
        })
    }
}
