//! `grpc.health.v1`, service by service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// The health of a server and its services. Each begins SERVING; cheap to clone.
#[derive(Clone, Debug)]
pub struct Health {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// By the services' full names; the empty name is the server as a whole.
    services: BTreeMap<String, watch::Sender<ServingStatus>>,
    drains: AtomicBool,
}

impl Health {
    pub(crate) fn new<'a>(services: impl Iterator<Item = &'a str>) -> Self {
        let names = services.map(str::to_owned).chain([String::new()]);
        let services = names.map(|name| (name, watch::Sender::new(ServingStatus::Serving))).collect();
        Self { state: Arc::new(State { services, drains: AtomicBool::new(false) }) }
    }

    /// Says whether `service` (`package.Service`; empty for the whole server) can do its work. A name that is not
    /// mounted is ignored. While the server drains, nothing becomes SERVING again.
    pub fn set_serving(&self, service: &str, serving: bool) {
        if serving && self.state.drains.load(Ordering::Acquire) {
            return;
        }
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        if let Some(sender) = self.state.services.get(service) {
            sender.send_replace(status);
        }
    }

    /// The same of everything that is mounted, and of the server as a whole.
    pub fn set_all_serving(&self, serving: bool) {
        for service in self.state.services.keys() {
            self.set_serving(service, serving);
        }
    }

    /// From now on everything is NOT_SERVING.
    pub(crate) fn drain(&self) {
        self.state.drains.store(true, Ordering::Release);
        for sender in self.state.services.values() {
            sender.send_replace(ServingStatus::NotServing);
        }
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    type WatchStream = tokio_stream::adapters::Map<
        WatchStream<ServingStatus>,
        fn(ServingStatus) -> Result<HealthCheckResponse, Status>,
    >;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        let Some(sender) = self.state.services.get(&service) else {
            return Err(Status::not_found(format!("service `{service}` is not mounted here")));
        };
        Ok(Response::new(HealthCheckResponse { status: (*sender.borrow()).into() }))
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        // The protocol wants a stream also for a service that is not there.
        let receiver = match self.state.services.get(&service) {
            Some(sender) => sender.subscribe(),
            None => watch::Sender::new(ServingStatus::ServiceUnknown).subscribe(),
        };
        Ok(Response::new(WatchStream::new(receiver).map(|status| Ok(HealthCheckResponse { status: status.into() }))))
    }
}
