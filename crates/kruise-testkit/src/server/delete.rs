//! Deletion: at once, after a time of grace, or when the last finalizer is gone.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    ApiServer,
    answer::{Answer, List},
    call::Call,
    fields::FieldError,
    hooks::Operation,
    metadata, read,
    select::Selection,
    status::Status,
    store,
};
use crate::clock::clock_text;

/// What a deletion asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    grace: Option<i64>,
    uid: Option<String>,
    version: Option<String>,
    propagation: Option<String>,
    orphan: Option<bool>,
    pub(crate) dry_run: bool,
}

/// How far a deletion came.
#[derive(Clone, Debug)]
pub(crate) enum Deleted {
    /// The object is gone; this was its last form.
    Gone(Arc<Value>),
    /// It is on its way out.
    Pending(Arc<Value>),
}

/// What there is to do with an object that shall go.
enum Plan {
    Remove,
    Keep,
    Mark(Value),
    /// Marked first, and removed then.
    MarkAndRemove(Value),
}

impl Options {
    pub(crate) fn without_grace() -> Self {
        Self {
            grace: Some(0),
            ..Self::default()
        }
    }

    /// What the garbage collector asks for.
    pub(crate) fn of_collector(uid: &str, propagation: Option<&str>) -> Self {
        Self {
            uid: Some(uid.to_owned()),
            propagation: propagation.map(str::to_owned),
            ..Self::default()
        }
    }

    pub(crate) fn read(call: &Call) -> Result<Self, Status> {
        let options = Self::parse(call)?;
        options.check()?;
        Ok(options)
    }

    /// The options as they were sent, whether they make sense or not.
    pub(crate) fn parse(call: &Call) -> Result<Self, Status> {
        let query = &call.query;
        let body = match &call.body {
            Ok(Value::Null) => json!({}),
            Ok(body) => body.clone(),
            Err(why) => return Err(Status::bad_request(why)),
        };
        let from_query =
            |name: &str| Some(query.get(name).to_owned()).filter(|text| !text.is_empty());
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let has_body = body.as_object().is_some_and(|body| !body.is_empty());
        Ok(if has_body {
            Self {
                grace: body["gracePeriodSeconds"].as_i64(),
                uid: text(&body["preconditions"]["uid"]),
                version: text(&body["preconditions"]["resourceVersion"]),
                propagation: text(&body["propagationPolicy"]),
                orphan: body["orphanDependents"].as_bool(),
                dry_run: body["dryRun"] == json!(["All"]),
            }
        } else {
            Self {
                grace: query.number("gracePeriodSeconds"),
                propagation: from_query("propagationPolicy"),
                orphan: query.flag("orphanDependents"),
                dry_run: query.dry_run(),
                ..Self::default()
            }
        })
    }

    /// Says what an eviction made of the pod that it names a version of.
    pub(crate) fn bump(&mut self, version: &str) {
        if self.version.is_some() {
            self.version = Some(version.to_owned());
        }
    }

    pub(crate) fn check(&self) -> Result<(), Status> {
        let mut errors = vec![];
        let field = "propagationPolicy";
        if self.orphan.is_some() && self.propagation.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            let shown = json!(self.propagation);
            errors.push(FieldError::invalid(field, &shown, detail));
        }
        let known = ["Foreground", "Background", "Orphan"];
        if let Some(policy) = &self.propagation
            && !known.contains(&policy.as_str())
        {
            let listed = ["Foreground", "Background", "Orphan", "nil"];
            errors.push(FieldError::not_supported(
                field,
                &policy.as_str().into(),
                &listed,
            ));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", &errors))
        }
    }

    pub(crate) fn check_preconditions(&self, call: &Call, object: &Value) -> Result<(), Status> {
        let name = metadata::text(object, "name");
        let (uid, version) = (
            metadata::text(object, "uid"),
            metadata::text(object, "resourceVersion"),
        );
        if let Some(asked) = self.uid.as_deref().filter(|asked| *asked != uid) {
            let why = format!(
                "the UID in the precondition ({asked}) does not match the UID in record ({uid}). The object might \
                 have been deleted and then recreated"
            );
            return Err(Status::precondition(&call.kind, name, &why));
        }
        if let Some(asked) = self.version.as_deref().filter(|asked| *asked != version) {
            let why = format!(
                "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record \
                 ({version}). The object might have been modified"
            );
            return Err(Status::precondition(&call.kind, name, &why));
        }
        Ok(())
    }

    /// The finalizers that the object gets, if others than it has.
    fn finalizers(&self, call: &Call, object: &Value) -> Option<Vec<String>> {
        let before: Vec<String> = metadata::finalizers(object)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let has = |name: &str| before.iter().any(|finalizer| finalizer == name);
        let collected = call.kind.rules.collected;
        let (orphan, foreground) = match (self.orphan, self.propagation.as_deref()) {
            (Some(orphan), _) => (orphan, false),
            (None, Some("Orphan")) => (true, false),
            (None, Some("Foreground")) => (false, true),
            (None, Some(_)) => (false, false),
            (None, None) => {
                let first = before
                    .iter()
                    .find(|name| *name == "orphan" || *name == "foregroundDeletion");
                let first = first.map(String::as_str);
                (first == Some("orphan"), first == Some("foregroundDeletion"))
            }
        };
        let (orphan, foreground) = (orphan && collected, foreground && collected);
        if (has("orphan"), has("foregroundDeletion")) == (orphan, foreground) {
            return None;
        }
        let mut after = before;
        after.retain(|name| name != "orphan" && name != "foregroundDeletion");
        if orphan {
            after.push("orphan".to_owned());
        }
        if foreground {
            after.push("foregroundDeletion".to_owned());
        }
        Some(after)
    }
}

impl ApiServer {
    pub(super) async fn delete_one(&self, call: &Call) -> Result<Answer, Status> {
        if !call.subresource.is_empty() {
            return Err(Status::method_not_allowed());
        }
        let options = Options::read(call)?;
        let deleted = self.delete_by(call, &options).await?;
        let code = match &deleted {
            Deleted::Pending(_) if options.orphan == Some(false) => 202,
            _ => 200,
        };
        Ok(Answer::Object(code, self.tell_deleted(call, deleted)?))
    }

    /// What a client is told of a deletion: of some kinds the object, of most but that it is done.
    fn tell_deleted(&self, call: &Call, deleted: Deleted) -> Result<Arc<Value>, Status> {
        let (is_gone, object) = match deleted {
            Deleted::Gone(object) => (true, object),
            Deleted::Pending(object) => (false, object),
        };
        let returns_object = matches!(
            call.kind.names(),
            (
                "",
                "pods"
                    | "services"
                    | "serviceaccounts"
                    | "persistentvolumeclaims"
                    | "persistentvolumes"
                    | "podtemplates"
                    | "resourcequotas"
            ) | ("storage.k8s.io", "storageclasses")
        );
        if returns_object || !is_gone {
            return self.in_version(call, &object);
        }
        let (group, plural) = call.kind.names();
        let mut details = json!({ "name": metadata::text(&object, "name") });
        if !group.is_empty() {
            details["group"] = group.into();
        }
        details["kind"] = plural.into();
        details["uid"] = metadata::text(&object, "uid").into();
        Ok(Arc::new(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
        })))
    }

    pub(super) async fn delete_by(
        &self,
        call: &Call,
        options: &Options,
    ) -> Result<Deleted, Status> {
        let found = self.lock().store.get(call.number, &call.place()).cloned();
        let Some(object) = found else {
            return Err(Status::not_found(&call.kind, call.name()));
        };
        options.check_preconditions(call, &object)?;
        check_deletion(call)?;
        if self.has_hooks(call, Operation::Delete) {
            let old = self.in_version(call, &object)?;
            self.mutate(call, Operation::Delete, Value::Null, Some(&old))
                .await?;
            self.validate(call, Operation::Delete, &Value::Null, Some(&old))
                .await?;
        }
        let deleted = self.delete_without_admission(call, options)?;
        self.inner.changed.notify_waiters();
        Ok(deleted)
    }

    pub(super) fn delete_without_admission(
        &self,
        call: &Call,
        options: &Options,
    ) -> Result<Deleted, Status> {
        let place = call.place();
        let found = self.lock().store.get(call.number, &place).cloned();
        let Some(object) = found else {
            return Err(Status::not_found(&call.kind, call.name()));
        };
        options.check_preconditions(call, &object)?;
        let plan = plan(call, options, &object, self.inner.clock.now());
        let (marked, remove) = match plan {
            Plan::Keep => return Ok(Deleted::Pending(object)),
            Plan::Remove => (None, true),
            Plan::Mark(marked) => (Some(marked), false),
            Plan::MarkAndRemove(marked) => (Some(marked), true),
        };
        // The server marks the object in the version that the client speaks.
        let marked = match marked {
            Some(marked) => {
                let spoken = self.convert(&call.kind, marked, call.version)?;
                Some(self.to_storage(call, spoken)?)
            }
            None => None,
        };
        let anew = self.writes_anew(call, &object)?;
        let mut state = self.lock();
        let current = state.store.get(call.number, &place);
        if !current.is_some_and(|current| Arc::ptr_eq(current, &object)) {
            // Another thread was faster; its object is looked at anew.
            drop(state);
            return self.delete_without_admission(call, options);
        }
        let last = match marked {
            Some(marked) if options.dry_run => Arc::new(marked),
            Some(marked) if marked != *object || anew => {
                let write = self.write_by(call);
                state.store.put(call.number, &place, marked, write)
            }
            _ => object,
        };
        if !remove {
            return Ok(Deleted::Pending(last));
        }
        if !options.dry_run {
            let write = self.write_by(call);
            state.store.remove(call.number, &place, write);
            self.after_removal(&mut state, call, &last);
            // What is told of it has the version in which it went.
            let mut gone = Value::clone(&last);
            let version = state.store.version().to_string();
            metadata::set(&mut gone, "resourceVersion", Some(version.into()));
            return Ok(Deleted::Gone(Arc::new(gone)));
        }
        Ok(Deleted::Gone(last))
    }

    pub(super) async fn delete_all(&self, call: &Call) -> Result<Answer, Status> {
        let selection = Selection::read(&call.query)?;
        read::check_list_options(call)?;
        selection.check(&call.kind)?;
        let options = Options::read(call)?;
        let selected: Vec<Arc<Value>> = {
            let state = self.lock();
            let prefix = call.prefix();
            let objects = state
                .store
                .list(call.number, &prefix)
                .map(|(_, object)| object);
            objects
                .filter(|object| selection.matches(object))
                .cloned()
                .collect()
        };
        let version = self.lock().store.version().to_string();
        let mut items = vec![];
        for object in selected {
            let mut one = call.clone();
            one.key = store::key_of(&object);
            match self.delete_by(&one, &options).await {
                Ok(_) => {}
                Err(status) if status.code == 404 => {}
                Err(status) => return Err(status),
            }
            items.push(self.text_for(call, &object)?);
        }
        let mut metadata = json!({ "resourceVersion": version });
        if call.kind.custom.is_some() {
            metadata["continue"] = "".into();
        }
        let list = List {
            kind: call.kind.list_kind.clone(),
            api_version: call.api_version(),
            metadata,
            untyped: call.kind.custom.is_none(),
        };
        Ok(Answer::Text(list.text(&items)))
    }
}

/// Some namespaces stay.
fn check_deletion(call: &Call) -> Result<(), Status> {
    let stays = ["default", "kube-public", "kube-system"].contains(&call.name());
    if call.kind.is_core("namespaces") && stays {
        return Err(Status::forbidden(
            &call.kind,
            call.name(),
            "this namespace may not be deleted",
        ));
    }
    Ok(())
}

fn plan(call: &Call, options: &Options, object: &Value, now: Timestamp) -> Plan {
    let is_namespace = call.kind.is_core("namespaces");
    let mut marked = object.clone();
    let graceful = if call.kind.is_core("pods") {
        match grace_of_pod(options, object, &mut marked, now) {
            Graceful::Pending => return Plan::Keep,
            Graceful::No => None,
            Graceful::Marked(seconds) => Some(seconds),
        }
    } else {
        None
    };
    if let Some(finalizers) = options.finalizers(call, object) {
        let value = (!finalizers.is_empty()).then(|| json!(finalizers));
        metadata::set(&mut marked, "finalizers", value);
    }
    let held = !metadata::finalizers(&marked).is_empty()
        || is_namespace
            && object["spec"]["finalizers"]
                .as_array()
                .is_some_and(|list| !list.is_empty());
    match graceful {
        Some(_) if held => Plan::Mark(marked),
        Some(0) => Plan::MarkAndRemove(marked),
        Some(_) => Plan::Mark(marked),
        None if held => {
            mark(&mut marked, is_namespace, now);
            Plan::Mark(marked)
        }
        None => Plan::Remove,
    }
}

/// Marks an object as one that goes once nothing holds it.
fn mark(object: &mut Value, is_namespace: bool, now: Timestamp) {
    if !metadata::is_terminating(object) {
        let generation = metadata::generation(object);
        if generation > 0 {
            metadata::set(object, "generation", Some((generation + 1).into()));
        }
    }
    let text = clock_text(now);
    let is_later = metadata::text(object, "deletionTimestamp") > text.as_str();
    if !metadata::is_terminating(object) || is_later {
        metadata::set(object, "deletionTimestamp", Some(text.into()));
    }
    if is_namespace {
        object["status"]["phase"] = "Terminating".into();
    } else {
        metadata::set(object, "deletionGracePeriodSeconds", Some(0.into()));
    }
}

enum Graceful {
    /// Nobody has to be waited for.
    No,
    /// A deletion is under way already, and stays as it is.
    Pending,
    /// The pod has so many seconds left.
    Marked(i64),
}

fn grace_of_pod(options: &Options, pod: &Value, marked: &mut Value, now: Timestamp) -> Graceful {
    let asked = options
        .grace
        .map(|seconds| if seconds < 0 { 1 } else { seconds });
    if metadata::is_terminating(pod) {
        let current =
            metadata::grace(pod).map_or(0, |seconds| if seconds < 0 { 1 } else { seconds });
        if current == 0 {
            return Graceful::No;
        }
        // The time can only be shortened.
        let Some(mut seconds) = asked.filter(|asked| *asked < current) else {
            return Graceful::Pending;
        };
        let until = metadata::text(pod, "deletionTimestamp")
            .parse::<Timestamp>()
            .unwrap_or(now);
        let mut until =
            until - SignedDuration::from_secs(current) + SignedDuration::from_secs(seconds);
        if until < now {
            until = now;
            if seconds != 0 {
                seconds = 1;
            }
        }
        metadata::set(marked, "deletionTimestamp", Some(clock_text(until).into()));
        metadata::set(marked, "deletionGracePeriodSeconds", Some(seconds.into()));
        return Graceful::Marked(seconds);
    }
    let own = || {
        pod["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(0)
    };
    let mut seconds = asked.unwrap_or_else(own);
    let is_unbound = pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty);
    let is_done =
        ["Failed", "Succeeded"].contains(&pod["status"]["phase"].as_str().unwrap_or_default());
    if is_unbound || is_done {
        seconds = 0;
    }
    if seconds < 0 {
        seconds = 1;
    }
    let until = now + SignedDuration::from_secs(seconds);
    metadata::set(marked, "deletionTimestamp", Some(clock_text(until).into()));
    metadata::set(marked, "deletionGracePeriodSeconds", Some(seconds.into()));
    let generation = metadata::generation(pod);
    if generation > 0 {
        metadata::set(marked, "generation", Some((generation + 1).into()));
    }
    Graceful::Marked(seconds)
}
