//! From the wire to what is kept.

use kruise_api::{
    meta::ObjectMeta,
    read::{Kept, OnTheWire},
    text::Text,
    well_known::envs::{
        TERMINATE_SIDECAR_IGNORE_EXIT_CODE, TERMINATE_SIDECAR_WHEN_JOB_EXIT,
        TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE,
    },
};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{Container, ContainerStatus, ImageSwitch, PodState, RestartPolicy, State, StoredPod};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pod {
    metadata: Option<OnTheWire>,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    restart_policy: Option<String>,
    node_name: Option<Text>,
    containers: Option<Vec<Option<ContainerInSpec>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerInSpec {
    name: Option<Text>,
    image: Option<Text>,
    env: Option<Vec<Option<EnvVar>>>,
}

/// A value from elsewhere does not count, and is not read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct EnvVar {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: Option<Text>,
    container_statuses: Option<Vec<Option<StatusOfContainer>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusOfContainer {
    name: Option<Text>,
    #[serde(rename = "containerID")]
    container_id: Option<String>,
    state: Option<StateOnTheWire>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StateOnTheWire {
    running: Option<IgnoredAny>,
    terminated: Option<Terminated>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: Option<i32>,
}

impl<'de> Deserialize<'de> for StoredPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Pod {
            metadata,
            spec,
            status,
        } = Pod::deserialize(deserializer)?;
        let metadata = metadata.unwrap_or_default().keep(Kept::None, Kept::None);
        Ok(Self {
            metadata: ObjectMeta {
                creation_timestamp: None,
                owner_references: Vec::new(),
                ..metadata
            },
            state: state(spec.unwrap_or_default(), status.unwrap_or_default()).map(Box::new),
        })
    }
}

fn state(spec: Spec, status: Status) -> Option<PodState> {
    let restart_policy = match spec.restart_policy?.as_str() {
        "Never" => RestartPolicy::Never,
        "OnFailure" => RestartPolicy::OnFailure,
        _ => return None,
    };
    let containers = spec.containers.unwrap_or_default().into_iter();
    let containers: Vec<Container> = containers
        .map(|container| container.unwrap_or_default().into())
        .collect();
    containers.iter().any(Container::is_sidecar).then(|| {
        let statuses = status.container_statuses.unwrap_or_default().into_iter();
        let statuses = statuses.map(|status| status.unwrap_or_default().into());
        PodState {
            restart_policy,
            node_name: spec.node_name.unwrap_or_default(),
            phase: status.phase.unwrap_or_default(),
            containers,
            statuses: statuses.collect(),
        }
    })
}

impl From<ContainerInSpec> for Container {
    fn from(read: ContainerInSpec) -> Self {
        let env: Vec<EnvVar> = read.env.into_iter().flatten().flatten().collect();
        let values = |name: &'static str| {
            let named = env
                .iter()
                .filter(move |env| env.name.as_deref() == Some(name));
            named.filter_map(|env| env.value.as_deref())
        };
        let is_true =
            |name: &'static str| values(name).any(|value| value.eq_ignore_ascii_case("true"));
        let is_killed = is_true(TERMINATE_SIDECAR_WHEN_JOB_EXIT);
        let image = values(TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE).find(|to| !to.is_empty());
        Self {
            is_killed,
            ignores_exit_code: is_killed && is_true(TERMINATE_SIDECAR_IGNORE_EXIT_CODE),
            switch: image.map(|to| ImageSwitch {
                from: read.image.unwrap_or_default(),
                to: to.into(),
            }),
            name: read.name.unwrap_or_default(),
        }
    }
}

impl From<StatusOfContainer> for ContainerStatus {
    fn from(read: StatusOfContainer) -> Self {
        let state = read.state.unwrap_or_default();
        Self {
            name: read.name.unwrap_or_default(),
            container_id: read.container_id.unwrap_or_default().as_str().into(),
            state: match (state.terminated, state.running) {
                (Some(ended), _) => State::Terminated(ended.exit_code.unwrap_or_default()),
                (None, Some(_)) => State::Running,
                (None, None) => State::Waiting,
            },
        }
    }
}
