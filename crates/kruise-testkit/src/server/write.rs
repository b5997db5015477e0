//! Writing: creation and update, from what was sent to what is stored.

use std::sync::Arc;

use serde_json::Value;

use super::{
    ApiServer,
    answer::Answer,
    call::Call,
    definition,
    fields::FieldError,
    form::Form,
    hooks::Operation,
    kinds::DEFINITIONS,
    metadata,
    part::Part,
    rules, shape,
    state::State,
    status::{MODIFIED, Status},
    store::{self, Write},
};
use crate::clock::clock_text;

/// How often the server chooses a name anew when it is taken.
const NAMES_TRIED: usize = 8;
/// How often an update is made anew for an object that changes meanwhile.
const UPDATES_TRIED: usize = 100;

impl ApiServer {
    pub(super) async fn create(&self, call: &Call) -> Result<Answer, Status> {
        match call.subresource.as_str() {
            "" => {}
            "eviction" if call.kind.is_core("pods") => return self.evict(call).await,
            "binding" if call.kind.is_core("pods") => return self.bind(call),
            _ => return Err(Status::no_such_subresource()),
        }
        let object = call.object()?;
        self.create_object(call, object)
            .await
            .map(|object| Answer::Object(201, object))
    }

    /// Creates this object, which was read already.
    async fn create_object(&self, call: &Call, mut object: Value) -> Result<Arc<Value>, Status> {
        for member in [
            "creationTimestamp",
            "uid",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            metadata::set(&mut object, member, None);
        }
        metadata::fit_namespace(&mut object, call.namespace())?;
        rules::read(&call.kind, call.version, &mut object)?;
        self.check_namespace(call, &object)?;
        rules::admit(&self.lock(), call, &mut object)?;
        let object = self.mutate(call, Operation::Create, object, None).await?;
        let generates = metadata::text(&object, "name").is_empty();
        let mut tries = 0;
        loop {
            tries += 1;
            match self.create_once(call, object.clone()).await {
                Err(status)
                    if generates
                        && tries < NAMES_TRIED
                        && status.body["reason"] == "AlreadyExists" => {}
                created => return created,
            }
        }
    }

    async fn create_once(&self, call: &Call, mut object: Value) -> Result<Arc<Value>, Status> {
        {
            let mut state = self.lock();
            let uid = state.uid();
            metadata::set(&mut object, "uid", Some(uid.into()));
            let prefix = metadata::text(&object, "generateName").to_owned();
            if metadata::text(&object, "name").is_empty() && !prefix.is_empty() {
                let name = state.name_from(&prefix);
                metadata::set(&mut object, "name", Some(name.into()));
            }
        }
        let now = clock_text(self.inner.clock.now());
        metadata::set(&mut object, "creationTimestamp", Some(now.into()));
        rules::prepare_creation(&call.kind, call.version, &mut object);
        let rule = rules::name_rule(&call.kind);
        let mut errors = metadata::check(&object, call.kind.resource.namespaced, rule);
        errors.extend(rules::check_creation(&call.kind, call.version, &object));
        let name = metadata::text(&object, "name").to_owned();
        refuse(call, &name, &errors)?;
        self.validate(call, Operation::Create, &object, None)
            .await?;
        // A dry run doesn't come as far as where this is refused.
        if !metadata::text(&object, "resourceVersion").is_empty() && !call.query.dry_run() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Status::unknown(message));
        }
        let stored = self.to_storage(call, object)?;
        let key = kruise_api::resource::ObjectKey::new(call.namespace(), name.as_str());
        let place = store::place(&key);
        let mut state = self.lock();
        if let Some(existing) = state.store.get(call.number, &place) {
            let generated = !metadata::text(&stored, "generateName").is_empty();
            let mut status = if generated {
                Status::generated_name_taken(&call.kind, &name)
            } else {
                Status::already_exists(&call.kind, &name)
            };
            if metadata::is_terminating(existing) {
                let message = status.body["message"].as_str().unwrap_or_default();
                status.body["message"] = format!("object is being deleted: {message}").into();
            }
            return Err(status);
        }
        let created = if call.query.dry_run() {
            Arc::new(stored)
        } else {
            let write = Write {
                form: Form::of_creation(call),
                ..self.write_by(call)
            };
            let created = state.store.put(call.number, &place, stored, write);
            state.after_write(&call.kind, &created);
            self.serve_definition(&mut state, call, &place, &created);
            created
        };
        drop(state);
        self.inner.changed.notify_waiters();
        self.in_version(call, &created)
    }

    /// The namespace must be there, and stay.
    fn check_namespace(&self, call: &Call, object: &Value) -> Result<(), Status> {
        if !call.kind.resource.namespaced {
            return Ok(());
        }
        let state = self.lock();
        let Some((number, namespaces)) = state.kinds.find("", "namespaces") else {
            return Ok(());
        };
        let Some(namespace) = state.store.get(number, call.namespace()) else {
            return Err(Status::not_found(namespaces, call.namespace()));
        };
        if metadata::is_terminating(namespace) {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                call.namespace()
            );
            let mut name = metadata::text(object, "name");
            if name.is_empty() {
                name = metadata::text(object, "generateName");
            }
            let mut status = Status::forbidden(&call.kind, name, &why);
            status.body["details"]["causes"] = serde_json::json!([{
                "reason": "NamespaceTerminating",
                "message": format!("namespace {} is being terminated", call.namespace()),
                "field": "metadata.namespace",
            }]);
            return Err(status);
        }
        Ok(())
    }

    pub(super) async fn update(&self, call: &Call) -> Result<Answer, Status> {
        if call.subresource == "scale" {
            return self.write_scale(call).await;
        }
        let part = Part::of(call)?;
        let mut object = call.object()?;
        metadata::fit_namespace(&mut object, call.namespace())?;
        rules::read(&call.kind, call.version, &mut object)?;
        check_name(&object, call)?;
        let make = |old: Option<&Arc<Value>>| {
            let uid = metadata::text(&object, "uid");
            let current = old.map_or("", |old| metadata::text(old, "uid"));
            if !uid.is_empty() && uid != current {
                return Err(wrong_uid(call, uid, current));
            }
            Ok(object.clone())
        };
        self.change_to(call, part, call.kind.rules.create_on_update, make)
            .await
    }

    /// Makes a new object of the one that is there, as often as it changes meanwhile. Both are in the version that the
    /// client speaks.
    pub(super) async fn change_to(
        &self,
        call: &Call,
        part: Part,
        may_create: bool,
        make: impl Fn(Option<&Arc<Value>>) -> Result<Value, Status>,
    ) -> Result<Answer, Status> {
        for _ in 0..UPDATES_TRIED {
            let found = self.lock().store.get(call.number, &call.place()).cloned();
            let Some(stored) = found else {
                if !may_create {
                    return Err(Status::not_found(&call.kind, call.name()));
                }
                let mut new = make(None)?;
                metadata::set(&mut new, "resourceVersion", None);
                let created = self.create_object(call, new).await;
                return created.map(|object| Answer::Object(201, object));
            };
            let old = self.in_version(call, &stored)?;
            let new = make(Some(&old))?;
            let new = self
                .mutate(call, Operation::Update, new, Some(&old))
                .await?;
            let new = prepare_update(call, part, new, &old)?;
            if part == Part::Resize && new["spec"] != old["spec"] {
                self.check_node(call, &new)?;
            }
            self.validate(call, Operation::Update, &new, Some(&old))
                .await?;
            let returned = new.clone();
            let new = self.to_storage(call, new)?;
            let anew = new == *stored && self.writes_anew(call, &stored)?;
            let updated = match self.store_update(call, &stored, new, returned, anew) {
                Some(updated) => updated,
                None => continue,
            };
            self.inner.changed.notify_waiters();
            return Ok(Answer::Object(200, self.in_version(call, &updated)?));
        }
        Err(Status::conflict(&call.kind, call.name(), MODIFIED))
    }

    /// The node of a pod that is resized must be there.
    fn check_node(&self, call: &Call, pod: &Value) -> Result<(), Status> {
        let state = self.lock();
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        let nodes = state.kinds.find("", "nodes");
        let found = nodes.and_then(|(number, _)| state.store.get(number, node));
        if node.is_empty() || found.is_some() {
            return Ok(());
        }
        let why = format!("node {node:?} not found");
        Err(Status::forbidden(&call.kind, call.name(), &why))
    }

    /// Stores what an update came to, or what was there `anew`. `None`: the object has changed meanwhile.
    fn store_update(
        &self,
        call: &Call,
        stored: &Arc<Value>,
        new: Value,
        returned: Value,
        anew: bool,
    ) -> Option<Arc<Value>> {
        let mut state = self.lock();
        let place = call.place();
        let current = state.store.get(call.number, &place)?;
        if !Arc::ptr_eq(current, stored) {
            return None;
        }
        if deletes(&new, stored) {
            if !call.query.dry_run() {
                let write = self.write_by(call);
                state.store.remove(call.number, &place, write);
                self.after_removal(&mut state, call, stored);
            }
            return Some(Arc::new(returned));
        }
        // What changes nothing isn't written.
        if new == **stored && !anew {
            return Some(Arc::clone(stored));
        }
        if call.query.dry_run() {
            return Some(Arc::new(new));
        }
        let write = self.write_by(call);
        let updated = state.store.put(call.number, &place, new, write);
        state.after_write(&call.kind, &updated);
        Some(updated)
    }

    /// Writes into a new definition that its kind is served.
    fn serve_definition(&self, state: &mut State, call: &Call, place: &str, created: &Value) {
        if call.kind.is(&DEFINITIONS) {
            let mut served = created.clone();
            let now = clock_text(self.inner.clock.now());
            served["status"] = definition::served_status(created, &now);
            let write = self.write_by(call);
            state.store.put(call.number, place, served, write);
        }
    }

    /// What the server itself does once an object is gone.
    pub(super) fn after_removal(&self, state: &mut State, call: &Call, object: &Value) {
        if call.kind.is(&DEFINITIONS) {
            state.forget(object, |resource| Write {
                resource,
                ..self.write_by(call)
            });
        }
    }

    /// Creates an object for a part of the test kit.
    pub(super) fn put_by(&self, call: &Call, mut object: Value) -> Result<Arc<Value>, Status> {
        let bad = |why: String| Status::bad_request(&why);
        call.read(&mut object).map_err(bad)?;
        rules::read(&call.kind, call.version, &mut object)?;
        let status = object.get("status").cloned();
        rules::prepare_creation(&call.kind, call.version, &mut object);
        if let Some(status) = status {
            object["status"] = status;
        }
        let now = clock_text(self.inner.clock.now());
        if call.kind.is(&DEFINITIONS) {
            object["status"] = definition::served_status(&object, &now);
        }
        let mut object = self.to_storage(call, object)?;
        let mut state = self.lock();
        if metadata::text(&object, "uid").is_empty() {
            let uid = state.uid();
            metadata::set(&mut object, "uid", Some(uid.into()));
        }
        if metadata::text(&object, "creationTimestamp").is_empty() {
            metadata::set(&mut object, "creationTimestamp", Some(now.into()));
        }
        let place = call.place();
        if state.store.get(call.number, &place).is_some() {
            return Err(Status::already_exists(&call.kind, call.name()));
        }
        let write = self.write_by(call);
        let created = state.store.put(call.number, &place, object, write);
        state.after_write(&call.kind, &created);
        Ok(created)
    }

    /// Puts an object in the place of the one that is there, for a part of the test kit.
    pub(super) fn replace_by(&self, call: &Call, old: &Arc<Value>, mut new: Value) {
        let read = metadata::read(&mut new);
        read.unwrap_or_else(|why| panic!("{} {}: {why}", call.kind, call.key));
        if call.kind.custom.is_none() {
            let read = shape::read(call.kind.resource.kind, &mut new);
            read.unwrap_or_else(|why| panic!("{} {}: {why}", call.kind, call.key));
        }
        if rules::is_new_generation(&call.kind, &new, old) {
            let next = metadata::generation(old) + 1;
            metadata::set(&mut new, "generation", Some(next.into()));
        }
        self.store_update(call, old, new, Value::Null, false);
    }

    pub(super) fn write_by(&self, call: &Call) -> Write {
        Write {
            at: self.inner.clock.now(),
            by: call.who,
            resource: call.kind.resource,
            form: Form::of_change(call),
        }
    }
}

/// What an update is before webhooks look at it for the last time.
fn prepare_update(
    call: &Call,
    part: Part,
    mut new: Value,
    old: &Arc<Value>,
) -> Result<Value, Status> {
    let version = metadata::text(&new, "resourceVersion").to_owned();
    let current = metadata::text(old, "resourceVersion");
    if version.is_empty() && !call.kind.rules.unconditional_update {
        let (group, plural) = call.kind.names();
        let error = FieldError::invalid_as(
            "metadata.resourceVersion",
            "0",
            "must be specified for an update",
        );
        return Err(Status::invalid(group, plural, call.name(), &[error]));
    }
    if !version.is_empty() && version != current {
        return Err(Status::conflict(&call.kind, call.name(), MODIFIED));
    }
    metadata::set(&mut new, "resourceVersion", Some(current.into()));
    metadata::fit_namespace(&mut new, call.namespace())?;
    let generation = metadata::generation(old);
    metadata::set(
        &mut new,
        "generation",
        (generation > 0).then(|| generation.into()),
    );
    rules::prepare_update(call, part, &mut new, old);
    keep_system_fields(&mut new, old);
    let rule = rules::name_rule(&call.kind);
    let mut errors = metadata::check(&new, call.kind.resource.namespaced, rule);
    errors.extend(metadata::check_update(&new, old));
    errors.extend(rules::check_update(call, part, &new, old));
    refuse(call, call.name(), &errors)?;
    rules::drop_empty(&call.kind, &mut new);
    Ok(new)
}

/// Members that an update can't change, whatever it says.
fn keep_system_fields(new: &mut Value, old: &Value) {
    let of_old = |member: &str| old["metadata"].get(member).cloned();
    if metadata::text(new, "uid").is_empty() {
        metadata::set(new, "uid", of_old("uid"));
    }
    metadata::set(new, "creationTimestamp", of_old("creationTimestamp"));
    if metadata::is_terminating(old) {
        metadata::set(new, "deletionTimestamp", of_old("deletionTimestamp"));
    }
    if metadata::grace(new).is_none() {
        metadata::set(
            new,
            "deletionGracePeriodSeconds",
            of_old("deletionGracePeriodSeconds"),
        );
    }
}

/// Whether an update lets go of an object that nothing else holds.
pub(crate) fn deletes(new: &Value, old: &Value) -> bool {
    metadata::finalizers(new).is_empty()
        && metadata::is_terminating(old)
        && metadata::grace(old).unwrap_or(0) == 0
}

pub(crate) fn check_name(object: &Value, call: &Call) -> Result<(), Status> {
    let (own, asked) = (metadata::text(object, "name"), call.name());
    if own.is_empty() {
        let message = format!(
            "the name of the object ({asked} based on URL) was undeterminable: name must be provided"
        );
        return Err(Status::bad_request(&message));
    }
    if own != asked {
        let message =
            format!("the name of the object ({own}) does not match the name on the URL ({asked})");
        return Err(Status::bad_request(&message));
    }
    Ok(())
}

fn wrong_uid(call: &Call, asked: &str, own: &str) -> Status {
    let (group, plural) = call.kind.names();
    let place = call.place();
    let under = match (&call.kind.custom, plural) {
        (Some(_), plural) => format!("{group}/{plural}"),
        (None, "nodes") => "minions".to_owned(),
        (None, plural) => plural.to_owned(),
    };
    // A dry run asks before it comes to what knows the prefix (`DryRunnableStorage`).
    let prefix = if call.query.dry_run() {
        ""
    } else {
        "/registry"
    };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {prefix}/{under}/{place}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {asked}, UID in object meta: {own}"
    );
    Status::conflict(&call.kind, call.name(), &why)
}

pub(crate) fn refuse(call: &Call, name: &str, errors: &[FieldError]) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    let resource = &call.kind.resource;
    Err(Status::invalid(resource.group, resource.kind, name, errors))
}
