//! Servers and peers on turmoil's network, and how much was sent on each link.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

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

/// The server of machine `to`, called from machine `from` as `account`. To be made on the runtime of `from`.
pub(crate) fn peer(traffic: &Traffic, from: &str, to: &str, account: &str, config: PeerConfig) -> anyhow::Result<Peer> {
    let endpoint = Endpoint::from_shared(format!("http://{to}:{PORT}"))?
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true);
    let (traffic, from, to) = (traffic.clone(), from.to_owned(), to.to_owned());
    let name = to.clone();
    let connect = tower::service_fn(move |_: Uri| {
        let (traffic, from, to) = (traffic.clone(), from.clone(), to.clone());
        async move {
            traffic.note(&from, &to);
            let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((to.as_str(), PORT))).await;
            let stream = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            Ok::<_, io::Error>(TokioIo::new(Counted { stream, traffic, from, to }))
        }
    });
    Ok(Peer::over(&name, endpoint.connect_with_connector_lazy(connect), account, config)?)
}

/// Serves `routes` on machine `here`, for ever.
pub(crate) async fn serve(routes: &Routes, traffic: &Traffic, here: &str) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    loop {
        let (stream, from) = listener.accept().await?;
        let to = turmoil::reverse_lookup(from.ip()).unwrap_or_default();
        let stream = Counted { stream, traffic: traffic.clone(), from: here.to_owned(), to };
        let routes = routes.clone();
        tokio::spawn(async move { routes.serve_connection(stream).await });
    }
}

/// A stream whose writes are counted.
struct Counted {
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
