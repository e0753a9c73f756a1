//! The wire: the scheduler's five services, and the registry and suppliers as the scheduler calls them. Nothing
//! outside this module names `proto`.

mod authorised;
mod calendar;
mod concerns;
mod convert;
mod enrolments;
mod explanation;
mod facts;
mod forecast;
mod holds;
mod lists;
mod notices;
mod plans;
mod programmes;
mod refusal;
mod registry;
mod replay;
mod services;
mod statistics;
mod submit;
mod suppliers;
mod unwinding;
mod watch;
mod waves;

use std::sync::Arc;

use api::Error;
use clock::Clock;
use journal::{Engine, Published};
use proto::scheduler::v1::calendar_service_server::CalendarServiceServer;
use proto::scheduler::v1::enrolment_service_server::EnrolmentServiceServer;
use proto::scheduler::v1::forecast_service_server::ForecastServiceServer;
use proto::scheduler::v1::hold_service_server::HoldServiceServer;
use proto::scheduler::v1::notice_service_server::NoticeServiceServer;
use proto::scheduler::v1::programme_service_server::ProgrammeServiceServer;
use rollout::{ProgrammeId, State, WaveRef};
use server::Server;

pub(crate) use convert::gate::sentence as finding_in_words;
pub(crate) use registry::{
    Asking, KEYS_MAX, Observation, Reachable, Registry, Settled, Stretch, Told, Watch, WatchChange, WatchMessage,
};
pub(crate) use statistics::Statistics;
pub(crate) use suppliers::EnabledList;
pub use suppliers::Suppliers;

use crate::follower::FollowedRegistry;
use crate::forecasts::Forecasts;
use crate::lists::ListSigner;
use crate::machine::SchedulerMachine;
use crate::outbox::CarriersStanding;
use crate::pasts::Pasts;
use crate::permits::Permits;
use crate::standing::Standing;

/// What the handlers of all services work on. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Handlers {
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) clock: Clock,
    pub(crate) followed: FollowedRegistry,
    pub(crate) permits: Permits,
    /// What the loop last found: why nothing moves.
    pub(crate) standing: Arc<Standing>,
    pub(crate) signer: ListSigner,
    pub(crate) forecasts: Forecasts,
    pub(crate) pasts: Pasts,
    /// How those who carry notices stand here.
    pub(crate) carriers: Arc<CarriersStanding>,
}

/// Adds all services and what reflection tells of them.
pub(crate) fn add_to(server: Server, handlers: &Handlers) -> Server {
    server
        .descriptors(proto::FILE_DESCRIPTOR_SET)
        .service(ProgrammeServiceServer::new(handlers.clone()))
        .service(EnrolmentServiceServer::new(handlers.clone()))
        .service(HoldServiceServer::new(handlers.clone()))
        .service(CalendarServiceServer::new(handlers.clone()))
        .service(ForecastServiceServer::new(handlers.clone()))
        .service(NoticeServiceServer::new(handlers.clone()))
}

impl Handlers {
    /// The state at or after a position.
    async fn at(&self, min_position: u64) -> Result<Arc<Published<SchedulerMachine>>, Error> {
        let reached = self.engine.wait_for(min_position, journal::grpc::patience()).await;
        reached.map_err(|error| journal::grpc::not_reached(&error))
    }
}

fn programme_of<'a>(state: &'a State, id: &ProgrammeId) -> Result<&'a rollout::state::Programme, Error> {
    state.programme(id).ok_or_else(|| refusal::no_such_programme(id))
}

fn wave_of<'a>(state: &'a State, wave: &WaveRef) -> Result<&'a rollout::state::Wave, Error> {
    state.wave(wave).ok_or_else(|| refusal::no_such_wave(wave))
}
