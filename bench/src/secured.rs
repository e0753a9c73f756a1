//! Connections of bare tonic over TLS, by the same library and the same settings as ours.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tls::{Credentials, Files, IdentityFiles, Trust};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::Connected;

/// `incoming` over TLS, with the registry's certificate in `folder`.
pub(crate) fn secured(
    incoming: impl Stream<Item = io::Result<TcpStream>>,
    folder: &Path,
) -> anyhow::Result<impl Stream<Item = io::Result<Secured>>> {
    let file = |name: &str| folder.join(name);
    let identity = IdentityFiles { certificate: file("registry.pem"), key: file("registry-key.pem") };
    let credentials = Credentials::open(Files { identity: Some(identity), trust: Trust::Bundle(file("ca.pem")) })?;
    let config = credentials.server_config().expect("it has a certificate");
    let acceptor = TlsAcceptor::from(config);
    // One handshake after the other: the load makes four.
    Ok(incoming.then(move |stream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream?).await.map(Secured) }
    }))
}

/// A connection that tonic takes.
pub(crate) struct Secured(TlsStream<TcpStream>);

impl Connected for Secured {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Secured {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}
