//! A supplier that answers at once: whatever it is asked is done. It notes the moment of each request.
//!
//! It runs on a thread of its own in this process, and serves all suppliers' practices.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use proto::supplier::v1 as wire;
use proto::supplier::v1::supplier_service_server::{SupplierService, SupplierServiceServer};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Practices in a page of the list of those that are on.
const PAGE: usize = 1_000;

/// A supplier that listens, until this process ends. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct InstantSupplier {
    url: String,
    desk: Arc<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    /// Seconds by which the services' clock is ahead.
    clock_offset_s: AtomicI64,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// When requests to switch on came, by the machine's clock, in order.
    requests: Vec<Timestamp>,
    /// The names of the practices that are on.
    enabled: BTreeSet<String>,
}

impl InstantSupplier {
    /// Begins to serve on a free port.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let desk = Arc::new(Desk::default());
        let service = SupplierServiceServer::from_arc(Arc::clone(&desk));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                let server = tonic::transport::Server::builder().add_service(service);
                server.serve_with_incoming(incoming).await.context("the supplier does not serve")
            })
        });
        Ok(Self { url, desk })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Forgets everything: from now on it is the supplier of another installation, whose clock is so far ahead.
    pub(crate) fn begin_anew(&self, clock_offset: SignedDuration) {
        self.set_clock(clock_offset);
        *self.desk.book() = Book::default();
    }

    /// From now on the services' clock is so far ahead.
    pub(crate) fn set_clock(&self, offset: SignedDuration) {
        self.desk.clock_offset_s.store(offset.as_secs(), Ordering::Relaxed);
    }

    /// How many requests to switch on have come.
    pub(crate) fn requests_count(&self) -> usize {
        self.desk.book().requests.len()
    }

    /// When the first request came that came at or after a moment.
    pub(crate) fn first_request_from(&self, moment: Timestamp) -> Option<Timestamp> {
        let book = self.desk.book();
        book.requests.get(book.requests.partition_point(|at| *at < moment)).copied()
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does it, and says so.
    fn apply(&self, key: Option<wire::ActivationKey>) -> Result<wire::Activation, Status> {
        let key = key.ok_or_else(|| Status::invalid_argument("a request has a key"))?;
        let now = now();
        {
            let mut book = self.book();
            if key.direction() == wire::Direction::Enable {
                book.requests.push(now);
                book.enabled.insert(key.practice.clone());
            } else {
                book.enabled.remove(&key.practice);
            }
        }
        Ok(self.applied(key, now))
    }

    fn applied(&self, key: wire::ActivationKey, now: Timestamp) -> wire::Activation {
        let applied_at = now.as_second() + self.clock_offset_s.load(Ordering::Relaxed);
        wire::Activation {
            key: Some(key),
            outcome: wire::ActivationOutcome::Applied.into(),
            applied_at: Some(prost_types::Timestamp { seconds: applied_at, nanos: now.subsec_nanosecond() }),
            ..Default::default()
        }
    }

    /// What became of a key: of a practice that is on it was done.
    fn outcome(&self, key: Option<wire::ActivationKey>) -> Result<wire::Activation, Status> {
        let key = key.ok_or_else(|| Status::invalid_argument("a question has a key"))?;
        let is_on = self.book().enabled.contains(&key.practice);
        if is_on == (key.direction() == wire::Direction::Enable) {
            return Ok(self.applied(key, now()));
        }
        let outcome = wire::ActivationOutcome::Unknown.into();
        Ok(wire::Activation { key: Some(key), outcome, ..Default::default() })
    }
}

#[tonic::async_trait]
impl SupplierService for Desk {
    async fn request_activation(
        &self,
        request: Request<wire::RequestActivationRequest>,
    ) -> Result<Response<wire::RequestActivationResponse>, Status> {
        let activation = Some(self.apply(request.into_inner().key)?);
        Ok(Response::new(wire::RequestActivationResponse { activation }))
    }

    async fn request_deactivation(
        &self,
        request: Request<wire::RequestDeactivationRequest>,
    ) -> Result<Response<wire::RequestDeactivationResponse>, Status> {
        let activation = Some(self.apply(request.into_inner().key)?);
        Ok(Response::new(wire::RequestDeactivationResponse { activation }))
    }

    async fn get_activation(
        &self,
        request: Request<wire::GetActivationRequest>,
    ) -> Result<Response<wire::GetActivationResponse>, Status> {
        let activation = Some(self.outcome(request.into_inner().key)?);
        Ok(Response::new(wire::GetActivationResponse { activation }))
    }

    async fn cancel_activation(
        &self,
        _: Request<wire::CancelActivationRequest>,
    ) -> Result<Response<wire::CancelActivationResponse>, Status> {
        Err(Status::unimplemented("nobody stops anything while this is measured"))
    }

    async fn list_enabled_practices(
        &self,
        request: Request<wire::ListEnabledPracticesRequest>,
    ) -> Result<Response<wire::ListEnabledPracticesResponse>, Status> {
        // It does not know which supplier has which practice: each is told of all.
        let after = request.into_inner().page_token;
        let now = now();
        let seconds = now.as_second() + self.clock_offset_s.load(Ordering::Relaxed);
        let at = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let book = self.book();
        let page = book.enabled.range(after.clone()..).filter(|name| **name > after).take(PAGE);
        let practices: Vec<_> = page
            .map(|practice| wire::EnabledPractice {
                practice: practice.clone(),
                state: wire::EnabledState::On.into(),
                since: at,
                generation: 1,
            })
            .collect();
        let next = practices.last().filter(|_| practices.len() == PAGE);
        let next_page_token = next.map(|last| last.practice.clone()).unwrap_or_default();
        Ok(Response::new(wire::ListEnabledPracticesResponse { practices, as_of: at, next_page_token }))
    }
}

/// The machine's clock, which the services' is ahead of.
#[expect(clippy::disallowed_methods, reason = "what is measured runs by the machine's clock and an offset")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
