//! A listener's life: accept, drain, stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connections;
use crate::routes::Routes;

/// After an accept that failed for want of something (file descriptors, memory): trying at once would only burn.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// What tasks that were told to stop get to do so; they only have to be polled once.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every call had ended.
    Clean,
    /// The grace was over, and what was still under way was cut.
    Cut,
}

/// Why a server did not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What is in the clear, or believes callers by their word, is served on loopback only, and the listener is elsewhere.
    #[error(
        "it is served in the clear (--insecure), so only loopback is served, and {address} is not; listen on 127.0.0.1 or \
         [::1], or give it a certificate"
    )]
    NotLoopback {
        /// Where it listens.
        address: SocketAddr,
    },
    /// The listener does not know its address.
    #[error("the listener has no address")]
    Address(#[source] io::Error),
}

impl Routes {
    /// Serves `listener` (its port may be 0: ask it for the address before) until `shutdown` is ready, then drains:
    /// health says NOT_SERVING, a short delay later connections get GOAWAY, reply streams end with UNAVAILABLE, unary
    /// calls may end, and after the grace everything is cut.
    ///
    /// Connections are served where this future runs; the same routes may serve several listeners at once.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Drained, ServeError> {
        self.serve_on(listener, &[Handle::current()], shutdown).await
    }

    /// As [`serve`](Self::serve), with the connections shared out among `runtimes`, each to the one that serves the
    /// fewest. All that happens on a connection then happens on that runtime, which must go on until this has ended.
    ///
    /// # Panics
    /// Where there is no runtime.
    pub async fn serve_on(
        &self,
        listener: TcpListener,
        runtimes: &[Handle],
        shutdown: impl Future<Output = ()>,
    ) -> Result<Drained, ServeError> {
        let address = listener.local_addr().map_err(ServeError::Address)?;
        let is_open = self.shared.tls.is_none() || self.shared.authenticate.loopback_only();
        if is_open && !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback { address });
        }
        tracing::info!(%address, "serving");
        let config = &self.shared.config;
        let connections = Connections {
            routes: self.clone(),
            drains: CancellationToken::new(),
            stops: CancellationToken::new(),
            tasks: TaskTracker::new(),
            handshakes: Arc::new(Semaphore::new(config.handshakes_max)),
            failures: Arc::default(),
            started: Instant::now(),
        };
        // Should this future be dropped, nothing of it goes on.
        let _stops = connections.stops.clone().drop_guard();
        {
            let mut accepting = pin!(accept(listener, Lanes::new(runtimes), &connections));
            tokio::select! {
                never = &mut accepting => match never {},
                () = shutdown => {}
            }
            self.shared.health.drain();
            tokio::select! {
                never = &mut accepting => match never {},
                () = tokio::time::sleep(config.drain_delay) => {}
            }
            // Here the listener is closed: new connections are refused, not left to hang.
        }
        tracing::info!(%address, "draining");
        connections.drains.cancel();
        connections.tasks.close();
        if tokio::time::timeout(config.drain_grace, connections.tasks.wait()).await.is_ok() {
            return Ok(Drained::Clean);
        }
        tracing::warn!(%address, tasks = connections.tasks.len(), "the grace is over: what is under way is cut");
        connections.stops.cancel();
        if tokio::time::timeout(STOP_TIMEOUT, connections.tasks.wait()).await.is_err() {
            tracing::warn!(%address, tasks = connections.tasks.len(), "some calls do not stop");
        }
        Ok(Drained::Cut)
    }
}

enum Never {}

/// Runtimes, and how many connections each serves.
struct Lanes(Vec<(Handle, Arc<()>)>);

impl Lanes {
    fn new(runtimes: &[Handle]) -> Self {
        Self(runtimes.iter().map(|runtime| (runtime.clone(), Arc::new(()))).collect())
    }

    /// The runtime that serves the fewest, and its token: it serves one more for as long as the token lives.
    fn emptiest(&self) -> (&Handle, Arc<()>) {
        let emptiest = self.0.iter().min_by_key(|(_, token)| Arc::strong_count(token));
        let (runtime, token) = emptiest.expect("connections are served by one runtime at least");
        (runtime, Arc::clone(token))
    }
}

async fn accept(listener: TcpListener, lanes: Lanes, connections: &Connections) -> Never {
    let config = &connections.routes.shared.config;
    let places = Arc::new(Semaphore::new(config.connections_max));
    let mut count: u64 = 0;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // A client that went away before it was accepted costs nothing but this line.
                if error.kind() != io::ErrorKind::ConnectionAborted {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                }
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(connections_max = config.connections_max, "a connection was closed: there are enough");
            continue;
        };
        count += 1;
        let age = spread(config.connection_age_max, count);
        let connection = connections.clone();
        let (runtime, token) = lanes.emptiest();
        let serving = async move {
            let _place = (place, token);
            match prepared(stream) {
                Ok(stream) => connection.serve(stream, age).await,
                Err(error) => tracing::debug!(%error, "a connection broke before it was served"),
            }
        };
        connections.tasks.spawn_on(serving, runtime);
    }
}

/// The stream, driven by the runtime that serves it from now on.
fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    // Replies are whole messages: waiting for more to send (Nagle) would only delay them.
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream.into_std()?)
}

/// `age` give or take a tenth, so that the connections of one morning do not all end in the same second.
fn spread(age: Duration, count: u64) -> Duration {
    // Multiples of the golden ratio fill an interval evenly.
    let part = (count.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1u32 << 24);
    age.mul_f64(0.9 + 0.2 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_goes_where_there_are_the_fewest() {
        let lanes = Lanes::new(&[Handle::current(), Handle::current()]);
        let counts = |lanes: &Lanes| lanes.0.iter().map(|(_, token)| Arc::strong_count(token) - 1).collect::<Vec<_>>();
        let tokens: Vec<_> = (0..4).map(|_| lanes.emptiest().1).collect();
        assert_eq!(counts(&lanes), [2, 2]);
        drop(tokens);
        let _one = lanes.emptiest().1;
        let _another = lanes.emptiest().1;
        assert_eq!(counts(&lanes), [1, 1]);
    }

    #[test]
    fn ages_of_connections_are_spread_within_a_tenth() {
        let age = Duration::from_secs(1_000);
        let ages: Vec<u64> = (0..100).map(|count| spread(age, count).as_secs()).collect();
        assert!(ages.iter().all(|age| (900..=1_100).contains(age)), "{ages:?}");
        assert!(ages.iter().filter(|age| **age < 950).count() > 15);
        assert!(ages.iter().filter(|age| **age > 1_050).count() > 15);
    }
}
