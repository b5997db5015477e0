//! A copy of a CRD under a group of its own, so that a test can change it and use all its versions.

use e2e::{Namespace, PATIENCE, converter::group_of_copy, eventually};
use k8s_openapi::{
    api::core::v1::Namespace as CoreNamespace,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api,
    api::{
        ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
    },
};
use serde_json::{Value, json};

/// What the group of each copy in a test ends in.
pub(crate) fn suffix(test: &Namespace) -> String {
    format!("{}.kruise.test", test.name)
}

/// The copy. It goes with the test's namespace, which owns it.
pub(crate) struct Scratch<'a> {
    test: &'a Namespace,
    group: String,
    kind: String,
    plural: String,
    is_namespaced: bool,
    crd: Value,
}

impl<'a> Scratch<'a> {
    /// A copy of the CRD of this kind, without its rules if `with_rules` is not set. Versions differ in
    /// name only: there is no converter for it.
    pub(crate) async fn create(test: &'a Namespace, kind: &str, with_rules: bool) -> Self {
        Self::converted(test, kind, with_rules, json!({ "strategy": "None" })).await
    }

    /// A copy whose objects are converted from the beginning as `spec.conversion` of a CRD says. An API server that
    /// learns of a converter later goes on for a while without it, and drops fields.
    pub(crate) async fn converted(
        test: &'a Namespace,
        kind: &str,
        with_rules: bool,
        conversion: Value,
    ) -> Self {
        let mut crd = kruise_api::crd::all()
            .into_iter()
            .find(|crd| crd["spec"]["names"]["kind"] == kind)
            .unwrap();
        let plural = crd["spec"]["names"]["plural"].as_str().unwrap().to_owned();
        let own_group = crd["spec"]["group"].as_str().unwrap();
        let group = group_of_copy(own_group, &suffix(test));
        let is_namespaced = crd["spec"]["scope"] == "Namespaced";
        let owner = Api::<CoreNamespace>::all(test.client.clone())
            .get(&test.name)
            .await
            .unwrap();
        crd["metadata"] = json!({
            "name": format!("{plural}.{group}"),
            "ownerReferences": [{
                "apiVersion": "v1",
                "kind": "Namespace",
                "name": test.name,
                "uid": owner.metadata.uid,
            }],
        });
        crd["spec"]["group"] = json!(group);
        crd["spec"]["conversion"] = conversion;
        let names = crd["spec"]["names"].as_object_mut().unwrap();
        names.remove("shortNames");
        let scratch = Self {
            test,
            group,
            kind: kind.to_owned(),
            plural,
            is_namespaced,
            crd,
        };
        let mut wanted = scratch.crd.clone();
        if !with_rules {
            without_rules(&mut wanted);
        }
        scratch
            .crds()
            .create(
                &PostParams::default(),
                &serde_json::from_value(wanted).unwrap(),
            )
            .await
            .unwrap_or_else(|error| panic!("the API server refuses the CRD: {error}"));
        eventually("the copy is served", PATIENCE, || async {
            for version in scratch.versions() {
                let api = scratch.api(version);
                api.list(&ListParams::default()).await.map(drop)?;
            }
            Ok::<(), kube::Error>(())
        })
        .await;
        scratch
    }

    /// Puts the rules in.
    pub(crate) async fn add_rules(&self) {
        let name = self.crd["metadata"]["name"].as_str().unwrap();
        let patch = json!({ "spec": { "versions": self.crd["spec"]["versions"] } });
        self.crds()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// Has its objects converted by this Service.
    pub(crate) async fn convert_by(&self, service: &str) {
        let conversion = json!({
            "strategy": "Webhook",
            "webhook": {
                "clientConfig": {
                    "service": { "namespace": self.test.name, "name": service, "path": "/convert" },
                },
                "conversionReviewVersions": ["v1"],
            },
        });
        let name = self.crd["metadata"]["name"].as_str().unwrap();
        let patch = Patch::Merge(json!({ "spec": { "conversion": conversion } }));
        self.crds()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Its versions, oldest first.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &str> {
        let versions = self.crd["spec"]["versions"]
            .as_array()
            .into_iter()
            .flatten();
        versions.filter_map(|version| version["name"].as_str())
    }

    /// Schema of a version.
    pub(crate) fn schema(&self, version: &str) -> &Value {
        let mut versions = self.crd["spec"]["versions"]
            .as_array()
            .into_iter()
            .flatten();
        let version = versions.find(|it| it["name"] == version).unwrap();
        &version["schema"]["openAPIV3Schema"]
    }

    /// Where calls about its objects go.
    pub(crate) fn path(&self, version: &str) -> String {
        let Self { group, plural, .. } = self;
        if self.is_namespaced {
            format!(
                "/apis/{group}/{version}/namespaces/{}/{plural}",
                self.test.name
            )
        } else {
            format!("/apis/{group}/{version}/{plural}")
        }
    }

    /// A kind's own object as one of the copy.
    pub(crate) fn copied(&self, object: &Value) -> Value {
        let api_version = object["apiVersion"].as_str().unwrap();
        let (_, version) = api_version.split_once('/').unwrap();
        let mut object = object.clone();
        object["apiVersion"] = json!(format!("{}/{version}", self.group));
        object
    }

    fn crds(&self) -> Api<CustomResourceDefinition> {
        Api::all(self.test.client.clone())
    }

    pub(crate) fn api(&self, version: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk(&self.group, version, &self.kind),
            &self.plural,
        );
        let client = self.test.client.clone();
        if self.is_namespaced {
            Api::namespaced_with(client, &self.test.name, &resource)
        } else {
            Api::all_with(client, &resource)
        }
    }

    pub(crate) fn object(&self, version: &str, name: &str, spec: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": format!("{}/{version}", self.group),
            "kind": self.kind,
            "metadata": { "name": name },
            "spec": spec,
        }))
        .unwrap()
    }

    /// Creates an object without keeping it; what the server says against it, if anything.
    pub(crate) async fn judge(&self, version: &str, spec: &Value) -> Result<(), String> {
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let object = self.object(version, "judged", spec);
        match self.api(version).create(&dry_run, &object).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn without_rules(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|key, _| key != "x-kubernetes-validations");
            members.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        _ => {}
    }
}
