//! Connections over TLS, each by the certificates of its moment.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Credentials, ServerIdentity, explain};

/// With what a connection is secured, and to whom it must be.
#[derive(Clone, Debug)]
pub struct Secure {
    /// Our certificate, if we show one, and whom we believe.
    pub credentials: Arc<Credentials>,
    /// Who the server must prove to be.
    pub server: ServerIdentity,
}

/// There is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The machine cannot be reached.
    #[error("no connection to {authority}")]
    Tcp {
        /// Host and port.
        authority: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// One side does not believe the other, or does not speak TLS.
    #[error("no TLS with {authority}: {problem}")]
    Tls {
        /// Host and port.
        authority: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// Opens connections to the host of the address it is given; tonic's channels take it. The server's name, where that is what is
/// wanted, is that host's.
#[derive(Clone, Debug)]
pub struct Connector(pub Secure);

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let secure = self.0.clone();
        Box::pin(async move { connect(&secure, &uri).await.map(TokioIo::new) })
    }
}

async fn connect(secure: &Secure, uri: &Uri) -> Result<TlsStream<TcpStream>, ConnectError> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(443);
    let authority = uri.authority().map_or_else(|| host.to_owned(), ToString::to_string);
    let refused = |problem: String| ConnectError::Tls { authority: authority.clone(), problem };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(error.to_string()))?;
    // Read anew for each connection, so that a renewed certificate is shown by the next.
    let config = secure.credentials.client_config(&secure.server).map_err(|error| refused(error.to_string()))?;
    let tcp = |source| ConnectError::Tcp { authority: authority.clone(), source };
    let stream = TcpStream::connect((host, port)).await.map_err(tcp)?;
    stream.set_nodelay(true).map_err(tcp)?;
    let shaken = TlsConnector::from(config).connect(name, stream).await;
    shaken.map_err(|error| refused(explain(&error).unwrap_or_else(|| error.to_string())))
}
