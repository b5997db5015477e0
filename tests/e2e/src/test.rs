//! A test that runs: what it has claimed of the cluster, and a namespace of its own.

use std::{ops::Deref, time::SystemTime};

use crate::{
    Cluster, Deployable, Namespace,
    claims::{self, Claim, Part},
    names::NODES,
    times,
};

/// A test that runs. It is a namespace too.
pub struct Test {
    // In the order in which they end.
    namespace: Namespace,
    _holding: claims::Holding,
    name: String,
    begun: SystemTime,
    deployables: Vec<&'static str>,
}

/// What a test claims before it begins.
#[derive(Default)]
pub struct Plan(Claim);

impl Test {
    /// A test of a deployable, which needs it, all nodes and the API server as they are.
    #[must_use]
    pub fn of(deployable: &'static str) -> Plan {
        let nodes = NODES.into_iter().map(Part::Node);
        let parts = nodes.chain([Part::Deployable(deployable), Part::ApiServer]);
        parts.fold(Plan::default(), Plan::needs)
    }

    /// A test of a deployable that ends its replicas, say, or changes its webhooks.
    #[must_use]
    pub fn that_disturbs(deployable: &'static str) -> Plan {
        Self::of(deployable).disturbs(Part::Deployable(deployable))
    }

    /// A test of the API server alone: no pod runs, and no deployable is asked.
    #[must_use]
    pub fn of_api_server() -> Plan {
        Plan::default().needs(Part::ApiServer)
    }
}

impl Plan {
    /// Needs a further part as it is.
    #[must_use]
    pub fn needs(mut self, part: Part) -> Self {
        self.0.needs.insert(part);
        self
    }

    /// Disturbs a part, so that no test runs meanwhile that needs it.
    #[must_use]
    pub fn disturbs(mut self, part: Part) -> Self {
        self.0.needs.remove(&part);
        self.0.disturbs.insert(part);
        self
    }

    /// Begins the test when it has what it claims.
    pub async fn begin(self) -> Test {
        // Its start is no test's time.
        Cluster::get().await;
        let holding = claims::hold(&self.0).await;
        let begun = SystemTime::now();
        let parts = self.0.needs.iter().chain(&self.0.disturbs);
        let deployables = parts.filter_map(|part| match part {
            Part::Deployable(name) => Some(*name),
            _ => None,
        });
        let name = name();
        Test {
            namespace: Namespace::create(&short(&name)).await,
            _holding: holding,
            deployables: deployables.collect(),
            name,
            begun,
        }
    }

    /// Begins it on our own cluster, whose nodes and processes a test may break; on another one it says that it is
    /// skipped.
    pub async fn begin_locally(self) -> Option<Test> {
        if !Cluster::get().await.is_local() {
            eprintln!(
                "SKIPPED {}: it breaks parts of a cluster, so it needs a local one",
                name()
            );
            return None;
        }
        Some(self.begin().await)
    }
}

/// As the test harness calls the test: it names the thread so.
fn name() -> String {
    std::thread::current().name().unwrap_or("test").to_owned()
}

/// The beginning of a test's own name, as a namespace may be called.
fn short(name: &str) -> String {
    let own = name.rsplit("::").next().unwrap_or_default();
    let short: String = own.chars().take(40).collect();
    short.trim_end_matches('_').replace('_', "-")
}

impl Deref for Test {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}

impl Drop for Test {
    fn drop(&mut self) {
        times::note(&self.name, self.begun);
        if std::thread::panicking() {
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    for name in &self.deployables {
                        Deployable::of(&self.namespace.client, name)
                            .print_logs()
                            .await;
                    }
                });
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(short("a::b::it_works"), "it-works");
        let long = short(&format!("a::{}_b", "x".repeat(39)));
        assert_eq!(long, "x".repeat(39), "which may not end in a hyphen");
    }
}
