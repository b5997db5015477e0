//! More connections than there is room for, over real sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::tls::{hangs_up, start, start_with};
use super::*;

/// Nobody is cut off for being slow.
fn patient() -> Limits {
    let an_hour = Duration::from_secs(3600);
    Limits {
        header: an_hour,
        body_grace: an_hour,
        ..Limits::default()
    }
}

/// DV-PF24. Any pod can open as many as it likes and say nothing.
#[tokio::test]
async fn connections_that_say_nothing_make_room_for_those_that_ask() {
    let limits = Limits {
        connections: 4,
        ..patient()
    };
    let running = start(limits).await;
    let mut silent = vec![];
    for _ in 0..8 {
        silent.push(running.connect(&["http/1.1"]).await.unwrap());
    }
    let mut client = running.http1().await;
    assert_eq!(client.post("/a").await, StatusCode::OK);
    assert!(hangs_up(silent.remove(0)).await);
}

#[tokio::test]
async fn connections_at_work_are_bounded() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut client = running.http2().await;
    let answer = tokio::spawn(async move { client.post("/slow").await });
    running.slow.asked.notified().await;
    assert!(running.is_closed().await);
    running.slow.go.notify_one();
    assert_eq!(answer.await.unwrap(), StatusCode::OK);
    while running.is_closed().await {}
}

/// DV-PF24. What has come of a body without an end counts, but the connection that sends it doesn't work.
#[tokio::test]
async fn bodies_without_an_end_make_room_too() {
    let limits = Limits {
        connections: 2,
        ..patient()
    };
    let running = start(limits).await;
    let mut slow = vec![];
    for _ in 0..2 {
        let mut stream = running.connect(&["http/1.1"]).await.unwrap();
        let head = "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        let request = format!("{head}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        // The server says this when it waits for the body.
        let mut answer = [0; 21];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue");
        slow.push(stream);
    }
    let mut client = running.http1().await;
    assert_eq!(client.post("/a").await, StatusCode::OK);
    assert!(hangs_up(slow.remove(0)).await);
}

/// DV-PF24. One peer is another address of this machine.
#[tokio::test]
async fn a_peer_with_too_many_connections_makes_room_for_itself_alone() {
    let limits = Limits {
        connections_of_a_peer: 3,
        ..patient()
    };
    let running = start(limits).await;
    let mut api_server = running.http1().await;
    assert_eq!(api_server.post("/a").await, StatusCode::OK);
    let mut crowd = vec![];
    for _ in 0..6 {
        let other = "127.0.0.2:0".parse().unwrap();
        crowd.push(running.connect_from(other, &["http/1.1"]).await.unwrap());
    }
    for stream in crowd.drain(..3) {
        assert!(hangs_up(stream).await);
    }
    assert_eq!(api_server.post("/a").await, StatusCode::OK);
}

/// DV-PF24. Otherwise answers that nobody takes would be held without counting.
#[tokio::test]
async fn a_peer_that_doesnt_take_its_answer_is_cut_off() {
    let limits = Limits {
        taking: Duration::from_millis(20),
        ..Limits::default()
    };
    let routes = Routes::default().conversion(|object, _: &str| Ok::<_, std::fmt::Error>(object));
    let running = start_with(limits, routes).await;
    let mut stream = running.connect(&["http/1.1"]).await.unwrap();
    let padding = "x".repeat(24 * 1024 * 1024);
    let review = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": { "uid": "u", "desiredAPIVersion": "v1", "objects": [{
            "apiVersion": "v1", "padding": padding,
        }]},
    })
    .to_string();
    let head = "POST /convert HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{review}", review.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let is_cut_off = async {
        while stream.write_all(b" ").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), is_cut_off).await;
    assert!(waited.is_ok(), "it still waits");
}
