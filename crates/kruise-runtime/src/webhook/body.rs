//! Reading bodies: each bounded in size and time, and all of them together.

use std::{pin::pin, sync::Arc, time::Duration};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{limits::Limits, no_review::NoReview};

/// A body that has been read, or an answer in its place. Its bytes count until it is dropped.
pub(crate) struct HeldBody {
    bytes: Vec<u8>,
    held: Option<OwnedSemaphorePermit>,
}

impl HeldBody {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The answer to this body: about as large, and held until the peer has taken it.
    pub(crate) fn answered_by(self, answer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Self {
            bytes: answer,
            held: self.held,
        })
    }
}

impl AsRef<[u8]> for HeldBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body of at most `largest` bytes, as long as it arrives fast enough and `free` has room for what arrives.
/// `free` has one permit for each byte.
pub(crate) async fn read<B>(
    body: B,
    largest: usize,
    free: &Arc<Semaphore>,
    limits: &Limits,
) -> Result<HeldBody, NoReview>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > largest as u64 {
        return Err(NoReview::TooLarge { largest });
    }
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    let start = Instant::now();
    loop {
        let due = start + limits.body_grace + time_for(bytes.len(), limits.body_rate);
        let Ok(frame) = timeout_at(due, body.frame()).await else {
            return Err(NoReview::Slow {
                bytes: bytes.len(),
                time: start.elapsed(),
            });
        };
        let Some(frame) = frame else {
            break;
        };
        let frame = frame.map_err(|error| NoReview::Broken(error.into()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > largest {
            return Err(NoReview::TooLarge { largest });
        }
        let permit = u32::try_from(data.len())
            .ok()
            .and_then(|len| Arc::clone(free).try_acquire_many_owned(len).ok())
            .ok_or(NoReview::TooManyBytes)?;
        match &mut held {
            Some(held) => held.merge(permit),
            None => held = Some(permit),
        }
        bytes.extend_from_slice(&data);
    }
    Ok(HeldBody { bytes, held })
}

fn time_for(bytes: usize, rate: usize) -> Duration {
    Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64)
}
