//! That the comparison can fail: a small kind in both forms, then one thing changed at a time.

mod cases;
mod fixture;
mod samples;

use serde_json::{Value, json};

use super::check;
use super::reference::{Reference, Sources};
use super::report::Report;
use super::reviewed::Reviewed;
use fixture::{TABLE, set, sources, thing, version};

fn changed(pointer: &str, value: Value) -> Value {
    let mut manifest = thing();
    set(&mut manifest, pointer, value);
    manifest
}

fn report(manifests: &[Value], reviewed: &str) -> Report {
    let reference = Reference::new(sources()).unwrap();
    check(manifests, &reference, &Reviewed::parse(reviewed).unwrap()).unwrap()
}

#[test]
fn what_conforms_has_no_difference() {
    let report = report(&[thing()], "[]");
    assert_eq!(report.failure(), None);
    assert_eq!(
        report.to_string(),
        "Thing               2 of 2 versions, 0 unexplained differences (0 reviewed)\n\
         in all              2 of 3 versions, 0 unexplained differences (0 reviewed)\n\
         no type yet: Other\n"
    );
}

#[test]
fn an_unexplained_difference_fails_with_a_line_of_its_own() {
    let manifest = changed("/spec/scope", json!("Cluster"));
    let report = report(&[manifest], "[]");
    let failure = report.failure().unwrap();
    assert!(
        failure.starts_with("1 unexplained difference;"),
        "{failure}"
    );
    let text = report.to_string();
    let line = r#"  Thing all (crd) scope: ours "Cluster", the reference's "Namespaced""#;
    assert!(text.lines().any(|it| it == line), "{text}");
    assert!(
        text.contains("1 unexplained difference (0 reviewed)"),
        "{text}"
    );
}

#[test]
fn kinds_and_versions_that_the_reference_does_not_have_fail() {
    let kind = report(&[changed("/spec/names/kind", json!("Thingy"))], "[]");
    assert!(
        kind.to_string()
            .contains("Thingy: a kind that docs/spec doesn't know")
    );
    assert!(kind.failure().is_some());
    let version = report(&[changed("/spec/versions/0/name", json!("v1"))], "[]");
    assert!(
        version
            .to_string()
            .contains("Thing v1: a version that docs/spec doesn't know")
    );
    assert!(version.failure().is_some());
    assert!(report(&[thing(), thing()], "[]").failure().is_some());
}

#[test]
fn what_has_no_type_yet_is_named_and_no_difference() {
    let one = report(
        &[changed("/spec/versions", json!([version("v1beta1", true)]))],
        "[]",
    );
    assert_eq!(one.failure(), None);
    let text = one.to_string();
    assert!(
        text.starts_with("Thing               1 of 2 versions, 0"),
        "{text}"
    );
    assert!(
        text.ends_with("\nno type yet: Other, Thing v1alpha1\n"),
        "{text}"
    );
    assert_eq!(one.lacking(), ["Other", "Thing v1alpha1"]);
    let none = report(&[], "[]");
    assert_eq!(none.lacking(), ["Other", "Thing"]);
    assert!(
        none.to_string().ends_with("\nno type yet: Other, Thing\n"),
        "{none}"
    );
}

/// A manifest with a rule at spec.size and at spec in both versions.
fn with_rules() -> Value {
    let mut manifest = thing();
    for version_idx in [0, 1] {
        let spec = format!("/spec/versions/{version_idx}/schema/openAPIV3Schema/properties/spec");
        for below in ["", "/properties/size"] {
            let pointer = format!("{spec}{below}/x-kubernetes-validations");
            set(&mut manifest, &pointer, json!([{ "rule": "r" }]));
        }
    }
    manifest
}

fn entries(entries: &[(&str, &str, &str)]) -> String {
    let entries = entries.iter().map(|(version, path, what)| {
        json!({ "kind": "Thing", "version": version, "path": path, "what": what, "reason": "r" })
    });
    Value::from_iter(entries).to_string()
}

#[test]
fn reviewed_differences_are_counted_and_pass() {
    for (list, n_reviewed) in [
        (
            vec![("all", "spec", "rules"), ("all", "spec.size", "rules")],
            4,
        ),
        (vec![("all", "spec.**", "rules")], 4),
    ] {
        let report = report(&[with_rules()], &entries(&list));
        assert_eq!(report.failure(), None, "{report}");
        let text = report.to_string();
        assert!(text.contains(&format!("({n_reviewed} reviewed)")), "{text}");
    }
}

#[test]
fn an_entry_explains_its_own_kind_version_path_and_word_only() {
    let unexplained = |list: &[(&str, &str, &str)]| {
        let report = report(&[with_rules()], &entries(list));
        report.to_string().matches("the reference's").count()
    };
    assert_eq!(unexplained(&[]), 4);
    assert_eq!(unexplained(&[("v1beta1", "spec.size", "rules")]), 3);
    assert_eq!(unexplained(&[("all", "spec.size", "rules")]), 2);
    assert_eq!(unexplained(&[("all", "spec.size.**", "rules")]), 2);
    assert_eq!(unexplained(&[("all", "spec.si.**", "rules")]), 4);
    assert_eq!(unexplained(&[("all", "spec.size", "default")]), 4);
}

#[test]
fn an_entry_that_explains_nothing_fails() {
    let all = ("all", "spec.**", "rules");
    for (list, place) in [
        (vec![all, ("all", "spec.mode", "enum")], "spec.mode enum"),
        // Said twice: the second explains nothing.
        (
            vec![all, ("v1beta1", "spec.size", "rules")],
            "v1beta1 spec.size rules",
        ),
        // A version that has no type yet.
        (
            vec![all, ("v1", "spec.size", "rules")],
            "v1 spec.size rules",
        ),
    ] {
        let report = report(&[with_rules()], &entries(&list));
        assert_eq!(report.failure().unwrap(), "1 problem");
        let text = report.to_string();
        let wanted = format!("{place} explains nothing; remove it");
        assert!(text.contains(&wanted), "{text}");
    }
}

#[test]
fn an_entry_needs_a_reason_and_patterns_are_for_rules() {
    let parse = |path: &str, what: &str, reason: &str| {
        let entry = json!([
            { "kind": "Thing", "version": "all", "path": path, "what": what, "reason": reason },
        ]);
        Reviewed::parse(&entry.to_string())
    };
    assert!(parse("spec.**", "rules", "r").is_ok());
    assert!(parse("spec", "rules", " ").is_err());
    assert!(parse("spec.**", "surplus", "r").is_err());
    assert!(parse("spec.**.x", "rules", "r").is_err());
    assert!(Reviewed::parse(r#"[{ "kind": "Thing", "reason": "r" }]"#).is_err());
    assert!(Reviewed::parse(r#"[{ "kind": "T", "version": "all", "path": "p", "what": "w", "reason": "r", "x": 1 }]"#).is_err());
}

#[test]
fn sources_that_do_not_fit_together_are_an_error() {
    let broken = |change: fn(&mut Sources)| {
        let mut sources = sources();
        change(&mut sources);
        Reference::new(sources).is_err()
    };
    assert!(!broken(|_| ()));
    assert!(broken(|it| drop(it.tables.pop_first())));
    assert!(broken(|it| drop(
        it.tables.insert("x.v1.tsv".into(), TABLE.into())
    )));
    assert!(broken(
        |it| it.platform = it.platform.replace("PF-402", "PF-403")
    ));
    assert!(broken(
        |it| it.platform = it.platform.replace("Other", "Another")
    ));
    assert!(broken(
        |it| it.platform += "| More | both | v1beta1 | None |\n"
    ));
    assert!(broken(
        |it| it.platform = it.platform.replace("both | v1beta1", "both | v1alpha1")
    ));
    assert!(broken(
        |it| it.index = it.index.replacen("Namespaced", "Cluster", 1)
    ));
    assert!(broken(
        |it| it.index = it.index.replace("\"scope\"", "\"newFact\":1,\"scope\"")
    ));
}

#[test]
fn the_specification_is_read_to_the_last_kind() {
    let spec = localkube::workspace::root().join("docs/spec");
    let reference = Reference::read(&spec).unwrap();
    let cloneset = reference.get("CloneSet").unwrap();
    let versions: Vec<_> = cloneset.versions.keys().collect();
    assert_eq!(versions, ["v1alpha1", "v1beta1"]);
    assert_eq!(
        cloneset.versions["v1beta1"]["spec.selector"]["required"],
        true
    );
    let webhook = &reference.get("PodUnavailableBudget").unwrap().shape["(crd)"];
    assert_eq!(webhook["conversion"]["strategy"], "Webhook");
}
