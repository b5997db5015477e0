//! ImagePullJobs, which are an aid: whatever becomes of them, pods are updated.

use kruise_api::resource::CONTROLLER_REVISIONS;
use kruise_runtime::{PatchKind, chain};

use super::Executor;
use crate::{IMAGE_PULL_JOBS, plan::ImagesAhead};

impl Executor<'_> {
    /// Asks for images to be pulled ahead. Failures are told in events and stop nothing (IP-153, PF-923).
    pub(crate) async fn images_ahead(&self, plan: &ImagesAhead) {
        for (name, uid) in &plan.delete {
            let deleted = self.delete(&IMAGE_PULL_JOBS, name, uid).await;
            if let Err(error) = deleted
                && !error.is_not_found()
                && !error.is_lost_race()
            {
                tracing::warn!(error = chain(&error), "an ImagePullJob stays behind");
            }
        }
        for job in &plan.create {
            let created = self.create(&IMAGE_PULL_JOBS, &job.name, &job.body).await;
            match created {
                Ok(()) => {
                    let message = format!("created ImagePullJob {}", job.name);
                    self.event(false, "CreatedImagePullJob", message);
                }
                Err(error) if error.is_already_there() || error.is_lost_race() => {}
                // A Normal event, as clients know it.
                Err(error) => self.event(false, "FailedCreateImagePullJob", chain(&error)),
            }
        }
        let Some(mark) = &plan.mark else { return };
        let marked = self
            .patch(
                &CONTROLLER_REVISIONS,
                &mark.revision,
                None,
                PatchKind::Merge,
                &mark.patch,
            )
            .await;
        if let Err(error) = marked
            && !error.is_lost_race()
        {
            tracing::warn!(error = chain(&error), "the revision is not marked");
            self.found().unmarked = Some(mark.revision.clone());
        }
    }
}
