//! Conversion reviews: objects in, the same objects in another version out (PF-401).
//!
//! The API server puts all objects of a list in one review. So objects are decoded one by one, and other requests get
//! their turn in between. Nothing more is converted when nobody waits for the answer any more.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use tokio::time::Instant;

use super::{no_review::NoReview, request::ReviewError, response::ReviewAnswer};
use crate::api::error::chain;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Makes another version of an object.
pub(crate) type Converter = Arc<dyn Fn(Value, &str) -> Result<Value, BoxError> + Send + Sync>;

const REVIEW_KIND: &str = "ConversionReview";
/// The review's versions, which have the same fields (PF-402). The answer has the version of the question.
const REVIEW_VERSIONS: [&str; 2] = ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"];

/// Answers a review.
pub(crate) async fn answer(body: &[u8], converter: &Converter) -> Result<Vec<u8>, NoReview> {
    let review: Review<'_> = serde_json::from_slice(body).map_err(ReviewError::Json)?;
    if review.kind != REVIEW_KIND || !REVIEW_VERSIONS.contains(&&*review.api_version) {
        return Err(ReviewError::Type {
            found: format!("{} {}", review.api_version, review.kind),
            expected: format!("{} {REVIEW_KIND}", REVIEW_VERSIONS.join(" or ")),
        }
        .into());
    }
    let request = review.request.ok_or(ReviewError::NoRequest)?;
    let (converted_objects, result) = match convert_all(&request, converter).await {
        Ok(objects) => (objects, Outcome::SUCCESS),
        Err(message) => {
            tracing::warn!(to = &*request.desired_api_version, %message, "can't convert");
            (vec![], Outcome::failure(message))
        }
    };
    let answer = ReviewAnswer {
        api_version: &review.api_version,
        kind: REVIEW_KIND,
        response: Response {
            uid: &request.uid,
            converted_objects,
            result,
        },
    };
    serde_json::to_vec(&answer).map_err(NoReview::Unwritable)
}

/// After this time other requests get their turn. A turn after each object would be too often: a turn costs a way
/// through the other threads, which may be busy.
pub(super) const TURN: Duration = Duration::from_millis(20);

/// All objects in their order, or what is wrong with the first that can't be converted.
async fn convert_all<'a>(
    request: &Request<'a>,
    converter: &Converter,
) -> Result<Vec<Cow<'a, RawValue>>, String> {
    let objects = request.objects.as_deref().unwrap_or_default();
    let mut converted = Vec::with_capacity(objects.len());
    let mut since = Instant::now();
    for (place, object) in objects.iter().enumerate() {
        let object = convert(object, &request.desired_api_version, converter)
            .map_err(|error| format!("objects[{place}]: {}", chain(&*error)))?;
        converted.push(object);
        if since.elapsed() >= TURN {
            tokio::task::yield_now().await;
            since = Instant::now();
        }
    }
    Ok(converted)
}

fn convert<'a>(
    object: &'a RawValue,
    to: &str,
    converter: &Converter,
) -> Result<Cow<'a, RawValue>, BoxError> {
    let version: Versioned<'_> = serde_json::from_str(object.get())?;
    if version.api_version == to {
        return Ok(Cow::Borrowed(object));
    }
    let converted = converter(serde_json::from_str(object.get())?, to)?;
    Ok(Cow::Owned(to_raw_value(&converted)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    request: Option<Request<'a>>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow, rename = "desiredAPIVersion")]
    desired_api_version: Cow<'a, str>,
    #[serde(borrow)]
    objects: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versioned<'a> {
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    result: Outcome,
    converted_objects: Vec<Cow<'a, RawValue>>,
}

#[derive(Serialize)]
struct Outcome {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Outcome {
    const SUCCESS: Self = Self {
        status: "Success",
        message: None,
    };

    fn failure(message: String) -> Self {
        Self {
            status: "Failure",
            message: Some(message),
        }
    }
}
