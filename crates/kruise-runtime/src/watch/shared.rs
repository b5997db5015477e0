//! The watches that the apps of a process ask for, before the watches run: one a kind, whoever asks for it.

use std::{
    any::{Any, TypeId},
    sync::Arc,
};

use futures::future::BoxFuture;
use kruise_api::{object::Object, resource::Resource};

use crate::{
    api::client::ApiClient,
    tell::metrics::Metrics,
    watch::{
        restore::Restores,
        store::Store,
        store_view::StoreView,
        watcher::{WatchOptions, Watcher},
    },
};

/// One watch of the process.
#[derive(Clone)]
pub(crate) struct Watching {
    pub(crate) resource: Resource,
    pub(crate) namespace: String,
    pub(crate) options: WatchOptions,
    pub(crate) store: Arc<dyn StoreView>,
}

type Start = Box<
    dyn FnOnce(ApiClient, String, WatchOptions, Metrics, Restores) -> BoxFuture<'static, ()> + Send,
>;

struct Asked {
    of: (TypeId, Resource),
    options: WatchOptions,
    store: Box<dyn Any + Send>,
    view: Arc<dyn StoreView>,
    start: Start,
}

/// What was asked for so far.
#[derive(Default)]
pub(crate) struct SharedWatches {
    asked: Vec<Asked>,
}

impl SharedWatches {
    /// The store of a kind. Whoever asks for another selection of the same kind widens the watch for all.
    pub(crate) fn store<K: Object>(
        &mut self,
        resource: Resource,
        options: WatchOptions,
    ) -> Store<K> {
        let of = (TypeId::of::<K>(), resource);
        for asked in &mut self.asked {
            if asked.of == of
                && let Some(store) = asked.store.downcast_ref::<Store<K>>()
            {
                asked.options.widen(&options);
                return store.clone();
            }
        }
        let store = Store::<K>::new(resource);
        let filled = store.clone();
        self.asked.push(Asked {
            of,
            options,
            store: Box::new(store.clone()),
            view: Arc::new(store.clone()),
            start: Box::new(move |client, namespace, options, metrics, restores| {
                let watcher =
                    Watcher::filling(filled, client, namespace, options, metrics, restores);
                Box::pin(watcher.run())
            }),
        });
        store
    }

    /// The watches as they are, and the tasks that run them.
    pub(crate) fn start(
        self,
        client: &ApiClient,
        namespace: &str,
        metrics: &Metrics,
        restores: &Restores,
    ) -> (Vec<Watching>, Vec<(String, BoxFuture<'static, ()>)>) {
        let watches = self.asked.into_iter().map(|asked| {
            let resource = asked.of.1;
            let namespace = asked.options.namespace_in(namespace);
            let watching = Watching {
                resource,
                namespace: namespace.clone(),
                options: asked.options.clone(),
                store: asked.view,
            };
            let task = (asked.start)(
                client.clone(),
                namespace,
                asked.options,
                metrics.clone(),
                restores.clone(),
            );
            (watching, (format!("watch of {resource}"), task))
        });
        watches.unzip()
    }
}
