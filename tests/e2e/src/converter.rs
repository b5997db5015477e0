//! A conversion webhook in the test's process: what `kruise_api::conversion` says, for kinds whose deployable is not
//! installed.

use std::net::{IpAddr, Ipv4Addr};

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::body::Bytes;
use kruise_api::conversion::convert;
use serde_json::{Value, json};

use crate::https::Https;

const NAME: &str = "localhost";
const PATH: &str = "/convert";

/// The webhook, as long as this exists. An API server on this machine reaches it.
pub struct Converter(Https);

impl Converter {
    /// Serves it. The objects have a group that ends in `suffix`, where the library knows the kind's own.
    pub async fn serve(suffix: &str) -> Self {
        let suffix = suffix.to_owned();
        let answer = move |path: String, body: Bytes| {
            let answer = (path == PATH).then(|| review(&body, &suffix)).flatten();
            async { answer }
        };
        Self(Https::serve(IpAddr::V4(Ipv4Addr::LOCALHOST), NAME, answer).await)
    }

    /// What a CRD says whose objects it converts.
    #[must_use]
    pub fn strategy(&self) -> Value {
        json!({
            "strategy": "Webhook",
            "webhook": {
                "clientConfig": {
                    "url": format!("https://{NAME}:{}{PATH}", self.0.port),
                    "caBundle": BASE64_STANDARD.encode(&self.0.certificate),
                },
                "conversionReviewVersions": ["v1"],
            },
        })
    }
}

/// The group of a copy of a kind's CRD.
#[must_use]
pub fn group_of_copy(group: &str, suffix: &str) -> String {
    format!("{group}.{suffix}")
}

/// The answer to a review.
fn review(body: &[u8], suffix: &str) -> Option<Value> {
    let review: Value = serde_json::from_slice(body).ok()?;
    let request = &review["request"];
    let to = request["desiredAPIVersion"].as_str()?;
    let objects = request["objects"].as_array()?;
    let converted: Result<Vec<Value>, String> = objects
        .iter()
        .map(|object| converted(object.clone(), to, suffix))
        .collect();
    let (objects, result) = match converted {
        Ok(objects) => (objects, json!({ "status": "Success" })),
        Err(message) => (vec![], json!({ "status": "Failure", "message": message })),
    };
    Some(json!({
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": { "uid": request["uid"], "convertedObjects": objects, "result": result },
    }))
}

fn converted(mut object: Value, to: &str, suffix: &str) -> Result<Value, String> {
    let own = |api_version: &str| api_version.replacen(&format!(".{suffix}/"), "/", 1);
    let from = object["apiVersion"].as_str().unwrap_or_default();
    if from == to {
        return Ok(object);
    }
    object["apiVersion"] = json!(own(from));
    let mut object = convert(object, &own(to)).map_err(|error| error.to_string())?;
    object["apiVersion"] = json!(to);
    Ok(object)
}
