//! A push against a registry of thirty lines, with the token dance that real ones want.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::super::{ImageConfig, Layer, LayerFile};
use super::*;

/// Path → body of everything that was put.
type Store = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// Starts a registry; returns its address. It asks for a token if `guarded`.
fn registry(store: Store, guarded: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let host = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&stream.unwrap(), &store, guarded, &host);
        }
    });
    address
}

fn answer(stream: &TcpStream, store: &Store, guarded: bool, host: &str) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    for line in reader.by_ref().lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        head.push(line.to_lowercase());
    }
    let Some(request) = head.first() else { return };
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();

    let let_in = !guarded
        || head
            .iter()
            .any(|line| line == "authorization: bearer sesame");
    let (status, headers, text) = match method {
        "get" if path.starts_with("/token?") => ("200 OK", String::new(), r#"{"token":"sesame"}"#),
        _ if !let_in => (
            "401 Unauthorized",
            format!("www-authenticate: Bearer realm=\"http://{host}/token\",service=\"x\"\r\n"),
            "",
        ),
        "head" if store.lock().unwrap().contains_key(path) => ("200 OK", String::new(), ""),
        "head" => ("404 Not Found", String::new(), ""),
        "post" => (
            "202 Accepted",
            "location: /session/1?state=a\r\n".to_owned(),
            "",
        ),
        "put" => {
            let path = match path.split_once("&digest=") {
                Some((_, digest)) => format!("/v2/group/tool/blobs/{digest}"),
                None => path.to_owned(),
            };
            store.lock().unwrap().insert(path, body);
            ("201 Created", String::new(), "")
        }
        _ => ("405 Method Not Allowed", String::new(), ""),
    };
    let length = text.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{text}"
    )
    .unwrap();
}

fn image() -> Image {
    let file = LayerFile {
        path: "/tool".into(),
        bytes: b"elf".to_vec(),
    };
    let config = ImageConfig {
        title: "tool",
        entrypoint: &["/tool"],
        user: "1:1",
    };
    Image::new(&config, vec![Layer::new("tool", vec![file]).unwrap()]).unwrap()
}

#[test]
fn pushes_blobs_and_manifest_to_an_open_registry() {
    let store = Store::default();
    let address = registry(store.clone(), false);
    let destination = Destination::parse(&format!("{address}/group"), true).unwrap();

    let reference = image().push("tool", &destination).unwrap();

    let tag = image().tag();
    assert_eq!(reference, format!("{address}/group/tool:{tag}"));
    let store = store.lock().unwrap();
    let manifest = store
        .get(&format!("/v2/group/tool/manifests/{tag}"))
        .unwrap();
    assert_eq!(manifest, &image().manifest.bytes);
    for blob in image().blobs() {
        let stored = store
            .get(&format!("/v2/group/tool/blobs/{}", blob.digest))
            .unwrap();
        assert_eq!(stored, &blob.bytes);
    }
}

#[test]
fn fetches_the_token_that_the_registry_asks_for() {
    let store = Store::default();
    let address = registry(store.clone(), true);
    let destination = Destination::parse(&format!("{address}/group"), true).unwrap();

    image().push("tool", &destination).unwrap();

    assert_eq!(store.lock().unwrap().len(), 3);
}

#[test]
fn an_absent_registry_is_named_in_the_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let destination = Destination::parse(&address, true).unwrap();

    let error = format!("{:#}", image().push("tool", &destination).unwrap_err());

    assert!(
        error.contains(&format!("http://{address} doesn't answer")),
        "{error}"
    );
}
