//! Requests for admission as `admission.k8s.io/v1` has them.
//!
//! Objects stay raw until a handler decodes them into what it knows, so that what it doesn't know isn't
//! lost, and an object that nobody looks at isn't decoded.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// The review's version. The API server takes the first of `admissionReviewVersions` that it knows, and
/// it has known this one since 1.16 (DV-PF14).
pub(crate) const REVIEW_VERSION: &str = "admission.k8s.io/v1";
pub(crate) const REVIEW_KIND: &str = "AdmissionReview";

/// What the API server asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionRequest {
    /// Names this request; the answer repeats it.
    pub uid: String,
    /// Kind of the object, as the webhook's rule names it.
    pub kind: GroupVersionKind,
    /// Resource of the request, as the webhook's rule names it.
    pub resource: GroupVersionResource,
    /// `status`, `eviction`, …; empty for the resource itself.
    #[serde(default)]
    pub sub_resource: String,
    /// Kind of the object in the request that the API server was sent.
    pub request_kind: Option<GroupVersionKind>,
    /// Resource in the request that the API server was sent.
    pub request_resource: Option<GroupVersionResource>,
    /// Name of the object. Empty while it is to be generated.
    #[serde(default)]
    pub name: String,
    /// Namespace of the object; empty if its kind has none.
    #[serde(default)]
    pub namespace: String,
    /// What is to be done.
    pub operation: Operation,
    /// Who asks.
    #[serde(default)]
    pub user_info: UserInfo,
    /// The new object: on create, update and connect.
    #[serde(rename = "object")]
    pub raw_object: Option<Box<RawValue>>,
    /// The object that is there: on update and delete.
    #[serde(rename = "oldObject")]
    pub raw_old_object: Option<Box<RawValue>>,
    /// Nothing will be stored, and nothing must be changed elsewhere.
    #[serde(default, deserialize_with = "null_is_default")]
    pub dry_run: bool,
    /// `CreateOptions`, `UpdateOptions`, `DeleteOptions` or the like.
    #[serde(rename = "options")]
    pub raw_options: Option<Box<RawValue>>,
}

impl AdmissionRequest {
    /// Reads an `AdmissionReview`.
    ///
    /// # Errors
    /// When it isn't one, of the version that is answered, or has no request.
    pub fn from_review(review: &[u8]) -> Result<Self, ReviewError> {
        let review: Review = serde_json::from_slice(review).map_err(ReviewError::Json)?;
        if review.kind != REVIEW_KIND || review.api_version != REVIEW_VERSION {
            return Err(ReviewError::Type {
                found: format!("{} {}", review.api_version, review.kind),
                expected: format!("{REVIEW_VERSION} {REVIEW_KIND}"),
            });
        }
        review.request.ok_or(ReviewError::NoRequest)
    }

    /// The new object as far as `T` knows it; as a [`serde_json::Value`] all of it.
    ///
    /// # Errors
    /// When there is none, or it isn't a `T`. The error is a refusal already (PF-211).
    pub fn object<T: DeserializeOwned>(&self) -> Result<T, UnreadableObject> {
        decode("object", self.raw_object.as_deref())
    }

    /// The object that is there.
    ///
    /// # Errors
    /// As [`Self::object`].
    pub fn old_object<T: DeserializeOwned>(&self) -> Result<T, UnreadableObject> {
        decode("oldObject", self.raw_old_object.as_deref())
    }

    /// Name of the object that is there. A request to delete a whole collection has no name: the API server asks about
    /// each of its objects with the name left empty, and sends the object.
    #[must_use]
    pub fn name_of_old_object(&self) -> Cow<'_, str> {
        if !self.name.is_empty() {
            return Cow::Borrowed(&self.name);
        }
        let named = self.old_object::<Named>();
        let metadata = named.ok().and_then(|named| named.metadata);
        let name = metadata.and_then(|metadata| metadata.name);
        Cow::Owned(name.unwrap_or_default())
    }

    /// The options of the request.
    ///
    /// # Errors
    /// As [`Self::object`].
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, UnreadableObject> {
        decode("options", self.raw_options.as_deref())
    }
}

fn decode<T: DeserializeOwned>(
    field: &'static str,
    raw: Option<&RawValue>,
) -> Result<T, UnreadableObject> {
    let raw = raw.ok_or(UnreadableObject::Missing(field))?;
    serde_json::from_str(raw.get()).map_err(|source| UnreadableObject::Unreadable { field, source })
}

/// A group, a version and a kind.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct GroupVersionKind {
    pub group: String,
    pub version: String,
    pub kind: String,
}

/// A group, a version and a resource's name.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct GroupVersionResource {
    pub group: String,
    pub version: String,
    pub resource: String,
}

/// What is to be done with an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    /// Name, such as `system:serviceaccount:NAMESPACE:NAME`.
    pub username: String,
    /// Tells users of the same name at different times apart.
    pub uid: String,
    /// Groups of the user.
    #[serde(deserialize_with = "null_is_default")]
    pub groups: Vec<String>,
    /// What the authenticator added.
    #[serde(deserialize_with = "null_is_default")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Why a body is not a review that can be answered.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// It is not JSON, or lacks what every review has.
    #[error("the review can't be read")]
    Json(#[source] serde_json::Error),
    /// It is something else, or another version of it.
    #[error("{expected} is answered here, not {found:?}")]
    Type {
        /// Version and kind of the body.
        found: String,
        /// What is answered here.
        expected: String,
    },
    /// It asks nothing.
    #[error("the review has no request")]
    NoRequest,
}

/// Why a request's object can't be had.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableObject {
    /// There is none.
    #[error("the request has no {0}")]
    Missing(&'static str),
    /// It is something else.
    #[error("{field} can't be read")]
    Unreadable {
        /// The request's field.
        field: &'static str,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
}

/// Of an object, its name.
#[derive(Deserialize)]
struct Named {
    metadata: Option<NamedMetadata>,
}

#[derive(Deserialize)]
struct NamedMetadata {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<AdmissionRequest>,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
