//! CustomResourceDefinitions, without the gate by which custom resources are counted. With it: see `outage`.

use e2e::{Part, Test, names::PROTECTION, stand_in::StandIn};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kruise_api::resource::Resource;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;

use super::{Refused, counted, denied, forbidden, of_webhook, refused};

pub(super) const WIDGETS: Resource = Resource {
    group: "protected.e2e.kruise.io",
    version: "v1",
    plural: "widgets",
    kind: "Widget",
    namespaced: true,
};
pub(super) const DEFINITION: &str = "widgets.protected.e2e.kruise.io";
pub(super) const WEBHOOK: &str = "vcustomresourcedefinition.kb.io";

/// The definition of widgets.
pub(super) struct Definition<'a> {
    test: &'a Test,
    api: Api<CustomResourceDefinition>,
}

impl<'a> Definition<'a> {
    /// Installs it. It goes with the test's namespace, once its label is off.
    pub(super) async fn install(test: &'a Test) -> (Self, StandIn) {
        let widgets = StandIn::install(test, WIDGETS).await;
        let api = Api::all(test.client.clone());
        (Self { test, api }, widgets)
    }

    pub(super) async fn label(&self, label: Option<&str>) {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { PROTECTION: label } } }));
        let parameters = PatchParams::default();
        let patched = self.api.patch(DEFINITION, &parameters, &patch).await;
        patched.unwrap();
    }

    pub(super) async fn delete(&self) -> Result<(), Refused> {
        let deleted = self.api.delete(DEFINITION, &DeleteParams::default()).await;
        deleted.map(drop).map_err(refused)
    }
}

impl Drop for Definition<'_> {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let patch = Patch::Merge(json!({ "metadata": { "labels": { PROTECTION: null } } }));
                let api = Api::<CustomResourceDefinition>::all(self.test.client.clone());
                // It may be gone already.
                let _ = api.patch(DEFINITION, &PatchParams::default(), &patch).await;
            });
        });
    }
}

// DP-S19, DP-S22
#[tokio::test(flavor = "multi_thread")]
async fn without_its_gate_a_labelled_definition_stays() {
    let test = of_webhook().disturbs(Part::Kind(DEFINITION)).begin().await;
    let (definition, _) = Definition::install(&test).await;
    let series = format!("crd_deletion_protection{{name=\"{DEFINITION}\"");
    let before = counted(&test, &series).await;
    definition.label(Some("Cascading")).await;
    let gate = "feature-gate DeletionProtectionForCRDCascadingGate is not enabled";
    assert_eq!(definition.delete().await, denied(WEBHOOK, gate));
    definition.label(Some("Always")).await;
    assert_eq!(definition.delete().await, forbidden(WEBHOOK, "Always"));
    assert!(counted(&test, &series).await >= before + 2);
    definition.label(None).await;
    assert_eq!(definition.delete().await, Ok(()));
}
