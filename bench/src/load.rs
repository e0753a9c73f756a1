//! The load: unary calls over a few connections, in a closed loop as fast as the server answers, or at a fixed rate.
//!
//! It speaks HTTP/2 by the `h2` crate and sends messages that were encoded before, so that one core of load can keep one
//! core of server busy. It is no client to learn from: it retries nothing and gives up at the first call that fails.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use client::ACCOUNT_HEADER;
use h2::client::SendRequest;
use http::{HeaderValue, Request};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

/// Connections of the load; a gateway or two keep about as many.
const CONNECTIONS: usize = 4;
/// Calls under way on each, in a closed loop: enough that the server never waits for the next, and in all no more than a server
/// computes at a time.
const IN_FLIGHT: usize = 32;
/// Before a round is counted: connections and caches are warm after it.
const WARM_UP: Duration = Duration::from_millis(150);
/// Replies whose size is taken for that of all.
const REPLIES_LOOKED_AT: usize = 300;
/// The windows are no limit here.
const WINDOW_BYTES: u32 = 16 << 20;
/// By which account the load calls.
const ACCOUNT: &str = "bench;roles=service";

/// An RPC at a server, with the requests to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// None in the clear.
    tls: Option<Arc<ClientConfig>>,
    request: Request<()>,
    /// Messages with their prefix, as they go on the wire.
    messages: Rc<[Bytes]>,
}

impl Target {
    /// The RPC at `path`, asked with `messages` in a scattered order.
    pub(crate) fn new<M: Message>(address: SocketAddr, path: &str, messages: &[M]) -> anyhow::Result<Self> {
        let messages: Rc<[Bytes]> = messages.iter().map(framed).collect();
        Self::of_framed(address, path, messages)
    }

    /// The same over TLS as the owner of `credentials`, with a token instead of an account.
    pub(crate) fn proving(mut self, credentials: &tls::Credentials, token: &str) -> anyhow::Result<Self> {
        let mut request = Request::post(format!("https://{}{}", self.address, self.request.uri().path()));
        for (name, value) in self.request.headers().iter().filter(|(name, _)| *name != ACCOUNT_HEADER) {
            request = request.header(name, value);
        }
        self.request = request.header("authorization", format!("Bearer {token}")).body(())?;
        self.tls = Some(credentials.client_config(&tls::ServerIdentity::Name)?);
        Ok(self)
    }

    /// The same, by callers who wait no longer than this.
    pub(crate) fn within(mut self, deadline: Duration) -> anyhow::Result<Self> {
        let timeout = HeaderValue::try_from(format!("{}m", deadline.as_millis()))?;
        self.request.headers_mut().insert("grpc-timeout", timeout);
        Ok(self)
    }

    /// The same messages to another RPC.
    pub(crate) fn elsewhere(&self, address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        Self::of_framed(address, path, Rc::clone(&self.messages))
    }

    fn of_framed(address: SocketAddr, path: &str, messages: Rc<[Bytes]>) -> anyhow::Result<Self> {
        ensure!(!messages.is_empty(), "a load needs something to ask");
        let request = Request::post(format!("http://{address}{path}"))
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .header(ACCOUNT_HEADER, ACCOUNT)
            .body(())?;
        Ok(Self { address, tls: None, request, messages })
    }

    /// Bytes of the replies' messages, in the mean of some.
    pub(crate) fn reply_bytes(&self) -> anyhow::Result<usize> {
        local(async {
            let mut connection = self.connect().await?;
            let mut bytes = 0;
            for turn in 0..REPLIES_LOOKED_AT {
                bytes += self.call(&mut connection, turn).await? - PREFIX_BYTES;
            }
            Ok(bytes / REPLIES_LOOKED_AT)
        })
    }

    /// Calls as fast as they are answered, for `time`; `at_edges` is called when counting begins and when it ends.
    pub(crate) fn saturate<T>(&self, time: Duration, at_edges: impl Fn() -> T) -> anyhow::Result<Saturated<T>> {
        local(async {
            let done = Rc::new(Cell::new(0_u64));
            let mut workers = tokio::task::JoinSet::new();
            for connection in 0..CONNECTIONS {
                let sender = self.connect().await?;
                for place in 0..IN_FLIGHT {
                    let (target, done, mut sender) = (self.clone(), Rc::clone(&done), sender.clone());
                    let mut turn = connection * IN_FLIGHT + place;
                    workers.spawn_local(async move {
                        loop {
                            let called = target.call(&mut sender, turn).await;
                            if let Err(error) = called {
                                break error;
                            }
                            done.set(done.get() + 1);
                            turn += CONNECTIONS * IN_FLIGHT;
                        }
                    });
                }
            }
            let counted = async {
                tokio::time::sleep(WARM_UP).await;
                let (begun, calls_before, before) = (Instant::now(), done.get(), at_edges());
                tokio::time::sleep(time).await;
                let (wall, after) = (begun.elapsed(), at_edges());
                Saturated { calls: done.get() - calls_before, wall, before, after }
            };
            tokio::select! {
                counted = counted => Ok(counted),
                Some(failed) = workers.join_next() => Err(failed?),
            }
        })
    }

    /// Calls `rate` times a second for `time`, whether or not the last was answered. Latencies count from the moment at
    /// which a call was due, so that a server that stalls is not spared the calls that came meanwhile.
    pub(crate) fn pace(&self, rate: f64, time: Duration) -> anyhow::Result<Vec<Duration>> {
        self.offer(rate, time)?.into_iter().map(|(answer, latency)| answer.served().map(|_| latency)).collect()
    }

    /// The same of calls that may be refused, in the order in which they were answered.
    pub(crate) fn offer(&self, rate: f64, time: Duration) -> anyhow::Result<Vec<(Answer, Duration)>> {
        local(async {
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                connections.push(self.connect().await?);
            }
            let answers = Rc::new(RefCell::new(Vec::new()));
            let mut calls = tokio::task::JoinSet::new();
            let begun = Instant::now();
            let mut sent = 0_u64;
            while begun.elapsed() < WARM_UP + time {
                let due_now = (begun.elapsed().as_secs_f64() * rate) as u64;
                while sent < due_now {
                    let turn = sent as usize;
                    let due = begun + Duration::from_secs_f64(sent as f64 / rate);
                    let mut sender = connections[turn % CONNECTIONS].clone();
                    let (target, answers) = (self.clone(), Rc::clone(&answers));
                    calls.spawn_local(async move {
                        let answer = target.ask(&mut sender, turn).await?;
                        if due.duration_since(begun) >= WARM_UP {
                            answers.borrow_mut().push((answer, due.elapsed()));
                        }
                        anyhow::Ok(())
                    });
                    sent += 1;
                }
                while let Some(ended) = calls.try_join_next() {
                    ended??;
                }
                // The next is due before a timer of milliseconds would wake us: this core has nothing else to do.
                tokio::task::yield_now().await;
            }
            while let Some(ended) = calls.join_next().await {
                ended??;
            }
            Ok(answers.take())
        })
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Bytes>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => greet(stream).await,
            Some(tls) => {
                let connector = TlsConnector::from(Arc::clone(tls));
                greet(connector.connect(self.address.ip().into(), stream).await?).await
            }
        }
    }

    /// One call, with the message of that turn, which is served. Returns the bytes of the reply's body.
    async fn call(&self, connection: &mut SendRequest<Bytes>, turn: usize) -> anyhow::Result<usize> {
        self.ask(connection, turn).await?.served()
    }

    /// One call, with the message of that turn.
    async fn ask(&self, connection: &mut SendRequest<Bytes>, turn: usize) -> anyhow::Result<Answer> {
        // A stride that shares no factor with powers of two or ten: neighbours in time are no neighbours in memory.
        let message = self.messages[turn.wrapping_mul(7_919) % self.messages.len()].clone();
        std::future::poll_fn(|context| connection.poll_ready(context)).await?;
        let (response, mut body) = connection.send_request(self.request.clone(), false)?;
        body.send_data(message, true)?;
        let (head, mut body) = response.await?.into_parts();
        let headers = head.headers;
        let mut bytes = 0;
        while let Some(data) = body.data().await {
            let data = data?;
            bytes += data.len();
            body.flow_control().release_capacity(data.len())?;
        }
        // A refusal has its status among its headers.
        let status = match body.trailers().await? {
            Some(trailers) => trailers,
            None => headers,
        };
        match status.get("grpc-status").map(HeaderValue::as_bytes) {
            Some(b"0") => Ok(Answer::Served { bytes }),
            Some(b"4") => Ok(Answer::Late),
            Some(b"8") => Ok(Answer::Shed),
            code => bail!("a call failed with status {code:?}: {:?}", status.get("grpc-message")),
        }
    }
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was served, by so many bytes.
    Served {
        /// Of the reply's body.
        bytes: usize,
    },
    /// DEADLINE_EXCEEDED.
    Late,
    /// RESOURCE_EXHAUSTED.
    Shed,
}

impl Answer {
    fn served(self) -> anyhow::Result<usize> {
        match self {
            Self::Served { bytes } => Ok(bytes),
            refused => bail!("a call was not served: {refused:?}"),
        }
    }
}

/// What happened in a round of a closed loop.
#[derive(Debug)]
pub(crate) struct Saturated<T> {
    pub(crate) calls: u64,
    pub(crate) wall: Duration,
    pub(crate) before: T,
    pub(crate) after: T,
}

/// Compressed flag and length.
const PREFIX_BYTES: usize = 5;

fn framed<M: Message>(message: &M) -> Bytes {
    let len = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + len);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(len).expect("a request has less than 4 GiB"));
    message.encode(&mut bytes).expect("there is room for the length that it said");
    bytes.freeze()
}

async fn greet(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> anyhow::Result<SendRequest<Bytes>> {
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .handshake(stream)
        .await?;
    // It ends with its senders; what breaks it is told to their calls.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

/// Runs on this thread alone, which is pinned.
fn local<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}
