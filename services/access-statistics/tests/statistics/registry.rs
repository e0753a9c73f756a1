//! A registry that has a watch, which tells what a test makes it tell, and that keeps the signals it is given.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use client::{Peer, PeerConfig};
use futures_util::{Stream, StreamExt, stream};
use jiff::Timestamp;
use proto::registry::v1 as wire;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};

const WATCH: &str = "/citizens_access.registry.v1.PracticeRegistryService/WatchPractices";
const SIGNAL: &str = "/citizens_access.registry.v1.PracticeRegistryService/RecordSignals";

/// The registry. Clones are the same one.
#[derive(Clone)]
pub(crate) struct FakeRegistry(Arc<Inner>);

struct Inner {
    /// Every message, in order; the position of each is its number, counted from 1.
    messages: Mutex<Vec<wire::WatchPracticesResponse>>,
    told: watch::Sender<usize>,
    /// The resume tokens it was called with.
    tokens: Mutex<Vec<String>>,
    signals: watch::Sender<Vec<wire::SignalReport>>,
}

impl FakeRegistry {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            messages: Mutex::default(),
            told: watch::Sender::new(0),
            tokens: Mutex::default(),
            signals: watch::Sender::default(),
        }))
    }

    pub(crate) fn peer(&self) -> Peer {
        Peer::local("registry", self.clone(), "statistics;roles=service", PeerConfig::default()).expect("an account")
    }

    /// Tells of practices as they are now; returns the position.
    pub(crate) fn tell(&self, practices: impl IntoIterator<Item = wire::Practice>) -> u64 {
        let changes = practices.into_iter().map(|practice| wire::PracticeChange {
            kind: wire::PracticeChangeKind::Changed.into(),
            practice: Some(practice),
            traceparent: String::new(),
        });
        let changes = changes.collect();
        let mut messages = self.0.messages.lock().expect("no test panics with it");
        let position = messages.len() as u64 + 1;
        messages.push(wire::WatchPracticesResponse {
            changes,
            bookmark: true,
            resume_token: format!("after-{position}"),
            journal_hash: vec![position as u8; 32].into(),
            position,
            ..wire::WatchPracticesResponse::default()
        });
        self.0.told.send_replace(messages.len());
        position
    }

    /// Loses its last messages, as a restored backup does, and says one that is other than the lost ones.
    pub(crate) fn rewind_to(&self, position: usize) {
        let mut messages = self.0.messages.lock().expect("no test panics with it");
        messages.truncate(position);
        let position = position as u64 + 1;
        messages.push(wire::WatchPracticesResponse {
            bookmark: true,
            resume_token: format!("after-{position}"),
            journal_hash: vec![0xff; 32].into(),
            position,
            ..wire::WatchPracticesResponse::default()
        });
    }

    /// Takes the last message back.
    pub(crate) fn forget_last(&self) {
        self.0.messages.lock().expect("no test panics with it").pop();
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        self.0.tokens.lock().expect("no test panics with it").clone()
    }

    /// Waits for signals, and takes them away.
    pub(crate) async fn signalled(&self) -> Vec<wire::SignalReport> {
        let mut signals = self.0.signals.subscribe();
        let come = async { drop(signals.wait_for(|signals| !signals.is_empty()).await) };
        tokio::time::timeout(Duration::from_secs(30), come).await.expect("signals come");
        self.0.signals.send_replace(Vec::new())
    }

    fn watch(&self, token: &str) -> impl Stream<Item = Result<wire::WatchPracticesResponse, Status>> + use<> {
        self.0.tokens.lock().expect("no test panics with it").push(token.to_owned());
        let after = token.strip_prefix("after-").and_then(|position| position.parse().ok()).unwrap_or(0_usize);
        // A registry that does not know the token's position tells everything anew, as a snapshot would.
        let known = self.0.messages.lock().expect("no test panics with it").len();
        let start = (if after <= known { after } else { 0 }, self.0.told.subscribe());
        stream::unfold((self.clone(), start), |(registry, (index, mut told))| async move {
            told.wait_for(|count| *count > index).await.ok()?;
            let message = registry.0.messages.lock().expect("no test panics with it").get(index).cloned()?;
            Some((Ok(message), (registry, (index + 1, told))))
        })
    }
}

impl tower::Service<http::Request<Body>> for FakeRegistry {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let handler = Handler(self.clone());
        Box::pin(async move {
            match request.uri().path() {
                WATCH => Ok(Grpc::new(tonic_prost::ProstCodec::default()).server_streaming(handler, request).await),
                SIGNAL => Ok(Grpc::new(tonic_prost::ProstCodec::default()).unary(handler, request).await),
                other => panic!("{other} is not called"),
            }
        })
    }
}

struct Handler(FakeRegistry);

type Messages = Pin<Box<dyn Stream<Item = Result<wire::WatchPracticesResponse, Status>> + Send>>;

impl ServerStreamingService<wire::WatchPracticesRequest> for Handler {
    type Response = wire::WatchPracticesResponse;
    type ResponseStream = Messages;
    type Future = std::future::Ready<Result<Response<Messages>, Status>>;

    fn call(&mut self, request: Request<wire::WatchPracticesRequest>) -> Self::Future {
        let messages = self.0.watch(&request.into_inner().resume_token);
        std::future::ready(Ok(Response::new(messages.boxed())))
    }
}

impl UnaryService<wire::RecordSignalsRequest> for Handler {
    type Response = wire::RecordSignalsResponse;
    type Future = std::future::Ready<Result<Response<wire::RecordSignalsResponse>, Status>>;

    fn call(&mut self, request: Request<wire::RecordSignalsRequest>) -> Self::Future {
        self.0.0.signals.send_modify(|signals| signals.extend(request.into_inner().signals));
        std::future::ready(Ok(Response::new(wire::RecordSignalsResponse::default())))
    }
}

/// An open practice, known since `recorded_at`, of which nothing was observed.
pub(crate) fn practice(code: &str, icb: &str, supplier: &str, patients: i64, recorded_at: Timestamp) -> wire::Practice {
    wire::Practice {
        name: format!("practices/{code}"),
        ods_code: code.to_owned(),
        status: wire::PracticeStatus::Active.into(),
        supplier: supplier.to_owned(),
        icb_code: icb.to_owned(),
        region_code: if icb == "QHM" { "Y63" } else { "Y56" }.to_owned(),
        list_size: patients,
        list_size_source: "list-sizes".to_owned(),
        list_size_date: "2031-01-01".to_owned(),
        create_time: Some(api::time::to_wire(recorded_at)),
        update_time: Some(api::time::to_wire(recorded_at)),
        ..wire::Practice::default()
    }
}

/// The same practice, observed ON since a moment or OFF at it.
pub(crate) fn observed(mut practice: wire::Practice, live: bool, at: Timestamp) -> wire::Practice {
    let at = Some(api::time::to_wire(at));
    let state = if live { wire::ObservedState::On } else { wire::ObservedState::Off };
    practice.update_time = at;
    practice.access = vec![wire::Access {
        capability: "capabilities/prospective-records".to_owned(),
        state: state.into(),
        source: wire::ObservationSource::SupplierConfirmation.into(),
        as_at: at,
        recorded_at: at,
        live,
        live_since: if live { at } else { None },
        ..wire::Access::default()
    }];
    practice
}
