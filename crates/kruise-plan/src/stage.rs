//! What a step comes down to: calls to the API server, in which order they are made, and what follows from each
//! answer. The runtime's executor makes the calls, and has nothing left to choose.
//!
//! Stages borrow what the plan holds already: a plan may have a thousand patches.

use std::{borrow::Cow, sync::Arc};

use kruise_api::{
    meta::ObjectMeta,
    pod::Pod,
    resource::{PatchKind, Resource},
};
use serde_json::{Value, json};

use crate::{event::Event, refused::Asked};

/// Works that belong together. Stages are done one after the other. A failure ends its stage in the way that the
/// stage's order says, and no later stage begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage<'a> {
    /// How the works run.
    pub order: Order,
    /// The works.
    pub works: Vec<Work<'a>>,
}

/// How the works of a stage run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One after the other. After a failure no further work begins.
    OneByOne,
    /// Side by side, whatever becomes of the others. The failure of the stage is the first by position.
    SideBySide,
    /// The first alone, and one more side by side for each that succeeded. After a failure that other works may meet
    /// too, no further work begins.
    Widening,
}

/// Calls that follow each other. The first failure ends them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work<'a> {
    /// The calls, in order. A patch that carries the resourceVersion read gets the one that the patch before it
    /// returned, so that nothing slips in between.
    pub calls: Vec<Call<'a>>,
    /// Whether the first call waits until the client's limits let all of them pass. Otherwise an object that is
    /// changed half-way would wait for its turn out of service.
    pub prepaid: bool,
    /// The pod as it was planned for. A later patch that met a conflict is sent again while nothing of the pod has
    /// changed but what the kubelet reports (DV-IP15).
    pub seen: Option<Arc<Pod>>,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<'a> {
    /// The kind of the object.
    pub resource: Resource,
    /// Name of the object.
    pub name: String,
    /// Namespace of the object, where it is not the owner's.
    pub namespace: Option<String>,
    /// What is done.
    pub verb: Verb<'a>,
    /// Answers that are no failure.
    pub tolerated: &'static [Answer],
    /// The event to tell when the call is done.
    pub done: Option<Event>,
    /// The event to tell, with the error in words, when the call has failed. An answer that says only that somebody
    /// was faster is not told.
    pub failed: Option<FailureEvent>,
    /// What these events are about.
    pub about: About,
    /// What follows when the API server does not want it as it is.
    pub refused: IfRefused,
}

/// What a call does.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb<'a> {
    /// Creates the object.
    Create {
        /// All of it.
        body: Body<'a>,
    },
    /// Creates the object, unless an object of its name is there that belongs to the owner with this UID and is not
    /// being deleted.
    Ensure {
        /// All of it.
        body: Body<'a>,
        /// UID of the owner.
        owner: String,
    },
    /// Patches it.
    Patch(Patch<'a>),
    /// Asks what would come of a patch, without storing it.
    TryPatch(Patch<'a>),
    /// Deletes the object that has this UID.
    Delete {
        /// The UID.
        uid: String,
        /// The only version in which it may go; otherwise any.
        version: Option<String>,
    },
    /// Reads it live: it must be the one with this UID, and not terminating.
    MustStay {
        /// The UID.
        uid: String,
        /// What is done only then, for the error.
        before: &'static str,
    },
}

/// An object to create.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'a> {
    /// All of it.
    Whole(Cow<'a, Value>),
    /// Parts of it, put together when the object is sent: a plan may have hundreds of objects that share a large
    /// spec.
    Parts {
        /// Group and version.
        api_version: &'static str,
        /// Kind.
        kind: &'static str,
        /// Metadata.
        metadata: &'a Value,
        /// Spec.
        spec: &'a Value,
        /// What in the spec is this object's own.
        own: &'a [Member],
    },
}

/// A member of an object, such as the node of a pod among many of one template.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Names on the way to it, from the top.
    pub path: &'static [&'static str],
    /// What it is. It takes the place of what is there.
    pub value: Value,
}

impl Member {
    /// Puts the member into its place. What is on the way there and is no object becomes one.
    pub fn put_into(&self, object: &mut Value) {
        let mut at = object;
        for name in self.path {
            if !at.is_object() {
                *at = json!({});
            }
            let Some(members) = at.as_object_mut() else {
                return;
            };
            at = members.entry(*name).or_insert(Value::Null);
        }
        *at = self.value.clone();
    }
}

impl Body<'_> {
    /// The whole object.
    #[must_use]
    pub fn whole(&self) -> Cow<'_, Value> {
        match self {
            Self::Whole(whole) => Cow::Borrowed(whole),
            Self::Parts {
                api_version,
                kind,
                metadata,
                spec,
                own,
            } => {
                let mut spec = Value::clone(spec);
                for member in *own {
                    member.put_into(&mut spec);
                }
                Cow::Owned(json!({
                    "apiVersion": api_version,
                    "kind": kind,
                    "metadata": metadata,
                    "spec": spec,
                }))
            }
        }
    }
}

impl<'a> From<&'a Value> for Body<'a> {
    fn from(whole: &'a Value) -> Self {
        Self::Whole(Cow::Borrowed(whole))
    }
}

/// A patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch<'a> {
    /// The subresource that is patched; `None` for the object itself.
    pub subresource: Option<&'static str>,
    /// Which kind of patch.
    pub kind: PatchKind,
    /// The patch.
    pub patch: Cow<'a, Value>,
}

/// Answers of the API server that may be tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The object is not there.
    NotFound,
    /// The name is taken.
    AlreadyThere,
    /// The object was changed meanwhile, or the lease was lost: the next pass looks again.
    LostRace,
    /// The object was changed meanwhile.
    Conflict,
    /// A webhook does not support dry runs.
    NoDryRun,
    /// The API server has given up waiting: the call may have been carried out all the same.
    TimedOut,
}

/// What the events of a call are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum About {
    /// The owner.
    #[default]
    Owner,
    /// The object of the call, which has this UID.
    Object {
        /// The UID.
        uid: String,
    },
}

/// The event about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureEvent {
    /// Whether it is a warning.
    pub warning: bool,
    /// One word.
    pub reason: &'static str,
    /// What the message says before the error.
    pub before: &'static str,
    /// Whether the event is told of a tolerated answer, too.
    pub though_tolerated: bool,
}

/// What follows when the API server judged a write and does not want it as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfRefused {
    /// The refusal is a failure like any other.
    Fails,
    /// The refusal is a failure, and is noted for the pod. The event is told only if the server's words are new.
    FailsNoted {
        /// UID of the pod.
        uid: String,
        /// What was asked for it.
        asked: Asked,
    },
    /// The refusal is noted as a refused resize of the pod, and the work ends without failure.
    EndsWork {
        /// UID of the pod.
        uid: String,
        /// Reason of the event, where the words are new.
        told: &'static str,
    },
    /// The refusal is noted as a refused resize of the pod, and nothing that follows is done.
    EndsPlan {
        /// UID of the pod.
        uid: String,
        /// Reason of the event, where the words are new.
        told: &'static str,
    },
}

impl<'a> Stage<'a> {
    /// These works in this order.
    pub fn new(order: Order, works: impl IntoIterator<Item = Work<'a>>) -> Self {
        Self {
            order,
            works: works.into_iter().collect(),
        }
    }

    /// One call.
    #[must_use]
    pub fn of(call: Call<'a>) -> Self {
        Self::new(Order::OneByOne, [Work::of(call)])
    }
}

impl<'a> Verb<'a> {
    /// A JSON merge patch.
    #[must_use]
    pub fn merge(subresource: Option<&'static str>, patch: &'a Value) -> Self {
        Self::Patch(Patch {
            subresource,
            kind: PatchKind::Merge,
            patch: Cow::Borrowed(patch),
        })
    }

    /// A strategic merge patch.
    #[must_use]
    pub fn strategic(subresource: Option<&'static str>, patch: &'a Value) -> Self {
        Self::Patch(Patch {
            subresource,
            kind: PatchKind::Strategic,
            patch: Cow::Borrowed(patch),
        })
    }
}

impl<'a> Work<'a> {
    /// One call.
    #[must_use]
    pub fn of(call: Call<'a>) -> Self {
        Self {
            calls: vec![call],
            ..Self::default()
        }
    }
}

impl<'a> Call<'a> {
    /// A call of which nothing is told, and any error of which is a failure.
    #[must_use]
    pub fn new(resource: Resource, name: &str, verb: Verb<'a>) -> Self {
        Self {
            resource,
            name: name.to_owned(),
            namespace: None,
            verb,
            tolerated: &[],
            done: None,
            failed: None,
            about: About::Owner,
            refused: IfRefused::Fails,
        }
    }

    /// Creates an object, named by its body.
    #[must_use]
    pub fn create(resource: Resource, body: &'a Value) -> Self {
        let name = body.pointer("/metadata/name").and_then(Value::as_str);
        let verb = Verb::Create { body: body.into() };
        Self::new(resource, name.unwrap_or_default(), verb)
    }

    /// Deletes the object that has this UID.
    #[must_use]
    pub fn delete(resource: Resource, name: &str, uid: &str) -> Self {
        let uid = uid.to_owned();
        Self::new(resource, name, Verb::Delete { uid, version: None })
    }

    /// Deletes an object only as it was read: what has changed it meanwhile may have taken the reason away.
    #[must_use]
    pub fn delete_as_read(resource: Resource, read: &ObjectMeta) -> Self {
        let verb = Verb::Delete {
            uid: read.uid.clone(),
            version: Some(read.resource_version.clone()),
        };
        Self::new(resource, &read.name, verb)
    }

    /// Makes the call in a namespace that is not the owner's.
    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..self
        }
    }

    /// Tells the events of the call about its object, which has this UID.
    #[must_use]
    pub fn about_object(self, uid: &str) -> Self {
        let uid = uid.to_owned();
        Self {
            about: About::Object { uid },
            ..self
        }
    }

    /// Takes these answers for success.
    #[must_use]
    pub fn tolerating(self, tolerated: &'static [Answer]) -> Self {
        Self { tolerated, ..self }
    }

    /// Tells when it is done.
    #[must_use]
    pub fn telling(self, reason: &'static str, message: String) -> Self {
        Self {
            done: Some(Event::normal(reason, message)),
            ..self
        }
    }

    /// Warns when it has failed.
    #[must_use]
    pub fn warning_of(self, reason: &'static str) -> Self {
        self.warning_with(reason, "")
    }

    /// Warns when it has failed, with these words before the error.
    #[must_use]
    pub fn warning_with(self, reason: &'static str, before: &'static str) -> Self {
        let failed = FailureEvent {
            warning: true,
            reason,
            before,
            though_tolerated: false,
        };
        Self {
            failed: Some(failed),
            ..self
        }
    }

    /// Warns when it has failed, and when its answer is tolerated.
    #[must_use]
    pub fn warning_anyhow(self, reason: &'static str) -> Self {
        let failed = FailureEvent {
            warning: true,
            reason,
            before: "",
            though_tolerated: true,
        };
        Self {
            failed: Some(failed),
            ..self
        }
    }

    /// What follows a refusal.
    #[must_use]
    pub fn if_refused(self, refused: IfRefused) -> Self {
        Self { refused, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // BJ-53, DS-50: of hundreds of pods that share a spec, each has its node.
    #[test]
    fn what_is_its_own_is_put_into_the_shared_spec() {
        let shared =
            json!({ "nodeName": "n1", "affinity": { "nodeAffinity": null, "podAffinity": {} } });
        let own = [
            Member {
                path: &["affinity", "nodeAffinity", "required"],
                value: json!(["n2"]),
            },
            Member {
                path: &["hostname"],
                value: json!("a"),
            },
        ];
        let body = Body::Parts {
            api_version: "v1",
            kind: "Pod",
            metadata: &json!({ "name": "a" }),
            spec: &shared,
            own: &own,
        };
        let whole = body.whole();
        assert_eq!(
            whole["spec"],
            json!({
                "nodeName": "n1", "hostname": "a",
                "affinity": { "nodeAffinity": { "required": ["n2"] }, "podAffinity": {} },
            })
        );
        assert!(shared["hostname"].is_null());
    }
}
