//! The suppliers' door: calls wait before it, come in twice, and have their replies lost on the way out.
//!
//! What suppliers do with a key is their own (`supplier_simulator`); this is what happens to messages. Chance is drawn by what a
//! call is about, and by how many such calls there were.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::Peer;
use ods::{Draw, draw_for};
use proto::supplier::v1 as wire;
use proto::supplier::v1::supplier_service_client::SupplierServiceClient;
use proto::supplier::v1::supplier_service_server::{SupplierService, SupplierServiceServer};
use server::Server;
use tonic::{Code, Request, Response, Status};

/// How messages fare at the door.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// The share of calls that come in a second time, later.
    pub(crate) doubled_share: f64,
    /// The share of calls that wait.
    pub(crate) late_share: f64,
    /// The share of calls whose reply is lost.
    pub(crate) lost_share: f64,
    /// A mistake of the door's own, for a test that it is found: who asks to close a key is told that it is closed, and it is
    /// not.
    pub(crate) forgets_closures: bool,
}

/// The longest that a call waits, in ticks; some callers have given up by then.
const LATE_MS_MAX: u64 = 300;

/// What happened at the door. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rung(Arc<Mutex<BTreeMap<String, u64>>>);

impl Rung {
    /// Notes a thing that happened; how often it had happened before.
    pub(crate) fn note(&self, what: &str) -> u64 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(what.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).copied().unwrap_or(0)
    }
}

/// A service like the suppliers' own, before theirs.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) within: Peer,
    pub(crate) habits: Habits,
    pub(crate) seed: u64,
    pub(crate) rung: Rung,
}

pub(crate) const DOUBLED: &str = "call came in twice";
pub(crate) const LATE: &str = "call came late";
pub(crate) const LOST: &str = "reply was lost";
pub(crate) const SILENT: &str = "a supplier gave no reply";
pub(crate) const FORGOTTEN: &str = "closure was forgotten";

impl Door {
    pub(crate) fn add_to(&self, server: Server) -> Server {
        server.descriptors(proto::FILE_DESCRIPTOR_SET).service(SupplierServiceServer::new(self.clone()))
    }

    /// Lets a call in, as it fares; `what` names it.
    async fn let_in<T, F>(
        &self,
        what: &str,
        call: impl Fn(SupplierServiceClient<Peer>) -> F,
    ) -> Result<Response<T>, Status>
    where
        F: Future<Output = Result<Response<T>, Status>> + Send + 'static,
        T: Send + 'static,
    {
        let time = self.rung.note(what);
        let chance = |purpose: &str| draw_for(self.seed, purpose, what, 0, time);
        let client = SupplierServiceClient::new(self.within.clone());
        if chance("door-late").happens(self.habits.late_share) {
            self.rung.note(LATE);
            tokio::time::sleep(wait(chance("door-late-by"))).await;
        }
        if chance("door-doubled").happens(self.habits.doubled_share) {
            self.rung.note(DOUBLED);
            let (second, later) = (call(client.clone()), wait(chance("door-doubled-by")));
            tokio::spawn(async move {
                tokio::time::sleep(later).await;
                drop(second.await);
            });
        }
        let reply = call(client).await;
        if reply.as_ref().is_err_and(|status| status.code() == Code::Unavailable) {
            self.rung.note(SILENT);
        }
        if chance("door-lost").happens(self.habits.lost_share) {
            self.rung.note(LOST);
            return Err(Status::unavailable("the reply was lost"));
        }
        reply
    }
}

fn wait(chance: Draw) -> Duration {
    Duration::from_millis(1 + chance.below(LATE_MS_MAX))
}

fn named(what: &str, key: Option<&wire::ActivationKey>) -> String {
    let key = key.cloned().unwrap_or_default();
    format!("{what} {} {} {}", key.practice, key.direction, key.generation)
}

#[tonic::async_trait]
impl SupplierService for Door {
    async fn request_activation(
        &self,
        request: Request<wire::RequestActivationRequest>,
    ) -> Result<Response<wire::RequestActivationResponse>, Status> {
        let request = request.into_inner();
        let call = |mut within: SupplierServiceClient<Peer>| {
            let request = request.clone();
            async move { within.request_activation(request).await }
        };
        self.let_in(&named("request", request.key.as_ref()), call).await
    }

    async fn request_deactivation(
        &self,
        request: Request<wire::RequestDeactivationRequest>,
    ) -> Result<Response<wire::RequestDeactivationResponse>, Status> {
        let request = request.into_inner();
        let call = |mut within: SupplierServiceClient<Peer>| {
            let request = request.clone();
            async move { within.request_deactivation(request).await }
        };
        self.let_in(&named("request", request.key.as_ref()), call).await
    }

    async fn get_activation(
        &self,
        request: Request<wire::GetActivationRequest>,
    ) -> Result<Response<wire::GetActivationResponse>, Status> {
        let request = request.into_inner();
        let call = |mut within: SupplierServiceClient<Peer>| {
            let request = request.clone();
            async move { within.get_activation(request).await }
        };
        self.let_in(&named("ask", request.key.as_ref()), call).await
    }

    async fn cancel_activation(
        &self,
        request: Request<wire::CancelActivationRequest>,
    ) -> Result<Response<wire::CancelActivationResponse>, Status> {
        let request = request.into_inner();
        if self.habits.forgets_closures {
            self.rung.note(FORGOTTEN);
            let outcome = wire::ActivationOutcome::Closed.into();
            let activation = wire::Activation { key: request.key, outcome, ..Default::default() };
            return Ok(Response::new(wire::CancelActivationResponse { activation: Some(activation) }));
        }
        let call = |mut within: SupplierServiceClient<Peer>| {
            let request = request.clone();
            async move { within.cancel_activation(request).await }
        };
        self.let_in(&named("cancel", request.key.as_ref()), call).await
    }

    async fn list_enabled_practices(
        &self,
        request: Request<wire::ListEnabledPracticesRequest>,
    ) -> Result<Response<wire::ListEnabledPracticesResponse>, Status> {
        SupplierServiceClient::new(self.within.clone()).list_enabled_practices(request.into_inner()).await
    }
}
