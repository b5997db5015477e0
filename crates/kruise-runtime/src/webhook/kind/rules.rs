//! What a deployable says of its kind, and how a request finds the version that it is about.

use http::StatusCode;
use kruise_api::{object::CustomResource, validation::FieldErrors};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::webhook::{
    request::{AdmissionRequest, Operation},
    response::AdmissionResponse,
};

/// A kind whose admission this process answers.
pub trait AdmittedKind: Sized {
    /// The types of its versions, as a tuple: `(v1alpha1::CloneSet, v1beta1::CloneSet)`.
    type Versions: Versions<Self>;
    /// What defaults depend on besides the object.
    type Gates;
    /// What the rules ask of other objects.
    type Known: ?Sized + Sync;

    /// The code of an answer that tells what is wrong with an object's fields; kinds differ (PF-211).
    fn invalid(operation: Operation) -> StatusCode;
}

/// What the rules of a kind say about an object of one of its versions. A kind may lack what has a default here.
pub trait AdmittedVersion<K: AdmittedKind>: CustomResource + DeserializeOwned + Serialize {
    /// Fills in defaults of the parts that stay raw, such as templates. `old` is what is stored.
    fn default_raw(&mut self, _old: Option<&Self>, _gates: &K::Gates) {}

    /// Takes the raw parts out, with the names of their fields in `spec`. The type knows all of them.
    fn take_raw(&mut self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Fills in all other defaults.
    fn apply_defaults(&mut self);

    /// Of the forms that mean the same, takes the one in which the object will be served; and writes what admission keeps
    /// in the object, whatever the user wrote there.
    fn settle(&mut self) {}

    /// Why a raw part can't be read. The whole object counts as undecodable then.
    fn unreadable(&self) -> Option<String> {
        None
    }

    /// What is wrong with an object that has its defaults. `old` is what is stored.
    fn errors(&self, old: Option<&Self>, namespace: &str, known: &K::Known) -> FieldErrors;

    /// The PodTemplate that the API server shall judge, where it is new and nothing else is wrong.
    fn pod_template(&self) -> Option<Value> {
        None
    }

    /// Why the object is protected from being deleted, in the words that clients see.
    fn protected(&self) -> Option<String> {
        None
    }
}

/// The versions of a kind: tuples of [`AdmittedVersion`]s.
pub trait Versions<K: AdmittedKind> {
    /// Lets the visitor see the type of the version that a request is about; `None` when it is about none of them.
    fn visit<V: Visitor<K>>(request: &AdmissionRequest, visitor: V) -> Option<V::Answer>;
}

/// What is done with a version, whichever it is.
pub trait Visitor<K: AdmittedKind> {
    /// What comes of it.
    type Answer;

    /// Does it.
    fn see<Version: AdmittedVersion<K>>(self) -> Self::Answer;
}

impl<K, A> Versions<K> for (A,)
where
    K: AdmittedKind,
    A: AdmittedVersion<K>,
{
    fn visit<V: Visitor<K>>(request: &AdmissionRequest, visitor: V) -> Option<V::Answer> {
        is_about::<A>(request).then(|| visitor.see::<A>())
    }
}

impl<K, A, B> Versions<K> for (A, B)
where
    K: AdmittedKind,
    A: AdmittedVersion<K>,
    B: AdmittedVersion<K>,
{
    fn visit<V: Visitor<K>>(request: &AdmissionRequest, visitor: V) -> Option<V::Answer> {
        if is_about::<A>(request) {
            return Some(visitor.see::<A>());
        }
        is_about::<B>(request).then(|| visitor.see::<B>())
    }
}

/// Decides by the resource that the webhook's rule matched.
fn is_about<V: CustomResource>(request: &AdmissionRequest) -> bool {
    let resource = &request.resource;
    resource.group == V::GROUP && resource.resource == V::PLURAL && resource.version == V::VERSION
}

/// The refusal of a request that is about none of the versions (PF-213).
pub(super) fn not_served(request: &AdmissionRequest) -> AdmissionResponse {
    let resource = &request.resource;
    let what = format!(
        "{}/{} {} is not served here",
        resource.group, resource.version, resource.resource
    );
    AdmissionResponse::deny(StatusCode::BAD_REQUEST, what)
}
