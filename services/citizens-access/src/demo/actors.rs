//! Does what a world's file says was done, through the services' own interfaces and under the accounts it names.
//!
//! Every request id begins with the event's id. So an event that a killed run had begun is begun again by the next one
//! and changes nothing that was done already.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use client::{Peer, PeerError};
use clock::Clock;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as scheduler;
use proto::scheduler::v1::hold_service_client::HoldServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use rollout::calendar;
use supplier_simulator::Simulator;

use super::peers::Peers;
use super::world::{Act, HoldGrounds, PauseEnds, Scope, Who, World, WorldEvent};

/// Requests of one event under way at once: enough to share commits, few enough to stay below every limit.
const REQUESTS_IN_FLIGHT_MAX: usize = 64;
/// The name under which a registry pages; its maximum.
const PAGE_SIZE: i32 = 1_000;

/// Everybody in a world who acts.
pub(crate) struct Actors<'a> {
    pub(crate) world: &'a World,
    /// The programme's documents, in order.
    pub(crate) documents: &'a [String],
    /// The last part of the programme's name.
    pub(crate) programme: &'a str,
    pub(crate) seed: u64,
    pub(crate) clock: &'a Clock,
    pub(crate) peers: &'a Peers,
    pub(crate) simulator: &'a Simulator,
    /// The practices there are, with their suppliers.
    pub(crate) practices: &'a BTreeMap<PracticeCode, Supplier>,
}

/// What an event came to, in words for the progress line.
pub(crate) type Done = String;

impl Actors<'_> {
    /// Does what `event` says.
    ///
    /// # Errors
    /// Where a service refuses it: then the world's file and the programme do not fit together.
    pub(crate) async fn act(&self, event: &WorldEvent) -> anyhow::Result<Done> {
        let done = match &event.does {
            Act::SubmitPlan { document } => self.submit_plan(event, *document).await,
            Act::ApprovePlan {} => self.approve_plan(event).await,
            Act::DeliverNotice { waves, channel } => self.deliver_notice(event, waves, channel).await,
            Act::Pause { who, end, reason_code, evidence } => self.pause(event, who, *end, reason_code, evidence).await,
            Act::Resume { who, reason_code } => self.resume(event, who, reason_code).await,
            Act::PlaceHold { scope, class, reason_code, review_on, .. } => {
                let review_on = review_on.map(|date| date.to_string()).unwrap_or_default();
                self.place_hold(event, scope, *class, reason_code, review_on).await
            }
            Act::LiftHold { hold, reason_code } => {
                let name = self.hold_placed_as(hold).await?;
                self.lift_hold(event, name, reason_code).await
            }
            Act::DecideGate { wave, passes, reason_code } => self.decide_gate(event, *wave, *passes, reason_code).await,
            Act::AcknowledgeHalt { wave, reason_code } => self.acknowledge_halt(event, *wave, reason_code).await,
            Act::LiftHalt { wave, reason_code } => self.lift_halt(event, *wave, reason_code).await,
            // What it comes to is in the returns.
            Act::ExcludePatients { who, share } => {
                let (practices, share) = (who.of(self.seed, self.practices).len(), f64::from(*share) * 100.0);
                Ok(format!("{practices} practices exclude {share} % of their patients until they are reviewed"))
            }
            Act::SupplierTakesRequests { supplier, takes } => {
                self.simulator.set_takes_requests(supplier, *takes)?;
                Ok(format!("{supplier} {}", if *takes { "takes requests" } else { "refuses every request" }))
            }
        };
        done.with_context(|| format!("event {} of the world, by {} at {}", event.id, event.by, event.at))
    }

    fn programmes(&self, account: &str) -> Result<ProgrammeServiceClient<Peer>, PeerError> {
        Ok(ProgrammeServiceClient::new(self.peers.scheduler.with_account(&self.world.caller(account))?))
    }

    fn holds(&self, account: &str) -> Result<HoldServiceClient<Peer>, PeerError> {
        Ok(HoldServiceClient::new(self.peers.scheduler.with_account(&self.world.caller(account))?))
    }

    /// The registry, as a practice calls it for itself.
    fn registry_at(
        &self,
        account: &str,
        practice: PracticeCode,
    ) -> Result<PracticeRegistryServiceClient<Peer>, PeerError> {
        let caller = self.world.caller_at(account, practice);
        Ok(PracticeRegistryServiceClient::new(self.peers.registry.with_account(&caller)?))
    }

    fn programme_name(&self) -> String {
        format!("programmes/{}", self.programme)
    }

    fn wave_name(&self, wave: u32) -> String {
        format!("programmes/{}/waves/{wave}", self.programme)
    }

    async fn submit_plan(&self, event: &WorldEvent, document: usize) -> anyhow::Result<Done> {
        let index = document.checked_sub(1).context("documents count from 1")?;
        let specification = self.documents.get(index).cloned();
        let specification = specification.with_context(|| format!("the programme has no document {document}"))?;
        let mut programmes = self.programmes(&event.by)?;
        let request_id = format!("{}/write", event.id);
        if index == 0 {
            let create = scheduler::CreateProgrammeRequest {
                programme_id: self.programme.to_owned(),
                specification,
                request_id,
                reason_code: "NEW_PROGRAMME".to_owned(),
                ..Default::default()
            };
            programmes.create_programme(create).await?;
        } else {
            let update = scheduler::UpdateProgrammeRequest {
                name: self.programme_name(),
                specification,
                request_id,
                reason_code: "RE_PLAN".to_owned(),
                ..Default::default()
            };
            programmes.update_programme(update).await?;
        }
        let submit = scheduler::SubmitPlanRequest {
            name: self.programme_name(),
            request_id: format!("{}/submit", event.id),
            reason_code: "FOR_APPROVAL".to_owned(),
            ..Default::default()
        };
        let plan = programmes.submit_plan(submit).await?.into_inner().plan.unwrap_or_default();
        Ok(format!("{} submitted: {} practices, {} patients", plan.name, plan.practices_count, plan.patients_count))
    }

    async fn approve_plan(&self, event: &WorldEvent) -> anyhow::Result<Done> {
        let mut programmes = self.programmes(&event.by)?;
        let get = scheduler::GetProgrammeRequest { name: self.programme_name(), ..Default::default() };
        let plans = programmes.get_programme(get).await?.into_inner().programme.unwrap_or_default().plans;
        // After a restart the plan of this event may be approved already: the request id then finds the first reply.
        let plan =
            plans.into_iter().rev().find(|plan| !plan.plan_hash.is_empty()).context("no plan was ever submitted")?;
        let approve = scheduler::ApprovePlanRequest {
            name: plan.name.clone(),
            plan_hash: plan.plan_hash,
            request_id: event.id.clone(),
            reason_code: "AS_SUBMITTED".to_owned(),
            ..Default::default()
        };
        programmes.approve_plan(approve).await?;
        Ok(format!("{} approved by {}", plan.name, event.by))
    }

    async fn deliver_notice(&self, event: &WorldEvent, waves: &[u32], channel: &str) -> anyhow::Result<Done> {
        let mut programmes = self.programmes(&event.by)?;
        let mut told = 0;
        for wave in waves {
            let notice = scheduler::RecordNoticeDeliveryRequest {
                wave: self.wave_name(*wave),
                delivered_at: Some(api::time::to_wire(self.clock.now())),
                channel: channel.to_owned(),
                request_id: format!("{}/{wave}", event.id),
                ..Default::default()
            };
            told += programmes.record_notice_delivery(notice).await?.into_inner().affected_count;
        }
        Ok(format!("{told} practices told by {channel}"))
    }

    async fn pause(
        &self,
        event: &WorldEvent,
        who: &Who,
        end: PauseEnds,
        reason_code: &str,
        evidence: &str,
    ) -> anyhow::Result<Done> {
        let (end, until) = match end {
            PauseEnds::ProgrammeDefault => (registry::PauseEnd::ProgrammeDefault, None),
            PauseEnds::FurtherNotice => (registry::PauseEnd::FurtherNotice, None),
            PauseEnds::Until(moment) => (registry::PauseEnd::Until, Some(calendar::instant(moment))),
        };
        let practices = who.of(self.seed, self.practices);
        let one = |practice: PracticeCode| {
            let registry = self.registry_at(&event.by, practice);
            let pause = registry::PausePracticeRequest {
                name: format!("practices/{practice}"),
                capability: Capability::default().to_string(),
                end: end.into(),
                until: until.map(api::time::to_wire),
                on_behalf_of: format!("practices/{practice}"),
                evidence: evidence.to_owned(),
                request_id: format!("{}/{practice}", event.id),
                reason_code: reason_code.to_owned(),
                ..Default::default()
            };
            async move {
                registry?.pause_practice(pause).await?;
                anyhow::Ok(())
            }
        };
        let paused = practices.len();
        stream::iter(practices.into_iter().map(one))
            .buffer_unordered(REQUESTS_IN_FLIGHT_MAX)
            .try_collect::<()>()
            .await?;
        Ok(format!("{paused} practices paused: {reason_code}"))
    }

    async fn resume(&self, event: &WorldEvent, who: &Who, reason_code: &str) -> anyhow::Result<Done> {
        let practices = who.of(self.seed, self.practices);
        let one = |practice: PracticeCode| {
            let registry = self.registry_at(&event.by, practice);
            let resume = registry::ResumePracticeRequest {
                name: format!("practices/{practice}"),
                request_id: format!("{}/{practice}", event.id),
                reason_code: reason_code.to_owned(),
                ..Default::default()
            };
            async move {
                registry?.resume_practice(resume).await?;
                anyhow::Ok(())
            }
        };
        let resumed = practices.len();
        stream::iter(practices.into_iter().map(one))
            .buffer_unordered(REQUESTS_IN_FLIGHT_MAX)
            .try_collect::<()>()
            .await?;
        Ok(format!("{resumed} practices lifted their pause: {reason_code}"))
    }

    async fn place_hold(
        &self,
        event: &WorldEvent,
        scope: &Scope,
        class: HoldGrounds,
        reason_code: &str,
        review_on: String,
    ) -> anyhow::Result<Done> {
        use scheduler::hold_scope::Scope as On;
        let on = match scope {
            Scope::National => On::National(true),
            Scope::Supplier(supplier) => On::Supplier(format!("suppliers/{supplier}")),
            Scope::Wave(wave) => On::Wave(self.wave_name(*wave)),
            Scope::Those(events) => {
                let members = self.world.concerned(self.seed, events, self.practices);
                let practices = members.into_iter().map(|code| format!("practices/{code}")).collect();
                On::Selection(scheduler::Selection { filter: String::new(), practices })
            }
        };
        let class = match class {
            HoldGrounds::Safety => scheduler::HoldClass::Safety,
            HoldGrounds::Supplier => scheduler::HoldClass::Supplier,
            HoldGrounds::Legal => scheduler::HoldClass::Legal,
            HoldGrounds::Capacity => scheduler::HoldClass::Capacity,
        };
        let place = scheduler::PlaceHoldRequest {
            brake: scheduler::Brake::Hold.into(),
            scope: Some(scheduler::HoldScope { scope: Some(on) }),
            hold_class: class.into(),
            owner: event.by.clone(),
            review_on,
            request_id: event.id.clone(),
            reason_code: reason_code.to_owned(),
            ..Default::default()
        };
        let placed = self.holds(&event.by)?.place_hold(place).await?.into_inner();
        let (practices, patients) = (placed.affected_count, placed.patients_count);
        Ok(format!("{} holds back {practices} practices, {patients} patients: {reason_code}", event.by))
    }

    async fn lift_hold(&self, event: &WorldEvent, name: String, reason_code: &str) -> anyhow::Result<Done> {
        let mut holds = self.holds(&event.by)?;
        let list = scheduler::ListHoldsRequest { show_lifted: true, page_size: PAGE_SIZE, ..Default::default() };
        let known = holds.list_holds(list).await?.into_inner().holds;
        let known = known.into_iter().find(|hold| hold.name == name).with_context(|| format!("there is no {name}"))?;
        // Lifted before this process was killed.
        if known.state() == scheduler::HoldState::Lifted && known.lifted_by == event.by {
            return Ok(format!("{name} is {}: {reason_code}", known.state().as_str_name()));
        }
        // Only the second of two people says what they saw: a request must be the same after a restart, an etag is not.
        let etag = if self.world.is_second_to_lift(event) { known.etag } else { String::new() };
        let lift = scheduler::LiftHoldRequest {
            name: name.clone(),
            request_id: event.id.clone(),
            etag,
            reason_code: reason_code.to_owned(),
            ..Default::default()
        };
        let hold = holds.lift_hold(lift).await?.into_inner().hold.unwrap_or_default();
        Ok(format!("{name} is {}: {reason_code}", hold.state().as_str_name()))
    }

    /// The service's name of the hold that this file calls `named`: a replay of its placing returns it.
    async fn hold_placed_as(&self, named: &str) -> anyhow::Result<String> {
        let placing =
            self.world.events.iter().find(|event| matches!(&event.does, Act::PlaceHold { hold, .. } if hold == named));
        let placing = placing.with_context(|| format!("the world places no hold {named}"))?;
        let Act::PlaceHold { scope, reason_code, .. } = &placing.does else {
            bail!("the world places no hold {named}");
        };
        let list = scheduler::ListHoldsRequest { show_lifted: true, page_size: PAGE_SIZE, ..Default::default() };
        let holds = self.holds(&placing.by)?.list_holds(list).await?.into_inner().holds;
        let placed_at = placing.moment();
        let is_it = |hold: &scheduler::Hold| {
            hold.placed_by == placing.by && hold.reason_code == *reason_code && placed_when(hold) == Some(placed_at)
        };
        let found = holds.into_iter().find(is_it);
        found.map(|hold| hold.name).ok_or_else(|| anyhow!("{named} ({scope:?}) was not placed"))
    }

    /// The halt that a wave's gate raised, if there is one that brakes still.
    async fn halt_of(&self, wave: u32) -> anyhow::Result<Option<String>> {
        let list = scheduler::ListHoldsRequest { page_size: PAGE_SIZE, ..Default::default() };
        let reader = self.world.accounts.keys().next().context("the world has no account")?;
        let holds = self.holds(reader)?.list_holds(list).await?.into_inner().holds;
        let wave = self.wave_name(wave);
        let is_it = |hold: &scheduler::Hold| {
            hold.hold_class() == scheduler::HoldClass::AutomaticGate
                && hold.wave == wave
                && hold.state() != scheduler::HoldState::Lifted
        };
        Ok(holds.into_iter().find(is_it).map(|hold| hold.name))
    }

    async fn decide_gate(
        &self,
        event: &WorldEvent,
        wave: u32,
        passes: bool,
        reason_code: &str,
    ) -> anyhow::Result<Done> {
        if self.halt_of(wave).await?.is_none() {
            return Ok(format!("wave {wave}: no gate waits for a verdict"));
        }
        let verdict = if passes { scheduler::GateVerdict::Pass } else { scheduler::GateVerdict::Fail };
        let decide = scheduler::DecideGateRequest {
            wave: self.wave_name(wave),
            verdict: verdict.into(),
            request_id: event.id.clone(),
            reason_code: reason_code.to_owned(),
            ..Default::default()
        };
        self.programmes(&event.by)?.decide_gate(decide).await?;
        Ok(format!("{} decided the gate of wave {wave}: {}", event.by, verdict.as_str_name()))
    }

    async fn acknowledge_halt(&self, event: &WorldEvent, wave: u32, reason_code: &str) -> anyhow::Result<Done> {
        let Some(name) = self.halt_of(wave).await? else {
            return Ok(format!("wave {wave}: there is no halt to acknowledge"));
        };
        let acknowledge = scheduler::AcknowledgeHaltRequest {
            name: name.clone(),
            request_id: event.id.clone(),
            reason_code: reason_code.to_owned(),
            ..Default::default()
        };
        self.holds(&event.by)?.acknowledge_halt(acknowledge).await?;
        Ok(format!("{} acknowledged {name}", event.by))
    }

    async fn lift_halt(&self, event: &WorldEvent, wave: u32, reason_code: &str) -> anyhow::Result<Done> {
        match self.halt_of(wave).await? {
            Some(name) => self.lift_hold(event, name, reason_code).await,
            None => Ok(format!("wave {wave}: there is no halt to lift")),
        }
    }
}

fn placed_when(hold: &scheduler::Hold) -> Option<Timestamp> {
    let placed_at = hold.placed_at.as_ref()?;
    Timestamp::new(placed_at.seconds, placed_at.nanos).ok()
}
