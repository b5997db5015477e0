//! The containers of pods. Pods of one revision share one list in memory.

use std::{
    borrow::Borrow,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize};

use super::Container;
use crate::once::{Kept, Once};

static CONTAINERS: Once<Containers> = Once::new();

/// The containers of one pod, in order. Equal lists are kept once; a change makes a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Containers(Arc<[Container]>);

impl Kept for Containers {
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Borrow<[Container]> for Containers {
    fn borrow(&self) -> &[Container] {
        &self.0
    }
}

impl From<Vec<Container>> for Containers {
    fn from(containers: Vec<Container>) -> Self {
        let known: &[Container] = &containers;
        CONTAINERS.keep(known, || Self(known.into()))
    }
}

impl FromIterator<Container> for Containers {
    fn from_iter<I: IntoIterator<Item = Container>>(containers: I) -> Self {
        containers.into_iter().collect::<Vec<_>>().into()
    }
}

impl Deref for Containers {
    type Target = [Container];

    fn deref(&self) -> &[Container] {
        &self.0
    }
}

impl DerefMut for Containers {
    fn deref_mut(&mut self) -> &mut [Container] {
        Arc::make_mut(&mut self.0)
    }
}

impl<'a> IntoIterator for &'a Containers {
    type Item = &'a Container;
    type IntoIter = std::slice::Iter<'a, Container>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de> Deserialize<'de> for Containers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn containers(image: &str) -> Containers {
        let json = serde_json::json!([{"name": "app", "image": image}]);
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn equal_ones_are_kept_once_and_a_change_makes_a_copy() {
        let (a, mut b) = (containers("app:1"), containers("app:1"));
        assert!(Arc::ptr_eq(&a.0, &b.0));
        b[0].image = "app:2".into();
        assert_eq!(a, containers("app:1"));
        assert_eq!(b, containers("app:2"));
    }
}
