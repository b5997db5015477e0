//! What the API server lets nobody do: a quota and a policy, as webhooks.

use std::sync::Arc;

use kruise_api::resource::PODS;
use kruise_testkit::server::{ApiServer, Webhook};
use serde_json::{Value, json};

/// What is refused.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Policy {
    /// New pods.
    pub(crate) refuses_pods: bool,
    /// New pods, as long as there are so many.
    pub(crate) quota: Option<usize>,
    /// To bring this into a pod, or its status.
    pub(crate) refuses: Option<&'static str>,
    /// Any change of this pod.
    pub(crate) refuses_changes_of: Option<String>,
    /// That a pod goes.
    pub(crate) refuses_deletions: bool,
    /// To resize this pod.
    pub(crate) refuses_resize_of: Option<String>,
}

const FULL: &str = "exceeded quota";
const DENIED: &str = "denied";
const TOO_BIG: &str = "too big";

/// Each part of a pod that is written to, and in which ways.
const HOOKS: [(&str, &str, &[&str]); 3] = [
    ("pods.policy.io", "", &["CREATE", "UPDATE", "DELETE"]),
    ("status.policy.io", "status", &["UPDATE"]),
    ("resize.policy.io", "resize", &["UPDATE"]),
];

/// From now on this is refused, and nothing else.
pub(crate) fn set(server: &ApiServer, policy: &Policy) {
    for (name, subresource, operations) in HOOKS {
        server.remove_webhook(name);
        if *policy == Policy::default() {
            continue;
        }
        let webhook = Webhook {
            name: name.to_owned(),
            group: String::new(),
            versions: vec!["v1".to_owned()],
            plural: PODS.plural.to_owned(),
            subresource: subresource.to_owned(),
            operations: operations.iter().map(|it| (*it).to_owned()).collect(),
            fails: true,
        };
        let (policy, server_then) = (Arc::new(policy.clone()), server.clone());
        server.set_validating(webhook, move |mut review| {
            let refused = policy.judge(&review["request"], &server_then);
            review["response"] = match refused {
                None => json!({ "allowed": true }),
                Some(why) => json!({ "allowed": false, "status": { "message": why } }),
            };
            review["response"]["uid"] = review["request"]["uid"].clone();
            async move { Ok(review) }
        });
    }
}

/// Whether these words of the server are those of a policy.
pub(crate) fn has_said(words: &str) -> bool {
    let mut all = [FULL, DENIED, TOO_BIG].iter();
    all.any(|why| words.contains(&format!("denied the request: {why}")))
}

impl Policy {
    /// Why a request is refused, if it is.
    fn judge(&self, request: &Value, server: &ApiServer) -> Option<&'static str> {
        let is_of =
            |name: &Option<String>| name.as_ref().is_some_and(|name| request["name"] == **name);
        let part = request["subResource"].as_str().unwrap_or_default();
        match (request["operation"].as_str().unwrap_or_default(), part) {
            ("CREATE", _) => {
                let n_pods = server.list(PODS).len();
                let is_full = self.quota.is_some_and(|quota| n_pods >= quota);
                (self.refuses_pods || is_full).then_some(FULL)
            }
            ("DELETE", _) => self.refuses_deletions.then_some(DENIED),
            (_, "resize") if is_of(&self.refuses_resize_of) => Some(TOO_BIG),
            _ => {
                let brings = |words: &str| {
                    let has = |object: &Value| object.to_string().contains(words);
                    has(&request["object"]) && !has(&request["oldObject"])
                };
                let is_refused =
                    is_of(&self.refuses_changes_of) || self.refuses.is_some_and(brings);
                is_refused.then_some(DENIED)
            }
        }
    }
}
