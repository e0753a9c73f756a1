//! The scheduler's state machine as the journal runs it: `rollout`'s, fenced and with the callers' etags.
//!
//! Two things are added to the pure crate, both of which must be decided in the same step as what they guard:
//! - a *fence*: whoever performs effects proposes and reports under the epoch of its lease, and a later epoch in the
//!   journal makes every earlier one void (I3);
//! - an *expectation*: an edit that names the version it was based on.

use imbl::OrdMap;
use jiff::Timestamp;
use journal::{InOnePiece, Machine};
use rollout::{HoldId, ProgrammeId, WaveRef};
use serde::{Deserialize, Serialize};

use crate::follower::JOURNAL_REWOUND;

/// The kind of the records by which a replica takes the lease; all others are `rollout`'s.
const LEASE_TAKEN: &str = "lease-taken";

/// The machine of `journals/scheduler`.
#[derive(Debug)]
pub struct SchedulerMachine;

/// Everything the scheduler knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Programmes, holds, activations.
    pub rollout: rollout::State,
    /// Whose effects count.
    pub lease: LeaseHeld,
    /// Where in the journal each wave opened: its record carries the trace that the wave's work belongs to.
    #[serde(with = "pairs")]
    pub opened_at_position: OrdMap<WaveRef, u64>,
    /// Where in the journal each programme's plan came into force: its record carries the trace of the approval.
    pub in_force_at_position: OrdMap<ProgrammeId, u64>,
    /// The highest position of the registry's journal that any decision was made on: a registry that is found at an
    /// earlier one has lost records (rule 17).
    pub registry_position_highest: u64,
}

/// Which replica performs effects, as far as the journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseHeld {
    /// One more with each take-over; 0 before the first.
    pub epoch: u64,
    /// The name of the replica.
    pub replica: String,
}

/// What the machine is asked.
#[derive(Clone, Debug)]
pub struct Command {
    /// What it takes for granted; where that no longer holds, it is refused.
    pub expects: Option<Expectation>,
    /// The epoch it is asked under; none where anybody may ask.
    pub fence: Option<u64>,
    /// What.
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Something of the state machine proper.
    Rollout(Box<rollout::Command>),
    /// That from now on only this epoch counts.
    TakeLease(LeaseHeld),
    /// Nothing but the reply that was stored for this request; where there is none, it is refused as this says.
    ReplayOnly(Rejection),
}

/// The version of a thing that an edit was based on: the position of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Of a programme.
    Programme(ProgrammeId, u64),
    /// Of a wave.
    Wave(WaveRef, u64),
    /// Of a hold.
    Hold(HoldId, u64),
    /// Of the calendar.
    Calendar(u64),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is of the larger kind")]
pub enum Event {
    /// To the lease.
    Lease(LeaseEvent),
    /// To programmes, holds, activations. Last, since it is what most events are and untagged forms are tried in order.
    Rollout(rollout::Event),
}

/// What happened to the lease; tagged as `rollout`'s events are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum LeaseEvent {
    /// A replica took it over.
    LeaseTaken(LeaseHeld),
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The rules forbid it.
    #[error(transparent)]
    Rollout(#[from] rollout::Rejection),
    /// The thing was changed since the caller read it.
    #[error("{what} was changed at position {actual}, not {given}")]
    Changed {
        /// The thing's name.
        what: String,
        /// What the caller took for granted.
        given: u64,
        /// What is so.
        actual: u64,
    },
    /// The supplier's list is another by now.
    #[error("the list is {actual} by now, not {given}")]
    ListOutdated {
        /// The version that was to be claimed.
        given: String,
        /// The version that it has.
        actual: String,
    },
    /// The practices that a filter selects are others by now (I23).
    #[error("the selection has {members_count} members by now, with hash {hash}")]
    SelectionChanged {
        /// How many it has.
        members_count: u64,
        /// The hash of which.
        hash: String,
    },
    /// Another replica performs effects now.
    #[error("epoch {epoch} is over: {} performs effects under epoch {}", held.replica, held.epoch)]
    LeaseLost {
        /// What was asked under.
        epoch: u64,
        /// Who holds it.
        held: LeaseHeld,
    },
}

impl Command {
    /// Somebody's ask, under no fence.
    pub fn open(command: rollout::Command) -> Self {
        Self { expects: None, fence: None, ask: Ask::Rollout(Box::new(command)) }
    }

    /// An ask of whoever performs effects.
    pub fn fenced(epoch: u64, command: rollout::Command) -> Self {
        Self { fence: Some(epoch), ..Self::open(command) }
    }
}

impl Expectation {
    /// Refuses where the thing has changed. A thing that does not exist is the command's own matter.
    fn check(&self, state: &rollout::State) -> Result<(), Rejection> {
        let (what, given, actual) = match self {
            Self::Programme(id, given) => {
                (id.to_string(), given, state.programme(id).map(|programme| programme.changed_at_position))
            }
            Self::Wave(wave, given) => (wave.to_string(), given, state.wave(wave).map(|wave| wave.changed_at_position)),
            Self::Hold(id, given) => (id.to_string(), given, state.holds.get(id).map(|hold| hold.changed_at_position)),
            Self::Calendar(given) => ("calendar".to_owned(), given, Some(state.calendar_changed_at_position)),
        };
        match actual {
            Some(actual) if actual != *given => Err(Rejection::Changed { what, given: *given, actual }),
            _ => Ok(()),
        }
    }
}

impl Machine for SchedulerMachine {
    const JOURNAL: &'static str = "scheduler";
    // 2: which version's readiness items the registry knows. 3: what was sent to practices. 4: unwindings and reverts; concerns, and
    // what gates heard. 5: who was invited to what was superseded since is wanted on no more.
    const STATE_SHAPE: u32 = 5;

    type State = State;

    type Cut = InOnePiece;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial() -> State {
        State::default()
    }

    fn kind(event: &Event) -> &'static str {
        match event {
            Event::Lease(LeaseEvent::LeaseTaken(_)) => LEASE_TAKEN,
            Event::Rollout(event) => event.kind(),
        }
    }

    fn event(kind: &str, payload: &str) -> Result<Event, serde_json::Error> {
        match kind {
            LEASE_TAKEN => serde_json::from_str(payload).map(Event::Lease),
            _ => serde_json::from_str(payload).map(Event::Rollout),
        }
    }

    fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        Ok(Self::decide_and_fold(state, command, now, state.rollout.position)?.0)
    }

    fn decide_and_fold(
        state: &State,
        command: &Command,
        now: Timestamp,
        last_position: u64,
    ) -> Result<(Vec<Event>, Option<State>), Rejection> {
        if let Some(epoch) = command.fence
            && epoch != state.lease.epoch
        {
            return Err(Rejection::LeaseLost { epoch, held: state.lease.clone() });
        }
        if let Some(expects) = &command.expects {
            expects.check(&state.rollout)?;
        }
        match &command.ask {
            Ask::Rollout(command) => {
                let (events, rollout) = rollout::decide_and_fold(&state.rollout, command, now, last_position)?;
                let mut after = state.clone();
                for (event, position) in events.iter().zip(last_position + 1..) {
                    after.note(event, position);
                }
                after.rollout = rollout;
                Ok((events.into_iter().map(Event::Rollout).collect(), Some(after)))
            }
            Ask::TakeLease(wanted) if wanted.epoch > state.lease.epoch => {
                Ok((vec![Event::Lease(LeaseEvent::LeaseTaken(wanted.clone()))], None))
            }
            Ask::ReplayOnly(rejection) => Err(rejection.clone()),
            Ask::TakeLease(wanted) => Err(Rejection::LeaseLost { epoch: wanted.epoch, held: state.lease.clone() }),
        }
    }

    fn apply(state: &mut State, event: &Event, position: u64, recorded_at: Timestamp) {
        match event {
            Event::Lease(LeaseEvent::LeaseTaken(held)) => state.lease = held.clone(),
            Event::Rollout(event) => {
                state.note(event, position);
                rollout::apply(&mut state.rollout, event, position, recorded_at);
            }
        }
    }
}

impl State {
    /// What is kept of an event beside the state machine proper. A hold must be there as it was before, or after, all the
    /// events of its command.
    fn note(&mut self, event: &rollout::Event, position: u64) {
        match event {
            rollout::Event::WaveOpened { wave } => _ = self.opened_at_position.insert(wave.clone(), position),
            rollout::Event::PlanInForce { programme, .. } => {
                self.in_force_at_position.insert(programme.clone(), position);
            }
            _ => {}
        }
        if is_loss_accepted(&self.rollout, event) {
            self.registry_position_highest = 0;
        }
        let seen = registry_position(event).unwrap_or(0);
        self.registry_position_highest = self.registry_position_highest.max(seen);
    }
}

/// Whether an event lifts the hold that a rewound registry raised: two people have accepted what is gone, and its
/// journal counts anew.
fn is_loss_accepted(before: &rollout::State, event: &rollout::Event) -> bool {
    let rollout::Event::HoldLifted { hold, .. } = event else { return false };
    before.holds.get(hold).is_some_and(|hold| hold.reason_code == JOURNAL_REWOUND)
}

/// The position of the registry's journal that an event was decided on, where it names one.
fn registry_position(event: &rollout::Event) -> Option<u64> {
    use rollout::Event as Happened;
    match event {
        Happened::PlanSubmitted { plan, .. } => Some(plan.registry_position),
        Happened::EnrolmentsMoved { registry_position, .. } => *registry_position,
        Happened::WaveFixed { registry_position, .. }
        | Happened::Admitted { registry_position, .. }
        | Happened::DisablesIntended { registry_position, .. }
        | Happened::Sealed { registry_position, .. }
        | Happened::PermitsSettled { registry_position, .. } => Some(*registry_position),
        _ => None,
    }
}

/// An ordered map as a list of pairs: JSON has only text for keys.
mod pairs {
    use imbl::OrdMap;
    use rollout::WaveRef;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &OrdMap<WaveRef, u64>, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(map.iter())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<OrdMap<WaveRef, u64>, D::Error> {
        Ok(Vec::<(WaveRef, u64)>::deserialize(input)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use rollout::calendar::Calendar;
    use rollout::{Account, Act};

    use super::*;

    /// I20: what is not `rollout`'s, which has a corpus of its own. Where this state can no longer be read, raise `STATE_SHAPE`.
    #[test]
    fn i20_what_the_service_adds_to_the_journal_reads_as_it_was_first_written() {
        let taken: Event = serde_json::from_str(r#"{"event":"lease-taken","epoch":1,"replica":"one"}"#).unwrap();
        assert_eq!(SchedulerMachine::kind(&taken), "lease-taken");
        let opened = r#"{"event":"wave-opened","wave":{"programme":"spring","wave":1}}"#;
        let opened: Event = serde_json::from_str(opened).unwrap();
        let now: Timestamp = "2031-03-03T09:00:00Z".parse().unwrap();
        let mut state = SchedulerMachine::initial();
        SchedulerMachine::apply(&mut state, &taken, 1, now);
        SchedulerMachine::apply(&mut state, &opened, 2, now);
        let rollout = serde_json::to_string(&state.rollout).unwrap();
        let written = format!(
            r#"{{"rollout":{rollout},"lease":{{"epoch":1,"replica":"one"}},"opened_at_position":[[{{"programme":"spring","wave":1}},2]],"in_force_at_position":{{}},"registry_position_highest":0}}"#
        );
        assert_eq!(serde_json::to_string(&state).unwrap(), written);
        assert_eq!(serde_json::from_str::<State>(&written).unwrap(), state);
    }

    /// I20: the kind tells what a trial of all forms would find.
    #[test]
    fn a_record_is_read_by_its_kind_as_its_text_says() {
        let lease = Event::Lease(LeaseEvent::LeaseTaken(LeaseHeld { epoch: 3, replica: "one".to_owned() }));
        let by = Account::new("amira");
        let other = Event::Rollout(rollout::Event::CalendarUpdated { calendar: Calendar::default(), by });
        for event in [lease, other] {
            let payload = serde_json::to_string(&event).unwrap();
            assert_eq!(SchedulerMachine::event(SchedulerMachine::kind(&event), &payload).unwrap(), event);
            assert_eq!(serde_json::from_str::<Event>(&payload).unwrap(), event);
        }
        assert!(SchedulerMachine::event("unheard-of", r#"{"event":"unheard-of"}"#).is_err());
    }

    /// I20: not all that the journal records moves `rollout`'s own position on.
    #[test]
    fn what_deciding_leaves_is_what_its_events_fold_to_wherever_the_journal_stands() {
        let now: Timestamp = "2031-03-03T09:00:00Z".parse().unwrap();
        let mut state = SchedulerMachine::initial();
        let taken = LeaseEvent::LeaseTaken(LeaseHeld { epoch: 1, replica: "one".to_owned() });
        SchedulerMachine::apply(&mut state, &Event::Lease(taken), 1, now);
        let act = Act::UpdateCalendar { calendar: Calendar::default() };
        let by = Account::new("amira");
        let command = Command::open(rollout::Command::Person { by, reason_code: "TEST".to_owned(), act });
        let (events, left) = SchedulerMachine::decide_and_fold(&state, &command, now, 1).unwrap();
        for (event, position) in events.iter().zip(2..) {
            SchedulerMachine::apply(&mut state, event, position, now);
        }
        assert_eq!(left, Some(state.clone()));
        assert_eq!((state.rollout.position, state.rollout.calendar_changed_at_position), (2, 2));
    }
}
