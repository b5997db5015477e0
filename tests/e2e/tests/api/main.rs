//! What a real API server makes of the CRDs, the samples and the libraries that imitate it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod crds;
mod explain;
mod rules;
mod samples;
mod scratch;
mod stored_versions;
mod templates;
mod versions;
