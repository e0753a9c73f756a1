//! What people do: they set the programme up, pause, hold, decide gates, and lift again what they placed.
//!
//! Whoever gets no answer asks again under the same request id, until there is one, whichever scheduler gives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::Explained;
use client::Peer;
use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::calendar_service_client::CalendarServiceClient;
use proto::scheduler::v1::hold_scope::Scope;
use proto::scheduler::v1::hold_service_client::HoldServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use tokio::task::JoinSet;
use tonic::{Code, Response, Status};

use crate::files;
use crate::hosts::{Installation, PEOPLE, REGISTRY, SCHEDULERS};
use crate::plan::{Act, HeldScope, Plan};

const PROGRAMME: &str = "programmes/spring";

/// Between two attempts of a person who got no answer.
const PATIENCE: Duration = Duration::from_millis(10);

/// How often somebody looks after gates and whether the waves have ended.
const LOOKS_EVERY: SignedDuration = SignedDuration::from_hours(3);

/// How long what follows by itself may take once every wave has ended: a day until suppliers' lists are read, and some.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_hours(30);

/// `ask!(people.scheduler("alice"), HoldServiceClient.list_holds(request))`: the reply, once there is one.
macro_rules! ask {
    ($people:ident.$whom:ident($account:expr), $client:ident.$rpc:ident($request:expr)) => {{
        let request = $request;
        let call = |peer| {
            let request = request.clone();
            async move { $client::new(peer).$rpc(request).await }
        };
        $people.$whom($account, call).await
    }};
}

mod steering;
mod telling;

/// Everybody, with the connections they share.
#[derive(Clone)]
pub(crate) struct People {
    clock: Clock,
    registry: Peer,
    schedulers: Vec<Peer>,
    /// Calls so far: people begin with another scheduler each time.
    calls_count: Arc<AtomicUsize>,
}

impl People {
    /// On their own machine.
    pub(crate) fn new(installation: &Installation) -> anyhow::Result<Self> {
        let peer = |to: &'static str| installation.peer(PEOPLE, to, "alice", 1);
        let schedulers = SCHEDULERS.iter().map(|scheduler| peer(scheduler)).collect::<Result<_, _>>()?;
        Ok(Self {
            clock: installation.clock_of(PEOPLE),
            registry: peer(REGISTRY)?,
            schedulers,
            calls_count: Arc::default(),
        })
    }

    /// The whole story, to its end.
    pub(crate) async fn live(self, plan: &Plan) -> anyhow::Result<()> {
        self.set_up(plan).await?;
        let mut acts = JoinSet::new();
        for (number, (at, act)) in plan.acts.iter().cloned().enumerate() {
            let people = self.clone();
            acts.spawn(async move { people.act(number, at, &act).await });
        }
        self.look_after_gates(plan).await?;
        while let Some(ended) = acts.join_next().await {
            ended??;
        }
        Ok(())
    }

    async fn set_up(&self, plan: &Plan) -> anyhow::Result<()> {
        let parts = [
            (registry::DirectoryFormat::Map, files::map(&plan.surgeries)),
            (registry::DirectoryFormat::ListSizes, files::lists(&plan.surgeries)),
        ];
        for (format, file) in parts {
            let request_id = format!("import/{}", format.as_str_name());
            self.import(format, file, request_id, "2031-05-01".to_owned()).await?;
        }
        self.name_contacts(&plan.surgeries).await?;
        let request = wire::UpdateCalendarRequest {
            bank_holidays_json: files::BANK_HOLIDAYS.as_bytes().to_vec().into(),
            request_id: "calendar".to_owned(),
            ..Default::default()
        };
        ask!(self.scheduler("alice"), CalendarServiceClient.update_calendar(request))?;
        let request = wire::CreateProgrammeRequest {
            programme_id: "spring".to_owned(),
            specification: plan.programme.clone(),
            request_id: "create".to_owned(),
            ..Default::default()
        };
        ask!(self.scheduler("alice"), ProgrammeServiceClient.create_programme(request))?;
        let request = wire::SubmitPlanRequest {
            name: PROGRAMME.to_owned(),
            request_id: "submit".to_owned(),
            ..Default::default()
        };
        let submitted =
            ask!(self.scheduler("alice"), ProgrammeServiceClient.submit_plan(request))?.plan.unwrap_or_default();
        let request = wire::ApprovePlanRequest {
            name: submitted.name,
            plan_hash: submitted.plan_hash,
            request_id: "approve".to_owned(),
            ..Default::default()
        };
        ask!(self.scheduler("bob"), ProgrammeServiceClient.approve_plan(request))?;
        Ok(())
    }

    async fn import(
        &self,
        format: registry::DirectoryFormat,
        file: String,
        request_id: String,
        effective_date: String,
    ) -> anyhow::Result<()> {
        use registry::import_directory_request::Part;
        let header = registry::ImportHeader { format: format.into(), request_id, effective_date, ..Default::default() };
        let file = file.into_bytes();
        let call = |peer| {
            let parts = [Part::Header(header.clone()), Part::Data(file.clone().into())];
            let parts = parts.map(|part| registry::ImportDirectoryRequest { part: Some(part) });
            async move { PracticeRegistryServiceClient::new(peer).import_directory(futures_util::stream::iter(parts)).await }
        };
        let report = self.registry("alice", call).await?;
        anyhow::ensure!(report.rejected_rows.is_empty(), "{:?}", report.rejected_rows);
        Ok(())
    }

    async fn act(&self, number: usize, at: Timestamp, act: &Act) -> anyhow::Result<()> {
        drop(self.clock.sleep_until(at, &format!("people/{number:03}")).await);
        match act {
            Act::Pause { practice } => self.pause(number, practice).await,
            Act::Resume { practice } => self.resume(number, practice).await,
            Act::SwitchOff { practice } => self.switch_off(number, practice).await,
            Act::Tell { practice } => self.tell(number, practice).await,
            Act::Hold { stop, safety, scope, lifted_at } => {
                let class = if *safety { wire::HoldClass::Safety } else { wire::HoldClass::Capacity };
                let hold = self.hold(number, *stop, class, scope).await?;
                drop(self.clock.sleep_until(*lifted_at, &format!("people/{number:03}")).await);
                let request_id = format!("lift/{number}");
                if *safety { self.lift_by_two(&hold, &request_id).await } else { self.lift(&hold, &request_id).await }
            }
            Act::Revert { practice } => self.revert(number, practice).await,
            Act::Unwind { wave, begun_at } => self.unwind(number, *wave, *begun_at).await,
            Act::Reschedule { wave, opens_on } => self.reschedule(number, *wave, *opens_on).await,
            Act::Replan { document } => self.replan(number, document).await,
            Act::Move { surgery } => self.move_practice(number, surgery).await,
            Act::Close { practice } => self.close(number, practice).await,
        }
    }

    async fn pause(&self, number: usize, practice: &str) -> anyhow::Result<()> {
        let request = registry::PausePracticeRequest {
            name: format!("practices/{practice}"),
            end: registry::PauseEnd::FurtherNotice.into(),
            request_id: format!("act/{number}"),
            reason_code: "STAFF_NOT_TRAINED".to_owned(),
            ..Default::default()
        };
        // One that has closed may have nothing left to pause.
        ask!(self.registry("paula"), PracticeRegistryServiceClient.pause_practice(request)).map(|_| ()).or_else(refused)
    }

    async fn resume(&self, number: usize, practice: &str) -> anyhow::Result<()> {
        let request = registry::ResumePracticeRequest {
            name: format!("practices/{practice}"),
            request_id: format!("act/{number}"),
            reason_code: "READY".to_owned(),
            ..Default::default()
        };
        // Only the practice lifts its pause.
        let paula = format!("paula;organisation=practices/{practice}");
        // The pause may not have arrived yet: nothing to lift is an answer.
        ask!(self.registry(&paula), PracticeRegistryServiceClient.resume_practice(request)).map(|_| ()).or_else(refused)
    }

    async fn switch_off(&self, number: usize, practice: &str) -> anyhow::Result<()> {
        let request = registry::RequestSwitchOffRequest {
            name: format!("practices/{practice}"),
            request_id: format!("act/{number}"),
            reason_code: "WRONG_SETTINGS".to_owned(),
            ..Default::default()
        };
        // A practice that is off is refused.
        ask!(self.registry("paula"), PracticeRegistryServiceClient.request_switch_off(request))
            .map(|_| ())
            .or_else(refused)
    }

    async fn hold(
        &self,
        number: usize,
        stop: bool,
        class: wire::HoldClass,
        scope: &HeldScope,
    ) -> anyhow::Result<wire::Hold> {
        let scope = match scope {
            HeldScope::National => Scope::National(true),
            HeldScope::Supplier(supplier) => Scope::Supplier(format!("suppliers/{supplier}")),
            HeldScope::Practice(practice) => Scope::Practice(format!("practices/{practice}")),
        };
        let request = wire::PlaceHoldRequest {
            brake: if stop { wire::Brake::Stop } else { wire::Brake::Hold }.into(),
            scope: Some(wire::HoldScope { scope: Some(scope) }),
            hold_class: class.into(),
            request_id: format!("act/{number}"),
            reason_code: "DESK_FULL".to_owned(),
            ..Default::default()
        };
        let placed = ask!(self.scheduler("carol"), HoldServiceClient.place_hold(request))?;
        placed.hold.ok_or_else(|| anyhow::anyhow!("a hold was placed and is not there"))
    }

    async fn lift(&self, hold: &wire::Hold, request_id: &str) -> anyhow::Result<()> {
        let request = wire::LiftHoldRequest {
            name: hold.name.clone(),
            request_id: request_id.to_owned(),
            reason_code: "LOOKED_AT".to_owned(),
            ..Default::default()
        };
        ask!(self.scheduler("carol"), HoldServiceClient.lift_hold(request)).map(|_| ())
    }

    /// Decides gates that did not pass, acknowledges their halts and lifts them, until every wave has ended and what follows
    /// has followed.
    async fn look_after_gates(&self, plan: &Plan) -> anyhow::Result<()> {
        let mut ended_since: Option<Timestamp> = None;
        loop {
            let now = self.clock.now();
            drop(self.clock.sleep_until(now + LOOKS_EVERY, "people/gates").await);
            let now = self.clock.now();
            let waves = self.waves().await?;
            for wave in waves.iter().filter(|wave| wave.state() == wire::WaveState::Gate) {
                self.decide(wave).await?;
            }
            self.lift_halts().await?;
            ended_since = if waves.iter().all(is_over) { ended_since.or(Some(now)) } else { None };
            let is_settled = ended_since.is_some_and(|since| now >= since + SETTLES_WITHIN);
            if now >= plan.last_act && is_settled {
                return Ok(());
            }
        }
    }

    async fn decide(&self, wave: &wire::Wave) -> anyhow::Result<()> {
        let request = wire::DecideGateRequest {
            wave: wave.name.clone(),
            verdict: wire::GateVerdict::Pass.into(),
            request_id: format!("decide/{}", wave.name),
            reason_code: "LOOKED_AT".to_owned(),
            ..Default::default()
        };
        // Somebody may have begun to unwind it meanwhile.
        ask!(self.scheduler("dora"), ProgrammeServiceClient.decide_gate(request)).map(|_| ()).or_else(refused)
    }

    async fn lift_halts(&self) -> anyhow::Result<()> {
        let holds =
            ask!(self.scheduler("alice"), HoldServiceClient.list_holds(wire::ListHoldsRequest::default()))?.holds;
        for halt in holds.iter().filter(|hold| hold.hold_class() == wire::HoldClass::AutomaticGate) {
            let request = wire::AcknowledgeHaltRequest {
                name: halt.name.clone(),
                request_id: format!("acknowledge/{}", halt.name),
                reason_code: "LOOKED_AT".to_owned(),
                ..Default::default()
            };
            // Its gate may wait for a verdict still.
            if ask!(self.scheduler("dora"), HoldServiceClient.acknowledge_halt(request))
                .map(|_| ())
                .or_else(refused)
                .is_ok()
            {
                self.lift(halt, &format!("lift/{}", halt.name)).await.or_else(refused)?;
            }
        }
        Ok(())
    }

    async fn waves(&self) -> anyhow::Result<Vec<wire::Wave>> {
        let request = wire::ListWavesRequest { parent: PROGRAMME.to_owned(), ..Default::default() };
        Ok(ask!(self.scheduler("alice"), ProgrammeServiceClient.list_waves(request))?.waves)
    }

    async fn registry<T, F>(&self, account: &str, call: impl Fn(Peer) -> F) -> anyhow::Result<T>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        until_answered(std::slice::from_ref(&self.registry), 0, account, call).await
    }

    async fn scheduler<T, F>(&self, account: &str, call: impl Fn(Peer) -> F) -> anyhow::Result<T>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let first = self.calls_count.fetch_add(1, Ordering::Relaxed);
        until_answered(&self.schedulers, first % SCHEDULERS.len(), account, call).await
    }
}

fn is_over(wave: &wire::Wave) -> bool {
    use wire::WaveState::{Cancelled, Closed, Superseded, Unwound};
    matches!(wave.state(), Closed | Cancelled | Superseded | Unwound)
}

/// Asks one after another until there is an answer, also a refusal.
async fn until_answered<T, F>(
    peers: &[Peer],
    first: usize,
    account: &str,
    call: impl Fn(Peer) -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut attempts = peers.iter().cycle().skip(first);
    loop {
        let peer = attempts.next().ok_or_else(|| anyhow::anyhow!("nobody to ask"))?;
        match call(peer.with_account(account)?).await {
            Ok(reply) => return Ok(reply.into_inner()),
            Err(status) if is_no_answer(&status) => tokio::time::sleep(PATIENCE).await,
            Err(status) => return Err(status.into()),
        }
    }
}

/// Whether it is unknown what became of a call.
fn is_no_answer(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => true,
        // A service gives a reason; what has none is a connection that broke.
        Code::Internal => matches!(Explained::from(status).reason.as_str(), "" | "REGISTRY_NOT_SEEN"),
        // A replica that has not seen the registry yet, or a journal whose commit was lost, says so.
        Code::FailedPrecondition => Explained::from(status).reason == "REGISTRY_NOT_SEEN",
        // So does one whose clock stood still and has not come to the moment yet.
        Code::InvalidArgument => Explained::from(status).reason == "NOTICE_IN_FUTURE",
        _ => false,
    }
}

/// A refusal that a person expects.
fn refused(error: anyhow::Error) -> anyhow::Result<()> {
    match error.downcast_ref::<Status>().map(Status::code) {
        Some(Code::FailedPrecondition | Code::Aborted | Code::NotFound) => Ok(()),
        _ => Err(error),
    }
}
