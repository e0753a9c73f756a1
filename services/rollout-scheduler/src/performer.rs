//! The performer: looks at the state and the registry, proposes what may move, and carries out what is sealed.
//!
//! Level-triggered. It keeps nothing that it could not lose: what to propose comes from [`rollout::step`], what to call
//! from [`rollout::effects`], both from what is true now. So a restart goes on where the journal ends, and of two
//! performers the one without the lease does nothing. It wakes when the journal or the registry's copy changed, when an
//! answer came back, and when something falls due on the domain's clock; heart-beats run on real time.
//!
//! Holds do not pass through here: they are commands like any other, decided while a look at the nation takes its time.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{Activity, Clock, Waiter};
use jiff::Timestamp;
use journal::{Engine, Published, Submission};
use rollout::effects::{Call, SupplierCall};
use rollout::spec::Mode;
use rollout::state::{Activation, ActivationState};
use rollout::{ActivationKey, Fact, Proposal, RegistryView, SupplierAnswer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::calls::{Answered, Calls};
use crate::chores::{Chores, Done, Round};
use crate::follower::FollowedRegistry;
use crate::lease::Lease;
use crate::machine::{Ask, Command, LeaseHeld, SchedulerMachine, State};
use crate::parts;
use crate::patience::{LeaseLost, Part, PartError, Patience};
use crate::permits::by_scheduler;
use crate::planning::{Planning, Stepped};
use crate::standing::Standing;
use crate::trace::{self, WaveTraces};

/// Calls to suppliers that are read from the state at a time. More than can be under way, since those are listed first.
const CALLS_LISTED_MAX: usize = 10_000;

/// Looks in a row without a pause before it is said that something is odd: a nation's wave takes a few dozen.
const LOOKS_ODD: usize = 10_000;

/// What a performer works with.
pub(crate) struct Performer {
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) clock: Clock,
    pub(crate) followed: FollowedRegistry,
    pub(crate) chores: Chores,
    pub(crate) standing: Arc<Standing>,
    pub(crate) lease: Lease,
    pub(crate) calls: Calls,
    pub(crate) answers: mpsc::UnboundedReceiver<Answered>,
    pub(crate) traces: WaveTraces,
    /// The epoch for which calls were taken up that somebody before us may have left without an answer.
    pub(crate) resumed_epoch: u64,
    /// Raised with each new copy of the registry.
    pub(crate) registry_changed: Waiter,
    pub(crate) patience: Patience,
    pub(crate) planning: Planning,
    /// A look that took too long and may be going on: no other is begun beside it.
    pub(crate) unending: Option<JoinHandle<Stepped>>,
}

impl Performer {
    /// Performs until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut journal_changed = self.engine.subscribe();
        let mut activity = self.clock.activity();
        let mut next_beat = Instant::now();
        loop {
            if Instant::now() >= next_beat {
                self.beat().await;
                next_beat = Instant::now() + self.lease.beat_every();
            }
            let wake_at = self.look().await;
            let sleep = wake_at.map(|at| self.clock.sleep_until(at, "scheduler/performer"));
            drop(activity);
            let due = async {
                match sleep {
                    Some(sleep) => sleep.await,
                    None => std::future::pending().await,
                }
            };
            activity = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                (_, woken) = journal_changed.changed() => woken,
                woken = self.registry_changed.wait() => woken,
                Some(answered) = self.answers.recv() => self.record_answers(answered).await,
                woken = due => woken,
                () = tokio::time::sleep_until(next_beat) => self.clock.activity(),
            };
        }
    }

    /// Looks until nothing moves any more. Says when to look again, should nothing change before.
    async fn look(&mut self) -> Option<Timestamp> {
        for looks in 1.. {
            match self.look_once().await {
                Ok(Look::Moved) if looks % LOOKS_ODD == 0 => tracing::warn!(looks, "something moves again and again"),
                Ok(Look::Moved) => {}
                Ok(Look::Rests(wake_at)) => return wake_at,
                Err(LeaseLost) => return None,
            }
        }
        None
    }

    /// Three parts, none of which waits for another to succeed. The calls come first: what is sealed, and what a STOP cancels,
    /// goes out while planning is wedged or the registry is down (I10, I21).
    async fn look_once(&mut self) -> Result<Look, LeaseLost> {
        let epoch = self.epoch().await?;
        let now = self.clock.now();
        self.try_calls(epoch, now).await?;
        let proposed = self.try_proposals(epoch, now).await?;
        let done = self.do_chores(epoch, now).await?;
        Ok(match (proposed, done) {
            (Look::Rests(wake_at), Done::Nothing) => Look::Rests(earliest(wake_at, self.again_at(now))),
            (_, Done::Nothing | Done::Something) => Look::Moved,
            (_, Done::BrokenOff) => Look::Rests(Some(now)),
        })
    }

    async fn do_chores(&mut self, epoch: u64, now: Timestamp) -> Result<Done, LeaseLost> {
        let (traces, patience) = (&mut self.traces, &mut self.patience);
        let mut round = Round { epoch, now, traces, patience, done: Done::Nothing };
        self.chores.perform(&mut round).await
    }

    async fn try_calls(&mut self, epoch: u64, now: Timestamp) -> Result<(), LeaseLost> {
        if !self.patience.rests(&Part::Calls, now) {
            let called = self.call_suppliers(epoch).await;
            self.patience.heed(Part::Calls, called, now)?;
        }
        Ok(())
    }

    /// Proposes what may move, some at a time: what was admitted first has its permit, its seal and its call before the last
    /// is admitted.
    async fn try_proposals(&mut self, epoch: u64, now: Timestamp) -> Result<Look, LeaseLost> {
        if self.patience.rests(&Part::Proposals, now) {
            return Ok(Look::Rests(self.next_call_at()));
        }
        let outcome = self.proposals().await;
        let Some(proposed) = self.patience.heed(Part::Proposals, outcome, now)? else {
            return Ok(Look::Rests(self.next_call_at()));
        };
        let Some((proposals, next_due)) = proposed else { return Ok(Look::Rests(self.next_call_at())) };
        let mut moved = false;
        for some in parts::some_at_a_time(proposals) {
            // While the registry is away nobody is admitted who could not be sealed.
            if moved && self.go_on(epoch, now).await? == Done::BrokenOff {
                break;
            }
            let outcome = self.propose(epoch, some).await;
            let Some(any) = self.patience.heed(Part::Proposals, outcome, now)? else { break };
            moved |= any;
        }
        Ok(if moved { Look::Moved } else { Look::Rests(next_due) })
    }

    /// All that goes on while there is more to propose; what the chores came to.
    async fn go_on(&mut self, epoch: u64, now: Timestamp) -> Result<Done, LeaseLost> {
        let done = self.do_chores(epoch, now).await?;
        self.try_calls(epoch, now).await?;
        if let Ok(answered) = self.answers.try_recv() {
            // Time stands still anyway, until this look is over.
            drop(self.record_answers(answered).await);
        }
        Ok(done)
    }

    /// When the next call to a supplier falls due.
    fn next_call_at(&self) -> Option<Timestamp> {
        let next = self.engine.published().state.rollout.next_activation_at();
        next.filter(|at| self.clock.now() < *at)
    }

    /// When to try again what could not be done now: a call for which its supplier's line had no room, a part that failed.
    fn again_at(&self, now: Timestamp) -> Option<Timestamp> {
        earliest(self.calls.next().filter(|at| now < *at), self.patience.next(now))
    }

    /// What may move, and when to look again where nothing does. None while the copy of the registry lags behind.
    async fn proposals(&mut self) -> Result<Option<(Vec<rollout::Command>, Option<Timestamp>)>, PartError> {
        let published = self.engine.published();
        let view = self.followed.view();
        // What we told the registry must show in the copy first, else the same would be proposed again.
        if view.position == 0 || view.position < self.chores.registry_position_told() {
            return Ok(None);
        }
        let (proposals, report) = self.step(&published, view).await?;
        let next_due = report.next_due;
        self.standing.set(report);
        Ok(Some((proposals, next_due)))
    }

    /// Proposes; whether anything came of it.
    async fn propose(&mut self, epoch: u64, proposals: Vec<rollout::Command>) -> Result<bool, PartError> {
        let published = self.engine.published();
        let mut submitted = Vec::new();
        for proposal in proposals {
            let span = self.span_of(&published.state, &proposal).await;
            let cause = trace::wave_of(&proposal).map(ToString::to_string).unwrap_or_default();
            submitted.push((span, cause, proposal));
        }
        let submitted = submitted.into_iter().map(|(span, cause, proposal)| {
            let submission = span.in_scope(|| by_performer(epoch, &cause, proposal));
            parts::submit(&self.engine, submission).instrument(span)
        });
        Ok(parts::any(submitted).await?)
    }

    /// Looks at everything, off this thread: at a nation it takes a while. Time stands still, since our caller holds an
    /// activity.
    async fn step(
        &mut self,
        published: &Arc<Published<SchedulerMachine>>,
        view: Arc<RegistryView>,
    ) -> Result<Stepped, PartError> {
        if self.unending.as_ref().is_some_and(|looking| !looking.is_finished()) {
            return Err(PartError::LookUnending);
        }
        let (published, now) = (Arc::clone(published), self.clock.now());
        let Planning { look, look_time_max } = self.planning;
        let mut looking = self.clock.off_thread(move || look(&published.state.rollout, &view, now));
        if let Ok(looked) = tokio::time::timeout(look_time_max, &mut looking).await {
            return Ok(looked?);
        }
        self.unending = Some(looking);
        Err(PartError::LookUnending)
    }

    /// The span of a proposal: a wave's opening begins the wave's trace, what follows is a part of it.
    async fn span_of(&mut self, state: &State, proposal: &rollout::Command) -> Span {
        if let rollout::Command::Propose(Proposal::OpenWave { wave }) = proposal {
            return trace::opening(&self.engine, state, wave).await;
        }
        let span = tracing::info_span!(parent: None, "proposal");
        if let Some(wave) = trace::wave_of(proposal) {
            self.traces.adopt(&self.engine, state, wave, &span).await;
        }
        span
    }

    /// Records a fact.
    async fn learn(&self, epoch: u64, cause: &str, fact: Fact) -> Result<(), PartError> {
        let commands = parts::in_parts(fact).into_iter().map(rollout::Command::Learn);
        let submitted = commands.map(|command| parts::submit(&self.engine, by_performer(epoch, cause, command)));
        parts::any(submitted).await?;
        Ok(())
    }

    /// Makes the calls that are due. What is sent is recorded as sent first, so that it is asked about, not sent again,
    /// should the answer stay out.
    async fn call_suppliers(&mut self, epoch: u64) -> Result<(), PartError> {
        let published = self.engine.published();
        let state = &published.state.rollout;
        let now = self.clock.now();
        let mut due = rollout::effects::supplier_calls(state, now, CALLS_LISTED_MAX);
        if self.resumed_epoch != epoch {
            due.extend(unanswered(state));
        }
        let calls = self.calls.take(due, now);
        let requests = calls.iter().filter(|call| call.call == Call::Request);
        let keys: Vec<_> = requests.map(|call| call.key.clone()).collect();
        if !keys.is_empty()
            && let Err(error) = self.learn(epoch, "", Fact::Sent { keys }).await
        {
            self.calls.give_back(&calls);
            return Err(error);
        }
        self.resumed_epoch = epoch;
        for call in calls {
            let span = tracing::info_span!(parent: None, "supplier call", key = %call.key, supplier = %call.supplier);
            if let Some(wave) = &call.wave {
                self.traces.adopt(&self.engine, &published.state, wave, &span).await;
            }
            self.calls.make(call, span);
        }
        self.standing.set_silent(self.calls.silent());
        Ok(())
    }

    /// Records an answer and all others that have come meanwhile, in one decision. Hands over the activity under which
    /// that is looked at.
    async fn record_answers(&mut self, first: Answered) -> Activity {
        let mut answers = BTreeMap::new();
        let mut activities = Vec::new();
        let mut next = Some(first);
        while let Some(answered) = next {
            self.calls.returned(&answered, self.clock.now());
            answers.insert(answered.key, answered.answer);
            activities.push(answered.activity);
            next = match self.answers.try_recv() {
                Ok(answered) => Some(answered),
                Err(_) => {
                    // Calls that were asked together come back together: those that are about to are let in.
                    tokio::task::yield_now().await;
                    self.answers.try_recv().ok()
                }
            };
        }
        self.standing.set_silent(self.calls.silent());
        let learnt = self.learn_answers(answers).await;
        if let Err(error) = learnt {
            // The keys are asked about again when their time has come, by whoever holds the lease then.
            tracing::warn!(error = telemetry::chain(&error), "suppliers' answers were not recorded");
        }
        activities.pop().unwrap_or_else(|| self.clock.activity())
    }

    async fn learn_answers(&mut self, answers: BTreeMap<ActivationKey, SupplierAnswer>) -> Result<(), PartError> {
        let epoch = self.epoch().await?;
        let published = self.engine.published();
        let span = tracing::info_span!(parent: None, "answers", count = answers.len());
        // One record can be a part of one trace only: that of the first.
        let first = answers.keys().next().and_then(|key| published.state.rollout.activation(key));
        let wave = first.and_then(|activation| activation.wave());
        if let Some(wave) = wave {
            self.traces.adopt(&self.engine, &published.state, wave, &span).await;
        }
        let cause = wave.map(ToString::to_string).unwrap_or_default();
        self.learn(epoch, &cause, Fact::Answers { answers }).instrument(span).await
    }

    /// The epoch that we perform under, while the lease is ours.
    async fn epoch(&mut self) -> Result<u64, LeaseLost> {
        if self.lease.epoch().is_none() {
            // Its time ran out, since the machine stood still; it may be ours all the same.
            self.beat().await;
        }
        let epoch = self.lease.epoch().ok_or(LeaseLost)?;
        let journalled = self.engine.published().state.lease.epoch;
        if journalled == epoch { Ok(epoch) } else { Err(LeaseLost) }
    }

    /// Renews the lease, or looks whether it can be had; a new epoch is written into the journal before anything is done
    /// under it. A replica that records nothing, such as one whose clock is off (rule 18), asks for none and lets its own run
    /// out: else it would keep it from one that could perform.
    async fn beat(&mut self) {
        if !self.engine.handle().is_ready() {
            return;
        }
        let journalled = self.engine.published().state.lease.epoch;
        let epoch = match self.lease.beat(journalled).await {
            Ok(Some(epoch)) if epoch > journalled => epoch,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(error = telemetry::chain(&error), "the lease was not renewed");
                return;
            }
        };
        let held = LeaseHeld { epoch, replica: self.lease.replica().to_owned() };
        let command = Command { expects: None, fence: None, ask: Ask::TakeLease(held) };
        match self.engine.submit(Submission::new(command, by_scheduler("")), |_| Vec::new()).await {
            Ok(_) => tracing::info!(epoch, "this replica performs effects"),
            Err(error) => tracing::warn!(error = telemetry::chain(&error), "the lease was not recorded"),
        }
    }
}

fn by_performer(epoch: u64, cause: &str, command: rollout::Command) -> Submission<Command> {
    Submission::new(Command::fenced(epoch, command), by_scheduler(cause))
}

/// Requests that were sent, by us before a restart or by whoever had the lease, and to which no answer is recorded. They
/// are sent again under the same key, which is harmless, rather than asked about when their time has come: so what
/// follows from the answer follows as soon as if nobody had been interrupted.
fn unanswered(state: &rollout::State) -> Vec<SupplierCall> {
    let sent = state.activations_in(ActivationState::Sent).filter(|one| one.mode == Mode::Push && !one.cancel);
    let request = |activation: &Activation| SupplierCall {
        key: activation.key.clone(),
        supplier: activation.supplier.clone(),
        call: Call::Request,
        wave: activation.wave().cloned(),
    };
    sent.map(request).collect()
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

/// What a look came to.
enum Look {
    /// Something moved: look again.
    Moved,
    /// Nothing moves before this moment, unless something changes.
    Rests(Option<Timestamp>),
}
