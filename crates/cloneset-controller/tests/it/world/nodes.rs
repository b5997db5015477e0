//! What happens on nodes: the test kit's kubelets, each step of which takes no time, and all that happens when they are
//! told to work.

use std::collections::BTreeMap;

use kruise_api::resource::{NODES, PODS};
use kruise_testkit::{
    builders,
    fields::{list, text},
    kubelet::{Delay, KUBELET, Kubelets, Rules},
    random::Random,
    scheduler::SCHEDULER,
};
use serde_json::{Value, json};

use super::cluster::{Cluster, Objects, key};

/// The one node that pods get.
const NODE: &str = "node1";
const AT_ONCE: Delay = Delay::between(0, 0);

pub(crate) struct Nodes {
    cluster: Cluster,
    pods: Objects,
    kubelets: Kubelets,
}

impl Nodes {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let mut kubelets = Kubelets::new(Random::new(1));
        kubelets.rules = Rules {
            notice: AT_ONCE,
            start: AT_ONCE,
            ready: AT_ONCE,
            stop: AT_ONCE,
            resize: AT_ONCE,
            remove: AT_ONCE,
        };
        cluster.on(|server| server.put(KUBELET, NODES, builders::node(NODE)));
        Self {
            pods: cluster.objects(PODS),
            cluster: cluster.clone(),
            kubelets,
        }
    }

    /// Kubelets do what they can; then pods get nodes that have none, and garbage is collected.
    pub(crate) fn work(&mut self, same_image: bool) {
        let homeless = self.pods.values();
        let homeless = homeless.filter(|pod| text(&pod["spec"]["nodeName"]).is_empty());
        let homeless: Vec<String> = homeless.map(|pod| text(&pod["metadata"]["name"])).collect();
        let images = same_image.then(|| self.image_ids());
        let now = self.cluster.now();
        let kubelets = &mut self.kubelets;
        self.cluster.on(|server| kubelets.step(server, now));
        if let Some(images) = images {
            self.keep(&images);
        }
        self.cluster.on(|server| {
            for pod in &homeless {
                server.change(SCHEDULER, PODS, &key(pod), |pod| {
                    pod["spec"]["nodeName"] = json!(NODE);
                });
            }
            server.collect_garbage();
        });
    }

    /// Image ids by pod and container.
    fn image_ids(&self) -> BTreeMap<(String, String), Value> {
        let ids = self.pods.all().into_iter().flat_map(|(name, pod)| {
            let statuses = list(&pod["status"]["containerStatuses"]).to_vec();
            statuses.into_iter().map(move |status| {
                let container = text(&status["name"]);
                ((name.clone(), container), status["imageID"].clone())
            })
        });
        ids.collect()
    }

    /// What runs is the image that ran before, whatever it is called now.
    fn keep(&self, ids: &BTreeMap<(String, String), Value>) {
        for name in self.pods.keys() {
            self.cluster.on(|server| {
                server.change(KUBELET, PODS, &key(&name), |pod| {
                    let statuses = pod["status"]["containerStatuses"].as_array_mut();
                    for status in statuses.into_iter().flatten() {
                        let container = (name.clone(), text(&status["name"]));
                        if let Some(id) = ids.get(&container) {
                            status["imageID"] = id.clone();
                        }
                    }
                });
            });
        }
    }
}
