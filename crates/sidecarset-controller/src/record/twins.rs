//! Containers with HotUpgrade are twice in a pod. The two take turns (SS-121, SS-250).

use std::collections::BTreeMap;

use kruise_api::{
    apps::v1beta1::{SidecarContainer, SidecarContainerUpgradeType},
    well_known::annotations::{
        SIDECARSET_VERSION_ALT_PREFIX, SIDECARSET_VERSION_PREFIX,
        SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER,
    },
};

use super::json::{RecordError, read, write};

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// The one that works at first: `<name>-1`.
    First,
    /// `<name>-2`.
    Second,
}

/// What is seen of one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwinState<'a> {
    /// Its image in the pod's spec.
    pub image: &'a str,
    /// Whether it is ready, and runs what its spec says.
    pub is_good: bool,
}

/// Which of two containers works, by name of the sidecar: annotation
/// [`SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkingRecord(BTreeMap<String, String>);

/// Whether pods get this container twice. Of init containers only those can have a twin that run as long as the pod, so
/// ask for these alone (SS-121).
#[must_use]
pub fn has_twins(container: &SidecarContainer) -> bool {
    container.upgrade_type() == Some(&SidecarContainerUpgradeType::HotUpgrade)
}

/// Which of the two gets the new image (SS-250).
#[must_use]
pub fn twin_to_update(
    empty_image: &str,
    first: TwinState<'_>,
    second: TwinState<'_>,
    working: Twin,
) -> Twin {
    if first.image == empty_image {
        Twin::First
    } else if second.image == empty_image {
        Twin::Second
    } else {
        match (first.is_good, second.is_good) {
            (true, false) => Twin::Second,
            (false, true) => Twin::First,
            _ => working.other(),
        }
    }
}

impl Twin {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// Name of this one in a pod, for a sidecar of this name.
    #[must_use]
    pub fn name(self, sidecar: &str) -> String {
        match self {
            Self::First => format!("{sidecar}-1"),
            Self::Second => format!("{sidecar}-2"),
        }
    }

    /// Key of the annotation with this one's version.
    #[must_use]
    pub fn version_key(self, sidecar: &str) -> String {
        format!("{SIDECARSET_VERSION_PREFIX}{}", self.name(sidecar))
    }

    /// Key of the annotation by which this one is told the other's version.
    #[must_use]
    pub fn version_alt_key(self, sidecar: &str) -> String {
        format!("{SIDECARSET_VERSION_ALT_PREFIX}{}", self.name(sidecar))
    }
}

impl WorkingRecord {
    /// Reads the annotation.
    ///
    /// # Errors
    ///
    /// When it is there, and is no map from text to text.
    pub fn parse(annotation: Option<&str>) -> Result<Self, RecordError> {
        read(annotation).map(Self).map_err(|source| RecordError {
            annotation: SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER,
            source,
        })
    }

    /// Whether a container is recorded for this sidecar, whichever it is (SS-206).
    #[must_use]
    pub fn knows(&self, sidecar: &str) -> bool {
        self.0.contains_key(sidecar)
    }

    /// The one that works: the second, unless the record names the first.
    #[must_use]
    pub fn working(&self, sidecar: &str) -> Twin {
        let recorded = self.0.get(sidecar);
        if recorded.is_some_and(|name| *name == Twin::First.name(sidecar)) {
            Twin::First
        } else {
            Twin::Second
        }
    }

    /// Records which one works.
    pub fn put(&mut self, sidecar: &str, working: Twin) {
        self.0.insert(sidecar.to_owned(), working.name(sidecar));
    }

    /// The annotation's value.
    #[must_use]
    pub fn write(&self) -> String {
        write(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // SS-A15
    #[test]
    fn names_and_keys_are_those_of_openkruise() {
        assert_eq!(
            Twin::BOTH.map(|twin| twin.name("mesh")),
            ["mesh-1", "mesh-2"]
        );
        let keys = (
            Twin::First.version_key("mesh"),
            Twin::Second.version_alt_key("mesh"),
        );
        let expected = (
            "version.sidecarset.kruise.io/mesh-1".to_owned(),
            "versionalt.sidecarset.kruise.io/mesh-2".to_owned(),
        );
        assert_eq!(keys, expected);
    }

    // SS-121: entries of other sidecars stay.
    #[test]
    fn the_working_one_is_recorded_beside_others() {
        let mut record = WorkingRecord::parse(Some(r#"{"proxy":"proxy-2"}"#)).unwrap();
        record.put("mesh", Twin::First);
        assert_eq!(record.write(), r#"{"mesh":"mesh-1","proxy":"proxy-2"}"#);
        assert_eq!(record.working("mesh"), Twin::First);
        assert_eq!(record.working("proxy"), Twin::Second);
        assert!(record.knows("mesh") && !record.knows("log"));
    }

    // Section 5.11: whatever is not the first is the second.
    #[rstest]
    #[case::absent(None)]
    #[case::empty(Some(""))]
    #[case::of_another_name(Some(r#"{"mesh":"proxy-1"}"#))]
    fn without_a_record_the_second_one_works(#[case] annotation: Option<&str>) {
        let record = WorkingRecord::parse(annotation).unwrap();
        assert_eq!(record.working("mesh"), Twin::Second);
    }

    #[rstest]
    #[case("mesh-1")]
    #[case(r#"{"mesh":1}"#)]
    fn another_form_is_an_error(#[case] text: &str) {
        assert!(WorkingRecord::parse(Some(text)).is_err());
    }

    // SS-250, SS-A16, SS-A43
    #[rstest]
    #[case::the_first_is_idle(("idle", true), ("mesh:1", true), Twin::Second, Twin::First)]
    #[case::the_second_is_idle(("mesh:1", true), ("idle", true), Twin::First, Twin::Second)]
    #[case::the_second_is_bad(("mesh:1", true), ("mesh:2", false), Twin::Second, Twin::Second)]
    #[case::the_first_is_bad(("mesh:1", false), ("mesh:2", true), Twin::First, Twin::First)]
    #[case::both_are_good(("mesh:1", true), ("mesh:2", true), Twin::First, Twin::Second)]
    #[case::both_are_bad(("mesh:1", false), ("mesh:2", false), Twin::Second, Twin::First)]
    fn the_idle_one_or_the_bad_one_is_updated(
        #[case] first: (&str, bool),
        #[case] second: (&str, bool),
        #[case] working: Twin,
        #[case] expected: Twin,
    ) {
        let state = |(image, is_good)| TwinState { image, is_good };
        let chosen = twin_to_update("idle", state(first), state(second), working);
        assert_eq!(chosen, expected);
    }
}
