//! Answers of a moment ago. Who asks what is being asked already waits for that answer.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// More are not kept: what nobody waits for is then forgotten.
const MAX: usize = 1024;

/// An answer, and when it was asked for.
type Kept<V> = Arc<tokio::sync::Mutex<Option<(Instant, V)>>>;

/// Answers by what was asked.
pub(crate) struct Recent<K, V>(Mutex<HashMap<K, Kept<V>>>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// The answer that is kept, if it was asked for after this call began, or `is_good` by its age. Otherwise what `ask`
    /// returns. When the one who asks is dropped, the next one asks.
    pub(crate) async fn get(
        &self,
        key: K,
        is_good: impl Fn(&V, Duration) -> bool,
        ask: impl AsyncFnOnce() -> V,
    ) -> V {
        let began = Instant::now();
        let kept = self.entry(key);
        let mut kept = kept.lock().await;
        if let Some((at, answer)) = &*kept
            && (*at >= began || is_good(answer, at.elapsed()))
        {
            return answer.clone();
        }
        let at = Instant::now();
        let answer = ask().await;
        *kept = Some((at, answer.clone()));
        answer
    }

    fn entry(&self, key: K) -> Kept<V> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX && !entries.contains_key(&key) {
            entries.retain(|_, kept| Arc::strong_count(kept) > 1);
        }
        Arc::clone(entries.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use tokio::time::{sleep, timeout};

    use super::*;

    const LONG: Duration = Duration::from_secs(1);

    #[derive(Default)]
    struct Asked {
        recent: Recent<u32, u32>,
        n_asked: AtomicU32,
    }

    impl Asked {
        async fn get(&self, key: u32, max_age: Duration) -> u32 {
            let ask = async || {
                sleep(LONG).await;
                self.n_asked.fetch_add(1, Ordering::SeqCst)
            };
            self.recent.get(key, |_, age| age < max_age, ask).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_serves_until_it_is_too_old() {
        let asked = Asked::default();
        assert_eq!(asked.get(1, 3 * LONG).await, 0);
        sleep(LONG).await;
        assert_eq!(asked.get(1, 3 * LONG).await, 0);
        sleep(LONG).await;
        assert_eq!(asked.get(1, 3 * LONG).await, 1);
        assert_eq!(asked.get(2, 3 * LONG).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_at_the_same_time_asks_once() {
        let asked = Asked::default();
        let answers = join_all((0..9).map(|_| asked.get(1, Duration::ZERO))).await;
        assert_eq!(answers, [0; 9]);
        // What was asked for before is not as new as now.
        assert_eq!(asked.get(1, Duration::ZERO).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_holds_up_nobody() {
        let asked = Asked::default();
        let (given_up, other) = tokio::join!(
            timeout(LONG / 2, asked.get(1, Duration::ZERO)),
            asked.get(1, Duration::ZERO)
        );
        assert!(given_up.is_err());
        assert_eq!(other, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_a_limit_to_what_is_kept() {
        let asked = Asked::default();
        for key in 0..5_000 {
            asked.get(key, LONG).await;
        }
        let n_kept = asked.recent.0.lock().unwrap().len();
        assert!(n_kept <= MAX, "{n_kept}");
    }
}
