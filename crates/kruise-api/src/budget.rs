//! PodUnavailableBudget: whether a pod may be made unavailable now, and what that costs (PB-29 to PB-50,
//! PB-60 to PB-62).
//!
//! Whoever is about to delete, evict, change or resize a pod asks [`decide`]. There are three answers: the
//! operation costs nothing, it is refused, or it costs one unit of the budget. A unit is paid first, by a
//! patch of the budget's status. The pod is touched only when the API server has accepted that patch. The
//! patch carries the version on which the decision rests. So when two processes spend the same unit, one of
//! them meets a conflict, and asks again with what is left.
//!
//! Nothing here reads or writes: looking up the budget, keeping the newest copy and trying again after a
//! conflict are the caller's part.

mod checked;
mod consistency;
mod decision;
mod free;
mod operation;
mod protection;
mod resize;
mod spend;
mod subject;

pub use checked::{Checked, says_no_protect};
pub use consistency::{is_available, is_consistent, is_ready};
pub use decision::{BudgetRefusal, Decision, Options, decide, decide_on, related, related_in};
pub use free::Free;
pub use operation::Operation;
pub use resize::is_pure_resize;
pub use spend::{DISRUPTED_FOR, Ledger, RENEWED_BELOW, Spend, UNAVAILABLE_FOR, status_patch};
pub use subject::Subject;
