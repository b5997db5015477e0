//! Connections as our servers take them.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpStream};

/// The next connection. What is written goes out at once: an answer in several small pieces would otherwise wait for the
/// caller to acknowledge the first, which callers put off for 40 ms.
///
/// # Errors
/// When no connection can be accepted.
pub(crate) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers on a connection may be late");
    }
    Ok((stream, peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_go_out_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let caller = TcpStream::connect(listener.local_addr().unwrap());
        let (caller, accepted) = tokio::join!(caller, accept(&listener));
        let (stream, peer) = accepted.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(caller.unwrap().local_addr().unwrap(), peer);
    }
}
