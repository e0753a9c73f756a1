//! From the first bytes over TCP to a client that speaks HTTP/2 over TLS.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::Extensions;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::server::TlsStream;

use crate::connection::PREFACE;

/// A client that has greeted. Its preface was read, and is read again from here.
pub(crate) struct Greeted {
    stream: TlsStream<TcpStream>,
    /// How much of the preface was given out.
    given: usize,
}

/// Shakes hands, and waits for HTTP/2's preface. The extensions are what is known of the connection.
///
/// What only a client can delay (its first message, its preface) is waited for without one of `places`; they bound the
/// cryptography, and whoever holds one and dawdles is cut off by the caller's time limit.
pub(crate) async fn shake(
    credentials: &tls::Credentials,
    places: &Semaphore,
    stream: TcpStream,
) -> io::Result<(Greeted, Extensions)> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let mut stream = {
        let _place = places.acquire().await.map_err(io::Error::other)?;
        let config = credentials.server_config().ok_or_else(|| io::Error::other("there is no certificate"))?;
        hello.into_stream(config).await?
    };
    let (_, connection) = stream.get_ref();
    if connection.alpn_protocol() != Some(b"h2") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the client did not ask for HTTP/2 (ALPN h2)"));
    }
    let mut extensions = Extensions::new();
    if let Some(certificate) = tls::peer(connection.peer_certificates()) {
        extensions.insert(certificate);
    }
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    if preface != *PREFACE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP/2"));
    }
    Ok((Greeted { stream, given: 0 }, extensions))
}

impl AsyncRead for Greeted {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = &PREFACE[this.given..];
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        this.given += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Failed handshakes, told of once a second at most: anybody can cause them, and the log is not theirs to fill.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// Seconds since the start of the second that was told of last, counted from one.
    told_s: AtomicU64,
    untold_count: AtomicU64,
}

impl Failures {
    pub(crate) fn tell(&self, error: &io::Error, since_start_s: u64) {
        let second = since_start_s + 1;
        if self.told_s.swap(second, Ordering::Relaxed) == second {
            self.untold_count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let others_count = self.untold_count.swap(0, Ordering::Relaxed);
        // In rustls's words: what a client is told to do is not for this end.
        tracing::warn!(cause = error.to_string(), others_count, "a client did not complete its TLS handshake");
    }
}
