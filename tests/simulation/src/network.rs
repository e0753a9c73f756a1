//! Servers and peers on turmoil's network, and how much was sent on each link.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use client::{Peer, PeerConfig};
use hyper_util::rt::TokioIo;
use server::Routes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::codegen::http::Uri;
use tonic::transport::Endpoint;
use turmoil::net::{TcpListener, TcpStream};

const PORT: u16 = 50_051;

/// A connection that is silent for this long is pinged, and dropped if nothing comes back within as long again. A message takes
/// a few ticks; turmoil sends none again that it dropped, so a connection that lost one is of no use any more.
pub(crate) const KEEPALIVE: Duration = Duration::from_millis(60);

/// To set up a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(60);

/// What was sent from one machine to another, in writes. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic(Arc<Mutex<BTreeMap<(String, String), u64>>>);

impl Traffic {
    fn note(&self, from: &str, to: &str) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sent.entry((from.to_owned(), to.to_owned())).or_default() += 1;
    }

    pub(crate) fn sent(&self, from: &str, to: &str) -> u64 {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.get(&(from.to_owned(), to.to_owned())).copied().unwrap_or(0)
    }
}

/// The limits of a peer, where a tick is a minute: a call that takes some hours is given up.
pub(crate) fn peer_config(attempts_max: u32) -> PeerConfig {
    PeerConfig {
        deadline_default: Duration::from_millis(150),
        attempts_max,
        backoff_first: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
        ..PeerConfig::default()
    }
}

/// The server of the first of machines `to`, called from machine `from` as `account`; after a connection broke, of the next one.
/// To be made on the runtime of `from`.
pub(crate) fn peer(
    traffic: &Traffic,
    from: &str,
    to: &[&'static str],
    account: &str,
    config: PeerConfig,
) -> anyhow::Result<Peer> {
    let name = *to.first().context("a peer is somewhere")?;
    let endpoint = Endpoint::from_shared(format!("http://{name}:{PORT}"))?
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true);
    let (traffic, from, to) = (traffic.clone(), from.to_owned(), to.to_vec());
    let connections_count = Arc::new(AtomicUsize::new(0));
    let connector = tower::service_fn(move |_: Uri| {
        let to = to[connections_count.fetch_add(1, Ordering::Relaxed) % to.len()];
        let (traffic, from) = (traffic.clone(), from.clone());
        async move { connect(&traffic, &from, to).await.map(TokioIo::new) }
    });
    Ok(Peer::over(name, endpoint.connect_with_connector_lazy(connector), account, config)?)
}

/// A connection from one machine to another.
pub(crate) async fn connect(traffic: &Traffic, from: &str, to: &str) -> io::Result<Counted> {
    traffic.note(from, to);
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((to, PORT))).await;
    let stream = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(Counted { stream, traffic: traffic.clone(), from: from.to_owned(), to: to.to_owned() })
}

/// Where a machine is called.
pub(crate) async fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await
}

/// The next connection to machine `here`.
pub(crate) async fn accept(listener: &TcpListener, traffic: &Traffic, here: &str) -> io::Result<Counted> {
    let (stream, from) = listener.accept().await?;
    let to = turmoil::reverse_lookup(from.ip()).unwrap_or_default();
    Ok(Counted { stream, traffic: traffic.clone(), from: here.to_owned(), to })
}

/// Serves `routes` on machine `here`, for ever.
pub(crate) async fn serve(routes: &Routes, traffic: &Traffic, here: &str) -> io::Result<()> {
    let listener = listen().await?;
    loop {
        let stream = accept(&listener, traffic, here).await?;
        let routes = routes.clone();
        tokio::spawn(async move { routes.serve_connection(stream).await });
    }
}

/// A stream whose writes are counted.
pub(crate) struct Counted {
    stream: TcpStream,
    traffic: Traffic,
    from: String,
    to: String,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.traffic.note(&self.from, &self.to);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
