//! What an event says of one practice, in words: for the people who ask who changed what, when and why.

use jiff::Timestamp;
use ods::civil::day_start;
use ods::{Capability, PracticeCode};

use crate::access::{ObservationSource, ObservedState, Outcome};
use crate::advice::AdviceKind;
use crate::directory::{Difference, DirectoryChange, DirectoryEntry};
use crate::event::{AccessObserved, Consequences, Event, PracticePaused, SignalRecorded, SuccessionEffected};
use crate::key::CommandKey;
use crate::lapse::{Lapse, LapseOf};
use crate::pause::{Judgement, PauseEnd, ReceiptState};
use crate::readiness::ReadinessItem;
use crate::signal::SignalKind;
use crate::succession::{SuccessionKind, SuccessionTerms};

/// What an event says of one practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// In words; one sentence for each thing that happened, without a full stop at the end.
    pub what: String,
    /// From when it holds; None = from when it was recorded.
    pub effective_at: Option<Timestamp>,
}

/// What `event` says of `practice`, one for each thing that happened; empty where it does not concern it.
#[must_use]
pub fn tell(event: &Event, practice: PracticeCode) -> Vec<Told> {
    let mut said = Said(Vec::new());
    match event {
        Event::DirectoryImported { source, effective_from, practices, organisations: _ } => {
            for change in practices.iter().filter(|change| change.entry.practice == practice) {
                said.from(day_start(*effective_from), directory_change(source, change));
                for unknown in &change.access_unknown {
                    said.from(unknown.as_at, observed(&unknown.capability, ObservedState::Unknown));
                }
            }
        }
        Event::PracticePaused(paused) if paused.practice == practice => {
            said.paused(paused);
        }
        Event::PausesLifted { practice: lifted, pauses } if *lifted == practice => {
            said.all_now(pauses.iter().map(|pause| format!("pause {pause} lifted")));
        }
        Event::PauseJudged { practice: judged, pause, judgement } if *judged == practice => {
            said.now(format!("pause {pause} judged {}", judgement_words(judgement)));
        }
        Event::SwitchOffRequested { practice: asked, capability, inherited_from, .. } if *asked == practice => {
            said.now(switch_off(capability, *inherited_from));
        }
        Event::ReadinessUpdated { practice: updated, items } if *updated == practice => {
            said.all_now(items.iter().map(readiness_words));
        }
        Event::AdviceRecorded(recorded) if recorded.practice == practice => {
            let (number, said_by) = (recorded.advice, &recorded.advised.source);
            said.from(
                recorded.from,
                match recorded.advised.kind {
                    AdviceKind::Wait => format!("advice {number} of {said_by} to wait"),
                    AdviceKind::SupportCase => format!("support case {number} opened at {said_by}"),
                },
            );
        }
        Event::AdviceEnded { practice: advised, advice, at, by: _ } if *advised == practice => {
            said.from(*at, format!("advice {advice} ended"));
        }
        Event::ContactSet(set) if set.practice == practice => {
            said.now(format!("contact {} set: {}", set.contact, set.role));
            said.all_now(set.replaces.iter().map(|replaced| format!("contact {replaced} replaced")));
        }
        Event::ContactErased { practice: of, contact, erasure: _ } if *of == practice => {
            said.now(format!("contact {contact} erased"));
        }
        Event::AccessObserved { observations } => {
            for observation in observations.iter().filter(|observation| observation.practice == practice) {
                said.from(observation.as_at, observation_words(observation));
                said.all_now(consequences(&observation.consequences));
            }
        }
        Event::SignalsRecorded { signals } => {
            for signal in signals.iter().filter(|signal| signal.practice == practice) {
                said.from(signal.as_at, signal_words(signal));
            }
        }
        Event::PermitsGranted { keys } => {
            let granted = |key: &CommandKey| format!("permit granted for {key}");
            said.all_now(keys.iter().filter(|key| key.practice == practice).map(granted));
        }
        Event::PermitsSettled { settlements } => {
            for settlement in settlements.iter().filter(|settlement| settlement.key.practice == practice) {
                said.now(format!("{} {}", settlement.key, outcome(settlement.outcome)));
                if let Some(news) = settlement.observed {
                    said.from(news.as_at, observed(&settlement.key.capability, news.state));
                }
                said.all_now(consequences(&settlement.consequences));
            }
        }
        Event::SuccessionRecorded { terms, .. } if terms.practices().any(|named| named == practice) => {
            let words = format!("{} recorded, from {}", succession(terms), terms.effective_from);
            said.from(day_start(terms.effective_from), words);
        }
        Event::SuccessionEffected(effected) => said.inherited(effected, practice),
        Event::Lapsed { lapses } => {
            for lapse in lapses.iter().filter(|lapse| lapse.practice == practice) {
                said.from(lapse.effective_at, lapse_words(lapse));
            }
        }
        Event::SourceRead(_)
        | Event::OrganisationLifetimeSet { .. }
        | Event::PracticePaused(_)
        | Event::PausesLifted { .. }
        | Event::PauseJudged { .. }
        | Event::SwitchOffRequested { .. }
        | Event::ReadinessUpdated { .. }
        | Event::ReadinessItemsDeclared { .. }
        | Event::AdviceRecorded(_)
        | Event::AdviceEnded { .. }
        | Event::ContactSet(_)
        | Event::ContactErased { .. }
        | Event::SuccessionRecorded { .. }
        // Of practices, the records beside them tell.
        | Event::SyncStarted(_)
        | Event::SyncAdvanced(_)
        | Event::SyncFailed(_)
        | Event::SyncResumed { .. }
        | Event::SyncEnded { .. } => {}
    }
    said.0
}

/// What is said so far.
struct Said(Vec<Told>);

impl Said {
    /// From when it is recorded.
    fn now(&mut self, what: String) {
        self.0.push(Told { what, effective_at: None });
    }

    fn all_now(&mut self, what: impl IntoIterator<Item = String>) {
        for what in what {
            self.now(what);
        }
    }

    fn from(&mut self, moment: Timestamp, what: String) {
        self.0.push(Told { what, effective_at: Some(moment) });
    }

    fn paused(&mut self, paused: &PracticePaused) {
        let effective_at = paused.inherited.map(|inherited| inherited.effective_at);
        self.0.push(Told { what: pause_words(paused), effective_at });
    }

    /// What a succession that took effect says of one practice.
    fn inherited(&mut self, effected: &SuccessionEffected, practice: PracticeCode) {
        if effected.terms.practices().any(|named| named == practice) {
            let closed = effected.terms.predecessors.contains(&practice);
            let part = if closed { "closed by" } else { "succeeds by" };
            self.from(day_start(effected.terms.effective_from), format!("{part} {}", succession(&effected.terms)));
        }
        for lost in effected.access_unknown.iter().filter(|lost| lost.practice == practice) {
            self.from(lost.as_at, observed(&lost.capability, ObservedState::Unknown));
        }
        for paused in effected.pauses.iter().filter(|paused| paused.practice == practice) {
            self.paused(paused);
        }
        let asked = effected.switch_offs.iter().filter(|asked| asked.practice == practice);
        self.all_now(asked.map(|asked| switch_off(&asked.capability, Some(asked.inherited_from))));
        for ready in effected.readiness.iter().filter(|ready| ready.practice == practice) {
            for item in &ready.items {
                self.from(day_start(ready.effective_from), readiness_words(item));
            }
        }
        for counted in effected.list_sizes.iter().filter(|counted| counted.practice == practice) {
            let (size, from) = (&counted.list_size, counted.effective_from);
            self.from(
                day_start(from),
                format!("list size {} from {from} ({}, carried over)", size.patients, size.source),
            );
        }
    }
}

fn pause_words(paused: &PracticePaused) -> String {
    let what = scope(paused.capability.as_ref());
    let receipts = paused.receipt.iter().map(|part| receipt_state(part.state)).collect::<Vec<_>>().join(", ");
    let origin = paused.inherited.map(|from| format!(" (pause {} of {})", from.pause, from.practice));
    format!("pause {}{} of {what} {}: {receipts}", paused.pause, origin.unwrap_or_default(), pause_end(&paused.end))
}

fn switch_off(capability: &Capability, inherited_from: Option<PracticeCode>) -> String {
    let origin = inherited_from.map(|code| format!(" (at {code})")).unwrap_or_default();
    format!("asked for {} to be switched off{origin}", capability.id())
}

/// `merger of A81001 and A81002 into B82001`.
fn succession(terms: &SuccessionTerms) -> String {
    let from = codes(&terms.predecessors);
    let to = codes(&terms.successors);
    match terms.kind {
        SuccessionKind::Merge => format!("merger of {from} into {to}"),
        SuccessionKind::Split => format!("split of {from} into {to}"),
        SuccessionKind::Recode => format!("change of code from {from} to {to}"),
        SuccessionKind::Close => format!("closure of {from}"),
    }
}

fn codes(codes: &[PracticeCode]) -> String {
    let mut texts: Vec<String> = codes.iter().map(ToString::to_string).collect();
    let Some(last) = texts.pop() else { return String::new() };
    if texts.is_empty() { last } else { format!("{} and {last}", texts.join(", ")) }
}

fn readiness_words(item: &ReadinessItem) -> String {
    format!("readiness: {} is {:?}", item.item, item.state)
}

fn directory_change(source: &str, change: &DirectoryChange) -> String {
    let entry = &change.entry;
    let difference = match change.difference {
        Difference::Created => "recorded",
        Difference::Updated => "changed",
        Difference::Closed => "closed",
        Difference::Moved => "moved",
    };
    let nothing = DirectoryEntry::new(entry.practice);
    let was = change.before.as_deref().unwrap_or(&nothing);
    let mut news: Vec<String> = Vec::new();
    let mut add = |what: &str, value: Option<String>, was: Option<String>| {
        let was = was.map(|was| format!(" (was {was})")).unwrap_or_default();
        news.extend(value.map(|value| format!("{what} {value}{was}")));
    };
    let open = |entry: &DirectoryEntry| Some(entry.lifetime?.open?.to_string());
    let close = |entry: &DirectoryEntry| Some(entry.lifetime?.close?.to_string());
    let size = |entry: &DirectoryEntry| {
        entry.list_size.as_ref().map(|size| format!("{} ({}, {})", size.patients, size.source, size.date))
    };
    add("name", entry.name.clone(), was.name.clone());
    add("postcode", entry.postcode.clone(), was.postcode.clone());
    add("open from", open(entry), open(was).filter(|was| Some(was) != open(entry).as_ref()));
    add("closed from", close(entry), close(was).filter(|was| Some(was) != close(entry).as_ref()));
    add("supplier", text(entry.supplier.as_ref()), text(was.supplier.as_ref()));
    add("PCN", text(entry.pcn.as_ref()), text(was.pcn.as_ref()));
    add("sub-ICB", text(entry.sub_icb.as_ref()), text(was.sub_icb.as_ref()));
    add("ICB", text(entry.icb.as_ref()), text(was.icb.as_ref()));
    add("region", text(entry.region.as_ref()), text(was.region.as_ref()));
    add("list size", size(entry), size(was));
    format!("{difference} by {source}: {}", news.join(", "))
}

fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

fn scope(capability: Option<&Capability>) -> &str {
    capability.map_or("all capabilities", Capability::id)
}

fn pause_end(end: &PauseEnd) -> String {
    match end {
        PauseEnd::Until(until) => format!("until {until}"),
        PauseEnd::FurtherNotice => "until further notice".to_owned(),
        PauseEnd::ProgrammeDefault => "until the programme's default".to_owned(),
    }
}

fn judgement_words(judgement: &Judgement) -> String {
    match judgement {
        Judgement::InTime { deferred_to, until: Some(until) } => {
            format!("in time: deferred to {deferred_to}, until {until}")
        }
        Judgement::InTime { deferred_to, until: None } => format!("in time: deferred to {deferred_to}"),
        Judgement::Late => "late: honoured until the practice lifts it".to_owned(),
    }
}

fn observed(capability: &Capability, state: ObservedState) -> String {
    let state = match state {
        ObservedState::Off => "OFF",
        ObservedState::On => "ON",
        ObservedState::Partial => "PARTIAL",
        ObservedState::Unknown => "UNKNOWN",
    };
    format!("{} observed {state}", capability.id())
}

/// With its source, and what is wrong where that is named.
fn observation_words(observation: &AccessObserved) -> String {
    let source = match observation.source {
        ObservationSource::SupplierConfirmation => "the supplier's confirmation",
        ObservationSource::SupplierList => "the supplier's list",
        ObservationSource::Practice => "the practice",
        ObservationSource::Inspection => "an inspection",
        ObservationSource::Directory => "the directory",
        ObservationSource::Succession => "a succession",
    };
    let mut words = format!("{} by {source}", observed(&observation.capability, observation.state));
    for (place, wrong) in observation.wrong_settings.iter().enumerate() {
        let begin = if place == 0 { ": " } else { ", " };
        words.push_str(&format!("{begin}{} is {} instead of {}", wrong.setting, wrong.actual, wrong.expected));
    }
    words
}

fn signal_words(signal: &SignalRecorded) -> String {
    let what = match signal.kind {
        SignalKind::NoViewers => "nobody has looked at a record",
    };
    let raised = if signal.is_raised { "raised" } else { "cleared" };
    format!("{}: signal {raised}: {what}", signal.capability.id())
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::NotApplied => "not applied",
        Outcome::Refused => "refused by the supplier",
        Outcome::Voided => "voided before it was sealed",
    }
}

fn receipt_state(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Prevented => "PREVENTED",
        ReceiptState::Reversed => "REVERSED",
        ReceiptState::AlreadyOn => "ALREADY_ON",
        ReceiptState::Pending => "PENDING",
    }
}

fn consequences(consequences: &Consequences) -> Vec<String> {
    let receipt =
        |receipt: &crate::event::ReceiptFinal| format!("receipt {} is {}", receipt.pause, receipt_state(receipt.state));
    let mut said: Vec<String> = consequences.receipts.iter().map(receipt).collect();
    if consequences.switch_off_done {
        said.push("switched off as asked".to_owned());
    }
    said
}

fn lapse_words(lapse: &Lapse) -> String {
    match &lapse.what {
        LapseOf::Closure => "closed".to_owned(),
        LapseOf::Opening => "opened".to_owned(),
        LapseOf::Pause(number) => format!("pause {number} ended as agreed"),
        LapseOf::Readiness(item) => format!("readiness: {item} expired"),
        // Told by an event of its own.
        LapseOf::Succession => "succeeded".to_owned(),
        LapseOf::Advice(number) => format!("advice {number} ended as agreed"),
        LapseOf::Contact(number) => format!("contact {number} erased, its retention date came"),
    }
}
