//! Resources of sidecars, in proportion to those of the pod's own containers.

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{container, injected, pod, set};

fn with_resources(name: &str, limits: Value, requests: Value) -> Value {
    json!({ "name": name, "resources": { "limits": limits, "requests": requests } })
}

fn policy(mode: &str, expressions: Value) -> Value {
    json!({ "targetContainersMode": mode, "resourcesExpr": expressions })
}

/// What a sidecar with this policy gets in a pod with these containers.
fn resources(containers: Value, policy: Value) -> Result<Value, String> {
    let agent = json!({
        "name": "agent", "resourcesPolicy": policy,
        // It is replaced whole.
        "resources": { "limits": { "disk": "1" }, "claims": [{ "name": "c" }] },
    });
    let pod = injected(
        &pod(containers),
        &[set("log", json!({ "containers": [agent] }))],
    )?;
    Ok(container(&pod, "agent")["resources"].clone())
}

// SS-A28, SS-151, SS-155
#[test]
fn amounts_are_added_up() {
    let containers = json!([
        with_resources(
            "app1",
            json!({ "cpu": "300m", "memory": "600Mi" }),
            json!({ "cpu": "150m" })
        ),
        with_resources(
            "app2",
            json!({ "cpu": "500m", "memory": "1Gi" }),
            json!({ "cpu": "250m" })
        ),
    ]);
    let expressions = json!({
        "limits": { "cpu": "max(cpu*25%, 100m)", "memory": "memory*25%" },
        "requests": { "cpu": "cpu*50%" },
    });
    let expected = json!({
        "limits": { "cpu": "200m", "memory": "406Mi" },
        "requests": { "cpu": "200m" },
    });
    assert_eq!(
        resources(containers, policy("sum", expressions)).unwrap(),
        expected
    );
}

#[rstest]
// SS-A29, SS-152
#[case::not_all_have_the_limit(
    json!([
        with_resources("app1", json!({ "cpu": "1", "memory": "1Gi" }), json!({})),
        with_resources("app2", json!({ "memory": "1Gi" }), json!({})),
    ]),
    policy("sum", json!({ "limits": { "cpu": "200m", "memory": "64Mi" } })),
    json!({ "limits": { "memory": "64Mi" } }),
)]
// SS-A30
#[case::no_requests(
    json!([{ "name": "main" }]),
    policy("sum", json!({ "requests": { "cpu": "cpu*50%" } })),
    json!({ "requests": { "cpu": "0" } }),
)]
#[case::no_requests_but_a_minimum(
    json!([{ "name": "main" }]),
    policy("sum", json!({ "requests": { "cpu": "max(cpu*50%, 50m)" } })),
    json!({ "requests": { "cpu": "50m" } }),
)]
// SS-A31, SS-154
#[case::the_largest(
    json!([
        with_resources("a", json!({ "cpu": "3", "memory": "100Mi" }), json!({})),
        with_resources("b", json!({ "cpu": "2", "memory": "1Mi" }), json!({})),
    ]),
    policy("max", json!({ "limits": { "cpu": "(cpu-1)*2/3", "memory": "memory/3" } })),
    json!({ "limits": { "cpu": "1333m", "memory": "34952533333m" } }),
)]
// SS-A32
#[case::a_negative_part(
    json!([with_resources("main", json!({ "cpu": "100m" }), json!({}))]),
    policy("sum", json!({ "limits": { "cpu": "max(cpu,1)-950m" } })),
    json!({ "limits": { "cpu": "50m" } }),
)]
// SS-A33
#[case::a_difference(
    json!([with_resources("main", json!({ "memory": "1Gi" }), json!({}))]),
    policy("sum", json!({ "limits": { "memory": "max(memory-64Mi, 32Mi)" } })),
    json!({ "limits": { "memory": "960Mi" } }),
)]
#[case::no_unit_is_0(
    json!([with_resources("main", json!({ "memory": "1Gi" }), json!({}))]),
    policy("sum", json!({ "limits": { "memory": "200mi" } })),
    json!({ "limits": { "memory": "0" } }),
)]
#[case::nothing_is_asked_for(
    json!([with_resources("main", json!({ "memory": "1Gi" }), json!({}))]),
    policy("sum", json!({})),
    json!({}),
)]
#[case::amounts_as_numbers(
    json!([with_resources("main", json!({ "cpu": 2 }), json!({}))]),
    policy("sum", json!({ "limits": { "cpu": "cpu/2" } })),
    json!({ "limits": { "cpu": "1" } }),
)]
// SS-153: the variable of a cpu expression may be called memory.
#[case::the_word_decides(
    json!([with_resources("main", json!({ "cpu": "2" }), json!({}))]),
    policy("sum", json!({ "limits": { "cpu": "memory*50%" } })),
    json!({ "limits": { "cpu": "1" } }),
)]
fn amounts_are_computed(#[case] containers: Value, #[case] policy: Value, #[case] expected: Value) {
    assert_eq!(resources(containers, policy).unwrap(), expected);
}

// SS-150
#[rstest]
#[case::all(".*", "100m")]
#[case::by_name("^app", "20m")]
#[case::a_part_of_the_name("p", "20m")]
#[case::native_sidecars("native|app", "80m")]
fn containers_count_by_name(#[case] pattern: &str, #[case] expected: &str) {
    let cpu = |name: &str, cpu: &str| with_resources(name, json!({ "cpu": cpu }), json!({}));
    let mut native = cpu("native", "60m");
    native["restartPolicy"] = json!("Always");
    // `other` is a container of another SidecarSet, which an earlier call of the webhook may have put there.
    let containers = json!([
        cpu("app", "20m"),
        cpu("db", "20m"),
        cpu("other", "1"),
        cpu("mesh-1", "1")
    ]);
    let mut pod = pod(containers);
    pod["spec"]["initContainers"] = json!([native, cpu("setup", "1")]);
    let mut policy = policy("sum", json!({ "limits": { "cpu": "cpu" } }));
    policy["targetContainersNameRegex"] = json!(pattern);
    let hot = json!({ "upgradeType": "HotUpgrade" });
    let sets = [
        set(
            "log",
            json!({ "containers": [{ "name": "agent", "resourcesPolicy": policy }] }),
        ),
        set(
            "s",
            json!({ "initContainers": [{ "name": "other" }], "containers": [{ "name": "mesh", "upgradeStrategy": hot }] }),
        ),
    ];
    let pod = injected(&pod, &sets).unwrap();
    assert_eq!(
        container(&pod, "agent")["resources"]["limits"]["cpu"],
        expected
    );
}

// SS-121, SS-155
#[test]
fn both_twins_get_the_resources() {
    let mesh = json!({
        "name": "mesh", "upgradeStrategy": { "upgradeType": "HotUpgrade" },
        "resourcesPolicy": policy("sum", json!({ "limits": { "cpu": "cpu" } })),
    });
    let own = pod(json!([with_resources(
        "main",
        json!({ "cpu": "2" }),
        json!({})
    )]));
    let pod = injected(&own, &[set("s", json!({ "containers": [mesh] }))]).unwrap();
    for twin in ["mesh-1", "mesh-2"] {
        assert_eq!(
            container(&pod, twin)["resources"],
            json!({ "limits": { "cpu": "2" } })
        );
    }
}

fn named(pattern: &str) -> Value {
    let mut policy = policy("sum", json!({ "limits": { "cpu": "cpu" } }));
    policy["targetContainersNameRegex"] = json!(pattern);
    policy
}

// SS-150, SS-162, SS-289: the pod is refused, and one reads where the fault is.
#[rstest]
// SS-A32
#[case::no_target(
    named("^db$"),
    "targetContainersNameRegex",
    "no container of the pod has such a name"
)]
#[case::no_pattern(
    named("("),
    "targetContainersNameRegex",
    "\"(\" is no regular expression"
)]
#[case::no_mode(policy("mean", json!({})), "targetContainersMode", "\"mean\" is neither sum nor max")]
// SS-A33
#[case::a_product(
    policy("sum", json!({ "limits": { "cpu": "cpu*cpu" } })),
    "resourcesExpr.limits.cpu",
    "a quantity can't be multiplied by a quantity",
)]
#[case::negative(
    policy("sum", json!({ "requests": { "memory": "memory-64Mi" } })),
    "resourcesExpr.requests.memory",
    "the result is negative",
)]
#[case::no_expression(policy("sum", json!({ "limits": { "cpu": "cpu*" } })), "resourcesExpr.limits.cpu", "syntax error at character 5")]
// SS-159
#[case::upper_case(
    policy("sum", json!({ "limits": { "memory": "MEMORY*50%" } })),
    "resourcesExpr.limits.memory",
    "variable memory is unknown",
)]
// DV-SS3
#[case::overflow(policy("sum", json!({ "limits": { "cpu": "cpu*1e300" } })), "resourcesExpr.limits.cpu", "a value is too large")]
fn what_can_not_be_computed_is_refused(
    #[case] policy: Value,
    #[case] field: &str,
    #[case] why: &str,
) {
    let containers = json!([with_resources(
        "main",
        json!({ "cpu": "1", "memory": "1Gi" }),
        json!({})
    )]);
    let expected = format!(
        "SidecarSet log can't be injected: resourcesPolicy.{field} of container agent: {why}"
    );
    assert_eq!(resources(containers, policy).unwrap_err(), expected);
}

#[test]
fn an_amount_of_the_pod_that_is_none_is_refused() {
    let containers = json!([with_resources("main", json!({ "cpu": "much" }), json!({}))]);
    let error = resources(
        containers,
        policy("sum", json!({ "limits": { "cpu": "cpu" } })),
    )
    .unwrap_err();
    assert!(
        error.ends_with("container main of the pod has \"much\" as cpu"),
        "{error}"
    );
}
