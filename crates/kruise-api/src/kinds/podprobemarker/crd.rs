//! The CustomResourceDefinition. Its rules are what admission refuses in a probe without looking at others, and without
//! reading through a text: the list of probes has no limit, so that the API server takes cheap rules alone for its
//! elements (none about reserved names, for one), and none for the policies in them. A policy's words are an enumeration instead, which costs nothing.

use super::{
    texts,
    v1alpha1::{PodProbeMarkerSpec, PodProbeMarkerStatus, V1alpha1},
};
use crate::{
    definition::{
        ConversionStrategy, Definition, Scope, Version,
        rules::{NOT_EMPTY_SELECTOR, Rule},
    },
    validation::EMPTY_SELECTOR,
};

const DESCRIPTION: &str = "PodProbeMarker runs probes in containers of pods, and writes their results to the pods' \
                           conditions, labels and annotations.";

const NUMBERS: [&str; 5] = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
];

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &[],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::None,
        versions: vec![v1alpha1()],
    }
}

fn v1alpha1() -> Version {
    let version = Version::of::<V1alpha1, PodProbeMarkerSpec, PodProbeMarkerStatus>(DESCRIPTION);
    // PP-3
    let version = version.stored().rules(
        "spec.selector",
        &[
            Rule::new("self == oldSelf", texts::SELECTOR_CHANGED).forbidden(),
            Rule::new(NOT_EMPTY_SELECTOR, EMPTY_SELECTOR),
        ],
    );
    handlers(probes(version))
}

/// PP-4, PP-6
fn probes(version: Version) -> Version {
    let not_empty = || Rule::new("self != ''", texts::NOT_EMPTY);
    version
        .rules(
            "spec.probes",
            &[Rule::new("size(self) > 0", texts::NO_PROBES)],
        )
        .rules(
            "spec.probes[]",
            &[Rule::new(
                "(has(self.podConditionType) && self.podConditionType != '') \
                 || (has(self.markerPolicy) && size(self.markerPolicy) > 0)",
                texts::NO_EFFECT,
            )],
        )
        .rules("spec.probes[].name", &[not_empty()])
        .rules("spec.probes[].containerName", &[not_empty()])
        .keyword(
            "spec.probes[].markerPolicy[].state",
            "enum",
            texts::STATES.to_vec(),
        )
}

/// PP-5
fn handlers(version: Version) -> Version {
    let probe = "spec.probes[].probe";
    let no_host = || Rule::new("!has(self.host) || self.host == ''", texts::NO_HOST).at(".host");
    let version = version
        .rules(
            probe,
            &[Rule::new(
                "(has(self.exec) ? 1 : 0) + (has(self.httpGet) ? 1 : 0) + (has(self.tcpSocket) ? 1 : 0) == 1",
                texts::NO_HANDLER,
            )],
        )
        .rules(
            &format!("{probe}.exec"),
            &[
                Rule::new("has(self.command) && size(self.command) > 0", texts::NOT_EMPTY)
                    .at(".command"),
            ],
        )
        .rules(
            &format!("{probe}.httpGet"),
            &[
                Rule::new("has(self.path) && self.path != ''", texts::NOT_EMPTY).at(".path"),
                Rule::new(
                    "has(self.scheme) && (self.scheme == 'HTTP' || self.scheme == 'HTTPS')",
                    texts::SCHEME,
                )
                .at(".scheme"),
                no_host(),
            ],
        )
        .rules(&format!("{probe}.tcpSocket"), &[no_host()]);
    NUMBERS.iter().fold(version, |version, number| {
        version.rules(
            &format!("{probe}.{number}"),
            &[Rule::new("self >= 0", texts::NOT_NEGATIVE)],
        )
    })
}
