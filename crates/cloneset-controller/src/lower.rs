//! What each step comes down to: the calls to the API server, without a choice left.

use std::borrow::Cow;

use kruise_api::{
    apps::v1beta1::CLONESETS,
    read::POD_UNAVAILABLE_BUDGETS,
    resource::{CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, PatchKind},
};
use kruise_plan::{
    InPlaceUpdate, PodPatch, PodRef,
    refused::Asked,
    stage::{Answer, Call, FailureEvent, IfRefused, Order, Patch, Stage, Verb, Work},
    workload::IMAGE_PULL_JOBS,
};
use serde_json::Value;

use crate::{
    plan::{BudgetPatch, ClaimRef, ImagesAhead, NewPod, OrphanClaim, Phase, Plan, Step},
    snapshot::Snapshot,
};

/// A pod can't be given another revision, or resources, in place.
const FAILED_IN_PLACE: &str = "FailedUpdatePodInPlace";
const FAILED_DELETE: &str = "FailedDelete";

/// Lowers the steps of one CloneSet's plan.
pub(crate) struct Lowering<'a> {
    /// Name of the CloneSet.
    set: &'a str,
    /// Its UID.
    uid: &'a str,
    phase: Phase,
}

/// What a step comes down to.
#[derive(Debug)]
pub(crate) enum Lowered<'s> {
    /// Calls, in order.
    Stages(Vec<Stage<'s>>),
    /// Deletions that each depend on a live look, which no call does (CS-74).
    Orphans(&'s [OrphanClaim]),
}

impl<'a> Lowering<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot, plan: &Plan) -> Self {
        Self {
            set: &snapshot.set.metadata.name,
            uid: snapshot.uid(),
            phase: plan.phase,
        }
    }

    /// What a step comes down to.
    pub(crate) fn step<'s>(&self, step: &'s Step) -> Lowered<'s> {
        let stage = match step {
            Step::CreateRevision { body } => Stage::of(Call::create(CONTROLLER_REVISIONS, body)),
            Step::PatchRevision { name, patch } => Stage::of(Call::new(
                CONTROLLER_REVISIONS,
                name,
                Verb::merge(None, patch),
            )),
            Step::DeleteRevision { name, uid } => {
                Stage::of(Call::delete(CONTROLLER_REVISIONS, name, uid))
            }
            Step::MoveClaims { moves } => {
                let calls = moves.iter().map(|moved| {
                    let verb = Verb::strategic(None, &moved.patch);
                    Call::new(PERSISTENT_VOLUME_CLAIMS, &moved.claim.name, verb)
                        .tolerating(&[Answer::NotFound])
                        .warning_of("FailedUpdate")
                });
                Stage::new(Order::SideBySide, calls.map(Work::of))
            }
            Step::DeleteOrphanClaims { claims } => return Lowered::Orphans(claims),
            Step::CreatePods { batches } => {
                let batches = batches.iter().map(|pods| {
                    let works = pods.iter().map(|pod| self.new_pod(pod));
                    Stage::new(Order::SideBySide, works)
                });
                return Lowered::Stages(batches.collect());
            }
            Step::DeletePods { pods, claims } => {
                let works = pods.iter().map(|pod| {
                    let claims = claims.get(&pod.uid).map_or(&[][..], Vec::as_slice);
                    delete_pod(pod, claims)
                });
                Stage::new(Order::Widening, works)
            }
            Step::AdoptPods { patches } => {
                let works = patches.iter().map(|patch| patch_pod(patch, None));
                let adoption = Stage::new(Order::SideBySide, works);
                return Lowered::Stages(vec![self.must_stay(), adoption]);
            }
            Step::PatchPods { patches } => {
                let asked = self.asked_by_patches();
                let works = patches.iter().map(|patch| patch_pod(patch, asked));
                Stage::new(Order::Widening, works)
            }
            Step::TryUpdate { update } => Stage::new(Order::OneByOne, [try_update(update)]),
            Step::UpdatePodsInPlace { updates } => {
                Stage::new(Order::Widening, updates.iter().map(update_in_place))
            }
            Step::MarkPodsForRecreate { patches } => {
                Stage::new(Order::Widening, patches.iter().map(mark_for_recreate))
            }
            Step::SpendBudgets { patches } => {
                let works = patches.iter().map(|patch| Work::of(spend(patch)));
                Stage::new(Order::OneByOne, works)
            }
            Step::PatchCloneSet { patch } => {
                Stage::of(Call::new(CLONESETS, self.set, Verb::merge(None, patch)))
            }
        };
        Lowered::Stages(vec![stage])
    }

    /// The write of the status.
    pub(crate) fn status<'p>(&self, patch: &'p Value) -> Call<'p> {
        Call::new(CLONESETS, self.set, Verb::merge(Some("status"), patch))
    }

    /// A CloneSet that was deleted and made again under its name must not take over the old one's pods (CS-28);
    /// the index may not know yet.
    fn must_stay(&self) -> Stage<'static> {
        let verb = Verb::MustStay {
            uid: self.uid.to_owned(),
            before: "adopt pods",
        };
        Stage::of(Call::new(CLONESETS, self.set, verb))
    }

    /// What patches of a phase are for. Those before scaling are tried again like any other failure: without
    /// them no pod is looked at. Tidying up patches no pods.
    fn asked_by_patches(&self) -> Option<Asked> {
        match self.phase {
            Phase::Prepare | Phase::Trim => None,
            Phase::Scale => Some(Asked::Deletion),
            Phase::Update => Some(Asked::Patch),
        }
    }

    /// The pod after its volume claims. If one of these can't be had, the pod is left.
    fn new_pod<'p>(&self, pod: &'p NewPod) -> Work<'p> {
        let claims = pod.claims.iter().map(|claim| {
            let verb = Verb::Ensure {
                body: (&claim.body).into(),
                owner: self.uid.to_owned(),
            };
            Call::new(PERSISTENT_VOLUME_CLAIMS, &claim.name, verb).warning_of("FailedCreate")
        });
        let verb = Verb::Create { body: pod.body() };
        let created = Call::new(PODS, &pod.name, verb)
            .telling("SuccessfulCreate", format!("created pod {}", pod.name))
            .warning_of("FailedCreate");
        Work {
            calls: claims.chain([created]).collect(),
            ..Work::default()
        }
    }
}

/// What is asked of image pulling: deletions, creations and the mark, each whatever becomes of the others.
pub(crate) struct AheadStages<'p> {
    pub(crate) deletions: Vec<Stage<'p>>,
    pub(crate) creations: Vec<Stage<'p>>,
    pub(crate) mark: Option<Stage<'p>>,
}

/// Failures are told, and stop nothing (IP-153, PF-923).
pub(crate) fn images_ahead(ahead: &ImagesAhead) -> AheadStages<'_> {
    let ImagesAhead {
        create: jobs,
        delete: gone,
        mark,
    } = ahead;
    let deletions = gone.iter().map(|(name, uid)| {
        let tolerated = &[Answer::NotFound, Answer::LostRace];
        Stage::of(Call::delete(IMAGE_PULL_JOBS, name, uid).tolerating(tolerated))
    });
    let creations = jobs.iter().map(|job| {
        let verb = Verb::Create {
            body: (&job.body).into(),
        };
        let created = Call::new(IMAGE_PULL_JOBS, &job.name, verb)
            .tolerating(&[Answer::AlreadyThere, Answer::LostRace])
            .telling(
                "CreatedImagePullJob",
                format!("created ImagePullJob {}", job.name),
            );
        Stage::of(Call {
            // A Normal event, as clients know it.
            failed: Some(FailureEvent {
                warning: false,
                reason: "FailedCreateImagePullJob",
                before: "",
                though_tolerated: false,
            }),
            ..created
        })
    });
    AheadStages {
        deletions: deletions.collect(),
        creations: creations.collect(),
        mark: mark.as_ref().map(|mark| {
            let verb = Verb::merge(None, &mark.patch);
            let call = Call::new(CONTROLLER_REVISIONS, &mark.revision, verb);
            Stage::of(call.tolerating(&[Answer::LostRace]))
        }),
    }
}

/// Deletes a volume claim. That it is gone by now is told, and no failure (CS-62).
pub(crate) fn delete_claim(claim: &ClaimRef) -> Call<'static> {
    Call::delete(PERSISTENT_VOLUME_CLAIMS, &claim.name, &claim.uid)
        .tolerating(&[Answer::NotFound])
        .warning_anyhow(FAILED_DELETE)
}

/// The pod, and then its volume claims.
fn delete_pod(pod: &PodRef, claims: &[ClaimRef]) -> Work<'static> {
    let deleted = Call::delete(PODS, &pod.name, &pod.uid)
        .telling("SuccessfulDelete", format!("deleted pod {}", pod.name))
        .warning_of(FAILED_DELETE)
        .if_refused(noted(pod, Asked::Deletion));
    Work {
        calls: [deleted]
            .into_iter()
            .chain(claims.iter().map(delete_claim))
            .collect(),
        ..Work::default()
    }
}

/// Conditions, lifecycle states and the like; `asked` says what they are for, where a refusal is noted.
fn patch_pod(patch: &PodPatch, asked: Option<Asked>) -> Work<'_> {
    let PodPatch { pod, writes } = patch;
    let calls = writes.iter().map(|write| {
        let call = Call::new(
            PODS,
            &pod.name,
            Verb::strategic(write.subresource, &write.patch),
        );
        let refused = match (write.subresource, asked) {
            (Some("resize"), _) => ends_work(pod),
            (_, Some(asked)) => noted(pod, asked),
            (_, None) => IfRefused::Fails,
        };
        call.if_refused(refused)
    });
    Work {
        calls: calls.collect(),
        ..Work::default()
    }
}

/// CS-91
fn mark_for_recreate(patch: &PodPatch) -> Work<'_> {
    let mut work = patch_pod(patch, Some(Asked::Update));
    let calls = work.calls.into_iter();
    work.calls = calls
        .map(|call| call.warning_of("FailedUpdatePodReCreate"))
        .collect();
    if let Some(last) = work.calls.last_mut() {
        let message = format!("marked pod {} to be made anew", patch.pod.name);
        *last = last.clone().telling("SuccessfulUpdatePodReCreate", message);
    }
    work
}

/// A pod that is out of service waits neither for its turn nor, if nothing but its conditions has changed,
/// for the next pass (DV-IP15).
fn update_in_place(update: &InPlaceUpdate) -> Work<'_> {
    let pod = &update.pod;
    let calls = update.writes().map(|(subresource, patch)| {
        let refused = match subresource {
            Some("resize") => ends_work(pod),
            _ => noted(pod, Asked::Update),
        };
        let verb = Verb::strategic(subresource, patch);
        Call::new(PODS, &pod.name, verb)
            .warning_of(FAILED_IN_PLACE)
            .if_refused(refused)
    });
    let mut calls: Vec<Call<'_>> = calls.collect();
    if let Some(last) = calls.last_mut() {
        let message = format!("updated pod {} in place to {}", pod.name, update.revision);
        *last = last.clone().telling("SuccessfulUpdatePodInPlace", message);
    }
    Work {
        calls,
        prepaid: true,
        seen: Some(update.seen.clone()),
    }
}

/// Asks what would come of an update (DV-IP15). That a webhook knows no dry run says nothing about the pod; the first
/// pod that is updated finds out.
fn try_update(update: &InPlaceUpdate) -> Work<'_> {
    let pod = &update.pod;
    let calls = update.writes().map(|(subresource, patch)| {
        let refused = match subresource {
            Some("resize") => IfRefused::EndsPlan {
                uid: pod.uid.clone(),
                told: FAILED_IN_PLACE,
            },
            _ => noted(pod, Asked::Update),
        };
        let verb = Verb::TryPatch(Patch {
            subresource,
            kind: PatchKind::Strategic,
            patch: Cow::Borrowed(patch),
        });
        Call::new(PODS, &pod.name, verb)
            .tolerating(&[Answer::NoDryRun])
            .warning_of(FAILED_IN_PLACE)
            .if_refused(refused)
    });
    Work {
        calls: calls.collect(),
        ..Work::default()
    }
}

/// A budget that is gone wants nothing any more (PB-48).
fn spend(BudgetPatch { budget, patch }: &BudgetPatch) -> Call<'_> {
    Call::new(
        POD_UNAVAILABLE_BUDGETS,
        budget,
        Verb::merge(Some("status"), patch),
    )
    .tolerating(&[Answer::NotFound])
}

fn noted(pod: &PodRef, asked: Asked) -> IfRefused {
    IfRefused::FailsNoted {
        uid: pod.uid.clone(),
        asked,
    }
}

fn ends_work(pod: &PodRef) -> IfRefused {
    IfRefused::EndsWork {
        uid: pod.uid.clone(),
        told: FAILED_IN_PLACE,
    }
}

#[cfg(test)]
mod tests;
