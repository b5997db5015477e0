//! Tasks with names, so that the name of a task that ends is known.

use std::collections::HashMap;

use tokio::{
    runtime::Handle,
    task::{Id, JoinSet},
};

use crate::process::error::RunError;

#[derive(Default)]
pub(crate) struct Tasks {
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
}

impl Tasks {
    pub(crate) fn spawn(&mut self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_on(name, task, &Handle::current());
    }

    pub(crate) fn spawn_on(
        &mut self,
        name: &str,
        task: impl Future<Output = ()> + Send + 'static,
        runtime: &Handle,
    ) {
        let id = self.tasks.spawn_on(task, runtime).id();
        self.names.insert(id, name.to_owned());
    }

    /// Returns when the first task ends; never when there are none.
    pub(crate) async fn first_end(&mut self) -> RunError {
        let name = |id| self.names.get(&id).cloned().unwrap_or_default();
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => RunError::TaskEnded { task: name(id) },
            Some(Err(source)) => RunError::TaskPanicked {
                task: name(source.id()),
                source,
            },
        }
    }

    pub(crate) async fn all_end(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
