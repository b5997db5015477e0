//! In what form objects lie in the store of a real server. It writes an object anew whenever what it would write differs
//! from what lies there, so that a write which changes nothing may make a new version all the same.

/// How an object was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Form {
    /// As it would be written again.
    #[default]
    Usual,
    /// As new claims are: without the phase, which the server fills in when it reads them.
    WithoutPhase,
    /// With what this version of a custom kind knows, which isn't the one that is stored.
    Of(&'static str),
}
