//! Reading bodies: each bounded, and all of them together.

use std::{pin::pin, sync::Arc};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;

/// A body that has been read. It counts until it is dropped.
pub(crate) struct HeldBody {
    bytes: Vec<u8>,
    _held: Option<OwnedSemaphorePermit>,
}

impl HeldBody {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body of `largest` bytes at most, while `free`, of which there is one permit a byte, has room
/// for what arrives.
pub(crate) async fn read<B>(
    body: B,
    largest: usize,
    free: &Arc<Semaphore>,
) -> Result<HeldBody, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > largest as u64 {
        return Err(Refusal::TooLarge { largest });
    }
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::Broken(error.into()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > largest {
            return Err(Refusal::TooLarge { largest });
        }
        let permit = u32::try_from(data.len())
            .ok()
            .and_then(|len| Arc::clone(free).try_acquire_many_owned(len).ok())
            .ok_or(Refusal::TooManyBytes)?;
        match &mut held {
            Some(held) => held.merge(permit),
            None => held = Some(permit),
        }
        bytes.extend_from_slice(&data);
    }
    Ok(HeldBody { bytes, _held: held })
}
