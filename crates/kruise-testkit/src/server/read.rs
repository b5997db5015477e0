//! Reading: one object, or lists in pages.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{
    ApiServer,
    answer::{Answer, Form, List},
    call::Call,
    select::Selection,
    status::Status,
};

const PAGE_EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You can \
    start a new list without the continue parameter, or use the continue token in this response to retrieve the \
    remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were \
    created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

const VERSION_EXPIRED: &str = "The resourceVersion for the provided list is too old.";

/// Where the next page of a list begins, and in which version. A version of -1 is whatever is current then.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Continue {
    version: i64,
    after: String,
}

impl Continue {
    fn parse(token: &str) -> Option<Self> {
        let token = token.trim_end_matches('=');
        let token: Value = serde_json::from_slice(&BASE64.decode(token).ok()?).ok()?;
        let after = token["start"].as_str()?.strip_suffix('\0')?;
        Some(Self {
            version: token["rv"].as_i64()?,
            after: after.to_owned(),
        })
    }

    fn token(&self) -> String {
        let start = format!("{}\0", self.after);
        BASE64.encode(
            json!({ "v": "meta.k8s.io/v1", "rv": self.version, "start": start }).to_string(),
        )
    }
}

impl ApiServer {
    pub(super) fn read_one(&self, call: &Call) -> Result<Answer, Status> {
        let found = {
            let state = self.lock();
            let asked = version(call.query.get("resourceVersion"))?;
            if asked > state.store.version() {
                return Err(Status::version_too_large(asked, state.store.version()));
            }
            state.store.get(call.number, &call.place()).cloned()
        };
        let found = found.ok_or_else(|| Status::not_found(&call.kind, call.name()));
        match call.subresource.as_str() {
            "" => {}
            "status" if call.kind.has_status(call.version) => {}
            "scale" => return self.read_scale(call, &found?),
            // Of a custom kind it is the object that isn't found, whether it is there or not.
            _ if call.kind.custom.is_some() => {
                return Err(Status::not_found(&call.kind, call.name()));
            }
            _ => return Err(Status::no_such_subresource()),
        }
        let object = found?;
        call.form.check(false)?;
        Ok(Answer::Object(200, self.in_version(call, &object)?))
    }

    pub(super) fn read_list(&self, call: &Call) -> Result<Answer, Status> {
        let selection = Selection::read(&call.query)?;
        check_list_options(call)?;
        selection.check(&call.kind)?;
        let page = self.page(call, &selection)?;
        call.form.check(true)?;
        let whole = call.form == Form::Whole;
        let list = List {
            kind: if whole {
                call.kind.list_kind.clone()
            } else {
                "PartialObjectMetadataList".to_owned()
            },
            api_version: if whole {
                call.api_version()
            } else {
                "meta.k8s.io/v1".to_owned()
            },
            metadata: page.metadata,
            untyped: whole && call.kind.custom.is_none(),
        };
        let mut items = vec![];
        for object in page.items {
            items.push(self.text_for(call, &object)?);
        }
        Ok(Answer::Text(list.text(&items)))
    }

    /// The object as this client reads it.
    pub(super) fn text_for(&self, call: &Call, object: &Arc<Value>) -> Result<Bytes, Status> {
        let object = call.form.of(&self.in_version(call, object)?);
        Ok(self.lock().texts.of(&object))
    }

    /// One page of a list, or all of it.
    fn page(&self, call: &Call, selection: &Selection) -> Result<Page, Status> {
        let state = self.lock();
        let query = &call.query;
        let limit = usize::try_from(query.number("limit").unwrap_or(0)).unwrap_or(0);
        let (asked, current) = (query.get("resourceVersion"), state.store.version());
        let token = query.get("continue");
        let mut after = None;
        let mut at = None;
        if !token.is_empty() {
            if !asked.is_empty() && asked != "0" {
                let message = "specifying resource version is not allowed when using continue";
                return Err(Status::bad_request(message));
            }
            let token = Continue::parse(token).ok_or_else(|| {
                Status::bad_request("continue key is not valid: illegal base64 data")
            })?;
            match u64::try_from(token.version) {
                Ok(version) if version < state.store.compacted() => {
                    let mut status = Status::expired(PAGE_EXPIRED);
                    let inconsistent = Continue {
                        version: -1,
                        after: token.after,
                    };
                    status.body["metadata"]["continue"] = inconsistent.token().into();
                    return Err(status);
                }
                Ok(version) => at = Some(version),
                Err(_) => {}
            }
            after = Some(token.after);
        } else if asked != "0" && !asked.is_empty() {
            let version = version(asked)?;
            if version > current {
                return Err(Status::version_too_large(version, current));
            }
            let exact = match query.get("resourceVersionMatch") {
                "Exact" => true,
                "" => limit > 0,
                _ => false,
            };
            if exact {
                if version < state.store.compacted() {
                    return Err(Status::expired(VERSION_EXPIRED));
                }
                at = Some(version);
            }
        }
        let version = at.unwrap_or(current);
        let prefix = call.prefix();
        let mut all: Vec<(String, Arc<Value>)> = if version == current {
            let now = state.store.list(call.number, &prefix);
            now.map(|(place, object)| (place.clone(), Arc::clone(object)))
                .collect()
        } else {
            state
                .store
                .list_at(call.number, &prefix, version)
                .into_iter()
                .collect()
        };
        drop(state);
        if let Some(after) = &after {
            let start = format!("{prefix}{after}");
            all.retain(|(place, _)| *place > start);
        }
        // A selected name is looked up, so nothing comes after it.
        if let Some(name) = selection.name()
            && !call.namespace().is_empty()
        {
            let only = format!("{prefix}{name}");
            all.retain(|(place, _)| *place == only);
        }
        // The server's cache has an index of the pods of each node, for lists of what is current.
        if let Some(node) = selection.node()
            && call.kind.is_core("pods")
            && at.is_none()
            && after.is_none()
        {
            all.retain(|(_, pod)| pod["spec"]["nodeName"].as_str().unwrap_or_default() == node);
        }
        // Of a list from the cache the server makes no pages.
        let limit = if asked == "0" { 0 } else { limit };
        let total = all.len();
        let mut items = vec![];
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if call.kind.custom.is_some() && call.form == Form::Whole {
            metadata["continue"] = "".into();
        }
        for (index, (place, object)) in all.into_iter().enumerate() {
            if !selection.matches(&object) {
                continue;
            }
            items.push(object);
            if limit > 0 && items.len() >= limit {
                if index + 1 < total {
                    let next = Continue {
                        version: i64::try_from(version).unwrap_or(i64::MAX),
                        after: place[prefix.len()..].to_owned(),
                    };
                    metadata["continue"] = next.token().into();
                    if selection.is_empty() {
                        metadata["remainingItemCount"] = (total - items.len()).into();
                    }
                }
                break;
            }
        }
        Ok(Page { items, metadata })
    }
}

struct Page {
    items: Vec<Arc<Value>>,
    metadata: Value,
}

/// A version as queries have it; 0 when there is none.
pub(crate) fn version(text: &str) -> Result<u64, Status> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        Status::bad_request(&format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

pub(crate) fn check_list_options(call: &Call) -> Result<(), Status> {
    use super::fields::FieldError;
    let query = &call.query;
    let (matching, asked) = (
        query.get("resourceVersionMatch"),
        query.get("resourceVersion"),
    );
    let field = "resourceVersionMatch";
    let mut errors = vec![];
    if !matching.is_empty() {
        if asked.is_empty() {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            errors.push(FieldError::forbidden(field, detail));
        }
        if !query.get("continue").is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(FieldError::forbidden(field, detail));
        }
        let known = ["Exact", "NotOlderThan", ""];
        if !known.contains(&matching) {
            errors.push(FieldError::not_supported(field, &matching.into(), &known));
        }
        if matching == "Exact" && asked == "0" {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(FieldError::forbidden(field, detail));
        }
    }
    if query.flag("sendInitialEvents").is_some() {
        let detail = "sendInitialEvents is forbidden for list";
        errors.push(FieldError::forbidden("sendInitialEvents", detail));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid("meta.k8s.io", "ListOptions", "", &errors))
    }
}
