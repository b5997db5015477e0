//! The DNS names under which a deployable is called.

/// Longest common name that X.509 allows.
const LONGEST_COMMON_NAME: usize = 64;
/// What callers in the same pod use (PF-217).
const LOCALHOST: &str = "localhost";

/// DNS names of a serving certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ServingNames {
    common_name: String,
    all: Vec<String>,
}

impl ServingNames {
    /// The names of Services in one namespace. The API server calls `<service>.<namespace>.svc`; the
    /// other forms are for people and probes.
    #[must_use]
    pub(super) fn of_services<'a>(
        namespace: &str,
        services: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut all = vec![LOCALHOST.to_owned()];
        let mut common_name = LOCALHOST.to_owned();
        for service in services {
            let called = format!("{service}.{namespace}.svc");
            if all.contains(&called) {
                continue;
            }
            if common_name == LOCALHOST {
                common_name = if called.len() <= LONGEST_COMMON_NAME {
                    called.clone()
                } else {
                    service.to_owned()
                };
            }
            all.extend([
                format!("{called}.cluster.local"),
                called,
                format!("{service}.{namespace}"),
                service.to_owned(),
            ]);
        }
        Self { common_name, all }
    }

    pub(crate) fn all(&self) -> &[String] {
        &self.all
    }

    pub(crate) fn common_name(&self) -> &str {
        &self.common_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_each_service_is_there_once() {
        let names = ServingNames::of_services("ns", ["a", "b", "a"]);
        assert_eq!(names.common_name(), "a.ns.svc");
        assert_eq!(
            names.all(),
            [
                "localhost",
                "a.ns.svc.cluster.local",
                "a.ns.svc",
                "a.ns",
                "a",
                "b.ns.svc.cluster.local",
                "b.ns.svc",
                "b.ns",
                "b"
            ]
        );
    }

    #[test]
    fn a_long_name_stands_in_the_alternative_names_alone() {
        let service = "kruise-containerrecreaterequest-controller-conversion-service";
        let names = ServingNames::of_services("kruise-system", [service]);
        assert_eq!(names.common_name(), service);
        let called = format!("{service}.kruise-system.svc");
        assert!(names.all().contains(&called));
    }
}
