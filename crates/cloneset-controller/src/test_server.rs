//! The API server that tests of what talks to one stand on, and calls to it in words: verb, plural and object, such as
//! `patch pods web-a/status`.

use kruise_api::resource::Resource;
use kruise_runtime::{ApiClient, Metrics};
use kruise_testkit::{
    clock::VirtualClock,
    manifests,
    server::{ApiServer, Fault, Recorded, Rule},
};
use serde_json::Value;

/// A namespace that is there from the beginning.
pub(crate) const NAMESPACE: &str = "default";

/// A server with these objects, that knows CloneSets.
pub(crate) fn server_with(objects: impl IntoIterator<Item = (Resource, Value)>) -> ApiServer {
    let server = ApiServer::new(VirtualClock::new(), 1);
    for definition in manifests::read("crds/apps.kruise.io_clonesets.yaml") {
        server.install(definition);
    }
    for (resource, object) in objects {
        server.put("setup", resource, object);
    }
    server
}

pub(crate) fn client_of(server: &ApiServer) -> ApiClient {
    ApiClient::new(server.client_of("test"), "test", Metrics::unregistered())
}

/// What goes wrong with one call.
pub(crate) fn fails(call: &'static str, fault: Fault) -> Rule {
    let mut words = call.split(' ');
    let mut word = || words.next().expect("verb, plural and object");
    let (verb, plural, object) = (word(), word(), word());
    let (name, subresource) = object.split_once('/').unwrap_or((object, ""));
    let rule = Rule::new(fault, 1000).verbs(&[verb]).plurals(&[plural]);
    rule.names(&[name]).subresource(subresource)
}

/// What was asked, in order.
pub(crate) fn calls(server: &ApiServer) -> Vec<String> {
    server.requests().iter().map(in_words).collect()
}

fn in_words(request: &Recorded) -> String {
    let Recorded {
        verb,
        plural,
        key,
        subresource,
        dry_run,
        ..
    } = request;
    let dry_run = if *dry_run { "dry " } else { "" };
    let slash = if subresource.is_empty() { "" } else { "/" };
    format!("{dry_run}{verb} {plural} {}{slash}{subresource}", key.name)
}
