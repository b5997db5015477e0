//! What keeps the process alive and leading runs on a thread of its own: the lease, and the health server. Watches,
//! reconcilers and handlers share the other threads. However busy these are, no renewal or probe waits for them.

use tokio::runtime::{Builder, Handle, Runtime};

/// Where the lease and the health server run, and the client that renews the lease.
pub(crate) struct Vital {
    pub(crate) thread: Handle,
    /// No clone of this client is used elsewhere. Connections live on the thread that has opened them, and others'
    /// requests leave connections behind that may have died unnoticed.
    pub(crate) client: kube::Client,
}

/// The runtime of that one thread.
pub(crate) fn thread() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("vital")
        .enable_all()
        .build()
}
