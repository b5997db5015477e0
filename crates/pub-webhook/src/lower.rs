//! What a plan's links come down to: the calls to the API server, without a choice left.

use kruise_api::resource::PODS;
use kruise_plan::stage::{Answer, Call, Order, Stage, Verb, Work};

use crate::plan::Link;

/// The stage that links pods. A pod that is gone needs no link. One that was changed meanwhile is looked at again soon; it
/// may be linked by now.
pub(crate) fn links(links: &[Link]) -> Stage<'_> {
    let works = links.iter().map(|link| {
        let call = Call::new(PODS, &link.pod, Verb::strategic(None, &link.patch))
            .tolerating(&[Answer::NotFound, Answer::Conflict]);
        Work::of(call)
    });
    Stage::new(Order::SideBySide, works)
}
