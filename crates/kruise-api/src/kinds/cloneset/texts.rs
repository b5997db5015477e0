//! Words that admission and the rules in the CRD share.

pub(crate) const V1ALPHA1_TYPES: [&str; 3] = ["ReCreate", "InPlaceIfPossible", "InPlaceOnly"];
pub(crate) const V1ALPHA1_TYPE: &str = "must be ReCreate, InPlaceIfPossible or InPlaceOnly; OnDelete can be \
                                        set only through apps.kruise.io/v1beta1";
pub(crate) const V1BETA1_TYPES: [&str; 2] = ["RollingUpdate", "OnDelete"];
pub(crate) const V1BETA1_TYPE: &str = "must be RollingUpdate or OnDelete";
pub(crate) const POLICIES: [&str; 3] = V1ALPHA1_TYPES;
pub(crate) const POLICY: &str = "must be ReCreate, InPlaceIfPossible or InPlaceOnly";

pub(crate) const DEADLINE: &str = "must be greater than minReadySeconds, and not negative";
pub(crate) const PARTITION_ON_DELETE: &str =
    "must be given when type is OnDelete and rollingUpdate is given";
pub(crate) const PARTITION: &str =
    "must be an integer that is not negative, or a percentage such as \"20%\"";
pub(crate) const PERCENTAGE: &str = "must be an integer or a percentage such as \"20%\"";
pub(crate) const PARALLELISM: &str = "must be an integer, or the same as text, and not negative; \
                                      percentages are not supported here";
pub(crate) const BOTH_ZERO: &str =
    "must be at least 1, or maxSurge must be: with both 0 no pod could ever be updated";
pub(crate) const SURGE_IN_PLACE: &str = "must be 0 for InPlaceOnly, which makes no new pods";
