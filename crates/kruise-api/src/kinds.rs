//! The kinds that deployables of ours own, one room each.
//!
//! A room holds what is that kind's alone, always under the same names:
//!
//! | module | holds |
//! |---|---|
//! | `v1alpha1`, `v1beta1` | the types of a version; public under the names of the wire, as in [`crate::apps`] |
//! | `conversion` | from each version to each other, and the one form in which a spec is served; absent where there is one version |
//! | `defaults` | `fill_<version>`: what admission fills in |
//! | `validation` | `validate_<version>`: what admission refuses |
//! | `crd` | the CustomResourceDefinition |
//!
//! What several kinds share stands outside of rooms: parts of specs, and the machinery of conversion,
//! validation and definitions. A further kind is a room here, a line in `ALL`, and its names in the module of
//! its group.

pub mod advancedcronjob;
pub mod broadcastjob;
pub mod cloneset;
pub mod containerrecreaterequest;
mod custom_kind;
pub mod daemonset;
pub mod ephemeraljob;
pub mod imagelistpulljob;
pub mod imagepulljob;
pub mod nodeimage;
pub mod nodepodprobe;
pub mod persistentpodstate;
pub mod podprobemarker;
pub mod podunavailablebudget;
pub mod resourcedistribution;
pub mod sidecarset;
pub mod statefulset;
pub mod uniteddeployment;
pub mod workloadspread;

pub(crate) use custom_kind::CustomKind;

/// Every kind that has a room. Conversion and the list of CustomResourceDefinitions are made from this list.
pub(crate) const ALL: &[CustomKind] = &[
    advancedcronjob::KIND,
    broadcastjob::KIND,
    cloneset::KIND,
    containerrecreaterequest::KIND,
    daemonset::KIND,
    ephemeraljob::KIND,
    imagelistpulljob::KIND,
    imagepulljob::KIND,
    nodeimage::KIND,
    nodepodprobe::KIND,
    persistentpodstate::KIND,
    podprobemarker::KIND,
    podunavailablebudget::KIND,
    resourcedistribution::KIND,
    sidecarset::KIND,
    statefulset::KIND,
    uniteddeployment::KIND,
    workloadspread::KIND,
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::ALL;

    /// PF-402: strategy `Webhook` promises that the converter knows every pair of served versions. Of a kind with
    /// strategy `None` the converter knows them for who asks the library.
    #[test]
    fn a_kind_converts_between_all_its_versions() {
        for kind in ALL {
            let crd = (kind.definition)().manifest();
            assert_eq!(crd["spec"]["names"]["kind"], kind.name);
            let group = crd["spec"]["group"].as_str().unwrap();
            let versions = crd["spec"]["versions"].as_array().unwrap();
            let versions: Vec<String> = versions
                .iter()
                .map(|version| format!("{group}/{}", Value::as_str(&version["name"]).unwrap()))
                .collect();
            let pairs = versions.iter().flat_map(|from| {
                let others = versions.iter().filter(move |to| *to != from);
                others.map(move |to| (from, to))
            });
            let mut n_pairs = 0;
            for (from, to) in pairs {
                assert!(kind.conversion(from, to).is_some(), "{from} to {to}");
                n_pairs += 1;
            }
            assert_eq!(kind.conversions.len(), n_pairs, "{}", kind.name);
        }
    }
}
