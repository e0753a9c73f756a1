//! One request and its whole answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::base_url::BaseUrl;

/// Asks one service, over connections that it keeps.
#[derive(Debug)]
pub struct HttpClient {
    transport: Transport,
    body_bytes_max: usize,
}

/// In the clear to this machine alone, which [`BaseUrl`] sees to.
#[derive(Debug)]
enum Transport {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// An answer that came whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// No whole answer came.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// There was no connection: the request was not sent.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// It broke off: what the service made of the request is not known.
    #[error("{0}")]
    Off(String),
    /// The answer has no end.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
}

/// The machine names no authorities by which a server could prove who it is.
#[derive(Debug, thiserror::Error)]
#[error("this machine has no root certificates: install its ca-certificates, or name a file in SSL_CERT_FILE")]
pub struct NoRoots {
    /// What the system says.
    source: std::io::Error,
}

impl HttpClient {
    /// For the service at `base`; its answers have at most so many bytes.
    ///
    /// # Errors
    /// Where the machine has no root certificates, and TLS is spoken.
    pub fn new(base: &BaseUrl, connect_timeout: Duration, body_bytes_max: usize) -> Result<Self, NoRoots> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_timeout));
        connector.enforce_http(base.is_plain());
        let builder = Client::builder(TokioExecutor::new());
        let transport = if base.is_plain() {
            Transport::Plain(builder.build(connector))
        } else {
            let provider = rustls::crypto::ring::default_provider();
            let tls = HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(provider)
                .map_err(|source| NoRoots { source })?
                .https_only()
                .enable_http1();
            Transport::Tls(builder.build(tls.wrap_connector(connector)))
        };
        Ok(Self { transport, body_bytes_max })
    }

    /// Sends a request and reads the whole answer, whatever its status. Without a time limit: that is the caller's.
    ///
    /// # Errors
    /// Where no whole answer comes.
    pub async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, Broken> {
        let sent = match &self.transport {
            Transport::Plain(client) => client.request(request).await,
            Transport::Tls(client) => client.request(request).await,
        };
        let reply = sent.map_err(|error| {
            let cause = chain(&error);
            if error.is_connect() { Broken::NoConnection(cause) } else { Broken::Off(cause) }
        })?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        Ok(Reply { status, headers, body: self.body(reply).await? })
    }

    async fn body(&self, reply: Response<Incoming>) -> Result<Bytes, Broken> {
        let bytes_max = self.body_bytes_max;
        let limited = Limited::new(reply.into_body(), bytes_max);
        let whole = limited.collect().await.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => Broken::TooLong { bytes_max },
            // Cut off on its way.
            Err(error) => Broken::Off(chain(error.as_ref())),
        })?;
        Ok(whole.to_bytes())
    }
}

/// A connection error says little itself; its sources say what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}
