//! Waiting for what must come true, and watching that something stays true.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// How long anything ordinary may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Polls until `probe` answers `Ok`; after `timeout` the test fails with its last `Err`.
pub async fn eventually<T, E: Debug, F>(
    what: &str,
    timeout: Duration,
    mut probe: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Result<T, E>>,
{
    let start = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(last) if start.elapsed() > timeout => {
                panic!("{what}: not within {timeout:?}; last seen: {last:?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Polls for `duration` and fails the test as soon as `probe` answers `Err`.
pub async fn hold_for<E: Debug, F>(what: &str, duration: Duration, mut probe: impl FnMut() -> F)
where
    F: Future<Output = Result<(), E>>,
{
    let start = Instant::now();
    while start.elapsed() < duration {
        if let Err(seen) = probe().await {
            panic!("{what}: broken after {:?}: {seen:?}", start.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
