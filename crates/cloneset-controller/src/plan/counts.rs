//! The scaling arithmetic (CS-46 to CS-54): numbers in, numbers out.

use super::spec::Spec;

/// What decides how one pod is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PodClass {
    /// At the update revision.
    pub is_new: bool,
    /// In state PreparingDelete.
    pub preparing_delete: bool,
    /// Specified for deletion (CS-45).
    pub specified: bool,
    /// Available (CS-44).
    pub available: bool,
    /// The same without `minReadySeconds`.
    pub ready: bool,
}

/// How many pods there are to create, delete and move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods to create before the cap.
    pub scale_up: i32,
    /// Of these, pods at the current revision.
    pub scale_up_old: i32,
    /// Pods to create with the cap.
    pub scale_up_limit: i32,
    /// Pods to delete.
    pub scale_down: i32,
    /// Of these, pods at old revisions.
    pub scale_down_old: i32,
    /// How many ready pods may be deleted.
    pub delete_ready_limit: i32,
    /// Pods to move to the update revision; negative: back to the current one.
    pub update_num: i32,
    /// How many pods may be unavailable while pods are moved.
    pub update_max_unavailable: i32,
}

/// A number of new and one of old pods.
#[derive(Debug, Clone, Copy, Default)]
struct Split {
    new: i32,
    old: i32,
}

impl Split {
    fn add(&mut self, is_new: bool) {
        if is_new {
            self.new += 1;
        } else {
            self.old += 1;
        }
    }

    fn sum(self) -> i32 {
        self.new + self.old
    }
}

impl Counts {
    /// Does the arithmetic.
    #[must_use]
    pub fn of(
        spec: &Spec,
        pods: &[PodClass],
        same_revisions: bool,
        partition_rollback: bool,
        exclude_preparing_delete: bool,
    ) -> Self {
        let mut all = Split::default();
        let mut pre_deleting = Split::default();
        let mut active = Split::default();
        let mut to_delete = Split::default();
        let mut unavailable = Split::default();
        let mut n_unready_to_delete = 0;
        // CS-47
        for pod in pods {
            all.add(pod.is_new);
            if pod.preparing_delete {
                pre_deleting.add(pod.is_new);
                continue;
            }
            active.add(pod.is_new);
            if pod.specified {
                to_delete.add(pod.is_new);
                n_unready_to_delete += i32::from(!pod.ready);
            } else if !pod.available {
                unavailable.add(pod.is_new);
            }
        }
        let n_unavailable = pre_deleting.sum() + unavailable.sum();
        let n_to_delete = to_delete.sum();
        let replicas = spec.replicas;

        // CS-48
        let mut old_diff = active.old - spec.partition;
        let mut new_diff = active.new - (replicas - spec.partition);
        if same_revisions || !partition_rollback {
            old_diff = old_diff.max(0);
            new_diff = new_diff.min(0);
        }

        let surge = surge(spec, n_unavailable, to_delete, old_diff, new_diff);

        // CS-50
        let mut total = all.sum();
        let mut total_old = all.old;
        if exclude_preparing_delete || spec.exclude_preparing_delete {
            total -= pre_deleting.sum();
            total_old -= pre_deleting.old;
        }
        let want_total = replicas + surge.sum();
        let want_old = spec.partition + surge.old;

        let mut counts = Self::default();
        // CS-51
        let missing = want_total - total;
        if missing > 0 {
            counts.scale_up = missing;
            counts.scale_up_old = (want_old - total_old).max(0);
            counts.scale_up_limit = missing.min((spec.scale_cap - n_unavailable).max(0));
        }
        // CS-52
        let surplus = total - n_to_delete - want_total;
        if surplus > 0 {
            counts.scale_down = surplus;
            counts.scale_down_old = (total_old - to_delete.old - want_old).max(0);
        }
        // CS-53, DV-CS21: a pod that serves nobody is out of service, also if it is to be deleted.
        let slack = spec.max_unavailable + all.sum() - replicas;
        if n_to_delete > 0 || counts.scale_down > 0 {
            let out_of_service = n_unavailable + n_unready_to_delete;
            counts.delete_ready_limit = (slack - out_of_service).max(0);
        }
        // CS-54
        counts.update_num = if old_diff.abs() <= new_diff.abs() {
            old_diff
        } else {
            -new_diff
        };
        if counts.update_num != 0 {
            counts.update_max_unavailable = slack;
        }
        counts
    }
}

/// Extra pods, and how many of them at old revisions (CS-49). `new` is what is not old.
fn surge(spec: &Spec, n_unavailable: i32, to_delete: Split, old_diff: i32, new_diff: i32) -> Split {
    if spec.max_surge <= 0 {
        return Split::default();
    }
    let n_to_delete = to_delete.sum();
    let (mut deletions, mut deletions_old) = (0, 0);
    if n_to_delete > 0 {
        deletions = (n_unavailable + n_to_delete - spec.max_unavailable)
            .max(0)
            .min(n_to_delete);
        deletions_old = (deletions - to_delete.new).max(0);
    }
    let (mut updates, mut updates_old) = (0, 0);
    if old_diff.signum() * new_diff.signum() < 0 {
        updates = old_diff.abs().min(new_diff.abs());
        let towards_old = (old_diff.abs() <= new_diff.abs() && old_diff < 0)
            || (old_diff.abs() > new_diff.abs() && new_diff > 0);
        updates_old = if towards_old { updates } else { 0 };
    }
    let (wanted, wanted_old) = if deletions >= updates {
        (deletions, deletions_old)
    } else {
        (updates, updates_old)
    };
    let surge = spec.max_surge.min(wanted);
    let old = surge.min(wanted_old);
    Split {
        new: surge - old,
        old,
    }
}
