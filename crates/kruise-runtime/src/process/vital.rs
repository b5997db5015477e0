//! What keeps the process alive and leading runs on a thread of its own: the lease, and the health server. Watches,
//! reconcilers and handlers share the other threads, and none of them, however busy, can keep a
//! renewal or a probe waiting.

use tokio::runtime::{Builder, Handle, Runtime};

/// Where that runs, and by what the lease is renewed.
pub(crate) struct Vital {
    pub(crate) thread: Handle,
    /// Of which no clone is used elsewhere: connections live on the thread that has opened them, and others'
    /// requests leave connections behind that may have died unnoticed.
    pub(crate) client: kube::Client,
}

/// The thread.
pub(crate) fn thread() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("vital")
        .enable_all()
        .build()
}
