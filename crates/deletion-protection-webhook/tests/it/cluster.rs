//! The deployable in process, and an API server in memory that asks it as `deploy/` says.

use std::time::Duration;

use deletion_protection_webhook::{NAME, app, protected::ProtectedKind};
use kruise_api::resource::{
    CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, ObjectKey, PERSISTENT_VOLUME_CLAIMS, PODS, Resource,
};
use kruise_testkit::{
    builders,
    world::{World, play},
};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use serde_json::{Value, json};

use crate::requests::LABEL;

pub(crate) const USER: &str = "alice";
pub(crate) const NAMESPACE_CONTROLLER: &str =
    "system:serviceaccount:kube-system:namespace-controller";

/// The flag by which the deployment turns protection on.
pub(crate) const ON: &str = "--feature-gates=ResourcesDeletionProtection=true";
/// With the gate for custom resources as well.
pub(crate) const WITH_CUSTOM_RESOURCES: &str = "--feature-gates=ResourcesDeletionProtection=true,\
     DeletionProtectionForCRDCascadingGate=true";

pub(crate) const DEPLOYMENTS: Resource = apps("deployments", "Deployment");
pub(crate) const REPLICA_SETS: Resource = apps("replicasets", "ReplicaSet");
pub(crate) const STATEFUL_SETS: Resource = apps("statefulsets", "StatefulSet");
pub(crate) const SERVICES: Resource = Resource {
    plural: "services",
    kind: "Service",
    ..PODS
};
pub(crate) const WIDGETS: Resource = Resource {
    group: "example.com",
    version: "v1",
    plural: "widgets",
    kind: "Widget",
    namespaced: true,
};

const fn apps(plural: &'static str, kind: &'static str) -> Resource {
    Resource {
        group: "apps",
        version: "v1",
        plural,
        kind,
        namespaced: true,
    }
}

/// A cluster with the deployable, of which one replica runs and answers; and namespace `shop`.
pub(crate) struct Cluster<'a> {
    pub(crate) world: &'a mut World,
}

/// Plays a story there, with these flags.
pub(crate) fn with(flags: &[&str], story: impl AsyncFnOnce(&mut Cluster<'_>)) {
    play(1, async |world| {
        for name in ["kruise-system", "shop"] {
            world
                .server
                .put(USER, NAMESPACES, builders::namespace(name));
        }
        world.serve_webhooks(NAME, &[NAME]);
        world.run_app(NAME, flags, || vec![app()]);
        world.run_for(Duration::from_secs(1)).await;
        let served = world.webhooks_of(NAME).paths();
        assert_eq!(served.len(), ProtectedKind::ALL.len(), "{served:?}");
        story(&mut Cluster { world }).await;
        assert_eq!(world.ended(), None);
    });
}

/// A refusal: code and text.
pub(crate) type Refused = (u16, String);

impl Cluster<'_> {
    /// Puts an object there, past admission: this label, and the rest of it.
    pub(crate) fn put(&self, resource: Resource, name: &str, label: Option<&str>, rest: Value) {
        let mut object = json!({
            "apiVersion": resource.api_version(), "kind": resource.kind, "metadata": { "name": name },
        });
        if resource.namespaced {
            object["metadata"]["namespace"] = json!("shop");
        }
        if let Some(label) = label {
            object["metadata"]["labels"] = json!({ LABEL: label });
        }
        for (member, value) in rest.as_object().unwrap() {
            object[member] = value.clone();
        }
        self.world.server.put(USER, resource, object);
    }

    /// A pod of `shop` in this phase.
    pub(crate) fn put_pod(&self, name: &str, phase: &str) {
        let containers = json!([{ "name": "app", "image": "app:1" }]);
        let rest = json!({ "spec": { "containers": containers }, "status": { "phase": phase } });
        self.put(PODS, name, None, rest);
    }

    /// A volume claim of `shop` in this phase.
    pub(crate) fn put_claim(&self, name: &str, phase: &str) {
        let spec = json!({
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
        });
        let rest = json!({ "spec": spec, "status": { "phase": phase } });
        self.put(PERSISTENT_VOLUME_CLAIMS, name, None, rest);
    }

    /// Labels what is there.
    pub(crate) async fn label(&self, resource: Resource, name: &str, label: Option<&str>) {
        let patch = json!({ "metadata": { "labels": { LABEL: label } } });
        self.patch(resource, name, patch).await;
    }

    /// Merges a patch into an object, as a user does.
    pub(crate) async fn patch(&self, resource: Resource, name: &str, patch: Value) {
        let patched = self.api(USER, resource);
        let params = PatchParams::default();
        patched
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// Deletes an object, as a user does.
    pub(crate) async fn delete(&self, resource: Resource, name: &str) -> Result<(), Refused> {
        self.delete_as(USER, resource, name, &DeleteParams::default())
            .await
    }

    /// Deletes an object.
    pub(crate) async fn delete_as(
        &self,
        who: &'static str,
        resource: Resource,
        name: &str,
        params: &DeleteParams,
    ) -> Result<(), Refused> {
        let deleted = self.api(who, resource).delete(name, params).await;
        deleted.map(drop).map_err(refused)
    }

    /// Deletes all objects of a kind in `shop`.
    pub(crate) async fn delete_all(&self, resource: Resource) -> Result<(), Refused> {
        let api = self.api(USER, resource);
        let params = (DeleteParams::default(), ListParams::default());
        let deleted = api.delete_collection(&params.0, &params.1).await;
        deleted.map(drop).map_err(refused)
    }

    /// Whether an object is there, and not on its way out.
    pub(crate) fn stays(&self, resource: Resource, name: &str) -> bool {
        let object = self.world.server.get(resource, &key(resource, name));
        object.is_some_and(|object| object["metadata"].get("deletionTimestamp").is_none())
    }

    /// Lets an object be on its way out, past admission: a finalizer holds it.
    pub(crate) fn hold_and_delete(&self, resource: Resource, name: &str) {
        let (server, key) = (&self.world.server, key(resource, name));
        server.change(USER, resource, &key, |object| {
            object["metadata"]["finalizers"] = json!(["example.com/hold"]);
        });
        server.delete(USER, resource, &key);
        assert!(!self.stays(resource, name));
        assert!(server.get(resource, &key).is_some());
    }

    /// Installs the kind of widgets with this label, and so many of them.
    pub(crate) fn install_widgets(&self, label: &str, n_widgets: usize) {
        self.world.server.install_open(WIDGETS);
        let definition = ObjectKey::new("", WIDGET_DEFINITION);
        let server = &self.world.server;
        server.change(USER, CUSTOM_RESOURCE_DEFINITIONS, &definition, |object| {
            object["metadata"]["labels"] = json!({ LABEL: label });
            object["spec"]["names"]["listKind"] = json!("WidgetList");
        });
        for number in 0..n_widgets {
            self.put(WIDGETS, &format!("widget-{number}"), None, json!({}));
        }
    }

    fn api(&self, who: &'static str, resource: Resource) -> Api<DynamicObject> {
        let Resource {
            group,
            version,
            plural,
            kind,
            namespaced,
        } = resource;
        let kind = GroupVersionKind::gvk(group, version, kind);
        let kind = ApiResource::from_gvk_with_plural(&kind, plural);
        let client = self.world.server.client_of(who);
        if namespaced {
            Api::namespaced_with(client, "shop", &kind)
        } else {
            Api::all_with(client, &kind)
        }
    }
}

pub(crate) const WIDGET_DEFINITION: &str = "widgets.example.com";

fn key(resource: Resource, name: &str) -> ObjectKey {
    let namespace = if resource.namespaced { "shop" } else { "" };
    ObjectKey::new(namespace, name)
}

fn refused(error: kube::Error) -> Refused {
    match error {
        kube::Error::Api(status) => (status.code, status.message),
        other => panic!("{other:?}"),
    }
}

/// What a user sees when the webhook of this name refuses for this reason.
pub(crate) fn denied(webhook: &str, why: &str) -> Result<(), Refused> {
    Err((
        403,
        format!("admission webhook \"{webhook}\" denied the request: {why}"),
    ))
}

/// The same for a label, which the reason ends in.
pub(crate) fn forbidden(webhook: &str, label: &str) -> Result<(), Refused> {
    let why = format!(
        "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection={label}"
    );
    denied(webhook, &why)
}
