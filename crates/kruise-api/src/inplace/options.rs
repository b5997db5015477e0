//! What the library may do: by feature gates, and by what the API server can.

/// What the library may do in this cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Feature gate `InPlaceWorkloadVerticalScaling`: resources change in place.
    pub vertical_scaling: bool,
    /// Feature gate `InPlaceUpdateEnvFromMetadata`: labels and annotations that a container reads through
    /// its environment change in place, and the node daemon restarts it.
    pub env_from_metadata: bool,
    /// Resources change through `pods/resize`, see [`has_resize_subresource`].
    pub resize_subresource: bool,
}

impl Default for Options {
    /// The defaults of the feature gates, and an API server of which nothing is known.
    fn default() -> Self {
        Self {
            vertical_scaling: false,
            env_from_metadata: true,
            resize_subresource: false,
        }
    }
}

/// The first version that takes changed resources through `pods/resize` only.
const WITH_RESIZE: [u64; 3] = [1, 32, 0];

/// Whether an API server with this `gitVersion` has the subresource `pods/resize` (IP-30). Text that
/// does not begin like a version in three parts counts as older.
#[must_use]
pub fn has_resize_subresource(git_version: &str) -> bool {
    let version = git_version.strip_prefix('v').unwrap_or(git_version);
    let numbers: Vec<u64> = version
        .splitn(3, '.')
        .map_while(|part| {
            let end = part
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(part.len());
            part.get(..end)?.parse().ok()
        })
        .collect();
    numbers.len() == WITH_RESIZE.len() && *numbers >= WITH_RESIZE[..]
}
