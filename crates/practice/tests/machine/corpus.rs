//! Every shape of event ever written folds to the state it made when it was written (I20): all that the state had then it
//! has still, and the newest has nothing else.
//!
//! The files are never edited: a new shape is a new pair of files. `CORPUS_WRITE=1` writes the pair of the newest number
//! from the scenario below, where it is not there yet.

#[path = "../../../../tests/corpora/what_was.rs"]
mod what_was;

use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use practice::access::{ObservationSource, ObservedState, Outcome};
use practice::advice::{AdviceKind, Advised};
use practice::command::{
    Author, EndAdvice, EraseContact, Observation, RecordAdvice, RecordSuccession, RequestSwitchOff, SetContact,
    SetOrganisationLifetime, SetPauseOutcome, Signal, UpdateReadiness,
};
use practice::contact::{Channel, Erasure};
use practice::directory::{Lifetime, ListSize};
use practice::pause::{Judgement, PauseEnd};
use practice::readiness::{DeclaredItem, ReadinessItem, ReadinessState};
use practice::setting::WrongSetting;
use practice::signal::SignalKind;
use practice::source::{Publication, SourceKind, SourceRead, Statement};
use practice::{
    Command, Event, OrganisationEntry, OrganisationKind, OrganisationLifetime, State, SuccessionKind, SuccessionTerms,
    apply,
};
use serde_json::Value;

use self::what_was::what_was;
use crate::bench::{Bench, chunk, code, day, disable, enable, entry, import, observation, placed};

/// The newest pair.
const NEWEST: u32 = 5;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

fn fold(lines: &str) -> State {
    let mut state = State::default();
    for line in lines.lines() {
        let (position, recorded_at, event): (u64, Timestamp, Event) = serde_json::from_str(line).unwrap();
        apply(&mut state, &event, position, recorded_at);
    }
    state
}

#[test]
fn every_event_ever_written_folds_to_the_state_it_made() {
    for number in 1..=NEWEST {
        let (events, state) = (path(&format!("events-{number}.jsonl")), path(&format!("state-{number}.json")));
        if std::env::var_os("CORPUS_WRITE").is_some() && !events.exists() {
            let scenario = scenario();
            let line = |(event, position, at): &(Event, u64, Timestamp)| {
                serde_json::to_string(&(position, at, event)).unwrap() + "\n"
            };
            fs::write(&events, scenario.events.iter().map(line).collect::<String>()).unwrap();
            fs::write(&state, serde_json::to_string_pretty(&scenario.state).unwrap() + "\n").unwrap();
        }
        let folded = serde_json::to_value(fold(&fs::read_to_string(&events).unwrap())).unwrap();
        let made: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
        assert_eq!(what_was(&folded, &made), made, "corpus {number}");
        if number == NEWEST {
            assert_eq!(folded, made, "corpus {number}");
        }
    }
}

#[test]
fn the_newest_corpus_has_every_kind_of_event() {
    let lines = fs::read_to_string(path(&format!("events-{NEWEST}.jsonl"))).unwrap();
    for (event, _, _) in scenario().events {
        assert!(lines.contains(&format!("{{\"{}\":", event.kind())), "{} is not in the corpus", event.kind());
    }
}

/// A bit of everything.
fn scenario() -> Bench {
    let mut bench = Bench::new();
    let mut whole = entry("A81003");
    whole.postcode = Some("TS18 1HU".to_owned());
    whole.lifetime = Some(Lifetime { open: Some(day("2001-04-01")), close: Some(day("2031-06-04")), dormant: false });
    whole.pcn = Some("U".parse().unwrap());
    whole.sub_icb = Some("16C".parse().unwrap());
    whole.region = Some("Y63".parse().unwrap());
    let source = "lists".to_owned();
    whole.list_size = Some(ListSize { patients: 8_000, source, date: day("2031-04-01"), carried_over: false });
    let mut command = chunk("2031-06-01", vec![whole]);
    let (parent, name) = ("Y63".to_owned(), "NHS North".to_owned());
    command.organisations.push(OrganisationEntry { code: "QHM".to_owned(), kind: OrganisationKind::Icb, name, parent });
    command.read = Some(SourceRead {
        import: "march".to_owned(),
        source: SourceKind::Epraccur,
        publication: Publication {
            name: "epraccur".to_owned(),
            date: day("2031-06-01"),
            effective_from: day("2031-06-01"),
        },
        statements: vec![Statement {
            lifetime: Some(Lifetime { open: Some(day("2001-04-01")), close: None, dormant: true }),
            sub_icb: Some("16C".parse().unwrap()),
            icb: Some("QHM".parse().unwrap()),
            region: Some("Y63".parse().unwrap()),
            patients: Some(8_000),
            has_supplier: true,
            ..Statement::new(code("A81003"))
        }],
    });
    bench.done(&Command::ImportDirectory(command));
    bench.done(&Command::SetOrganisationLifetime(SetOrganisationLifetime {
        organisation: "QHM".to_owned(),
        lifetime: OrganisationLifetime { open: Some(day("2022-07-01")), close: Some(day("2031-07-01")) },
        if_position: None,
    }));

    bench.acquire(&enable(1));
    bench.pause(PauseEnd::Until(bench.now + SignedDuration::from_hours(1)));
    bench.settle(&enable(1), Outcome::Applied);
    bench.wait(SignedDuration::from_hours(1));
    bench.acquire(&disable(2));
    bench.settle(&disable(2), Outcome::Applied);
    bench.done(&Command::Lapse);
    bench.pause(PauseEnd::ProgrammeDefault);
    let judgement = Judgement::InTime { deferred_to: "programmes/autumn/waves/2".to_owned(), until: None };
    let (practice, pause, if_position) = (code("A81001"), 2, None);
    bench.done(&Command::SetPauseOutcome(SetPauseOutcome { practice, pause, judgement, if_position }));
    bench.resume();
    bench.observe(ObservedState::Partial);
    let (capability, placed) = (Capability::default(), placed());
    bench.done(&Command::RequestSwitchOff(RequestSwitchOff { practice, capability, placed }));
    let mut moved = entry("A81001");
    moved.supplier = Some("TPP".parse().unwrap());
    bench.done(&import("2031-06-02", vec![moved]));
    let item = ReadinessItem {
        item: "dpia".to_owned(),
        state: ReadinessState::Complete,
        evidence: "DPIA 7".to_owned(),
        owner: "manager".to_owned(),
        due_date: Some(day("2031-06-01")),
        expires_at: Some(bench.now + SignedDuration::from_hours(24)),
    };
    bench.done(&Command::UpdateReadiness(UpdateReadiness { practice, items: vec![item], if_position }));
    let declared = DeclaredItem {
        item: "imaging-review".to_owned(),
        title: "Review of images".to_owned(),
        description: "Images have been looked through.".to_owned(),
        usual_owner: "clinical lead".to_owned(),
        declared_by: "programmes/autumn".to_owned(),
    };
    bench.done(&Command::DeclareReadinessItems(vec![declared]));
    advise_and_contact(&mut bench);
    bench.wait(SignedDuration::from_hours(48));
    bench.observe(ObservedState::Off);
    bench.done(&Command::Lapse);
    succession(&mut bench);
    evidence(&mut bench);
    bench
}

/// A closed practice, which was paused, asked to be switched off and counted, becomes part of another; and that one is
/// to close.
fn succession(bench: &mut Bench) {
    bench.observe(ObservedState::On);
    bench.pause(PauseEnd::FurtherNotice);
    let (practice, capability) = (code("A81001"), Capability::default());
    bench.done(&Command::RequestSwitchOff(RequestSwitchOff { practice, capability, placed: placed() }));
    let mut counted = entry("A81001");
    let source = "lists".to_owned();
    counted.list_size = Some(ListSize { patients: 4_000, source, date: day("2031-06-04"), carried_over: false });
    bench.done(&import("2031-06-04", vec![counted]));
    let succeed = |kind, successors: &[&str], from| {
        let predecessors = vec![code(if successors.is_empty() { "A81002" } else { "A81001" })];
        let successors = successors.iter().map(|text| code(text)).collect();
        let terms = SuccessionTerms { kind, predecessors, successors, effective_from: day(from) };
        let (recorded_by, reason_code) = ("operator".to_owned(), "MERGER".to_owned());
        let (if_positions, confirm_count, confirm_hash) = (Vec::new(), None, None);
        let asked = RecordSuccession { terms, recorded_by, reason_code, if_positions, confirm_count, confirm_hash };
        Command::RecordSuccession(asked)
    };
    bench.done(&succeed(SuccessionKind::Merge, &["A81002"], "2031-06-04"));
    bench.pause(PauseEnd::FurtherNotice);
    bench.done(&succeed(SuccessionKind::Close, &[], "2031-07-01"));
}

/// Advice that lapses, a case that is closed, contacts replaced, taken away and past their retention date.
fn advise_and_contact(bench: &mut Bench) {
    let (practice, from, at) = (code("A81001"), None, None);
    let advised = Advised {
        kind: AdviceKind::Wait,
        capability: Some(Capability::default()),
        source: "organisations/QHM".to_owned(),
        reference: "letter 12".to_owned(),
        category: String::new(),
        evidence: "minutes of May".to_owned(),
        until: Some(bench.now + SignedDuration::from_hours(24)),
        review_on: Some(day("2031-06-03")),
    };
    let by = Author { account: "bo".to_owned(), roles: vec!["icb".to_owned()] };
    bench.done(&Command::RecordAdvice(RecordAdvice { practice, advised: advised.clone(), from, by: by.clone() }));
    let (kind, category) = (AdviceKind::SupportCase, "wrong-settings".to_owned());
    let case = Advised { kind, category, until: None, review_on: None, ..advised };
    bench.done(&Command::RecordAdvice(RecordAdvice { practice, advised: case, from, by: by.clone() }));
    bench.done(&Command::EndAdvice(EndAdvice { practice, advice: 2, at, by }));
    for (number, channel) in [(1, Channel::Email), (2, Channel::Email), (3, Channel::Post)] {
        bench.done(&Command::SetContact(SetContact {
            practice,
            role: "practice-manager".to_owned(),
            channel,
            address_id: format!("{number:032x}"),
            retain_until: bench.now + SignedDuration::from_hours(24),
            by: "bo".to_owned(),
        }));
    }
    bench.done(&Command::EraseContact(EraseContact { practice, contact: 3, erasure: Erasure::Requested }));
}

/// What those who look say, and what is noticed.
fn evidence(bench: &mut Bench) {
    let wrong =
        WrongSetting { setting: "letters".to_owned(), expected: "visible".to_owned(), actual: "hidden".to_owned() };
    let inspected = Observation {
        source: ObservationSource::Inspection,
        evidence: "visit 12".to_owned(),
        wrong_settings: vec![wrong],
        ..observation(ObservedState::Partial)
    };
    bench.done(&Command::RecordObservations(vec![inspected]));
    let signal = Signal {
        practice: code("A81001"),
        capability: Capability::default(),
        kind: SignalKind::NoViewers,
        is_raised: true,
        as_at: None,
        evidence: "statistics".to_owned(),
    };
    bench.done(&Command::RecordSignals(vec![signal]));
}
