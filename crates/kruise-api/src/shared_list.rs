//! A sorted list that is cheap to keep in several states: copies share what they have in common.
//!
//! A workload may have ten thousand pods, and an event changes one of them. The list is kept in pieces, so that a
//! change copies one piece, and whoever remembers an earlier state finds at once which pieces are still the same.

use std::{cmp::Ordering, fmt, sync::Arc};

/// A change copies as many items at most. Pieces are split and never joined, so that a list that has shrunk may have
/// more of them than it needs.
const MAX_PIECE: usize = 128;

/// Items in an order that the owner of the list keeps.
pub struct SharedList<T> {
    /// None of them is empty.
    pieces: Vec<Arc<Vec<T>>>,
}

impl<T> SharedList<T> {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// All items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The pieces, in order. While one is the same, so are its items.
    #[must_use]
    pub fn pieces(&self) -> &[Arc<Vec<T>>] {
        &self.pieces
    }

    /// Whether both consist of the same pieces, and so of the same items.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.pieces.len() == other.pieces.len()
            && self
                .pieces
                .iter()
                .zip(&other.pieces)
                .all(|(ours, theirs)| Arc::ptr_eq(ours, theirs))
    }
}

impl<T: Clone> SharedList<T> {
    /// Puts an item in its place; one that is there, and equal in this order, goes.
    pub fn put(&mut self, item: T, order: impl Fn(&T, &T) -> Ordering) {
        let at = self.piece_of(&item, &order);
        // What comes after all others goes into the last piece.
        let at = at.min(self.pieces.len().saturating_sub(1));
        let Some(shared) = self.pieces.get_mut(at) else {
            self.pieces.push(Arc::new(vec![item]));
            return;
        };
        let piece = Arc::make_mut(shared);
        match piece.binary_search_by(|there| order(there, &item)) {
            Ok(found) => {
                if let Some(there) = piece.get_mut(found) {
                    *there = item;
                }
            }
            Err(free) => {
                piece.insert(free, item);
                if piece.len() > MAX_PIECE {
                    let half = piece.split_off(MAX_PIECE / 2);
                    self.pieces.insert(at + 1, Arc::new(half));
                }
            }
        }
    }

    /// Takes out the item that is equal to this in this order.
    pub fn remove(&mut self, item: &T, order: impl Fn(&T, &T) -> Ordering) {
        let at = self.piece_of(item, &order);
        let Some(shared) = self.pieces.get_mut(at) else {
            return;
        };
        let Ok(found) = shared.binary_search_by(|there| order(there, item)) else {
            return;
        };
        let piece = Arc::make_mut(shared);
        piece.remove(found);
        if piece.is_empty() {
            self.pieces.remove(at);
        }
    }

    /// Where the piece is that this item is in, if any.
    fn piece_of(&self, item: &T, order: impl Fn(&T, &T) -> Ordering) -> usize {
        self.pieces.partition_point(|piece| {
            let last = piece.last();
            last.is_some_and(|last| order(last, item).is_lt())
        })
    }
}

impl<T> Clone for SharedList<T> {
    fn clone(&self) -> Self {
        Self {
            pieces: self.pieces.clone(),
        }
    }
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<T: fmt::Debug> fmt::Debug for SharedList<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl<T> FromIterator<T> for SharedList<T> {
    /// From items that are in order.
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        let mut pieces = Vec::new();
        loop {
            let piece: Vec<T> = items.by_ref().take(MAX_PIECE).collect();
            if piece.is_empty() {
                return Self { pieces };
            }
            pieces.push(Arc::new(piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(list: &SharedList<(u32, u32)>) -> Vec<u32> {
        list.iter().map(|(key, _)| *key).collect()
    }

    fn by_key(a: &(u32, u32), b: &(u32, u32)) -> Ordering {
        a.0.cmp(&b.0)
    }

    #[test]
    fn items_stay_in_order_however_they_come_and_go() {
        let mut list = SharedList::default();
        // A prime goes through all of them.
        for n in 0..1_000 {
            list.put((n * 7_919 % 1_000, 0), by_key);
        }
        assert_eq!(keys(&list), (0..1_000).collect::<Vec<_>>());
        assert!(list.pieces().iter().all(|piece| piece.len() <= MAX_PIECE));
        for n in (0..1_000).filter(|n| n % 3 != 0) {
            list.remove(&(n, 0), by_key);
            list.remove(&(n, 0), by_key);
        }
        assert_eq!(keys(&list), (0..1_000).step_by(3).collect::<Vec<_>>());
        assert_eq!(list.len(), 334);
        for n in 0..1_000 {
            list.remove(&(n, 0), by_key);
        }
        assert!(list.is_empty());
    }

    #[test]
    fn a_change_leaves_a_copy_as_it_was_and_the_other_pieces_shared() {
        let mut list: SharedList<_> = (0..1_000).map(|n| (n, 0)).collect();
        let before = list.clone();
        assert!(list.is_same(&before));
        list.put((500, 1), by_key);
        let at_500 = |list: &SharedList<_>| list.iter().nth(500).copied();
        assert_eq!(at_500(&before), Some((500, 0)));
        assert_eq!(at_500(&list), Some((500, 1)));
        assert!(!list.is_same(&before));
        let pairs = list.pieces().iter().zip(before.pieces());
        let shared = pairs.filter(|(now, before)| Arc::ptr_eq(now, before));
        assert_eq!(shared.count(), list.pieces().len() - 1);
    }
}
