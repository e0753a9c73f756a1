//! Mergers, splits, re-codings and closures, and what successors inherit (rule 9, I27).

mod inheritance;

use jiff::{SignedDuration, Timestamp};
use ods::civil::day_start;
use ods::{Capability, PracticeCode};
use practice::access::{ObservationSource, ObservedState, Outcome};
use practice::command::{Observation, PausePractice, RecordSuccession};
use practice::directory::{Lifetime, ListSize, Status};
use practice::pause::{Pause, PauseEnd};
use practice::reasons::{Fact, reasons};
use practice::succession::{affected, heirs};
use practice::{
    Action, AsOf, Command, CommandKey, Event, PermitRefusal, Practice, Rejection, SuccessionKind, SuccessionRejection,
    SuccessionTerms, View, permit_refusal,
};

use crate::bench::{Bench, code, day, entry, import, observation, placed};

/// The day of the bench, and the one after.
const TODAY: &str = "2031-06-02";
const TOMORROW: &str = "2031-06-03";

/// A81001 with 4,000 patients and A81002 with 9,000, known since May; B82001 and B82002 are named from today on.
fn town() -> Bench {
    let mut bench = Bench::new();
    bench.done(&import("2031-05-01", vec![entry("A81001"), entry("A81002"), entry("A81003")]));
    bench.done(&import("2031-05-01", vec![list("A81001", 4_000), list("A81002", 9_000)]));
    bench.done(&import(TODAY, vec![entry("B82001"), entry("B82002")]));
    bench
}

fn list(practice: &str, patients: u32) -> practice::directory::DirectoryEntry {
    let mut told = practice::directory::DirectoryEntry::new(code(practice));
    told.list_size = Some(size(patients, "2031-05-01"));
    told
}

fn size(patients: u32, date: &str) -> ListSize {
    ListSize { patients, source: "lists".to_owned(), date: day(date), carried_over: false }
}

fn terms(kind: SuccessionKind, predecessors: &[&str], successors: &[&str], from: &str) -> SuccessionTerms {
    let codes = |texts: &[&str]| texts.iter().map(|text| code(text)).collect();
    SuccessionTerms {
        kind,
        predecessors: codes(predecessors),
        successors: codes(successors),
        effective_from: day(from),
    }
}

fn asked(terms: SuccessionTerms) -> RecordSuccession {
    RecordSuccession {
        terms,
        recorded_by: "operator".to_owned(),
        reason_code: "MERGER".to_owned(),
        if_positions: Vec::new(),
        confirm_count: None,
        confirm_hash: None,
    }
}

fn succeed(bench: &mut Bench, kind: SuccessionKind, from: &[&str], to: &[&str], day: &str) -> Vec<Event> {
    bench.done(&Command::RecordSuccession(asked(terms(kind, from, to, day))))
}

fn merge(bench: &mut Bench, from: &[&str], to: &str, day: &str) -> Vec<Event> {
    succeed(bench, SuccessionKind::Merge, from, &[to], day)
}

fn refused(bench: &mut Bench, kind: SuccessionKind, from: &[&str], to: &[&str], day: &str) -> SuccessionRejection {
    match bench.run(&Command::RecordSuccession(asked(terms(kind, from, to, day)))) {
        Err(Rejection::Succession(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn at<'a>(bench: &'a Bench, practice: &str) -> &'a Practice {
    bench.state.practice(code(practice)).unwrap()
}

fn pause_at(bench: &mut Bench, practice: &str, end: PauseEnd) {
    let pause = PausePractice { practice: code(practice), capability: None, end, placed: placed() };
    bench.done(&Command::PausePractice(pause));
}

fn key_at(practice: &str, action: Action, generation: u32) -> CommandKey {
    CommandKey { capability: Capability::default(), practice: code(practice), action, generation }
}

fn observe_at(bench: &mut Bench, practice: &str, state: ObservedState, as_at: Option<Timestamp>) {
    let (capability, source) = (Capability::default(), ObservationSource::SupplierList);
    let observation = Observation { practice: code(practice), capability, source, as_at, ..observation(state) };
    bench.done(&Command::RecordObservations(vec![observation]));
}

fn observed(bench: &Bench, practice: &str) -> Option<ObservedState> {
    let access = at(bench, practice).access(&Capability::default())?;
    access.verdict().map(|verdict| verdict.state)
}

fn patients(bench: &Bench, practice: &str) -> Option<u32> {
    Some(at(bench, practice).list_size.as_ref()?.latest().value.patients)
}

#[test]
fn a_merger_closes_the_old_codes_which_still_answer_and_point_to_the_new_one() {
    let mut bench = town();
    merge(&mut bench, &["A81002", "A81001"], "B82001", TODAY);
    let old = View::current(bench.state.practice(code("A81001")).unwrap());
    assert_eq!((old.status(), old.lifetime().close), (Status::Closed, Some(day(TODAY))));
    assert_eq!(old.successors(), [code("B82001")]);
    let facts: Vec<Fact> = reasons(old, &Capability::default()).into_iter().map(|reason| reason.fact).collect();
    assert!(facts.contains(&Fact::SucceededBy(code("B82001"))), "{facts:?}");
    let new = View::current(bench.state.practice(code("B82001")).unwrap());
    assert_eq!(new.status(), Status::Active);
    assert_eq!(new.predecessors().collect::<Vec<_>>(), [code("A81001"), code("A81002")]);
}

#[test]
fn what_is_past_and_what_was_known_then_stay_as_they_were() {
    let mut bench = town();
    let before = bench.now;
    bench.wait(SignedDuration::from_hours(24 * 10));
    merge(&mut bench, &["A81001"], "B82001", TOMORROW);
    let practice = bench.state.practice(code("A81001")).unwrap();
    let status = |effective_at: Timestamp, known_at: Timestamp| {
        let view = View::as_of(practice, AsOf { effective_at, known_at }).unwrap();
        (view.status(), view.successors().to_vec())
    };
    let eve = day_start(day(TOMORROW)) - SignedDuration::from_secs(1);
    let (open, closed) = ((Status::Active, Vec::new()), (Status::Closed, vec![code("B82001")]));
    assert_eq!(status(eve, bench.now), open);
    assert_eq!(status(day_start(day(TOMORROW)), bench.now), closed);
    assert_eq!(status(bench.now, before), open, "nobody knew yet");
}

/// Rule 15: until its event reads show the state before, and no permit is given from the day on.
#[test]
fn a_succession_of_a_coming_day_takes_effect_by_an_event_and_permits_nothing_ahead_of_it() {
    let mut bench = town();
    pause_at(&mut bench, "A81001", PauseEnd::FurtherNotice);
    assert_eq!(merge(&mut bench, &["A81001", "A81002"], "B82001", TOMORROW).len(), 1);
    let due = day_start(day(TOMORROW));
    assert_eq!(bench.state.next_due(), Some(due));
    assert_eq!(bench.acquire(&key_at("A81002", Action::Enable, 1)), None, "the day before is its own");
    bench.done(&Command::SettlePermits(vec![practice::command::Settlement {
        key: key_at("A81002", Action::Enable, 1),
        outcome: Outcome::Refused,
        observed: None,
        as_at: None,
    }]));

    bench.now = due;
    assert_eq!(at(&bench, "A81002").status, Status::Active);
    let closed = Some(PermitRefusal::PracticeNotOpen(Status::Closed));
    assert_eq!(bench.acquire(&key_at("A81002", Action::Enable, 2)), closed);
    assert_eq!(bench.acquire(&key_at("B82001", Action::Enable, 1)), Some(PermitRefusal::SuccessionDue));
    assert_eq!(bench.acquire(&key_at("A81002", Action::Disable, 3)), None, "a DISABLE always gets one");

    let events = bench.done(&Command::Lapse);
    let [Event::SuccessionEffected(effected)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(effected.pauses.len(), 1);
    assert_eq!(at(&bench, "A81001").status, Status::Closed);
    assert_eq!(at(&bench, "A81002").status, Status::Closed);
    assert_eq!(bench.acquire(&key_at("B82001", Action::Enable, 1)), Some(PermitRefusal::Paused(1)));
    assert!(bench.done(&Command::Lapse).is_empty());
}

#[test]
fn before_the_day_of_a_succession_its_successor_is_permitted_what_it_was() {
    let mut bench = town();
    merge(&mut bench, &["A81001"], "A81003", TOMORROW);
    assert_eq!(bench.acquire(&key_at("A81003", Action::Enable, 1)), None);
}

/// A merger told after its successor was itself succeeded reaches whoever goes on.
#[test]
fn a_succession_that_is_told_late_reaches_the_heirs_of_its_successors() {
    let mut bench = town();
    pause_at(&mut bench, "A81001", PauseEnd::FurtherNotice);
    bench.wait(SignedDuration::from_hours(24 * 10));
    succeed(&mut bench, SuccessionKind::Recode, &["A81002"], &["B82001"], "2031-06-10");
    merge(&mut bench, &["A81001"], "A81002", TOMORROW);
    let held: Vec<_> = at(&bench, "B82001").pauses_in_force().map(Pause::holds_from).collect();
    assert_eq!(held, [day_start(day("2031-06-10"))], "from when it succeeded");
    assert_eq!(patients(&bench, "B82001"), Some(13_000));
    assert_eq!(affected(&bench.state, &terms(SuccessionKind::Merge, &["A81001"], &["A81002"], TOMORROW)).count, 3);
}

/// Rule 9: a file that is behind the times opens no closed code.
#[test]
fn a_directory_that_says_open_does_not_open_a_closed_code() {
    let mut bench = town();
    merge(&mut bench, &["A81001"], "B82001", TODAY);
    let mut told = entry("A81001");
    told.lifetime = Some(Lifetime { open: Some(day("1974-04-01")), ..Lifetime::default() });
    bench.done(&import(TODAY, vec![told]));
    assert_eq!(at(&bench, "A81001").status, Status::Closed);
    let closed = Some(PermitRefusal::PracticeNotOpen(Status::Closed));
    assert_eq!(permit_refusal(&bench.state, &key_at("A81001", Action::Enable, 1), bench.now), closed);
}

#[test]
fn a_closure_ends_a_code_and_nobody_inherits() {
    let mut bench = town();
    observe_at(&mut bench, "A81001", ObservedState::On, None);
    succeed(&mut bench, SuccessionKind::Close, &["A81001"], &[], TODAY);
    assert_eq!(at(&bench, "A81001").status, Status::Closed);
    assert_eq!(observed(&bench, "A81001"), Some(ObservedState::Unknown));
    assert_eq!(heirs(&bench.state, code("A81001")), Vec::<PracticeCode>::new());
}

#[test]
fn kinds_go_with_their_numbers_of_practices_each_named_once() {
    use SuccessionKind::{Close, Merge, Recode, Split};
    let mut bench = town();
    for (kind, from, to) in [
        (Merge, &["A81001"][..], &[][..]),
        (Merge, &[], &["B82001"]),
        (Split, &["A81001"], &["B82001"]),
        (Recode, &["A81001", "A81002"], &["B82001"]),
        (Close, &["A81001"], &["B82001"]),
    ] {
        let refusal = refused(&mut bench, kind, from, to, TODAY);
        assert!(matches!(refusal, SuccessionRejection::SuccessionShape { .. }), "{kind:?}: {refusal}");
    }
    let twice = SuccessionRejection::NamedTwice { practice: code("A81001") };
    assert_eq!(refused(&mut bench, Recode, &["A81001"], &["A81001"], TODAY), twice);
    assert_eq!(refused(&mut bench, Merge, &["A81001", "A81001"], &["B82001"], TODAY), twice);
}

#[test]
fn whoever_is_named_must_be_known_and_open() {
    use SuccessionKind::{Merge, Recode};
    let mut bench = town();
    let nobody = bench.run(&Command::RecordSuccession(asked(terms(Recode, &["Z99999"], &["B82001"], TODAY))));
    assert_eq!(nobody, Err(Rejection::PracticeUnknown { practice: code("Z99999") }));
    let nobody = SuccessionRejection::SuccessorUnknown { practice: code("Z99999") };
    assert_eq!(refused(&mut bench, Recode, &["A81001"], &["Z99999"], TODAY), nobody);
    let mut closed = entry("B82002");
    closed.lifetime = Some(Lifetime { close: Some(day(TODAY)), ..Lifetime::default() });
    bench.done(&import(TODAY, vec![closed]));
    let closed = SuccessionRejection::SuccessorClosed { practice: code("B82002"), closed_from: day(TODAY) };
    assert_eq!(refused(&mut bench, Merge, &["A81001"], &["B82002"], TODAY), closed);
    let far = refused(&mut bench, Recode, &["A81001"], &["B82001"], "2131-06-02");
    assert!(matches!(far, SuccessionRejection::EffectiveTooFar { .. }));
}

#[test]
fn a_code_is_closed_once_and_no_line_of_successors_returns() {
    use SuccessionKind::{Close, Merge, Recode};
    let mut bench = town();
    merge(&mut bench, &["A81001"], "A81002", TOMORROW);
    for (kind, to) in [(Recode, &["B82001"][..]), (Close, &[])] {
        let again = refused(&mut bench, kind, &["A81001"], to, TODAY);
        assert!(matches!(again, SuccessionRejection::AlreadySucceeded { .. }), "{again}");
    }
    let back = refused(&mut bench, Merge, &["A81002"], &["A81001"], "2031-06-09");
    assert_eq!(back, SuccessionRejection::SuccessorClosed { practice: code("A81001"), closed_from: day(TOMORROW) });
    let before = refused(&mut bench, Recode, &["A81002"], &["B82001"], TODAY);
    assert!(matches!(before, SuccessionRejection::ClosesBeforeSucceeding { .. }), "{before}");
    merge(&mut bench, &["A81002"], "B82001", "2031-06-04");
}

#[test]
fn i23_what_the_caller_saw_and_confirms_is_what_is_touched() {
    let mut bench = town();
    let named = terms(SuccessionKind::Merge, &["A81001", "A81002"], &["B82001"], TODAY);
    let expected = affected(&bench.state, &named);
    assert_eq!(expected.count, 3);
    let position = at(&bench, "A81001").position();
    let with = |change: &dyn Fn(&mut RecordSuccession)| {
        let mut asked = asked(named.clone());
        change(&mut asked);
        Command::RecordSuccession(asked)
    };
    let stale = with(&|asked| asked.if_positions = vec![(code("A81001"), position - 1)]);
    assert!(matches!(bench.run(&stale), Err(Rejection::PracticeChanged { .. })));
    let stranger = with(&|asked| asked.if_positions = vec![(code("A81003"), 1)]);
    assert_eq!(bench.run(&stranger), Err(SuccessionRejection::NotInSuccession { practice: code("A81003") }.into()));
    for wrong in
        [with(&|asked| asked.confirm_count = Some(2)), with(&|asked| asked.confirm_hash = Some("0".repeat(64)))]
    {
        let differs = SuccessionRejection::AffectedDiffers { affected: expected.clone() };
        assert_eq!(bench.run(&wrong), Err(differs.into()));
    }
    let right = with(&|asked| {
        asked.if_positions = vec![(code("A81001"), position)];
        (asked.confirm_count, asked.confirm_hash) = (Some(expected.count), Some(expected.hash.clone()));
    });
    assert_eq!(bench.done(&right).len(), 2);
}

/// Rule 9: no earlier word counts, and whoever speaks next is believed.
#[test]
fn after_a_succession_the_practices_own_word_confirms_too_and_a_dispute_is_in_doubt() {
    let say = |bench: &mut Bench, practice: &str, source: ObservationSource, state| {
        bench.wait(SignedDuration::from_mins(1));
        let said = Observation { practice: code(practice), source, ..observation(state) };
        bench.done(&Command::RecordObservations(vec![said]));
    };
    let mut bench = town();
    observe_at(&mut bench, "A81001", ObservedState::Off, None);
    say(&mut bench, "A81001", ObservationSource::Practice, ObservedState::On);
    merge(&mut bench, &["A81001", "A81002"], "B82001", TODAY);
    assert_eq!(observed(&bench, "B82001"), Some(ObservedState::Unknown), "one who is in dispute may be on");
    assert_eq!(observed(&bench, "A81001"), Some(ObservedState::Unknown));
    assert!(
        !at(&bench, "A81001").access(&Capability::default()).unwrap().verdict().unwrap().is_disputed,
        "it is closed"
    );
    say(&mut bench, "B82001", ObservationSource::Practice, ObservedState::On);
    assert_eq!(observed(&bench, "B82001"), Some(ObservedState::On));
    say(&mut bench, "B82001", ObservationSource::Inspection, ObservedState::Off);
    assert_eq!(observed(&bench, "B82001"), Some(ObservedState::Off));
}

#[test]
fn the_history_says_who_was_succeeded_by_whom_and_what_was_inherited() {
    let mut bench = town();
    observe_at(&mut bench, "A81001", ObservedState::On, None);
    pause_at(&mut bench, "A81001", PauseEnd::FurtherNotice);
    let events = merge(&mut bench, &["A81001", "A81002"], "B82001", TODAY);
    let told = |practice: &str| -> Vec<String> {
        events.iter().flat_map(|event| practice::history::tell(event, code(practice))).map(|told| told.what).collect()
    };
    let merger = "merger of A81001 and A81002 into B82001";
    let recorded = format!("{merger} recorded, from 2031-06-02");
    assert_eq!(told("A81002"), [recorded.clone(), format!("closed by {merger}")]);
    let inherited = [
        &recorded,
        &format!("succeeds by {merger}"),
        "prospective-records observed UNKNOWN",
        "pause 1 (pause 1 of A81001) of all capabilities until further notice: ALREADY_ON",
        "list size 13000 from 2031-06-02 (lists, carried over)",
    ];
    assert_eq!(told("B82001"), inherited);
    assert_eq!(told("A81003"), Vec::<String>::new());
}
