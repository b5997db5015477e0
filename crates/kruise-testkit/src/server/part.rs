//! The parts of an object that are written apart.

use super::{call::Call, status::Status};

/// What of an object a write is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Whole,
    Status,
    Resize,
    EphemeralContainers,
    Finalize,
}

impl Part {
    pub(crate) fn of(call: &Call) -> Result<Self, Status> {
        let (kind, subresource) = (&call.kind, call.subresource.as_str());
        match subresource {
            "" => Ok(Self::Whole),
            "status" if kind.has_status(call.version) => Ok(Self::Status),
            "resize" if kind.is_core("pods") => Ok(Self::Resize),
            "ephemeralcontainers" if kind.is_core("pods") => Ok(Self::EphemeralContainers),
            "finalize" if kind.is_core("namespaces") => Ok(Self::Finalize),
            _ => Err(Status::no_such_subresource()),
        }
    }
}
