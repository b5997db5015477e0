//! The Deployment, and its budget.

use super::{comment, labels, list};
use crate::deployables::{Deployable, Probe, Resources};

pub(super) fn deployment(deployable: &Deployable) -> String {
    let name = deployable.name;
    let Resources {
        why,
        cpu,
        memory,
        memory_limit,
    } = &deployable.resources;
    let (two, delayed) = if deployable.reconciles {
        ("One leads, one stands by with warm indexes.", "the lease")
    } else {
        ("Each answers.", "answers")
    };
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
{labels}spec:
  # {two}
  replicas: 2
  # Its predecessor ends when everybody knows where to find the new one.
  minReadySeconds: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      # A replica that answers is there before another one goes.
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
{pod_labels}      annotations:
        kubectl.kubernetes.io/default-container: {name}
    spec:
      serviceAccountName: {name}
      automountServiceAccountToken: true
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {name}
          # A placeholder that no registry has: `cargo xtask deploy` puts in what it built; with
          # plain kustomize, name a published image under `images:`.
          image: kruise.local/{name}:dev
          args: {args}
          env:
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            - name: POD_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
          ports:
{ports}          livenessProbe:
{live}          readinessProbe:
{ready}          # Memory grows with {why}; a CPU limit would only delay {delayed}.
          resources:
            requests:
              cpu: {cpu}
              memory: {memory}
            limits:
              memory: {memory_limit}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
      # Longer than the controller's own shutdown: 5 s of serving on, then what is in flight.
      terminationGracePeriodSeconds: 30
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    app.kubernetes.io/name: {name}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: {name}
          matchLabelKeys: [pod-template-hash]
"#,
        labels = labels(name, 2),
        pod_labels = labels(name, 6),
        args = list(deployable.args),
        ports = ports(deployable),
        live = probe("/healthz", &deployable.probes.live),
        ready = probe("/readyz", &deployable.probes.ready),
    )
}

fn ports(deployable: &Deployable) -> String {
    let ports = &deployable.ports;
    let called = deployable.is_called().then_some(("webhook", ports.webhook));
    [("metrics", ports.metrics), ("health", ports.health)]
        .into_iter()
        .chain(called)
        .map(|(name, port)| {
            format!("            - name: {name}\n              containerPort: {port}\n")
        })
        .collect()
}

fn probe(path: &str, probe: &Probe) -> String {
    let Probe {
        why,
        initial_delay,
        period,
        failures,
    } = probe;
    let initial_delay = initial_delay.map_or_else(String::new, |seconds| {
        format!("            initialDelaySeconds: {seconds}\n")
    });
    format!(
        "            httpGet:\n              \
                       path: {path}\n              \
                       port: health\n\
         {why}\
         {initial_delay}            \
                     periodSeconds: {period}\n            \
                     failureThreshold: {failures}\n",
        why = comment(why, 12),
    )
}

pub(super) fn budget(deployable: &Deployable) -> String {
    let name = deployable.name;
    let left = if deployable.reconciles {
        "a warm stand-by is always left"
    } else {
        "one that answers is always left"
    };
    format!(
        "# A drain takes one replica at a time, so that {left}.\n\
         apiVersion: policy/v1\n\
         kind: PodDisruptionBudget\n\
         metadata:\n  \
           name: {name}\n\
         {labels}\
         spec:\n  \
           maxUnavailable: 1\n  \
           selector:\n    \
             matchLabels:\n      \
               app.kubernetes.io/name: {name}\n",
        labels = labels(name, 2),
    )
}
