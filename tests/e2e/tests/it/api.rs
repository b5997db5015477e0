//! What a real API server makes of the CRDs, the samples and the libraries that imitate it.

mod crds;
mod every_kind;
mod explain;
mod rules;
mod samples;
mod scratch;
mod stored_versions;
mod strategic_merge;
mod templates;
mod versions;
