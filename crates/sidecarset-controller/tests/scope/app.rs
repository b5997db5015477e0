//! A deployable that has the scope, and as much besides as shows whether the scope is right.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    apps::v1beta1::{SIDECARSETS, SidecarSet},
    meta::StringMap,
    selector::Selector,
};
use kruise_runtime::{
    App, Store, WatchOptions,
    webhook::{Admission, AdmissionRequest, AdmissionResponse},
};
use serde_json::{Value, json};
use sidecarset_controller::{
    NAME,
    scope::{self, PLACE, Parts, Reach, Scope},
};

pub(crate) const SYSTEM: &str = "kruise-system";

/// Where a pod that is asked about says which SidecarSets matched it.
pub(crate) const MATCHED: &str = "matched";

/// The deployable.
pub(crate) fn app(narrows: bool) -> App {
    App::new(NAME, move |setup| {
        let sets = setup.watch::<SidecarSet>(SIDECARSETS, WatchOptions::default());
        let injector = Injector { sets: sets.store() };
        let parts = Parts {
            reach: |set: &SidecarSet| Reach::from(&set.spec),
            pods: Arc::new(injector.clone()),
            namespace: SYSTEM.to_owned(),
            narrows,
        };
        let scope = scope::wire(setup, &sets, parts);
        setup.mutating_pod_webhook(PLACE, "/mutate-pod", injector);
        setup.validating_webhook("/validate-sidecarset", Validator { scope });
        Ok(())
    })
}

/// Writes down which SidecarSets match a pod, where the real one would inject their containers.
#[derive(Clone)]
struct Injector {
    sets: Store<SidecarSet>,
}

impl Admission for Injector {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        let mut pod: Value = request.object().unwrap();
        let labels = pod["metadata"]["labels"].clone();
        let labels: StringMap = serde_json::from_value(labels).unwrap_or_default();
        let sets = self.sets.all();
        let matched = sets.iter().filter(|set| {
            let reach = Reach::from(&set.spec);
            let parse = |selector| Selector::parse(selector).unwrap();
            let namespace = StringMap::from([(
                "kubernetes.io/metadata.name".to_owned(),
                request.namespace.clone(),
            )]);
            let namespaces = reach.namespace_selector.as_ref().map(parse);
            !reach.injection_paused
                && parse(reach.selector.as_ref().unwrap()).matches(&labels)
                && namespaces.is_none_or(|namespaces| namespaces.matches(&namespace))
        });
        let matched: Vec<_> = matched.map(|set| set.metadata.name.as_str()).collect();
        pod["metadata"]["annotations"][MATCHED] = json!(matched.join(","));
        async move { AdmissionResponse::change(request, &pod) }.boxed()
    }
}

/// Takes every SidecarSet, once the scope is as wide as it needs.
struct Validator {
    scope: Scope,
}

impl Admission for Validator {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async move {
            let new: SidecarSet = request.object().unwrap();
            let old: Option<SidecarSet> = request.old_object().ok();
            let old = old.map(|old| Reach::from(&old.spec));
            let allowed = AdmissionResponse::allow();
            let new = Reach::from(&new.spec);
            self.scope
                .answer(request, old.as_ref(), &new, allowed)
                .await
        }
        .boxed()
    }
}
