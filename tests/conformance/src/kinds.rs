//! The kinds that requests are about, what their objects look like, and what is changed in them.

mod bodies;
mod edits;

pub(crate) use edits::metadata as metadata_edit;

use kruise_testkit::random::Random;
use serde_json::Value;

use crate::request::Edit;

/// One kind in one version.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) subresources: &'static [&'static str],
    /// How often it is chosen, against the others.
    pub(crate) weight: usize,
    /// All of an object but its metadata, `kind` and `apiVersion`.
    pub(crate) body: fn(&mut Random) -> Value,
    /// A change of anything but its metadata and status.
    pub(crate) edit: fn(&mut Random) -> Edit,
    /// A change of its status.
    pub(crate) status: Option<fn(&mut Random) -> Edit>,
    /// Field selectors that a client may send.
    pub(crate) field_selectors: &'static [&'static str],
}

/// The group of the custom kind: a stand-in, so that nothing is changed of what a cluster has installed.
pub(crate) const CUSTOM_GROUP: &str = "conformance.kruise.io";

const METADATA_SELECTORS: &[&str] = &[
    "metadata.name=a",
    "metadata.name!=a",
    "metadata.name=a,metadata.name!=b",
    "metadata.name=nobody",
    "metadata.name==b",
    "spec.nonsense=1",
];

pub(crate) const KINDS: &[Kind] = &[
    Kind {
        group: "",
        version: "v1",
        plural: "pods",
        kind: "Pod",
        subresources: &["status", "resize", "binding", "eviction"],
        weight: 10,
        body: bodies::pod,
        edit: edits::pod,
        status: Some(edits::pod_status),
        field_selectors: &[
            "metadata.name=a",
            "metadata.name!=a",
            "spec.nodeName=<ghost>",
            "spec.nodeName=",
            "spec.nodeName!=<ghost>,status.phase!=Running",
            "status.phase=Running",
            "status.phase!=Pending",
            "spec.restartPolicy=Always",
            "spec.schedulerName=nobody",
            "spec.image=x",
        ],
    },
    Kind {
        group: "",
        version: "v1",
        plural: "configmaps",
        kind: "ConfigMap",
        subresources: &[],
        weight: 4,
        body: bodies::config_map,
        edit: edits::config_map,
        status: None,
        field_selectors: METADATA_SELECTORS,
    },
    Kind {
        group: "",
        version: "v1",
        plural: "secrets",
        kind: "Secret",
        subresources: &[],
        weight: 2,
        body: bodies::secret,
        edit: edits::secret,
        status: None,
        field_selectors: &["metadata.name=a", "type=Opaque", "type!=Opaque", "data.a=1"],
    },
    Kind {
        group: "coordination.k8s.io",
        version: "v1",
        plural: "leases",
        kind: "Lease",
        subresources: &[],
        weight: 2,
        body: bodies::lease,
        edit: edits::lease,
        status: None,
        field_selectors: METADATA_SELECTORS,
    },
    Kind {
        group: "apps",
        version: "v1",
        plural: "controllerrevisions",
        kind: "ControllerRevision",
        subresources: &[],
        weight: 3,
        body: bodies::controller_revision,
        edit: edits::controller_revision,
        status: None,
        field_selectors: METADATA_SELECTORS,
    },
    Kind {
        group: "",
        version: "v1",
        plural: "persistentvolumeclaims",
        kind: "PersistentVolumeClaim",
        subresources: &["status"],
        weight: 3,
        body: bodies::claim,
        edit: edits::claim,
        status: Some(edits::claim_status),
        field_selectors: METADATA_SELECTORS,
    },
    Kind {
        group: "",
        version: "v1",
        plural: "events",
        kind: "Event",
        subresources: &[],
        weight: 2,
        body: bodies::event,
        edit: edits::event,
        status: None,
        field_selectors: &[
            "metadata.name=a",
            "involvedObject.name=a",
            "involvedObject.kind=Pod,type=Normal",
            "reason!=Made",
        ],
    },
    Kind {
        group: CUSTOM_GROUP,
        version: "v1beta1",
        plural: "clonesets",
        kind: "CloneSet",
        subresources: &["status", "scale"],
        weight: 6,
        body: bodies::clone_set,
        edit: edits::clone_set,
        status: Some(edits::clone_set_status),
        field_selectors: METADATA_SELECTORS,
    },
    Kind {
        group: CUSTOM_GROUP,
        version: "v1alpha1",
        plural: "clonesets",
        kind: "CloneSet",
        subresources: &["status", "scale"],
        weight: 2,
        body: bodies::clone_set,
        edit: edits::clone_set,
        status: Some(edits::clone_set_status),
        field_selectors: METADATA_SELECTORS,
    },
];

impl Kind {
    /// As objects carry it.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path of the collection in a namespace.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        let (version, plural) = (self.api_version(), self.plural);
        format!("/{root}/{version}/namespaces/{namespace}/{plural}")
    }

    /// Whether it comes of a CustomResourceDefinition.
    pub(crate) fn is_custom(&self) -> bool {
        self.group == CUSTOM_GROUP
    }
}

/// A kind, the more often the greater its weight.
pub(crate) fn any(random: &mut Random) -> &'static Kind {
    let mut left = random.below(KINDS.iter().map(|kind| kind.weight).sum());
    for kind in KINDS {
        if left < kind.weight {
            return kind;
        }
        left -= kind.weight;
    }
    &KINDS[0]
}
