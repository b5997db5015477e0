//! Work that many callers want at the same moment, and that is done once for all of them.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

/// Does work in rounds, one after the other. Who asks while a round goes on is served by the next one, so the work that
/// serves a caller never began before the caller asked. Callers do the work themselves: there is no task. When the
/// caller who does it is dropped, another caller of the round begins it anew.
#[derive(Debug)]
pub struct Rounds<I, O> {
    next: Mutex<Arc<Round<I, O>>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Round<I, O> {
    asked: Mutex<I>,
    outcome: OnceLock<O>,
}

impl<I: Default, O> Default for Rounds<I, O> {
    fn default() -> Self {
        Self {
            next: Mutex::new(Arc::new(Round::default())),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl<I: Default, O> Default for Round<I, O> {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            outcome: OnceLock::new(),
        }
    }
}

impl<I: Clone + Default, O: Clone> Rounds<I, O> {
    /// Adds to what the next round is asked for, and returns that round's outcome. `work` gets all that the round was
    /// asked for; it is not called when another caller does the round.
    pub async fn join(&self, ask: impl FnOnce(&mut I), work: impl AsyncFnOnce(I) -> O) -> O {
        let round = {
            let next = lock(&self.next);
            ask(&mut lock(&next.asked));
            Arc::clone(&next)
        };
        let _turn = self.turn.lock().await;
        if let Some(outcome) = round.outcome.get() {
            return outcome.clone();
        }
        self.close(&round);
        let asked = lock(&round.asked).clone();
        let outcome = pin!(work(asked)).await;
        round.outcome.get_or_init(|| outcome).clone()
    }

    /// From now on nobody joins this round.
    fn close(&self, round: &Arc<Round<I, O>>) {
        let mut next = lock(&self.next);
        if Arc::ptr_eq(&next, round) {
            *next = Arc::default();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use futures::future::join_all;
    use tokio::time::{sleep, timeout};

    use super::*;

    const SHORT: Duration = Duration::from_millis(10);
    const LONG: Duration = Duration::from_millis(100);

    #[derive(Default)]
    struct Work {
        rounds: Rounds<Vec<u32>, (usize, Vec<u32>)>,
        done: AtomicUsize,
    }

    impl Work {
        /// The number of the round that served this caller, and what it was asked for.
        async fn ask(&self, own: u32) -> (usize, Vec<u32>) {
            let work = async |asked| {
                sleep(LONG).await;
                (self.done.fetch_add(1, Ordering::SeqCst), asked)
            };
            self.rounds.join(|asked| asked.push(own), work).await
        }

        async fn ask_later(&self, own: u32) -> (usize, Vec<u32>) {
            sleep(SHORT * own).await;
            self.ask(own).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_during_a_round_is_served_by_the_next() {
        let work = Work::default();
        let outcomes = join_all((0..4).map(|own| work.ask_later(own))).await;
        let second = (1, vec![1, 2, 3]);
        assert_eq!(
            outcomes,
            [(0, vec![0]), second.clone(), second.clone(), second]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_one_who_works_is_dropped_another_one_begins_anew() {
        let work = Work::default();
        // The second begins its work when the first is done, and gives up in the middle of it.
        let second = timeout(LONG + SHORT, work.ask(1));
        let (_, given_up, served) = tokio::join!(work.ask(0), second, work.ask(2));
        assert!(given_up.is_err());
        assert_eq!(served, (1, vec![1, 2]));
        assert_eq!(work.ask(7).await, (2, vec![7]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_that_nobody_waits_for_any_more_holds_up_no_other() {
        let work = Work::default();
        assert!(timeout(SHORT, work.ask(0)).await.is_err());
        assert_eq!(work.ask(1).await.0, 0);
    }
}
