//! A supplier outside the suite's processes: the simulator behind a gRPC server of this test, with its log on disk.
//!
//! Calls to switch on can be held at the door: they have been sent, and the supplier has not seen them yet. That is the
//! moment in which a scheduler is frozen, or a pause arrives.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::{Clock, SystemClock};
use jiff::SignedDuration;
use proto::supplier::v1 as wire;
use proto::supplier::v1::supplier_service_server::{SupplierService, SupplierServiceServer};
use supplier_simulator::{LogTarget, Simulator, SimulatorConfig, SupplierProfile};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// A supplier that listens.
pub(crate) struct SupplierServer {
    address: SocketAddr,
    door: Arc<Door>,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    answered: mpsc::UnboundedReceiver<Arrival>,
    serving: tokio::task::JoinHandle<()>,
}

/// A call to switch on that reached the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// `practices/A81001`
    pub(crate) practice: String,
    pub(crate) generation: u32,
    /// The caller's trace, as it came.
    pub(crate) traceparent: String,
}

/// A shut door: those who came to it wait until it opens.
pub(crate) struct ShutDoor(watch::Sender<bool>);

/// Where calls to switch on arrive. None: it stands open.
type Door = Mutex<Option<watch::Receiver<bool>>>;

struct AtTheDoor {
    simulator: Simulator,
    door: Arc<Door>,
    arrivals: mpsc::UnboundedSender<Arrival>,
    answered: mpsc::UnboundedSender<Arrival>,
}

impl SupplierServer {
    /// EMIS, prompt and without fail, which keeps its log at `log`, by a clock that is ahead by `clock_offset`. The door
    /// stands open.
    pub(crate) async fn start(log: &Path, clock_offset: SignedDuration) -> Self {
        let simulator = Simulator::open(SimulatorConfig {
            log: LogTarget::File(log.to_owned()),
            clock: Clock::System(SystemClock::with_offset(clock_offset)),
            seed: 1,
            suppliers: vec![SupplierProfile::prompt("EMIS".parse().expect("a supplier's name"))],
            real_delay_per_call: Duration::ZERO,
        });
        let simulator = simulator.expect("a supplier with a fresh log opens");
        let door = Arc::new(Door::default());
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let (answers, answered) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let at_the_door = AtTheDoor { simulator, door: Arc::clone(&door), arrivals: arrived, answered: answers };
        let service = SupplierServiceServer::new(at_the_door);
        let serving = tokio::spawn(async move {
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("it serves until it is dropped");
        });
        Self { address, door, arrivals, answered, serving }
    }

    /// What `--supplier` takes.
    pub(crate) fn option(&self) -> String {
        format!("EMIS=http://{}", self.address)
    }

    /// From now on calls to switch on wait at this door; those at an earlier one go on waiting there.
    pub(crate) fn shut_the_door(&self) -> ShutDoor {
        let (opener, shut) = watch::channel(false);
        *self.door.lock().unwrap_or_else(PoisonError::into_inner) = Some(shut);
        ShutDoor(opener)
    }

    /// The next call to switch on that reaches the door.
    pub(crate) async fn arrival(&mut self, patience: Duration) -> Arrival {
        let arrival = tokio::time::timeout(patience, self.arrivals.recv()).await;
        arrival.expect("a call to switch on arrives").expect("the supplier serves")
    }

    /// The calls to switch on that have reached the door and that nobody has asked for yet.
    pub(crate) fn arrived(&mut self) -> Vec<Arrival> {
        std::iter::from_fn(|| self.arrivals.try_recv().ok()).collect()
    }

    /// The next call to switch on that has been answered.
    pub(crate) async fn answered(&mut self, patience: Duration) -> Arrival {
        let answered = tokio::time::timeout(patience, self.answered.recv()).await;
        answered.expect("a call to switch on is answered").expect("the supplier serves")
    }
}

impl ShutDoor {
    /// Lets in those who wait at it, and all who still come to it.
    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }
}

impl Drop for SupplierServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tonic::async_trait]
impl SupplierService for AtTheDoor {
    async fn request_activation(
        &self,
        request: Request<wire::RequestActivationRequest>,
    ) -> Result<Response<wire::RequestActivationResponse>, Status> {
        let key = request.get_ref().key.clone().unwrap_or_default();
        let traceparent =
            request.metadata().get("traceparent").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let arrival =
            Arrival { practice: key.practice, generation: key.generation, traceparent: traceparent.to_owned() };
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A test that listens no longer does not mind, here and below.
        let _ = self.arrivals.send(arrival.clone());
        // What has reached the door goes in once it opens, also when its caller has hung up: as a message on a wire would.
        let (simulator, answers) = (self.simulator.clone(), self.answered.clone());
        let inside = tokio::spawn(async move {
            if let Some(mut door) = door {
                door.wait_for(|open| *open).await.map_err(|_| Status::unavailable("nobody opens this door"))?;
            }
            let answer = simulator.request_activation(request).await;
            let _ = answers.send(arrival);
            answer
        });
        inside.await.map_err(|error| Status::internal(error.to_string()))?
    }

    async fn request_deactivation(
        &self,
        request: Request<wire::RequestDeactivationRequest>,
    ) -> Result<Response<wire::RequestDeactivationResponse>, Status> {
        self.simulator.request_deactivation(request).await
    }

    async fn get_activation(
        &self,
        request: Request<wire::GetActivationRequest>,
    ) -> Result<Response<wire::GetActivationResponse>, Status> {
        self.simulator.get_activation(request).await
    }

    async fn cancel_activation(
        &self,
        request: Request<wire::CancelActivationRequest>,
    ) -> Result<Response<wire::CancelActivationResponse>, Status> {
        self.simulator.cancel_activation(request).await
    }

    async fn list_enabled_practices(
        &self,
        request: Request<wire::ListEnabledPracticesRequest>,
    ) -> Result<Response<wire::ListEnabledPracticesResponse>, Status> {
        self.simulator.list_enabled_practices(request).await
    }
}
