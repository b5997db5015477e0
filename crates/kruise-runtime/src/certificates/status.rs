//! How far the certificates are, for readiness and for people.

/// What readiness asks, and a line for people on each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Status {
    /// Whether there is a certificate to serve with.
    pub has_certificate: bool,
    /// About the certificate: until when it holds, or what is missing.
    pub certificate: String,
    /// Whether every place that exists has trusted what is served at least once. It stays so: a place
    /// that can't be put right later is no reason to stop serving the others (PF-1006).
    pub is_trusted: bool,
    /// About the places: what is missing or can't be written.
    pub trust: String,
}

impl Status {
    pub(super) fn at_start() -> Self {
        Self {
            has_certificate: false,
            certificate: "no certificate yet".to_owned(),
            is_trusted: false,
            trust: "caBundle not written yet".to_owned(),
        }
    }

    /// Whether the API server can call this process.
    #[must_use]
    pub(crate) fn is_ready(&self) -> bool {
        self.has_certificate && self.is_trusted
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}; {}", self.certificate, self.trust)
    }
}
