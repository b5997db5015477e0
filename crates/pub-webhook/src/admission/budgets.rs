//! Admission of budgets (PB-5 to PB-10), in either version.

use http::StatusCode;
use kruise_api::{
    kinds::podunavailablebudget::validation::{self, ANSWER_CODE},
    policy::{v1alpha1, v1beta1},
    validation::{FieldError, FieldErrors, FieldPath},
};
use kruise_runtime::{
    Store, StoreView,
    webhook::{AdmissionRequest, AdmissionResponse, Operation, UnreadableObject},
};

use crate::{budget::Budget, gates::Gates};

/// PB-5
const GATES_OFF: &str = "feature PodUnavailableBudget is invalid, please open via \
     feature-gate(PodUnavailableBudgetDeleteGate, PodUnavailableBudgetUpdateGate)";

/// Refuses what is wrong with budgets.
pub struct BudgetValidator {
    /// Feature gates.
    pub gates: Gates,
    /// All budgets: two must not protect the same pods (PB-8).
    pub budgets: Store<Budget>,
}

impl BudgetValidator {
    /// The answer.
    pub fn answer(&self, request: &AdmissionRequest) -> AdmissionResponse {
        let is_judged = matches!(request.operation, Operation::Create | Operation::Update);
        if !is_judged || !request.sub_resource.is_empty() {
            return AdmissionResponse::allow();
        }
        if !self.gates.any() {
            return refused(GATES_OFF);
        }
        match self.judge(request) {
            Ok(errors) if errors.is_empty() => AdmissionResponse::allow(),
            Ok(errors) => AdmissionResponse::invalid(code(), &errors),
            Err(answer) => answer,
        }
    }

    fn judge(&self, request: &AdmissionRequest) -> Result<FieldErrors, AdmissionResponse> {
        let Admitted { budget, old } = read(request)?;
        let others = self.others(&request.namespace);
        let mut errors = validation::validate(&budget, old.as_ref(), &others);
        if !self.is_known_what_there_is() {
            let why = "the other PodUnavailableBudgets have not been listed yet";
            errors.push(FieldError::internal(&FieldPath::new(""), why));
        }
        Ok(errors)
    }

    fn others(&self, namespace: &str) -> Vec<v1beta1::PodUnavailableBudget> {
        let others = self.budgets.in_namespace(namespace);
        others.iter().map(|budget| budget.object()).collect()
    }

    /// PB-7 p
    fn is_known_what_there_is(&self) -> bool {
        self.budgets.synced() || StoreView::kind_missing(&self.budgets)
    }
}

/// What is asked about, in the version in which it is judged.
struct Admitted {
    budget: v1beta1::PodUnavailableBudget,
    old: Option<v1beta1::PodUnavailableBudget>,
}

/// PB-6
fn read(request: &AdmissionRequest) -> Result<Admitted, AdmissionResponse> {
    match request.resource.version.as_str() {
        "v1alpha1" => {
            let budget: v1alpha1::PodUnavailableBudget = object(request)?;
            if let Some(why) = validation::unreadable_annotation(&budget.metadata) {
                return Err(refused(why));
            }
            let old: Option<v1alpha1::PodUnavailableBudget> = old_object(request)?;
            Ok(Admitted {
                budget: budget.into(),
                old: old.map(Into::into),
            })
        }
        "v1beta1" => Ok(Admitted {
            budget: object(request)?,
            old: old_object(request)?,
        }),
        other => Err(refused(format!("unsupported version: {other}"))),
    }
}

fn object<T: serde::de::DeserializeOwned>(
    request: &AdmissionRequest,
) -> Result<T, AdmissionResponse> {
    request.object().map_err(from_unreadable)
}

fn old_object<T: serde::de::DeserializeOwned>(
    request: &AdmissionRequest,
) -> Result<Option<T>, AdmissionResponse> {
    match request.operation {
        Operation::Update => request.old_object().map(Some).map_err(from_unreadable),
        _ => Ok(None),
    }
}

fn from_unreadable(error: UnreadableObject) -> AdmissionResponse {
    error.into()
}

fn refused(why: impl Into<String>) -> AdmissionResponse {
    AdmissionResponse::deny(code(), why)
}

fn code() -> StatusCode {
    StatusCode::from_u16(ANSWER_CODE).unwrap_or(StatusCode::BAD_REQUEST)
}
