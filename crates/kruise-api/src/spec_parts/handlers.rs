//! What is run in or asked of a container: by probes and hooks. The fields are those of Kubernetes' own pods. A probe
//! means what PodProbeMarker makes of it, the only kind that has one (PP-5, PP-31 to PP-34).

use crate::{int_or_string::IntOrString, open_enum::open_enum, wire::wire};

wire! {
    /// What is run or asked before a container is stopped. Exactly one of the three may be set.
    pub struct LifecycleHandler {
        /// Runs a command in the container.
        optional exec: ExecAction,
        /// Sends an HTTP GET.
        optional http_get: HttpGetAction,
        /// Opens a TCP connection.
        optional tcp_socket: TcpSocketAction,
    }

    /// How a container is asked for its state, and how often. Exactly one of exec, httpGet and tcpSocket has to be set.
    pub struct Probe {
        /// Runs a command in the container. It succeeds with exit code 0.
        optional exec: ExecAction,
        /// Sends an HTTP GET.
        optional http_get: HttpGetAction,
        /// Opens a TCP connection.
        optional tcp_socket: TcpSocketAction,
        /// Not supported: no container is asked by gRPC.
        optional grpc: GrpcAction,
        /// Seconds after the start of the container at which it is asked first. At least 1.
        omitempty initial_delay_seconds: i32,
        /// Seconds after which an answer is too late. Defaults to 1.
        omitempty timeout_seconds: i32,
        /// Seconds from one question to the next. Defaults to 1.
        omitempty period_seconds: i32,
        /// How many good answers in a row make the probe succeed. Defaults to 1.
        omitempty success_threshold: i32,
        /// How many bad answers in a row make the probe fail. Defaults to 1.
        omitempty failure_threshold: i32,
        /// Without effect: no pod is stopped because a probe failed.
        optional termination_grace_period_seconds: i64,
    }

    /// A command that is run in a container.
    pub struct ExecAction {
        /// The command and its arguments. No shell is involved.
        #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
        list command: String,
    }

    /// An HTTP GET. It succeeds with a code from 200 to 399.
    pub struct HttpGetAction {
        /// Path of the URL.
        omitempty path: String,
        /// Number or name of the port.
        required port: IntOrString,
        /// Host to connect to. Defaults to the pod's IP, which is the only one that a probe may connect to.
        omitempty host: String,
        /// `HTTP` or `HTTPS`. A probe has to name it, a hook defaults to `HTTP`.
        omitempty scheme: String,
        /// Headers of the request.
        #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
        list http_headers: HttpHeader,
    }

    /// A header of an HTTP request.
    pub struct HttpHeader {
        /// Name of the header.
        required name: String,
        /// Value of the header.
        required value: String,
    }

    /// A TCP connection.
    pub struct TcpSocketAction {
        /// Number or name of the port.
        required port: IntOrString,
        /// Host to connect to. Defaults to the pod's IP, which is the only one that a probe may connect to.
        omitempty host: String,
    }

    /// A question to the gRPC health service.
    pub struct GrpcAction {
        /// Number of the port.
        required port: i32,
        /// Name of the service that is asked for.
        #[schemars(extend("default" = ""))]
        optional service: String,
    }
}

open_enum! {
    /// What a probe found.
    pub enum ProbeState {
        /// The last answers were good.
        Succeeded = "Succeeded",
        /// The last answers were bad, or the container does not run.
        Failed = "Failed",
        /// There is no result yet.
        Unknown = "Unknown",
    }
}
