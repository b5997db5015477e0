//! HTTPS as the API server speaks it to webhooks: HTTP/1.1 to one address under a Service's name, trusting
//! one bundle only, on connections that are kept, or not. A client of our own, since it matters when
//! which address is called, and what happens to a connection that the other side closes.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as the API server waits for a conversion.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_HEAD: usize = 16 * 1024;

/// The certificates of a PEM text.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .context("read certificates from PEM")
}

/// A client that trusts these authorities, and nobody else.
pub(super) fn trusting(authorities: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).context("trust an authority")?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("set TLS up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A connection after its handshake.
pub(super) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    host: String,
}

impl Connection {
    /// Connects, and verifies the certificate under that name.
    pub(super) fn open(address: SocketAddr, host: &str, trust: &Arc<ClientConfig>) -> Result<Self> {
        let mut socket = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
            .with_context(|| format!("connect to {address}"))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let name = ServerName::try_from(host.to_owned()).context("a Service's name")?;
        let mut client = ClientConnection::new(Arc::clone(trust), name).context("begin TLS")?;
        while client.is_handshaking() {
            client
                .complete_io(&mut socket)
                .with_context(|| format!("TLS handshake with {address}"))?;
        }
        Ok(Self {
            stream: StreamOwned::new(client, socket),
            host: host.to_owned(),
        })
    }

    /// The certificate that was shown.
    pub(super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.stream.conn.peer_certificates()?.first()
    }

    /// Whether the other side hasn't hung up yet, as far as can be seen. It has nothing to say unasked
    /// but that.
    pub(super) fn is_open(&self) -> bool {
        let socket = &self.stream.sock;
        if socket.set_nonblocking(true).is_err() {
            return false;
        }
        let silent =
            matches!(socket.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        socket.set_nonblocking(false).is_ok() && silent
    }

    /// The body of the answer, which must be 200, and whether the connection may be used again.
    pub(super) fn post(&mut self, path: &str, body: &[u8]) -> Result<(Vec<u8>, bool)> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        self.stream.write_all(&request).context("send a request")?;
        self.stream.flush().context("send a request")?;
        let mut read = Vec::new();
        let (head, start) = loop {
            if let Some(end) = end_of_head(&read) {
                break (Head::parse(read.get(..end).unwrap_or_default())?, end);
            }
            if read.len() > LONGEST_HEAD {
                bail!("the head of the answer doesn't end");
            }
            self.read_more(&mut read)?;
        };
        while read.len() < start + head.length {
            self.read_more(&mut read)?;
        }
        let body = read.split_off(start);
        if head.status != 200 {
            bail!("answer {}: {}", head.status, String::from_utf8_lossy(&body));
        }
        Ok((body, !head.closes))
    }

    fn read_more(&mut self, read: &mut Vec<u8>) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).context("read the answer")? {
            0 => bail!("the connection was closed before the answer's end"),
            n => read.extend_from_slice(buffer.get(..n).unwrap_or_default()),
        }
        Ok(())
    }
}

fn end_of_head(read: &[u8]) -> Option<usize> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}

/// What of an answer's head matters.
#[derive(PartialEq, Eq, Debug)]
struct Head {
    status: u16,
    length: usize,
    /// The other side hangs up after this answer.
    closes: bool,
}

impl Head {
    fn parse(head: &[u8]) -> Result<Self> {
        let head = std::str::from_utf8(head).context("the answer's head")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let header = |wanted: &str| {
            lines.clone().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        let length = header("content-length").context("an answer without Content-Length")?;
        Ok(Self {
            status: status.unwrap_or_default().parse().context("a status")?,
            length: length.parse().context("a Content-Length")?,
            closes: header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_status_length_and_whether_that_was_all() {
        let text =
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 12\r\n\r\n{";
        let end = end_of_head(text).unwrap();
        assert_eq!(&text[end..], b"{");
        let head = Head::parse(&text[..end]).unwrap();
        let expected = Head {
            status: 200,
            length: 12,
            closes: false,
        };
        assert_eq!(head, expected);
        let last =
            b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nConnection: close\r\n\r\n";
        let expected = Head {
            status: 429,
            length: 0,
            closes: true,
        };
        assert_eq!(Head::parse(last).unwrap(), expected);
        assert_eq!(end_of_head(b"HTTP/1.1 200 OK\r\n"), None);
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
