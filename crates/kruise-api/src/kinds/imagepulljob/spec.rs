//! An ImagePullJob's spec, which is the same in both versions.

/// Defines the spec of a kind of jobs that pull images: its own fields, and those that all such kinds have.
macro_rules! image_pull_spec {
    ($(#[$doc:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $crate::wire::wire! {
            $(#[$doc])*
            pub struct $name {
                $($own)*
                /// Names of secrets of the job's namespace by which registries are accessed. An ImagePullJob's can't
                /// be changed.
                optional_list pull_secrets: String,
                /// Nodes that get the images. Without it, and without podSelector, all nodes do.
                optional selector: $crate::spec_parts::ImagePullJobNodeSelector,
                /// Pods of the job's namespace whose nodes get the images. Not together with selector.
                optional pod_selector: $crate::meta::LabelSelector,
                /// On how many nodes at a time an image is pulled: a number, no percentage. 0 pauses the job.
                /// Defaults to 1.
                optional parallelism: $crate::int_or_string::IntOrString,
                /// How long, and how often, pulling an image is tried on one node.
                optional pull_policy: $crate::spec_parts::PullPolicy,
                /// When the job is complete, and what becomes of it then.
                required completion_policy: $crate::spec_parts::ImagePullCompletionPolicy,
                /// What the container runtime is told together with the image.
                optional sandbox_config: $crate::spec_parts::SandboxConfig,
                /// `IfNotPresent` (the default): nodes that have the image already are left alone. `Always`: they pull
                /// it again.
                optional image_pull_policy: $crate::spec_parts::ImagePullPolicy,
            }
        }
    };
}
pub(crate) use image_pull_spec;

image_pull_spec! {
    /// Which image is to be pulled, and where.
    pub struct ImagePullJobSpec {
        /// The image, by tag or by digest.
        required image: String,
    }
}
