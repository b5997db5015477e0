//! What answers requests for admission.

use futures::future::{BoxFuture, FutureExt};

use super::{request::AdmissionRequest, response::AdmissionResponse};

/// Decides on requests at one path.
///
/// What decides by the request and what the process knows is a closure from `&AdmissionRequest` to
/// [`AdmissionResponse`]; what has to ask the API server implements this trait. Either is dropped when
/// the API server stops waiting, but for what it is just computing. It is called on a thread that it may
/// keep busy; who computes for long keeps others of the same path waiting. It has no side effects on a dry run.
pub trait Admission: Send + Sync + 'static {
    /// The decision.
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse>;
}

impl<F> Admission for F
where
    F: Fn(&AdmissionRequest) -> AdmissionResponse + Send + Sync + 'static,
{
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async move { self(request) }.boxed()
    }
}
