//! What is refused in a new CloneSet: the cases in tests/cloneset-rules, which a real API server judges by
//! the rules of the CRD in the end-to-end tests.

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    kinds::cloneset::{defaults, validation},
    pod::Pod,
    validation::{FieldError, FieldErrorKind, FieldErrors, FieldPath, label_key, label_value},
};
use rstest::rstest;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    both: Vec<Case>,
    v1beta1: Vec<Case>,
    v1alpha1: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    spec: Option<Value>,
    terms: Option<Value>,
    field: Option<String>,
    #[serde(default, deserialize_with = "given")]
    crd: Option<Option<String>>,
    why: Option<String>,
}

/// Tells `null` from what isn't there.
fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Case {
    fn spec(&self, version: &str) -> Value {
        let mut spec = json!({
            "replicas": 3,
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } } },
        });
        for (field, value) in self
            .spec
            .iter()
            .flat_map(|patch| patch.as_object().unwrap())
        {
            spec[field] = value.clone();
        }
        if let Some(terms) = &self.terms {
            spec["updateStrategy"] = match version {
                "v1beta1" => json!({ "rollingUpdate": terms }),
                _ => terms.clone(),
            };
        }
        spec
    }

    fn field(&self, version: &str) -> Option<String> {
        let field = self.field.as_ref()?;
        Some(match (&self.terms, version) {
            (None, _) => field.clone(),
            (_, "v1beta1") => format!("spec.updateStrategy.rollingUpdate.{field}"),
            _ => format!("spec.updateStrategy.{field}"),
        })
    }
}

pub(crate) fn no_pods(_: &str) -> Option<Arc<Pod>> {
    None
}

/// What is wrong with a new object that went through defaulting.
fn judge(version: &str, spec: &Value) -> FieldErrors {
    let object = json!({ "metadata": { "name": "web", "uid": "u" }, "spec": spec });
    let object = |kind: &str| {
        let mut object = object.clone();
        object["apiVersion"] = json!(format!("apps.kruise.io/{version}"));
        object["kind"] = json!(kind);
        object
    };
    match version {
        "v1beta1" => {
            let mut set: v1beta1::CloneSet = serde_json::from_value(object("CloneSet")).unwrap();
            defaults::fill_v1beta1(&mut set.spec);
            validation::validate_v1beta1(&set, None)
        }
        _ => {
            let mut set: v1alpha1::CloneSet = serde_json::from_value(object("CloneSet")).unwrap();
            defaults::fill_v1alpha1(&mut set.spec);
            validation::validate_v1alpha1(&set, None, &no_pods)
        }
    }
}

// CS-11, CS-13, CS-15, CS-17 to CS-20, DV-CS3, CS-P4, and inplace-update.md section 4
#[rstest]
fn golden_cases(#[values("v1beta1", "v1alpha1")] version: &str) {
    let Cases {
        both,
        v1beta1,
        v1alpha1,
    } = serde_yaml_ng::from_str(include_str!("cloneset-rules/cases.yaml")).unwrap();
    let own = if version == "v1beta1" {
        v1beta1
    } else {
        v1alpha1
    };
    for case in both.iter().chain(&own) {
        let spec = case.spec(version);
        let errors = judge(version, &spec);
        let found: BTreeSet<_> = errors.iter().map(|error| error.field.clone()).collect();
        let expected: BTreeSet<_> = case.field(version).into_iter().collect();
        assert_eq!(found, expected, "{version} {spec}: {errors}");
    }
}

/// Whatever a rule of the CRD refuses, the webhook refuses as well. It names the same field, or a field
/// inside or around it.
#[test]
fn the_webhook_refuses_what_the_crd_refuses() {
    let cases: Cases = serde_yaml_ng::from_str(include_str!("cloneset-rules/cases.yaml")).unwrap();
    for case in cases
        .both
        .iter()
        .chain(&cases.v1beta1)
        .chain(&cases.v1alpha1)
    {
        assert_eq!(case.crd.is_some(), case.why.is_some(), "{:?}", case.field);
        assert!(case.spec.is_none() || case.terms.is_none());
        if let Some(Some(crd)) = &case.crd {
            let field = case.field.as_ref().unwrap();
            assert!(crd.starts_with(field.as_str()) || field.starts_with(crd.as_str()));
        }
    }
}

#[test]
fn all_errors_are_told_at_once_in_kubernetes_words() {
    let errors = judge(
        "v1beta1",
        &json!({
            "replicas": -1,
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "restartPolicy": "Never" } },
            "updateStrategy": { "type": "Never" },
        }),
    );
    assert_eq!(
        errors.to_string(),
        "[spec.replicas: Invalid value: -1: must be greater than or equal to 0, \
         spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\", \
         spec.updateStrategy.type: Unsupported value: \"Never\": supported values: \"RollingUpdate\", \
         \"OnDelete\"]"
    );
    let reasons: Vec<_> = errors.iter().map(|error| error.kind.reason()).collect();
    assert_eq!(
        reasons,
        [
            "FieldValueInvalid",
            "FieldValueNotSupported",
            "FieldValueNotSupported"
        ]
    );
}

#[test]
fn one_error_stands_alone_and_none_twice() {
    let error = FieldError::required(&FieldPath::new("spec").child("a").index(1), "");
    let errors: FieldErrors = [error.clone(), error].into_iter().collect();
    assert_eq!(errors.to_string(), "spec.a[1]: Required value");
}

/// An error of another server is told in the same words.
#[rstest]
#[case(
    "FieldValueInvalid",
    "Invalid value: \"x\": must be a number",
    FieldErrorKind::Invalid
)]
#[case("FieldValueRequired", "Required value", FieldErrorKind::Required)]
#[case(
    "FieldValueForbidden",
    "Forbidden: not here",
    FieldErrorKind::Forbidden
)]
#[case(
    "FieldValueTooLong",
    "Too long: may not be more than 63 bytes",
    FieldErrorKind::TooLong
)]
fn causes_keep_their_words(
    #[case] reason: &str,
    #[case] message: &str,
    #[case] kind: FieldErrorKind,
) {
    let error = FieldError::of_cause(reason, "spec.a".to_owned(), message);
    assert_eq!((error.kind, error.message().as_str()), (kind, message));
}

#[test]
fn a_cause_of_an_unknown_kind_is_kept() {
    let error = FieldError::of_cause("FieldValueOdd", "spec.a".to_owned(), "Odd value: 3");
    assert_eq!(error.message(), "Invalid value: Odd value: 3");
}

// (text, as a key, as a value)
#[rstest]
#[case("app", true, true)]
#[case("", false, true)]
#[case("a.b/c", true, false)]
#[case("A.b/c", false, false)]
#[case("a/b/c", false, false)]
#[case("/c", false, false)]
#[case("a_b.C-9", true, true)]
#[case("-a", false, false)]
#[case("a.", false, false)]
#[case("\u{e4}", false, false)]
fn labels_are_judged_as_by_kubernetes(#[case] text: &str, #[case] key: bool, #[case] value: bool) {
    assert_eq!(
        (label_key(text).is_none(), label_value(text).is_none()),
        (key, value)
    );
}

#[test]
fn labels_have_at_most_63_characters() {
    for (length, is_right) in [(63, true), (64, false)] {
        let text = "a".repeat(length);
        assert_eq!(label_key(&format!("b/{text}")).is_none(), is_right);
        assert_eq!(label_value(&text).is_none(), is_right);
    }
    assert!(label_key(&format!("{}/a", "b".repeat(254))).is_some());
}
