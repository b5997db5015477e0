//! How far a pod's containers have come: the rules ST-2 to ST-4, and the groups of ST-6.

use super::{Container, ContainerStatus, PodState, RestartPolicy, State, StoredPod};

impl StoredPod {
    /// What the pod is and does, if sidecars are left to end and it is time to end them (ST-4).
    #[must_use]
    pub fn interesting(&self) -> Option<&PodState> {
        let state = self.state.as_deref()?;
        let is_due = !self.metadata.is_terminating()
            && state.phase != "Pending"
            && !state.are_completed(Container::is_sidecar)
            && state.are_mains_done();
        is_due.then_some(state)
    }
}

impl Container {
    /// Whether it is a sidecar; all others are main containers (ST-2).
    #[must_use]
    pub fn is_sidecar(&self) -> bool {
        self.is_killed || self.switch.is_some()
    }

    /// Whether it is killed, and the pod's phase depends on how it ends.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        self.is_killed && !self.ignores_exit_code
    }
}

impl PodState {
    /// Whether the phase can't change any more (ST-10).
    #[must_use]
    pub fn has_final_phase(&self) -> bool {
        self.phase == "Succeeded" || self.phase == "Failed"
    }

    /// Whether all main containers have ended with code 0 (ST-3).
    #[must_use]
    pub fn have_mains_succeeded(&self) -> bool {
        self.all_are(is_main, |state| state == State::Terminated(0))
    }

    /// The containers of a group that have not ended, in order.
    #[must_use]
    pub fn not_ended(&self, group: impl Fn(&Container) -> bool) -> Vec<&Container> {
        let containers = self.containers.iter().filter(|container| group(container));
        let runs = |container: &&Container| {
            let status = self.status(&container.name);
            !status.is_some_and(|status| is_ended(status.state))
        };
        containers.filter(runs).collect()
    }

    /// What the kubelet says of a container.
    #[must_use]
    pub fn status(&self, name: &str) -> Option<&ContainerStatus> {
        self.statuses.iter().find(|status| status.name == *name)
    }

    fn are_mains_done(&self) -> bool {
        match self.restart_policy {
            RestartPolicy::Never => self.are_completed(is_main),
            RestartPolicy::OnFailure => self.have_mains_succeeded(),
        }
    }

    /// ST-3
    fn are_completed(&self, group: impl Fn(&Container) -> bool) -> bool {
        self.all_are(group, is_ended)
    }

    /// Whether every container is reported, and those of the group are so.
    fn all_are(&self, group: impl Fn(&Container) -> bool, is: impl Fn(State) -> bool) -> bool {
        let in_group = |status: &&ContainerStatus| {
            let mut containers = self.containers.iter();
            containers.any(|container| container.name == status.name && group(container))
        };
        let mut statuses = self.statuses.iter().filter(in_group);
        self.containers.len() == self.statuses.len() && statuses.all(|status| is(status.state))
    }
}

fn is_main(container: &Container) -> bool {
    !container.is_sidecar()
}

fn is_ended(state: State) -> bool {
    matches!(state, State::Terminated(_))
}
