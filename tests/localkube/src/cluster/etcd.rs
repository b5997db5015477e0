//! etcd's own API, as JSON over HTTP: for what the API server doesn't offer.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use ureq::Agent;

/// Outside of the API server's keys. etcd wants Base64; this is "/soak".
const KEY: &str = "L3NvYWs=";
/// Versions in between, so that a client which saw the API server's last write is behind the newest too.
const N_WRITES: usize = 10;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes it forget every revision but the newest, and returns that one.
pub(super) fn compact(etcd: &str) -> Result<u64> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .proxy(None)
        .build()
        .into();
    let call = |path: &str, body: &Value| -> Result<Value> {
        let url = format!("{etcd}/v3/kv/{path}");
        let answer = agent
            .post(&url)
            .header("content-type", "application/json")
            .send(body.to_string())
            .with_context(|| format!("ask {url}"))?
            .into_body()
            .read_to_string()
            .with_context(|| format!("read the answer of {url}"))?;
        serde_json::from_str(&answer).with_context(|| format!("read the answer of {url}: {answer}"))
    };
    for _ in 0..N_WRITES {
        call("put", &json!({"key": KEY, "value": ""}))?;
    }
    let answer = call("deleterange", &json!({"key": KEY}))?;
    // Numbers of 64 bits are text in this JSON.
    let revision = answer
        .pointer("/header/revision")
        .and_then(Value::as_str)
        .and_then(|revision| revision.parse().ok())
        .with_context(|| format!("etcd names no revision: {answer}"))?;
    call(
        "compaction",
        &json!({"revision": format!("{revision}"), "physical": true}),
    )?;
    Ok(revision)
}
