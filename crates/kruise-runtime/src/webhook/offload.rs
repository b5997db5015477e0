//! Handlers' work, on threads of its own. Work that computes for long there doesn't hold up those who serve others.
//! It doesn't hold up the rest of the machine either, since there are only so many turns.
//!
//! Work takes a turn whenever it computes, and holds none while it waits for something. It can't be stopped
//! while it computes: when nobody waits for it any more, it keeps its one turn until it pauses or ends.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use futures::future::BoxFuture;
use tokio::{
    sync::{Notify, Semaphore},
    task::{JoinError, spawn_blocking},
};

use super::limits::Limits;

/// Turns of one path. Each path has its own, so that conversion goes on while an admission is stuck, and the
/// other way round.
pub(super) struct Turns {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    large_from: usize,
}

impl Turns {
    pub(super) fn new(limits: &Limits) -> Self {
        let turns = |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            small: turns(limits.small_at_once),
            large: turns(limits.large_at_once),
            large_from: limits.large_from,
        }
    }

    /// Does the work on a body of this many bytes, as soon as its turn comes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        mut work: BoxFuture<'static, T>,
    ) -> Result<T, JoinError> {
        let turns = if bytes < self.large_from {
            &self.small
        } else {
            &self.large
        };
        let awakened = Arc::new(Awakened::default());
        loop {
            // An error would say that the semaphore is closed, which nobody does.
            let turn = Arc::clone(turns).acquire_owned().await.ok();
            let waker = Waker::from(Arc::clone(&awakened));
            let computed = spawn_blocking(move || {
                let paused = match work.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(result) => {
                        // Before its turn ends: turns are counted for the memory that work takes.
                        drop(work);
                        Ok(result)
                    }
                    Poll::Pending => Err(work),
                };
                drop(turn);
                paused
            });
            match computed.await? {
                Ok(result) => return Ok(result),
                Err(rest) => work = rest,
            }
            awakened.0.notified().await;
        }
    }
}

/// Keeps one wake-up for whoever looks next.
#[derive(Default)]
struct Awakened(Notify);

impl Wake for Awakened {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}
