//! The Services by which the API server finds the replicas.

use super::labels;
use crate::deployables::Deployable;

pub(super) fn conversion(deployable: &Deployable) -> String {
    let about = "# For conversion alone. Only replicas that are ready are called: one that begins doesn't listen yet, and\n\
                 # one that ends listens no more. Being ready doesn't wait for lists that need conversion themselves.\n";
    about.to_owned() + &service(deployable.name, "conversion")
}

pub(super) fn admission(deployable: &Deployable) -> String {
    let about = "# For admission. It leads to ready replicas only: one that is not has no indexes to decide by yet.\n";
    about.to_owned() + &service(deployable.name, "webhook")
}

fn service(name: &str, kind: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Service\n\
         metadata:\n  \
           name: kruise-{name}-{kind}-service\n\
         {labels}\
         spec:\n  \
           selector:\n    \
             app.kubernetes.io/name: {name}\n  \
           ports:\n    \
             - name: webhook\n      \
               port: 443\n      \
               targetPort: webhook\n",
        labels = labels(name, 2),
    )
}
