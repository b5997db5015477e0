//! Admission from the request to the answer, without a server: defaults, hashes, codes, and what is asked of whom. What is
//! refused is in `refusals`.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    apps::v1beta1::SidecarSet,
    kinds::sidecarset::validation::WantedRevision,
    resource::CONTROLLER_REVISIONS,
    validation::{FieldError, FieldErrors, FieldPath},
};
use kruise_runtime::{
    Metrics, ProtectionLog, Store,
    webhook::{
        Admission, AdmissionRequest, AdmissionResponse,
        kind::{NoTemplateCheck, TemplateCheck},
    },
};
use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::{
    admission::{JudgedIn, Known, Validator, mutate},
    revisions::{Revision, RevisionIndex},
};

pub(crate) const HASH: &str = "kruise.io/sidecarset-hash";
pub(crate) const HASH_WITHOUT_IMAGE: &str = "kruise.io/sidecarset-hash-without-image";

/// SidecarSet `log` with container `agent` for pods of `app: web`, changed by a merge.
pub(crate) fn set(version: &str, change: Value) -> Value {
    let mut set = json!({
        "apiVersion": format!("apps.kruise.io/{version}"),
        "kind": "SidecarSet",
        "metadata": { "name": "log", "uid": "set-uid" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "containers": [{ "name": "agent", "image": "acme/agent:1" }],
        },
    });
    json_patch::merge(&mut set, &change);
    set
}

/// The same with another spec.
pub(crate) fn with_spec(version: &str, spec: Value) -> Value {
    set(version, json!({ "spec": spec }))
}

/// A request about these objects, as the API server sends it.
pub(crate) fn request(
    operation: &str,
    object: Option<&Value>,
    old: Option<&Value>,
) -> AdmissionRequest {
    let any = object.or(old).unwrap();
    let version = any["apiVersion"].as_str().unwrap().rsplit('/').next();
    let resource =
        json!({ "group": "apps.kruise.io", "version": version, "resource": "sidecarsets" });
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "review", "operation": operation, "name": any["metadata"]["name"],
        "kind": { "group": "apps.kruise.io", "version": version, "kind": "SidecarSet" },
        "resource": resource, "userInfo": { "username": "alice" }, "object": object, "oldObject": old,
    } });
    AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap()
}

/// What is there besides the SidecarSet that is judged.
#[derive(Clone, Default)]
pub(crate) struct Around {
    /// As stored, with their defaults.
    pub(crate) sidecar_sets: Vec<Value>,
    /// Names, each with the SidecarSet's name and the custom version of its labels.
    pub(crate) revisions: Vec<(&'static str, &'static str, &'static str)>,
    /// JSON of the whitelist.
    pub(crate) whitelist: Option<&'static str>,
    pub(crate) allows_by_default: bool,
}

/// An index of revisions of these names, each with the SidecarSet's name and the custom version of its labels.
fn revisions(all: &[(&str, &str, &str)]) -> RevisionIndex {
    let store = Store::<Revision>::new(CONTROLLER_REVISIONS);
    let index = RevisionIndex::new("kruise-system", store.clone());
    for (name, owner, version) in all {
        let revision = json!({ "metadata": {
            "name": name, "namespace": "kruise-system", "uid": name, "resourceVersion": "1", "labels": {
                "kruise.io/sidecarset-name": owner,
                "apps.kruise.io/sidecarset-custom-version": version,
            },
        } });
        let revision: Revision = serde_json::from_str(&revision.to_string()).unwrap();
        index.change(None, Some(&revision));
        store.apply(revision);
    }
    index
}

impl Around {
    fn known(self) -> Known {
        let sets = self.sidecar_sets.into_iter();
        let sets = sets.map(|set| Arc::new(serde_json::from_value(set).unwrap()));
        let sets: Vec<Arc<SidecarSet>> = sets.collect();
        let whitelist = self.whitelist.map(str::to_owned);
        let revisions = revisions(&self.revisions);
        Known {
            sidecar_sets: Box::new(move || sets.clone()),
            has_revision: Box::new(move |set: &str, wanted: WantedRevision<'_>| {
                revisions.wanted(set, &wanted.into()).is_some()
            }),
            whitelist: Box::new(move || Ok(whitelist.clone())),
            allows_by_default: self.allows_by_default,
        }
    }

    pub(crate) fn validator(self, template_check: impl TemplateCheck) -> Validator {
        Validator {
            known: self.known(),
            template_check: Box::new(template_check),
            scope: sidecarset_controller::scope::Scope::inert(),
            metrics: Metrics::unregistered(),
            protection_log: ProtectionLog::default(),
        }
    }

    /// The answer where the API server finds nothing wrong.
    pub(crate) fn answer(self, request: &AdmissionRequest) -> AdmissionResponse {
        answered(&self.validator(NoTemplateCheck), request)
    }
}

fn answered(validator: &Validator, request: &AdmissionRequest) -> AdmissionResponse {
    // Nothing here waits for anybody.
    validator.admit(request).now_or_never().unwrap()
}

/// The object after the patch of the answer.
fn patched(object: &Value, request: &AdmissionRequest) -> Value {
    let answer = mutate(request);
    assert!(answer.is_allowed(), "{}", answer.message());
    let mut object = object.clone();
    json_patch::patch(&mut object, answer.operations()).unwrap();
    object
}

pub(crate) fn created(object: &Value) -> Value {
    patched(object, &request("CREATE", Some(object), None))
}

fn code(answer: &AdmissionResponse) -> u16 {
    answer.code().as_u16()
}

// SS-5, SS-10, SS-11, SS-12, SS-14, SS-15: in the version of the request.
#[rstest]
fn what_is_left_open_is_filled_in(#[values("v1alpha1", "v1beta1")] version: &str) {
    let object = created(&with_spec(
        version,
        json!({
            "initContainers": [{ "name": "prepare", "image": "acme/prepare" }],
            "volumes": [{ "name": "data" }],
            "patchPodMetadata": [{ "annotations": { "team/x": "a" } }],
            "injectionStrategy": { "revision": { "revisionName": "log-1" } },
        }),
    ));
    let spec = &object["spec"];
    let strategy = json!({ "type": "RollingUpdate", "partition": 0, "maxUnavailable": 1 });
    assert_eq!(spec["updateStrategy"], strategy);
    assert_eq!(spec["revisionHistoryLimit"], 10);
    assert_eq!(spec["patchPodMetadata"][0]["patchPolicy"], "Retain");
    assert_eq!(spec["injectionStrategy"]["revision"]["policy"], "Always");
    assert_eq!(spec["volumes"], json!([{ "name": "data", "emptyDir": {} }]));
    let container = json!({
        "name": "agent", "image": "acme/agent:1", "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "podInjectPolicy": "BeforeAppContainer", "upgradeStrategy": { "upgradeType": "ColdUpgrade" },
        "shareVolumePolicy": { "type": "disabled" },
    });
    assert_eq!(spec["containers"][0], container);
    let init = &spec["initContainers"][0];
    assert_eq!(init["podInjectPolicy"], "AfterAppContainer");
    assert_eq!(init["imagePullPolicy"], "Always");
    assert_eq!(object["apiVersion"], format!("apps.kruise.io/{version}"));
    // What belongs to one version alone is for conversion.
    assert_eq!(spec.get("customVersion"), None);
    assert_eq!(spec.get("namespace"), None);
    // Applied again, it is as it is stored, and is no patch.
    let again = mutate(&request("UPDATE", Some(&object), Some(&object)));
    assert!(again.operations().is_empty(), "{:?}", again.operations());
}

/// SS-A40
const WHOLE: &str = "9wv592wwd6wbcd7zw56fz4456bbxwcx468x9bdc4b4f7966794wwzzw49cv4dzc9";
const WITHOUT_IMAGE: &str = "54wdczcvf9fwd2bcvz4xw79dc4wzvb882244vbb4w2b6wwxv8b9zddf2752f7x99";

// SS-16, SS-A40: on create and update, whatever the user wrote there, the same in both versions.
#[rstest]
fn hashes_are_written(#[values("v1alpha1", "v1beta1")] version: &str) {
    let spec =
        json!({ "containers": [{ "name": "logger", "image": "registry.example/logger:2.3" }] });
    let plain = with_spec(version, spec);
    let mut wrong = plain.clone();
    wrong["metadata"]["annotations"] = json!({ HASH: "mine", "team": "a" });
    let mut none = plain.clone();
    none["metadata"]["annotations"] = Value::Null;
    for object in [plain, wrong.clone(), none] {
        for operation in ["CREATE", "UPDATE"] {
            let old = (operation == "UPDATE").then_some(&wrong);
            let after = patched(&object, &request(operation, Some(&object), old));
            let annotations = &after["metadata"]["annotations"];
            assert_eq!(annotations[HASH], WHOLE);
            assert_eq!(annotations[HASH_WITHOUT_IMAGE], WITHOUT_IMAGE);
            assert_eq!(annotations.get("team").is_some(), object == wrong);
        }
    }
}

// SS-17, PF-212: what no type knows stays in the object, and makes no difference to its hash.
#[rstest]
fn what_no_type_knows_stays(#[values("v1alpha1", "v1beta1")] version: &str) {
    let plain = set(version, json!({}));
    let mut object = plain.clone();
    object["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
    object["spec"]["fromTheFuture"] = json!({ "a": null });
    object["spec"]["updateStrategy"] = json!({ "later": [] });
    object["spec"]["containers"][0]["newer"] = json!({ "b": [1] });
    object["spec"]["containers"][0]["upgradeStrategy"] = json!({ "soon": 1 });
    object["spec"]["volumes"] = json!([{ "name": "v", "novelty": { "c": "d" } }]);
    let after = created(&object);
    assert_eq!(
        after["metadata"]["managedFields"],
        object["metadata"]["managedFields"]
    );
    assert_eq!(after["spec"]["fromTheFuture"], json!({ "a": null }));
    assert_eq!(after["spec"]["updateStrategy"]["later"], json!([]));
    let container = &after["spec"]["containers"][0];
    assert_eq!(container["newer"], json!({ "b": [1] }));
    assert_eq!(container["upgradeStrategy"]["soon"], 1);
    assert_eq!(after["spec"]["volumes"][0]["novelty"], json!({ "c": "d" }));
    assert_eq!(after.get("status"), None);
    let hash = |object: &Value| object["metadata"]["annotations"][HASH].clone();
    assert_eq!(hash(&after), hash(&created(&plain)));
}

// PF-211, PF-213
#[rstest]
#[case::version("v1", json!({}), 400)]
#[case::number_as_text("v1beta1", json!({ "revisionHistoryLimit": "many" }), 400)]
#[case::number_as_text_before("v1alpha1", json!({ "revisionHistoryLimit": "many" }), 400)]
#[case::container("v1beta1", json!({ "containers": [{ "name": "agent", "image": 1 }] }), 400)]
#[case::container_before("v1alpha1", json!({ "containers": [{ "name": "agent", "image": 1 }] }), 400)]
#[case::invalid("v1beta1", json!({ "selector": null }), 500)]
#[case::invalid_before("v1alpha1", json!({ "selector": null }), 500)]
#[case::valid("v1beta1", json!({}), 200)]
#[case::valid_before("v1alpha1", json!({}), 200)]
fn answers_have_the_code_of_the_kind(
    #[case] version: &str,
    #[case] spec: Value,
    #[case] expected: u16,
) {
    let object = with_spec(version, spec);
    let old = set(version, json!({}));
    for request in [
        request("CREATE", Some(&object), None),
        request("UPDATE", Some(&object), Some(&old)),
    ] {
        assert_eq!(code(&Around::default().answer(&request)), expected);
    }
    let unserved = version == "v1";
    let mutated = mutate(&request("CREATE", Some(&object), None));
    assert_eq!(
        code(&mutated) == 400,
        unserved || object["spec"]["revisionHistoryLimit"] == "many"
    );
}

// PF-211: the old object is decoded, too.
#[test]
fn an_old_object_that_can_not_be_read_is_refused() {
    let new = set("v1alpha1", json!({}));
    let old = with_spec("v1alpha1", json!({ "containers": "none" }));
    let request = request("UPDATE", Some(&new), Some(&old));
    assert_eq!(code(&Around::default().answer(&request)), 400);
}

// DP-1
#[test]
fn a_sidecar_set_may_be_deleted() {
    let labels = json!({ "policy.kruise.io/delete-protection": "Always" });
    let object = set("v1beta1", json!({ "metadata": { "labels": labels } }));
    let request = request("DELETE", None, Some(&object));
    assert!(Around::default().answer(&request).is_allowed());
    assert!(mutate(&request).operations().is_empty());
}

/// Refuses every template that it is asked about.
struct Refuses;

impl TemplateCheck for Refuses {
    fn check<'a>(
        &'a self,
        namespace: &'a str,
        pod_template: &'a Value,
    ) -> BoxFuture<'a, FieldErrors> {
        // SS-P5: it is a template, and no pod.
        assert_eq!(pod_template["kind"], "PodTemplate");
        assert_eq!(namespace, "kruise-system");
        let spec = &pod_template["template"]["spec"];
        assert_eq!(spec["restartPolicy"], "Always");
        assert_eq!(spec["containers"][0]["name"], "agent");
        // What pods don't know is not asked about.
        assert_eq!(spec["containers"][0].get("podInjectPolicy"), None);
        let path = FieldPath::new("spec.template.spec.containers[0].image");
        let errors = [FieldError::required(&path, "")].into_iter().collect();
        async { errors }.boxed()
    }
}

// SS-53, SS-P5, DV-CS10
#[rstest]
#[case::nothing_new(json!({ "updateStrategy": { "paused": true } }), true)]
#[case::not_of_pods(json!({ "containers": [{
    "name": "agent", "image": "acme/agent:1", "podInjectPolicy": "AfterAppContainer",
}] }), true)]
#[case::image(json!({ "containers": [{ "name": "agent", "image": "acme/agent:2" }] }), false)]
#[case::volume(json!({ "volumes": [{ "name": "v" }] }), false)]
#[case::init_container(json!({ "initContainers": [{ "name": "i", "image": "i" }] }), false)]
fn the_server_judges_what_pods_get_where_it_is_new(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] change: Value,
    #[case] passes: bool,
) {
    let validator = Around::default().validator(JudgedIn {
        namespace: "kruise-system".to_owned(),
        check: Refuses,
    });
    let old = created(&set(version, json!({})));
    let mut new = old.clone();
    json_patch::merge(&mut new["spec"], &change);
    let update = answered(&validator, &request("UPDATE", Some(&new), Some(&old)));
    assert_eq!(update.is_allowed(), passes, "{}", update.message());
    let create = answered(&validator, &request("CREATE", Some(&new), None));
    assert_eq!(code(&create), 500);
    // The field is one of the SidecarSet.
    assert!(
        create.message().starts_with("spec.containers[0].image: "),
        "{}",
        create.message()
    );
}

// SS-53: what is wrong by itself is told, and the API server is not asked.
#[test]
fn the_server_is_asked_last() {
    let validator = Around::default().validator(Refuses);
    let object = with_spec("v1beta1", json!({ "selector": null }));
    let answer = answered(&validator, &request("CREATE", Some(&object), None));
    assert!(
        answer.message().starts_with("spec.selector: "),
        "{}",
        answer.message()
    );
}
