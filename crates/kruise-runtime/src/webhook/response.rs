//! Answers to requests for admission.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use json_patch::Patch;
use kruise_api::validation::FieldErrors;
use serde::Serialize;
use serde_json::Value;

use super::{
    no_review::NoReview,
    patch,
    request::{AdmissionRequest, REVIEW_KIND, REVIEW_VERSION, UnreadableObject},
};
use crate::api::error::chain;

/// What is decided on a request. Codes and texts are those of PF-211.
#[derive(Clone, PartialEq, Debug)]
#[must_use]
pub struct AdmissionResponse {
    verdict: Verdict,
    warnings: Vec<String>,
}

#[derive(Clone, PartialEq, Debug)]
enum Verdict {
    Allowed(Patch),
    Denied {
        code: StatusCode,
        reason: Option<&'static str>,
        message: String,
        causes: Vec<Cause>,
    },
    Unanswered {
        reason: String,
    },
}

/// One thing that is wrong with an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired` or the like.
    pub reason: &'static str,
    /// Path of the field, such as `spec.replicas`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl AdmissionResponse {
    /// Go on.
    pub fn allow() -> Self {
        Self::allow_with(Patch::default())
    }

    /// Go on with the object changed to `changed`, which was made from the request's own, so that what
    /// no type knows is in it.
    pub fn change(request: &AdmissionRequest, changed: &Value) -> Self {
        match request.object::<Value>() {
            Ok(original) => Self::allow_with(patch::diff(&original, changed)),
            Err(error) => error.into(),
        }
    }

    /// Go on with the changes that lead from `before`, the object as a type sees it, to `after`. What
    /// the type doesn't know stays as it is (see `patch::carry_over`).
    pub fn change_known(request: &AdmissionRequest, before: &Value, after: &Value) -> Self {
        match request.object::<Value>() {
            Ok(original) => {
                let changed = patch::carry_over(&original, before, after);
                Self::allow_with(patch::diff(&original, &changed))
            }
            Err(error) => error.into(),
        }
    }

    /// Refuse. The message is what the user reads after the webhook's name.
    pub fn deny(code: StatusCode, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Denied {
                code,
                reason: None,
                message: message.into(),
                causes: vec![],
            },
            warnings: vec![],
        }
    }

    /// Refuse for what is wrong with the object's fields, with the code that the kind has (PF-211).
    pub fn invalid(code: StatusCode, errors: &FieldErrors) -> Self {
        let causes = errors.iter().map(|error| Cause {
            reason: error.kind.reason(),
            field: error.field.clone(),
            message: error.message(),
        });
        Self::deny(code, errors.to_string())
            .with_reason("Invalid")
            .with_causes(causes.collect())
    }

    /// Decide nothing: to the API server this webhook can't be called for now, so that the webhook's `failurePolicy`
    /// counts. For a handler that lacks what it decides by. The API server asks once more after a second if it has the
    /// time.
    pub fn unanswered(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Unanswered {
                reason: reason.into(),
            },
            warnings: vec![],
        }
    }

    /// Gives a refusal a word for programs, such as `Invalid`.
    pub fn with_reason(mut self, word: &'static str) -> Self {
        if let Verdict::Denied { reason, .. } = &mut self.verdict {
            *reason = Some(word);
        }
        self
    }

    /// Tells what is wrong with which field.
    pub fn with_causes(mut self, all: Vec<Cause>) -> Self {
        if let Verdict::Denied { causes, .. } = &mut self.verdict {
            *causes = all;
        }
        self
    }

    /// Tells the user something, whatever is decided. The API server cuts texts above 256 bytes.
    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    /// Whether the request may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed(_))
    }

    /// The changes; empty if there are none.
    #[must_use]
    pub fn operations(&self) -> &[json_patch::PatchOperation] {
        match &self.verdict {
            Verdict::Allowed(patch) => patch,
            Verdict::Denied { .. } | Verdict::Unanswered { .. } => &[],
        }
    }

    /// The status code: 200 if allowed, 503 if nothing is decided.
    #[must_use]
    pub fn code(&self) -> StatusCode {
        match &self.verdict {
            Verdict::Allowed(_) => StatusCode::OK,
            Verdict::Denied { code, .. } => *code,
            Verdict::Unanswered { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Why the request is refused, or nothing is decided; empty if it is allowed.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.verdict {
            Verdict::Allowed(_) => "",
            Verdict::Denied { message, .. } => message,
            Verdict::Unanswered { reason } => reason,
        }
    }

    /// What the user is told besides.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The review that carries this answer to the request of that UID, as JSON.
    pub(crate) fn to_review(&self, uid: &str) -> Result<Vec<u8>, NoReview> {
        if let Verdict::Unanswered { reason } = &self.verdict {
            return Err(NoReview::Undecided(reason.clone()));
        }
        self.written(uid).map_err(NoReview::Unwritable)
    }

    fn written(&self, uid: &str) -> Result<Vec<u8>, serde_json::Error> {
        let operations = self.operations();
        let patch = match operations {
            [] => None,
            operations => Some(STANDARD.encode(serde_json::to_vec(operations)?)),
        };
        let (reason, causes): (_, &[Cause]) = match &self.verdict {
            Verdict::Denied { reason, causes, .. } => (*reason, causes),
            Verdict::Allowed(_) | Verdict::Unanswered { .. } => (None, &[]),
        };
        serde_json::to_vec(&ReviewAnswer {
            api_version: REVIEW_VERSION,
            kind: REVIEW_KIND,
            response: Response {
                uid,
                allowed: self.is_allowed(),
                status: Status {
                    code: self.code().as_u16(),
                    reason,
                    message: self.message(),
                    details: (!causes.is_empty()).then_some(Details { causes }),
                },
                patch_type: patch.is_some().then_some("JSONPatch"),
                patch,
                warnings: &self.warnings,
            },
        })
    }

    fn allow_with(patch: Patch) -> Self {
        Self {
            verdict: Verdict::Allowed(patch),
            warnings: vec![],
        }
    }
}

impl From<UnreadableObject> for AdmissionResponse {
    /// PF-211: an undecodable object is answered with 400.
    fn from(error: UnreadableObject) -> Self {
        Self::deny(StatusCode::BAD_REQUEST, chain(&error))
    }
}

/// A review that goes back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewAnswer<'a, Response> {
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
    pub(super) response: Response,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    status: Status<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    causes: &'a [Cause],
}
