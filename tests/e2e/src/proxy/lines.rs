//! The way of a watch's lines through the proxy.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame};
use serde_json::Value;
use tokio::{sync::mpsc, time::Instant};

use super::{Call, State};

pub(super) type Pieces = mpsc::UnboundedReceiver<std::io::Result<Frame<Bytes>>>;

/// Passes the lines on as the rules say, until either side ends or all watches are cut.
pub(super) fn relay(
    state: Arc<State>,
    call: Call,
    has_list: bool,
    body: kube::client::Body,
) -> Pieces {
    let (due_sender, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let (sender, pieces) = mpsc::unbounded_channel();
    let resource = call.resource;
    let reading = {
        let state = Arc::clone(&state);
        async move {
            let mut lines = body
                .into_data_stream()
                .map_err(std::io::Error::other)
                .boxed();
            let mut in_list = has_list;
            let mut rest = Vec::new();
            while let Some(Ok(piece)) = lines.next().await {
                rest.extend_from_slice(&piece);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    let event = Event::parse(&line);
                    if !in_list && state.loses(&resource, &event) {
                        continue;
                    }
                    in_list &= !event.ends_list;
                    if due_sender
                        .send((Instant::now() + state.delay(&resource), line))
                        .is_err()
                    {
                        return;
                    }
                }
            }
        }
    };
    let client = sender.clone();
    let writing = async move {
        while let Some((at, line)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            if sender.send(Ok(Frame::data(line.into()))).is_err() {
                return;
            }
        }
    };
    let mut cut = state.cuts.subscribe();
    tokio::spawn(async move {
        let both = async {
            // The reader ends first, when upstream ends; what is still due goes out before the end.
            tokio::join!(reading, writing);
        };
        tokio::select! {
            () = both => {}
            () = client.closed() => {}
            _ = cut.changed() => {
                let _ = client.send(Err(std::io::ErrorKind::ConnectionReset.into()));
            }
        }
    });
    pieces
}

/// What the proxy has to know of a line.
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) version: String,
    ends_list: bool,
}

impl Event {
    fn parse(line: &[u8]) -> Self {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        let text = |pointer: &str| {
            line.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        Self {
            kind: text("/type").to_owned(),
            version: text("/object/metadata/resourceVersion").to_owned(),
            ends_list: text("/object/metadata/annotations/k8s.io~1initial-events-end") == "true",
        }
    }
}
