//! A registry on a bench: commands go in one by one, time moves by hand.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ods::{Capability, PracticeCode};
use practice::access::{ObservationSource, ObservedState, Outcome};
use practice::command::{Observation, PausePractice, Placed, ResumePractice, Settlement};
use practice::directory::{Chunk, DirectoryEntry};
use practice::pause::{PauseEnd, ReceiptState};
use practice::{
    Action, Command, CommandKey, Event, PermitRefusal, Practice, Rejection, State, apply, decide, permit_refusal,
};

/// 09:00 in London on a day in summer, when London is not Greenwich.
pub(crate) const START: &str = "2031-06-02T08:00:00Z";

pub(crate) struct Bench {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<(Event, u64, Timestamp)>,
}

impl Bench {
    /// A registry that knows the practices A81001 and A81002, both with EMIS.
    pub(crate) fn new() -> Self {
        let mut bench = Self { state: State::default(), now: START.parse().unwrap(), events: Vec::new() };
        bench.done(&import("2031-06-01", vec![entry("A81001"), entry("A81002")]));
        bench
    }

    /// Decides and folds. Returns the events.
    pub(crate) fn run(&mut self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let events = decide(&self.state, command, self.now)?;
        for event in &events {
            let position = self.position() + 1;
            apply(&mut self.state, event, position, self.now);
            self.events.push((event.clone(), position, self.now));
        }
        Ok(events)
    }

    /// As [`run`](Self::run), where it must not be refused.
    pub(crate) fn done(&mut self, command: &Command) -> Vec<Event> {
        self.run(command).unwrap_or_else(|rejection| panic!("{command:?}: {rejection}"))
    }

    pub(crate) fn position(&self) -> u64 {
        self.events.last().map_or(0, |(_, position, _)| *position)
    }

    pub(crate) fn wait(&mut self, time: SignedDuration) {
        self.now += time;
    }

    pub(crate) fn practice(&self) -> &Practice {
        self.state.practice(code("A81001")).unwrap()
    }

    pub(crate) fn pause(&mut self, end: PauseEnd) -> ReceiptState {
        self.done(&Command::PausePractice(PausePractice {
            practice: code("A81001"),
            capability: None,
            end,
            placed: placed(),
        }));
        self.practice().pauses.last().unwrap().receipt_state()
    }

    pub(crate) fn resume(&mut self) {
        let practice = code("A81001");
        self.done(&Command::ResumePractice(ResumePractice { practice, pause: None, if_position: None }));
    }

    /// Asks for one permit: None where it was granted or is open.
    pub(crate) fn acquire(&mut self, key: &CommandKey) -> Option<PermitRefusal> {
        self.done(&Command::AcquirePermits(vec![key.clone()]));
        permit_refusal(&self.state, key, self.now)
    }

    pub(crate) fn settle(&mut self, key: &CommandKey, outcome: Outcome) {
        let settlement = Settlement { key: key.clone(), outcome, observed: None, as_at: None };
        self.done(&Command::SettlePermits(vec![settlement]));
    }

    pub(crate) fn observe(&mut self, state: ObservedState) -> Vec<Event> {
        self.done(&Command::RecordObservations(vec![observation(state)]))
    }

    pub(crate) fn receipt(&self, pause: u32) -> ReceiptState {
        self.practice().pause(pause).unwrap().receipt_state()
    }

    pub(crate) fn observed(&self) -> Option<ObservedState> {
        let access = self.practice().access(&Capability::default())?;
        access.verdict().map(|verdict| verdict.state)
    }
}

pub(crate) fn code(text: &str) -> PracticeCode {
    text.parse().unwrap()
}

pub(crate) fn placed() -> Placed {
    Placed { by: "manager".to_owned(), reason_code: "staff-not-trained".to_owned(), ..Placed::default() }
}

pub(crate) fn enable(generation: u32) -> CommandKey {
    key(Action::Enable, generation)
}

pub(crate) fn disable(generation: u32) -> CommandKey {
    key(Action::Disable, generation)
}

pub(crate) fn key(action: Action, generation: u32) -> CommandKey {
    CommandKey { capability: Capability::default(), practice: code("A81001"), action, generation }
}

pub(crate) fn observation(state: ObservedState) -> Observation {
    Observation {
        practice: code("A81001"),
        capability: Capability::default(),
        state,
        source: ObservationSource::SupplierList,
        as_at: None,
        command: None,
        evidence: String::new(),
        wrong_settings: Vec::new(),
    }
}

pub(crate) fn entry(practice: &str) -> DirectoryEntry {
    DirectoryEntry {
        name: Some(format!("SURGERY {practice}")),
        supplier: Some("EMIS".parse().unwrap()),
        icb: Some("QHM".parse().unwrap()),
        ..DirectoryEntry::new(code(practice))
    }
}

pub(crate) fn import(effective_from: &str, practices: Vec<DirectoryEntry>) -> Command {
    Command::ImportDirectory(chunk(effective_from, practices))
}

pub(crate) fn chunk(effective_from: &str, practices: Vec<DirectoryEntry>) -> Chunk {
    let (source, organisations) = ("map".to_owned(), Vec::new());
    Chunk { source, effective_from: day(effective_from), practices, organisations, read: None }
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}
