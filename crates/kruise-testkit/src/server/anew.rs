//! Which writes that change nothing make a new version all the same.

use std::sync::Arc;

use serde_json::Value;

use super::{ApiServer, call::Call, form::Form, status::Status};

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
