//! What a server is made of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use kruise_api::resource::Resource;
use serde_json::Value;
use tokio::sync::Notify;

use super::{
    definition,
    faults::Draws,
    hooks::Hooks,
    kinds::{DEFINITIONS, Kind, Kinds},
    record::Recorded,
    store::{Store, Write},
    texts::Texts,
};
use crate::{clock::VirtualClock, random::Random};

/// The server. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    pub(super) inner: Arc<Inner>,
}

/// A server that may be gone. What the server itself keeps, as it keeps webhooks, holds no more of it than this: else
/// they would keep each other for ever.
#[derive(Clone)]
pub struct WeakApiServer {
    inner: Weak<Inner>,
}

pub(super) struct Inner {
    pub(super) clock: VirtualClock,
    pub(super) state: Mutex<State>,
    /// Told of every change. (Not a `watch` channel: which of its receivers wakes first is left to chance.)
    pub(super) changed: Notify,
}

/// What the server knows.
pub(super) struct State {
    pub(super) kinds: Kinds,
    pub(super) store: Store,
    pub(super) texts: Texts,
    pub(super) random: Random,
    pub(super) requests: Vec<Recorded>,
    pub(super) hooks: Hooks,
    pub(super) faults: Draws,
}

impl ApiServer {
    /// The same server, for who must not keep it.
    #[must_use]
    pub fn downgrade(&self) -> WeakApiServer {
        WeakApiServer {
            inner: Arc::downgrade(&self.inner),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl WeakApiServer {
    /// The server, as long as somebody keeps it.
    #[must_use]
    pub fn upgrade(&self) -> Option<ApiServer> {
        let inner = self.inner.upgrade()?;
        Some(ApiServer { inner })
    }
}

impl State {
    /// Serves the kind that this definition describes.
    pub(super) fn take_in(&mut self, definition: &Value) {
        if let Some(kind) = definition::kind_of(definition) {
            self.kinds.install(kind);
            self.store.grow(self.kinds.len());
        }
    }

    /// Serves a kind no longer, and drops its objects.
    pub(super) fn forget(&mut self, definition: &Value, write: impl Fn(Resource) -> Write) {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
        let Some((number, kind)) = self.kinds.find(&group, &plural) else {
            return;
        };
        let resource = kind.resource;
        let places: Vec<String> = self
            .store
            .list(number, "")
            .map(|(place, _)| place.clone())
            .collect();
        for place in places {
            self.store.remove(number, &place, write(resource));
        }
        self.kinds.remove(number);
    }

    /// What the server itself does once an object is stored.
    pub(super) fn after_write(&mut self, kind: &Kind, object: &Value) {
        if kind.is(&DEFINITIONS) {
            self.take_in(object);
        }
    }

    /// A UID of version 4.
    pub(super) fn uid(&mut self) -> String {
        let (high, low) = (self.random.number(), self.random.number());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// A name that begins so.
    pub(super) fn name_from(&mut self, prefix: &str) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        const LONGEST: usize = 63 - 5;
        let mut name: String = prefix.chars().take(LONGEST).collect();
        for _ in 0..5 {
            name.push(char::from(*self.random.pick(LETTERS)));
        }
        name
    }
}
