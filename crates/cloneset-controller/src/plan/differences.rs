//! What changes from one revision to another.

use std::cell::RefCell;

use kruise_api::inplace::{self, NotInPlace};

/// What changes from one revision to another, for each pair that a plan has asked about: thousands of pods ask the
/// same.
#[derive(Debug, Default)]
pub(super) struct Differences(RefCell<Vec<Difference>>);

#[derive(Debug)]
struct Difference {
    old: String,
    new: String,
    update: Result<inplace::Update, NotInPlace>,
}

impl Differences {
    pub(super) fn get(
        &self,
        old: &str,
        new: &str,
        calculate: impl FnOnce() -> Result<inplace::Update, NotInPlace>,
    ) -> Result<inplace::Update, NotInPlace> {
        let is_it = |known: &&Difference| known.old == old && known.new == new;
        if let Some(known) = self.0.borrow().iter().find(is_it) {
            return known.update.clone();
        }
        let update = calculate();
        self.0.borrow_mut().push(Difference {
            old: old.to_owned(),
            new: new.to_owned(),
            update: update.clone(),
        });
        update
    }
}
