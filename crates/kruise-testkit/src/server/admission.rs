//! Admission and conversion by others, called in this process instead of over the network.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    ApiServer,
    call::Call,
    hooks::{Handler, Hook, Operation, Webhook},
    kinds::Kind,
    metadata,
    path::Verb,
    rules,
    status::Status,
};

impl ApiServer {
    /// Calls this webhook before others see the object. The handler gets an `AdmissionReview` with a request, and
    /// answers with one that has a response; an error is a webhook that fails.
    pub fn set_mutating<F, R>(&self, webhook: Webhook, handler: F)
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, String>> + Send + 'static,
    {
        self.hook(webhook, true, handler);
    }

    /// Calls this webhook when the object is as it will be stored.
    pub fn set_validating<F, R>(&self, webhook: Webhook, handler: F)
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, String>> + Send + 'static,
    {
        self.hook(webhook, false, handler);
    }

    fn hook<F, R>(&self, webhook: Webhook, mutates: bool, handler: F)
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |review| Box::pin(handler(review)));
        let mut state = self.lock();
        let hooks = &mut state.hooks.hooks;
        hooks.retain(|hook| (&hook.webhook.name, hook.mutates) != (&webhook.name, mutates));
        hooks.push(Hook {
            webhook,
            mutates,
            handler,
            is_down: false,
        });
        // The real server calls them in the order of their names.
        hooks.sort_by(|a, b| a.webhook.name.cmp(&b.webhook.name));
    }

    /// Takes webhooks of this name away.
    pub fn remove_webhook(&self, name: &str) {
        self.lock()
            .hooks
            .hooks
            .retain(|hook| hook.webhook.name != name);
    }

    /// Whether webhooks of this name answer.
    pub fn set_webhook_down(&self, name: &str, is_down: bool) {
        for hook in &mut self.lock().hooks.hooks {
            if hook.webhook.name == name {
                hook.is_down = is_down;
            }
        }
    }

    pub(super) fn has_hooks(&self, call: &Call, operation: Operation) -> bool {
        let state = self.lock();
        state
            .hooks
            .hooks
            .iter()
            .any(|hook| hook.is_asked(call, operation))
    }

    /// Lets webhooks change the object.
    pub(super) async fn mutate(
        &self,
        call: &Call,
        operation: Operation,
        mut object: Value,
        old: Option<&Value>,
    ) -> Result<Value, Status> {
        for hook in self.asked(call, operation, true) {
            let Some(response) = self.ask(call, operation, &hook, &object, old).await? else {
                continue;
            };
            let Some(patch) = response["patch"].as_str() else {
                continue;
            };
            object = self.patched(call, &hook, object, patch)?;
        }
        Ok(object)
    }

    /// Lets webhooks refuse the object.
    pub(super) async fn validate(
        &self,
        call: &Call,
        operation: Operation,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Status> {
        for hook in self.asked(call, operation, false) {
            self.ask(call, operation, &hook, object, old).await?;
        }
        Ok(())
    }

    fn asked(&self, call: &Call, operation: Operation, mutates: bool) -> Vec<Hook> {
        let state = self.lock();
        let hooks = state.hooks.hooks.iter();
        let asked = hooks.filter(|hook| hook.mutates == mutates && hook.is_asked(call, operation));
        asked.cloned().collect()
    }

    /// What a webhook answers, unless it refuses; `None` when it is passed over.
    async fn ask(
        &self,
        call: &Call,
        operation: Operation,
        hook: &Hook,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<Option<Value>, Status> {
        let uid = self.lock().uid();
        let review = self.review(call, operation, hook, &uid, object, old)?;
        let answered = if hook.is_down {
            Err("connect: connection refused".to_owned())
        } else {
            (hook.handler)(review).await
        };
        let name = &hook.webhook.name;
        let answer = match answered {
            Ok(answer) => answer,
            Err(_) if !hook.webhook.fails => return Ok(None),
            Err(why) => {
                let why = format!("failed calling webhook {name:?}: failed to call webhook: {why}");
                return Err(Status::internal(&why));
            }
        };
        let response = &answer["response"];
        if response["allowed"] == true {
            return Ok(Some(response.clone()));
        }
        Err(denied(name, &response["status"]))
    }

    fn review(
        &self,
        call: &Call,
        operation: Operation,
        hook: &Hook,
        uid: &str,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<Value, Status> {
        let version = hook.version(call);
        let in_version = |object: Option<&Value>| match object {
            Some(object) if !object.is_null() => self.convert(&call.kind, object.clone(), version),
            _ => Ok(Value::Null),
        };
        let resource = &call.kind.resource;
        let kind = |version: &str| json!({ "group": resource.group, "version": version, "kind": resource.kind });
        let plural = |version: &str| json!({ "group": resource.group, "version": version, "resource": resource.plural });
        let object = in_version(Some(object))?;
        let mut name = match call.verb {
            // The request names no object, whichever of them this is about.
            Verb::DeleteCollection => String::new(),
            _ => call.name().to_owned(),
        };
        if name.is_empty() {
            name = metadata::text(&object, "name").to_owned();
        }
        // A namespace counts as being in itself.
        let namespace = if call.kind.is_core("namespaces") {
            name.clone()
        } else {
            call.namespace().to_owned()
        };
        let options = format!("{}Options", capitalized(operation.word()));
        let mut options = json!({ "kind": options, "apiVersion": "meta.k8s.io/v1" });
        if call.query.dry_run() {
            options["dryRun"] = json!(["All"]);
        }
        let mut request = json!({
            "uid": uid,
            "kind": kind(version),
            "resource": plural(version),
            "requestKind": kind(call.version),
            "requestResource": plural(call.version),
            "operation": operation.word(),
            "userInfo": { "username": call.who, "groups": ["system:authenticated"] },
            "object": object,
            "oldObject": in_version(old)?,
            "dryRun": call.query.dry_run(),
            "options": options,
        });
        for (member, text) in [
            ("name", name.as_str()),
            ("namespace", namespace.as_str()),
            ("subResource", call.subresource.as_str()),
            ("requestSubResource", call.subresource.as_str()),
        ] {
            if !text.is_empty() {
                request[member] = text.into();
            }
        }
        Ok(
            json!({ "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request }),
        )
    }

    /// The object after a webhook's patch.
    fn patched(
        &self,
        call: &Call,
        hook: &Hook,
        object: Value,
        patch: &str,
    ) -> Result<Value, Status> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let bad = |why: String| {
            let name = &hook.webhook.name;
            Status::internal(&format!("failed calling webhook {name:?}: {why}"))
        };
        let patch = STANDARD
            .decode(patch)
            .map_err(|error| bad(error.to_string()))?;
        let patch: json_patch::Patch =
            serde_json::from_slice(&patch).map_err(|error| bad(error.to_string()))?;
        let own = call.version;
        let mut object = self.convert(&call.kind, object, hook.version(call))?;
        json_patch::patch(&mut object, &patch).map_err(|error| bad(error.to_string()))?;
        let mut object = self.convert(&call.kind, object, own)?;
        call.read(&mut object).map_err(bad)?;
        rules::read(&call.kind, own, &mut object)?;
        Ok(object)
    }
}

fn denied(name: &str, status: &Value) -> Status {
    let code = status["code"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok());
    let code = code.filter(|code| *code >= 400).unwrap_or(403);
    let (message, reason) = (status["message"].as_str(), status["reason"].as_str());
    let message = match (message, reason) {
        (Some(message), _) if !message.is_empty() => {
            format!("admission webhook {name:?} denied the request: {message}")
        }
        (_, Some(reason)) if !reason.is_empty() => {
            format!("admission webhook {name:?} denied the request: {reason}")
        }
        _ => format!("admission webhook {name:?} denied the request without explanation"),
    };
    let details = status["details"].as_object().cloned().unwrap_or_default();
    let reason = match reason {
        Some(reason) if !reason.is_empty() => reason,
        _ if code == 403 => "Forbidden",
        _ => "",
    };
    Status::new(code, reason, &message, details)
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{first}{}", rest.to_lowercase())
}

impl ApiServer {
    /// Brings objects of a kind into other versions; the kind is named by its definition.
    pub fn set_converter(
        &self,
        definition: &str,
        converter: impl Fn(Value, &str) -> Result<Value, String> + Send + Sync + 'static,
    ) {
        let converters = &mut self.lock().hooks.converters;
        converters.retain(|(own, _)| own != definition);
        converters.push((definition.to_owned(), Arc::new(converter)));
    }

    /// Whether converters answer.
    pub fn set_converters_down(&self, are_down: bool) {
        self.lock().hooks.converters_are_down = are_down;
    }

    /// The object in the version that the client speaks.
    pub(super) fn in_version(
        &self,
        call: &Call,
        object: &Arc<Value>,
    ) -> Result<Arc<Value>, Status> {
        if object["apiVersion"] == call.api_version() {
            return Ok(Arc::clone(object));
        }
        self.convert(&call.kind, Value::clone(object), call.version)
            .map(Arc::new)
    }

    /// The object in the version that is stored.
    pub(super) fn to_storage(&self, call: &Call, object: Value) -> Result<Value, Status> {
        let version = call.kind.resource.version;
        let mut stored = self.convert(&call.kind, object, version)?;
        // A real server fills these in each time that it reads what is stored.
        if let Some(custom) = &call.kind.custom {
            custom.fill_in(version, &mut stored);
        }
        Ok(stored)
    }

    /// The object in this version, without what that doesn't know, and with what it fills in.
    pub(super) fn convert(
        &self,
        kind: &Kind,
        object: Value,
        version: &str,
    ) -> Result<Value, Status> {
        if object["apiVersion"] == kind.api_version(version).as_str() {
            return Ok(object);
        }
        let mut converted = self.convert_alone(kind, object, version)?;
        if let Some(custom) = &kind.custom {
            custom.read(version, &mut converted);
        }
        Ok(converted)
    }

    /// The object in this version as the converter leaves it.
    pub(super) fn convert_alone(
        &self,
        kind: &Kind,
        object: Value,
        version: &str,
    ) -> Result<Value, Status> {
        let wanted = kind.api_version(version);
        if object["apiVersion"] == wanted.as_str() {
            return Ok(object);
        }
        let Some(custom) = kind.custom.as_ref() else {
            return Ok(object);
        };
        if !custom.converts_by_webhook() {
            let mut object = object;
            object["apiVersion"] = wanted.into();
            return Ok(object);
        }
        let (converter, are_down) = {
            let state = self.lock();
            let mut converters = state.hooks.converters.iter();
            let found = converters.find(|(name, _)| *name == custom.name());
            (
                found.map(|(_, converter)| Arc::clone(converter)),
                state.hooks.converters_are_down,
            )
        };
        let fail = |why: &str| {
            let from = object["apiVersion"].as_str().unwrap_or_default();
            let kind = kind.resource.kind;
            Status::unknown(&format!(
                "conversion webhook for {from}, Kind={kind} failed: {why}"
            ))
        };
        let Some(converter) = converter.filter(|_| !are_down) else {
            return Err(fail("connect: connection refused"));
        };
        let system = object["metadata"].clone();
        let mut converted = converter(object.clone(), &wanted).map_err(|why| fail(&why))?;
        if converted["apiVersion"] != wanted.as_str() {
            return Err(fail(
                "returned invalid converted object: invalid groupVersion",
            ));
        }
        // A converter may change nothing of the metadata but labels and annotations.
        let changed = converted["metadata"].clone();
        converted["metadata"] = system;
        for member in ["labels", "annotations"] {
            metadata::set(&mut converted, member, changed.get(member).cloned());
        }
        Ok(converted)
    }
}
