//! In what form objects lie in the store of a real server. It writes an object anew whenever what it would write differs
//! from what lies there, so that a write which changes nothing may make a new version all the same.

use std::sync::Arc;

use serde_json::Value;

use super::{ApiServer, call::Call, status::Status};

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

impl Form {
    /// The form in which a call changes an object.
    pub(crate) fn of_change(call: &Call) -> Self {
        if call.kind.custom.is_some() && call.version != call.kind.resource.version {
            Self::Of(call.version)
        } else {
            Self::Usual
        }
    }

    /// The form in which a call makes an object.
    pub(crate) fn of_creation(call: &Call) -> Self {
        if call.kind.is_core("persistentvolumeclaims") {
            Self::WithoutPhase
        } else {
            Self::of_change(call)
        }
    }
}

impl ApiServer {
    /// Whether the server writes this stored object anew, although the call changes nothing of it.
    pub(super) fn writes_anew(&self, call: &Call, stored: &Arc<Value>) -> Result<bool, Status> {
        let lies = self.lock().store.form(call.number, &call.place());
        let written = Form::of_change(call);
        if lies == written {
            return Ok(false);
        }
        match lies {
            Form::WithoutPhase => Ok(true),
            Form::Usual | Form::Of(_) => {
                Ok(self.written_in(call, stored, lies)?
                    != self.written_in(call, stored, written)?)
            }
        }
    }

    /// What the server writes of this object in this form.
    fn written_in(&self, call: &Call, stored: &Arc<Value>, form: Form) -> Result<Value, Status> {
        let Form::Of(version) = form else {
            return Ok(Value::clone(stored));
        };
        let spoken = self.convert(&call.kind, Value::clone(stored), version)?;
        self.convert_alone(&call.kind, spoken, call.kind.resource.version)
    }
}
