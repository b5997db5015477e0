//! What each step comes down to: the calls to the API server, without a choice left.

use kruise_api::{apps::v1beta1::CONTAINERRECREATEREQUESTS, resource::PODS};
use kruise_plan::{
    Event,
    stage::{Answer, Call, Stage, Verb},
};

use crate::{plan::Step, snapshot::Snapshot};

/// The stage of a step.
pub(crate) fn lower<'s>(snapshot: &Snapshot, step: &'s Step) -> Stage<'s> {
    let pod = &snapshot.pod.metadata.name;
    let call = match step {
        // A pod that is gone needs nothing any more (ST-8).
        Step::SwitchImages { patch, event } => {
            let patched = Call::new(PODS, pod, Verb::strategic(None, patch));
            telling(patched.tolerating(&[Answer::NotFound]), event)
        }
        Step::MarkTerminated { patch } => {
            Call::new(PODS, pod, Verb::strategic(Some("status"), patch))
        }
        // One of an earlier pass that the watch has not shown: it is read live before the next.
        Step::CreateRequest { body, event } => {
            let created = Call::create(CONTAINERRECREATEREQUESTS, body);
            telling(created.tolerating(&[Answer::AlreadyThere]), event)
        }
        Step::DeleteRequest { name, uid } => {
            let deleted = Call::delete(CONTAINERRECREATEREQUESTS, name, uid);
            deleted.tolerating(&[Answer::NotFound])
        }
    };
    Stage::of(call)
}

fn telling<'s>(call: Call<'s>, event: &Event) -> Call<'s> {
    Call {
        done: Some(event.clone()),
        ..call
    }
}
