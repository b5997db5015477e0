//! Requests that no client should send.

use serde_json::{Value, json};

use super::Generator;
use crate::kinds::KINDS;
use crate::request::{Body, Request, Verb};

impl Generator {
    pub(super) fn odd(&mut self) -> Request {
        match self.random.below(8) {
            0 => {
                let mut request = self.plain(Verb::Create);
                request.body = Body::Text("{ this is not JSON");
                request
            }
            1 => {
                let mut request = self.plain(Verb::Create);
                let mut object = self.object(request.kind);
                object["metadata"]["name"] = json!("a");
                object["kind"] = json!("Nonsense");
                request.body = Body::Json(object);
                request
            }
            2 => {
                let mut request = self.plain(Verb::Create);
                let mut object = self.object(request.kind);
                object["metadata"]["name"] = json!("a");
                object["apiVersion"] = json!("example.com/v9");
                request.body = Body::Json(object);
                request
            }
            3 => {
                let mut request = self.about_one(Verb::Merge);
                request.body = Body::Text("[1]");
                request
            }
            4 => {
                let mut request = self.about_one(Verb::Create);
                if request.kind.is_custom() {
                    request.kind = &KINDS[1];
                }
                request.body = Body::Json(json!({}));
                request
            }
            5 => {
                let mut request = self.about_one(Verb::Get);
                request.subresource = "nonsense";
                request
            }
            6 => {
                let mut request = self.plain(Verb::Create);
                let mut object = self.object(request.kind);
                if let Value::Object(fields) = &mut object {
                    fields.shift_remove("kind");
                    fields.shift_remove("apiVersion");
                }
                object["metadata"]["name"] = json!("c");
                request.body = Body::Json(object);
                request
            }
            _ => {
                let mut request = self.plain(Verb::List);
                request.namespace = Some("conformance-none");
                request
            }
        }
    }
}
