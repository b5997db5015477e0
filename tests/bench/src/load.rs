//! Many calls at once, as fast as the API server takes them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Threads that call at the same time.
pub(super) const CALLERS: usize = 16;

/// Calls with 0, 1, … `n` - 1 from several threads, and says how long that took. Ends at the first failure.
pub(super) fn each(n: usize, call: impl Fn(usize) -> Result<()> + Sync) -> Result<Duration> {
    each_by(CALLERS, n, call)
}

/// The same from as many threads.
pub(super) fn each_by(
    callers: usize,
    n: usize,
    call: impl Fn(usize) -> Result<()> + Sync,
) -> Result<Duration> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..callers)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let idx = next.fetch_add(1, Ordering::Relaxed);
                        if idx >= n || failed.load(Ordering::Relaxed) {
                            return Ok(());
                        }
                        call(idx).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
                    }
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| {
                caller
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
            })
            .collect::<Result<Vec<()>>>()
    })?;
    Ok(start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_called_once() {
        let seen: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
        each(100, |idx| {
            seen[idx].fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn the_first_failure_ends_it() {
        let result = each(100, |idx| {
            if idx == 3 {
                Err(anyhow!("three"))
            } else {
                Ok(())
            }
        });
        assert_eq!(result.unwrap_err().to_string(), "three");
    }
}
