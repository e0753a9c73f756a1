//! As-of reads, over random histories of late facts: what was true by what was believed, as a naive model has it.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use ods::civil::civil_date;
use practice::access::{ObservationSource, ObservedState, Outcome};
use practice::command::{Observation, PausePractice, ResumePractice, SetPauseOutcome, Signal, UpdateReadiness};
use practice::lapse::LapseOf;
use practice::pause::{Judgement, PauseEnd};
use practice::readiness::{ReadinessItem, ReadinessState};
use practice::signal::SignalKind;
use practice::{AsOf, Command, Event, State, View};
use proptest::prelude::*;

use crate::bench::{Bench, START, code, day, disable, enable, entry, import, observation, placed};
use crate::laws::sources;
use crate::model::{Word, what_holds};

/// Something that somebody says, perhaps long after it was so.
#[derive(Clone, Debug)]
enum Act {
    Supplier { tpp: bool, from_day: i8 },
    Name { letter: char, from_day: i8 },
    Pause { until_in_hours: Option<i64>, by_default: bool },
    Judge { pause: u32, until_in_hours: i64 },
    Resume,
    Readiness { dpia: bool, state: ReadinessState, expires_in_hours: Option<i64> },
    Observe { source: ObservationSource, state: ObservedState, hours_ago: i64 },
    Signal { is_raised: bool, hours_ago: i64 },
    SwitchOn(u32),
    SwitchOff(u32),
    Wait { hours: i64 },
    Lapse,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let observed = prop_oneof![
        2 => Just(ObservedState::Off),
        3 => Just(ObservedState::On),
        1 => Just(ObservedState::Partial),
        1 => Just(ObservedState::Unknown)
    ];
    let readiness = prop_oneof![3 => Just(ReadinessState::Complete), 1 => Just(ReadinessState::InProgress)];
    let act = prop_oneof![
        1 => (any::<bool>(), 1..8i8).prop_map(|(tpp, from_day)| Act::Supplier { tpp, from_day }),
        2 => (prop_oneof![Just('A'), Just('B'), Just('C')], 1..8i8)
            .prop_map(|(letter, from_day)| Act::Name { letter, from_day }),
        2 => (proptest::option::of(1..60i64), any::<bool>())
            .prop_map(|(until_in_hours, by_default)| Act::Pause { until_in_hours, by_default }),
        1 => (1..4u32, 1..60i64).prop_map(|(pause, until_in_hours)| Act::Judge { pause, until_in_hours }),
        1 => Just(Act::Resume),
        2 => (any::<bool>(), readiness, proptest::option::of(-10..60i64))
            .prop_map(|(dpia, state, expires_in_hours)| Act::Readiness { dpia, state, expires_in_hours }),
        5 => (sources(), observed, 0..80i64)
            .prop_map(|(source, state, hours_ago)| Act::Observe { source, state, hours_ago }),
        1 => (any::<bool>(), 0..80i64).prop_map(|(is_raised, hours_ago)| Act::Signal { is_raised, hours_ago }),
        1 => (1..6u32).prop_map(Act::SwitchOn),
        1 => (1..6u32).prop_map(Act::SwitchOff),
        4 => (1..30i64).prop_map(|hours| Act::Wait { hours }),
        2 => Just(Act::Lapse),
    ];
    proptest::collection::vec(act, 0..40)
}

/// Plain lists of what was said, with both times.
#[derive(Default)]
struct Naive {
    names: Vec<(Date, Timestamp, String)>,
    suppliers: Vec<(Date, Timestamp, String)>,
    items: Vec<(String, ReadinessState, Timestamp, Timestamp)>,
    pauses: Vec<NaivePause>,
    words: Vec<(Word, Timestamp)>,
    signals: Vec<(bool, Timestamp, Timestamp)>,
}

struct NaivePause {
    recorded_at: Timestamp,
    until: Option<Timestamp>,
    judged: Vec<(Timestamp, Timestamp)>,
    ended: Option<(Timestamp, Timestamp)>,
}

impl Naive {
    /// Does the act, and notes what it says.
    fn perform(&mut self, bench: &mut Bench, act: &Act) {
        let now = bench.now;
        let hours = |hours: i64| SignedDuration::from_hours(hours);
        let practice = code("A81001");
        match act {
            Act::Wait { hours: some } => bench.wait(hours(*some)),
            Act::Supplier { tpp, from_day } => {
                let mut moved = entry("A81001");
                moved.supplier = Some(if *tpp { "TPP" } else { "EMIS" }.parse().unwrap());
                moved.name = None;
                self.imported(bench, *from_day, moved);
            }
            Act::Name { letter, from_day } => {
                let mut named = entry("A81001");
                named.name = Some(format!("SURGERY {letter}"));
                named.supplier = None;
                self.imported(bench, *from_day, named);
            }
            Act::Pause { until_in_hours, by_default } => {
                let until = until_in_hours.map(|some| now + hours(some)).filter(|_| !by_default);
                let end = match (until, by_default) {
                    (Some(until), _) => PauseEnd::Until(until),
                    (None, true) => PauseEnd::ProgrammeDefault,
                    (None, false) => PauseEnd::FurtherNotice,
                };
                bench.done(&Command::PausePractice(PausePractice {
                    practice,
                    capability: None,
                    end,
                    placed: placed(),
                }));
                self.pauses.push(NaivePause { recorded_at: now, until, judged: Vec::new(), ended: None });
            }
            Act::Judge { pause, until_in_hours } => {
                let until = now + hours(*until_in_hours);
                let deferred_to = "programmes/autumn/waves/2".to_owned();
                let judgement = Judgement::InTime { deferred_to, until: Some(until) };
                let command = SetPauseOutcome { practice, pause: *pause, judgement, if_position: None };
                if bench.run(&Command::SetPauseOutcome(command)).is_ok_and(|events| !events.is_empty()) {
                    self.pauses[*pause as usize - 1].judged.push((now, until));
                }
            }
            Act::Resume => {
                let resume = ResumePractice { practice, pause: None, if_position: None };
                if bench.run(&Command::ResumePractice(resume)).is_ok() {
                    for pause in self.pauses.iter_mut().filter(|pause| pause.ended.is_none()) {
                        pause.ended = Some((now, now));
                    }
                }
            }
            Act::Readiness { dpia, state, expires_in_hours } => {
                let item = if *dpia { "dpia" } else { "staff-training" }.to_owned();
                let expires_at = expires_in_hours.map(|some| now + hours(some));
                let (evidence, owner, due_date) = (String::new(), String::new(), None);
                let said = ReadinessItem { item: item.clone(), state: *state, evidence, owner, due_date, expires_at };
                let update = UpdateReadiness { practice, items: vec![said], if_position: None };
                if !bench.done(&Command::UpdateReadiness(update)).is_empty() {
                    self.items.push((item, *state, now, now));
                }
            }
            Act::Observe { source, state, hours_ago } => {
                let as_at = now - hours(*hours_ago);
                let said = Observation { source: *source, as_at: Some(as_at), ..observation(*state) };
                if !bench.done(&Command::RecordObservations(vec![said])).is_empty() {
                    self.words.push((Word { source: *source, state: *state, as_at }, now));
                }
            }
            Act::Signal { is_raised, hours_ago } => {
                let as_at = now - hours(*hours_ago);
                let (capability, kind) = (Capability::default(), SignalKind::NoViewers);
                let (is_raised, evidence) = (*is_raised, String::new());
                let said = Signal { practice, capability, kind, is_raised, as_at: Some(as_at), evidence };
                if !bench.done(&Command::RecordSignals(vec![said])).is_empty() {
                    self.signals.push((is_raised, as_at, now));
                }
            }
            Act::SwitchOn(generation) => {
                if bench.acquire(&enable(*generation)).is_none() {
                    bench.settle(&enable(*generation), Outcome::Applied);
                    self.confirmed(bench, ObservedState::On);
                }
            }
            Act::SwitchOff(generation) => {
                if bench.acquire(&disable(*generation)).is_none() {
                    bench.settle(&disable(*generation), Outcome::Applied);
                    self.confirmed(bench, ObservedState::Off);
                }
            }
            Act::Lapse => {
                for event in bench.done(&Command::Lapse) {
                    self.lapsed(event, now);
                }
            }
        }
    }

    /// What the last settlement said.
    fn confirmed(&mut self, bench: &Bench, state: ObservedState) {
        let Some((Event::PermitsSettled { settlements }, _, _)) = bench.events.last() else { return };
        if let Some(observed) = settlements[0].observed {
            assert_eq!(observed.state, state);
            let source = ObservationSource::SupplierConfirmation;
            self.words.push((Word { source, state, as_at: observed.as_at }, bench.now));
        }
    }

    fn imported(&mut self, bench: &mut Bench, from_day: i8, said: practice::directory::DirectoryEntry) {
        let from = Date::new(2031, 6, from_day).unwrap();
        let Ok(events) = bench.run(&import(&from.to_string(), vec![said])) else { return };
        for event in events {
            let Event::DirectoryImported { practices, .. } = event else { panic!("an import imports") };
            for change in practices {
                self.names.extend(change.entry.name.map(|name| (from, bench.now, name)));
                let supplier = change.entry.supplier.map(|supplier| (from, bench.now, supplier.to_string()));
                self.suppliers.extend(supplier);
                for unknown in change.access_unknown {
                    let (source, state) = (ObservationSource::Directory, ObservedState::Unknown);
                    self.words.push((Word { source, state, as_at: unknown.as_at }, bench.now));
                }
            }
        }
    }

    fn lapsed(&mut self, event: Event, now: Timestamp) {
        let Event::Lapsed { lapses } = event else { panic!("a lapse lapses") };
        for lapse in lapses {
            match lapse.what {
                LapseOf::Pause(number) => self.pauses[number as usize - 1].ended = Some((lapse.effective_at, now)),
                LapseOf::Readiness(item) => {
                    self.items.push((item, ReadinessState::Expired, lapse.effective_at, now));
                }
                LapseOf::Opening
                | LapseOf::Closure
                | LapseOf::Succession
                | LapseOf::Advice(_)
                | LapseOf::Contact(_) => panic!("of {:?} nothing was said here", lapse.what),
            }
        }
    }

    /// What was true at one moment by what was known at another, in words.
    fn tells(&self, AsOf { effective_at, known_at }: AsOf) -> String {
        let held = |facts: &[(Date, Timestamp, String)]| {
            let mut held: Option<(Date, String)> = None;
            for (from, recorded_at, value) in facts {
                let applies = *from <= civil_date(effective_at) && *recorded_at <= known_at;
                if applies && held.as_ref().is_none_or(|(latest, _)| from >= latest) {
                    held = Some((*from, value.clone()));
                }
            }
            held.map(|(_, value)| value).unwrap_or_default()
        };
        let words: Vec<Word> = self
            .words
            .iter()
            .filter(|(word, recorded_at)| word.as_at <= effective_at && *recorded_at <= known_at)
            .map(|(word, _)| *word)
            .collect();
        let mut live_since = None;
        let mut moments: Vec<Timestamp> = words.iter().map(|word| word.as_at).collect();
        moments.sort_unstable();
        for moment in moments {
            let said: Vec<Word> = words.iter().filter(|word| word.as_at <= moment).copied().collect();
            let is_live = what_holds(&said) == Some(ObservedState::On);
            live_since = if is_live { live_since.or(Some(moment)) } else { None };
        }
        let mut text =
            format!("{}, {}, {:?} since {live_since:?}", held(&self.names), held(&self.suppliers), what_holds(&words));
        for (number, pause) in (1..).zip(&self.pauses) {
            let placed = pause.recorded_at <= effective_at && pause.recorded_at <= known_at;
            let ended = pause.ended.is_some_and(|(at, recorded)| at <= effective_at && recorded <= known_at);
            if placed && !ended {
                let given = |(recorded, _): &&(Timestamp, Timestamp)| *recorded <= effective_at.min(known_at);
                let judged = pause.judged.iter().rev().find(given).map(|(_, until)| *until);
                write!(text, "; pause {number} until {:?}", pause.until.or(judged)).unwrap();
            }
        }
        for item in ["dpia", "staff-training"] {
            let applies = |(of, _, effective, recorded): &&(String, ReadinessState, Timestamp, Timestamp)| {
                of == item && *effective <= effective_at && *recorded <= known_at
            };
            if let Some((_, state, _, _)) = self.items.iter().rev().find(applies) {
                write!(text, "; {item} {state:?}").unwrap();
            }
        }
        let mut raised: Option<(Timestamp, bool)> = None;
        for (is_raised, as_at, recorded_at) in &self.signals {
            let applies = *as_at <= effective_at && *recorded_at <= known_at;
            if applies && raised.is_none_or(|(latest, _)| *as_at >= latest) {
                raised = Some((*as_at, *is_raised));
            }
        }
        if raised.is_some_and(|(_, is_raised)| is_raised) {
            text.push_str("; nobody looks");
        }
        text
    }
}

/// The same words by the registry's own view.
fn view_tells(view: View<'_>) -> String {
    let capability = Capability::default();
    let mut text = format!(
        "{}, {}, {:?} since {:?}",
        view.name(),
        view.supplier().map(ToString::to_string).unwrap_or_default(),
        view.observed(&capability).map(|verdict| verdict.state),
        view.live_since(&capability)
    );
    for pause in view.pauses().filter(|pause| view.is_in_force(pause)) {
        write!(text, "; pause {} until {:?}", pause.number, view.until(pause)).unwrap();
    }
    for (item, _) in view.readiness() {
        write!(text, "; {} {:?}", item.item, item.state).unwrap();
    }
    for (SignalKind::NoViewers, _) in view.signals(&capability) {
        text.push_str("; nobody looks");
    }
    text
}

/// Everything that a view tells.
fn whole(view: View<'_>) -> String {
    let capability = Capability::default();
    let mut text = view_tells(view);
    write!(text, "; {:?} {:?} {:?}", view.status(), view.lifetime(), view.list_size()).unwrap();
    write!(text, "; {:?} {:?}", view.observed(&capability), view.standing(&capability)).unwrap();
    write!(text, "; {:?} {}", view.open_permits(&capability), view.generation_highest(&capability)).unwrap();
    for pause in view.pauses() {
        write!(text, "; {} {:?} {:?}", pause.number, view.judgement(pause), view.receipt(pause)).unwrap();
    }
    text
}

/// Every sixth hour from a day before the start to a moment after the end, and each of the given moments.
fn grid(end: Timestamp, moments: impl IntoIterator<Item = Timestamp>) -> Vec<Timestamp> {
    let start: Timestamp = START.parse().unwrap();
    let mut grid: Vec<Timestamp> = moments.into_iter().collect();
    let mut moment = start - SignedDuration::from_hours(24);
    while moment <= end + SignedDuration::from_hours(6) {
        grid.push(moment);
        moment += SignedDuration::from_hours(6);
    }
    grid
}

fn first_facts(bench: &Bench) -> Naive {
    let from = day("2031-06-01");
    Naive {
        names: vec![(from, bench.now, "SURGERY A81001".to_owned())],
        suppliers: vec![(from, bench.now, "EMIS".to_owned())],
        ..Naive::default()
    }
}

fn as_of(state: &State, as_of: AsOf) -> Option<View<'_>> {
    View::as_of(state.practice(code("A81001")).unwrap(), as_of)
}

proptest! {
    #[test]
    fn as_of_reads_agree_with_the_naive_model(acts in acts()) {
        let mut bench = Bench::new();
        let mut naive = first_facts(&bench);
        let mut told_at = Vec::new();
        for act in &acts {
            naive.perform(&mut bench, act);
            told_at.push(bench.now);
        }
        for &effective_at in &grid(bench.now, []) {
            for &known_at in &grid(bench.now, told_at.iter().copied()) {
                let moment = AsOf { effective_at, known_at };
                let told = as_of(&bench.state, moment).map(view_tells);
                let expected = (known_at >= START.parse().unwrap() && civil_date(effective_at) >= day("2031-06-01"))
                    .then(|| naive.tells(moment));
                prop_assert_eq!(told, expected, "{:?}", moment);
            }
        }
    }

    /// Facts are inserted, never rewritten: what was believed once can be read for ever as it was read then.
    #[test]
    fn what_was_believed_can_be_read_as_it_was_believed(acts in acts()) {
        let mut bench = Bench::new();
        let mut naive = first_facts(&bench);
        let mut believed: Vec<(Timestamp, State)> = vec![(bench.now, bench.state.clone())];
        for act in &acts {
            naive.perform(&mut bench, act);
            if believed.last().is_some_and(|(at, _)| *at == bench.now) {
                believed.pop();
            }
            believed.push((bench.now, bench.state.clone()));
        }
        for (known_at, then) in &believed {
            for &effective_at in &grid(bench.now, []) {
                let now = as_of(&bench.state, AsOf { effective_at, known_at: *known_at }).map(whole);
                let before = as_of(then, AsOf { effective_at, known_at: Timestamp::MAX }).map(whole);
                prop_assert_eq!(now, before);
            }
        }
    }
}
