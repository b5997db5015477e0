//! The pod webhook: gives pods that are created what SidecarSets have for them. It decides by indexes alone, and never asks
//! the API server.

use std::sync::Arc;

use http::StatusCode;
use kruise_api::{
    apps::v1beta1::SidecarSet,
    meta::{ObjectMeta, Time},
    resource::ObjectKey,
    text::Text,
    well_known::{annotations::SIDECARSET_HASH, labels::SIDECARSET_INJECT},
};
use kruise_runtime::{
    Store, StoreView, chain,
    webhook::{AdmissionRequest, AdmissionResponse, Operation},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    choose::{Choice, chosen},
    index::{Candidate, SidecarSetIndex},
    inject::{InjectOptions, inject},
    namespaces::Namespace,
    record::HashRecord,
    revisions::RevisionIndex,
};

/// Where pods are changed (PF-201).
pub const MUTATE_POD_PATH: &str = "/mutate-pod";
/// Place of the webhook among those of other deployables (PF-908).
pub const PLACE: u8 = 20;

/// Code of a refusal (SS-105, SS-289, PF-211).
const REFUSED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
/// Namespace of a pod of which nobody says it (SS-101).
const DEFAULT_NAMESPACE: &str = "default";

/// What the webhook decides by.
pub struct PodMutator {
    /// SidecarSets, found by pod.
    pub index: SidecarSetIndex,
    /// SidecarSets as they are watched, to know whether the index has all of them.
    pub sidecar_sets: Store<SidecarSet>,
    /// Namespaces.
    pub namespaces: Store<Namespace>,
    /// ControllerRevisions of SidecarSets.
    pub revisions: RevisionIndex,
    /// Gate `EnableSortSidecarContainerByName`.
    pub sort_containers_by_name: bool,
}

/// What is read of a pod before it is known whether it gets anything.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Head {
    metadata: Option<ObjectMeta>,
    status: Option<HeadStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HeadStatus {
    phase: Option<String>,
}

impl PodMutator {
    /// The answer to a request. `random` decides where a share of new pods gets an older revision.
    pub fn answer(&self, request: &AdmissionRequest, now: Time, random: u64) -> AdmissionResponse {
        // Pods that exist are the controller's business (SS-100, SS-111).
        if request.operation != Operation::Create
            || request.resource.resource != "pods"
            || !request.sub_resource.is_empty()
        {
            return AdmissionResponse::allow();
        }
        let head: Head = match request.object() {
            Ok(head) => head,
            Err(error) => return error.into(),
        };
        let metadata = head.metadata.unwrap_or_default();
        let phase = head.status.and_then(|status| status.phase);
        if is_left_alone(&metadata, phase.as_deref()) {
            return AdmissionResponse::allow();
        }
        // Where the CRD is missing, there is no SidecarSet (DV-PF4).
        if !self.sidecar_sets.synced() && !self.sidecar_sets.kind_missing() {
            return AdmissionResponse::unanswered("SidecarSets have not been read yet");
        }
        let namespace = namespace(&metadata, request);
        let candidates = self.index.candidates(namespace, &metadata.labels);
        if candidates.is_empty() {
            return AdmissionResponse::allow();
        }
        if let Some(missing) = self.missing(&candidates) {
            return AdmissionResponse::unanswered(format!("{missing} have not been read yet"));
        }
        self.injected(request, &metadata, &candidates, now, random)
            .unwrap_or_else(|refusal| *refusal)
    }

    /// What these candidates are decided by and is not known yet.
    fn missing(&self, candidates: &[Arc<Candidate>]) -> Option<&'static str> {
        let ask_for_namespace = candidates.iter().any(|it| it.selects_namespaces());
        let ask_for_revision = candidates.iter().any(|it| it.specific.is_some());
        if ask_for_namespace && !self.namespaces.synced() {
            Some("namespaces")
        } else if ask_for_revision && !self.revisions.synced() {
            Some("ControllerRevisions")
        } else {
            None
        }
    }

    fn injected(
        &self,
        request: &AdmissionRequest,
        metadata: &ObjectMeta,
        candidates: &[Arc<Candidate>],
        now: Time,
        random: u64,
    ) -> Result<AdmissionResponse, Box<AdmissionResponse>> {
        let name = namespace(metadata, request);
        let of_namespace = self.namespaces.get(&ObjectKey::new("", name));
        let recorded = metadata.annotations.get(SIDECARSET_HASH).map(Text::as_str);
        // What can't be read is told of when something is to be recorded.
        let recorded = HashRecord::parse(SIDECARSET_HASH, recorded).unwrap_or_default();
        let choice = Choice {
            labels: &metadata.labels,
            of_namespace: of_namespace.as_ref().map(|it| &it.metadata.labels),
            recorded: &recorded,
            random,
            revision: &|sidecar_set, wanted| self.revisions.wanted(sidecar_set, wanted),
        };
        let sets = chosen(candidates, &choice).map_err(|error| refused(&error))?;
        if sets.is_empty() {
            return Ok(AdmissionResponse::allow());
        }
        let pod: Value = request.object().map_err(|error| Box::new(error.into()))?;
        let options = InjectOptions {
            now,
            sort_containers_by_name: self.sort_containers_by_name,
        };
        let changed = inject(&pod, &sets, options).map_err(|error| refused(&error))?;
        Ok(AdmissionResponse::change(request, &changed))
    }
}

/// Whether no SidecarSet is for this pod: it has ended already (SS-100, SS-284), or its author wants none.
fn is_left_alone(metadata: &ObjectMeta, phase: Option<&str>) -> bool {
    let label = metadata.labels.get(SIDECARSET_INJECT).map(Text::as_str);
    matches!(phase, Some("Succeeded" | "Failed"))
        || metadata.is_terminating()
        || label == Some("false")
}

/// SS-101
fn namespace<'a>(metadata: &'a ObjectMeta, request: &'a AdmissionRequest) -> &'a str {
    let named = [&metadata.namespace, &request.namespace];
    let mut named = named.into_iter().filter(|it| !it.is_empty());
    named.next().map_or(DEFAULT_NAMESPACE, String::as_str)
}

fn refused(error: &(dyn std::error::Error + 'static)) -> Box<AdmissionResponse> {
    Box::new(AdmissionResponse::deny(REFUSED, chain(error)))
}
