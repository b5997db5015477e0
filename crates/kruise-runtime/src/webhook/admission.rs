//! What answers requests for admission.

use futures::future::{BoxFuture, FutureExt};

use super::{request::AdmissionRequest, response::AdmissionResponse};

/// Decides on requests at one path.
///
/// A handler that decides by the request and by what the process knows is a closure from `&AdmissionRequest` to
/// [`AdmissionResponse`]. A handler that has to ask the API server implements this trait. When the API server stops
/// waiting, either kind is dropped, as soon as it is not computing. Either kind is called on a thread that it may
/// keep busy, but one that computes for long keeps other requests of its path waiting. No handler has side effects on
/// a dry run.
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
