//! Values that many objects have in common, each kept once. Ten thousand pods of twenty workloads use the
//! same few hundred words, and have the same containers.
//!
//! A table is shared by the whole process and holds no meaning: a value reads the same whether it is in the
//! table or not. Values that nobody uses any more are dropped as the table grows.

use std::{
    borrow::Borrow,
    collections::HashSet,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// A value that is shared by reference count.
pub(crate) trait Kept: Clone + Eq + Hash {
    /// Whether anybody but the table has it.
    fn is_used(&self) -> bool;
}

/// Values in use, each once.
pub(crate) struct Once<T>(Mutex<Table<T>>);

struct Table<T> {
    /// Absent until the first value comes.
    values: Option<HashSet<T>>,
    /// At this number of values, those that are unused are looked for.
    sweep_at: usize,
}

/// A sweep looks at every value, so it must be rare.
const FIRST_SWEEP: usize = 1024;

impl<T: Kept> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Table {
            values: None,
            sweep_at: FIRST_SWEEP,
        }))
    }

    /// The value that is kept and equal to this one, made if there is none.
    pub(crate) fn keep<V>(&self, value: &V, make: impl FnOnce() -> T) -> T
    where
        T: Borrow<V>,
        V: Eq + Hash + ?Sized,
    {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let table = &mut *table;
        let values = table.values.get_or_insert_default();
        if let Some(known) = values.get(value) {
            return known.clone();
        }
        if values.len() >= table.sweep_at {
            values.retain(T::is_used);
            values.shrink_to(values.len() * 2);
            table.sweep_at = FIRST_SWEEP.max(values.len() * 2);
        }
        let value = make();
        values.insert(value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    impl Kept for Rc<str> {
        fn is_used(&self) -> bool {
            Rc::strong_count(self) > 1
        }
    }

    #[test]
    fn unused_values_are_dropped_as_the_table_grows() {
        let once: Once<Rc<str>> = Once::new();
        let keep = |text: &str| once.keep(text, || text.into());
        let kept = keep("kept");
        for n in 0..10 * FIRST_SWEEP {
            keep(&n.to_string());
        }
        assert!(Rc::ptr_eq(&keep("kept"), &kept));
        let table = once.0.lock().unwrap();
        let len = table.values.as_ref().unwrap().len();
        assert!(len <= FIRST_SWEEP, "{len}");
    }
}
