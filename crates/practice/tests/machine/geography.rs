//! Organisations that move, and practices in the codes of a chosen day.

use jiff::{SignedDuration, Timestamp};
use practice::command::SetOrganisationLifetime;
use practice::directory::{Chunk, DirectoryEntry};
use practice::geography::Moves;
use practice::{
    AsOf, Codes, Command, Geography, OrganisationEntry, OrganisationKind, OrganisationLifetime, Rejection, View,
};
use proptest::prelude::*;

use crate::bench::{Bench, code, day};

/// One more of each than the acts below use: none of these is ever named by a practice of [`Bench::new`].
const SUB_ICBS: [&str; 3] = ["01A", "02B", "D9Y0V"];
const ICBS: [&str; 4] = ["QA1", "QB1", "Z9B2Z", "S1Y5D"];
const REGIONS: [&str; 2] = ["Y60", "Y61"];
const PRACTICES: [&str; 3] = ["B10001", "B10002", "B10003"];

fn organisation(code: &str, kind: OrganisationKind, name: &str, parent: &str) -> OrganisationEntry {
    OrganisationEntry { code: code.to_owned(), kind, name: name.to_owned(), parent: parent.to_owned() }
}

fn practice(code_of: &str, sub_icb: &str, icb: &str) -> DirectoryEntry {
    DirectoryEntry {
        name: Some(format!("SURGERY {code_of}")),
        sub_icb: (!sub_icb.is_empty()).then(|| sub_icb.parse().unwrap()),
        icb: (!icb.is_empty()).then(|| icb.parse().unwrap()),
        ..DirectoryEntry::new(code(code_of))
    }
}

fn tell(bench: &mut Bench, from: &str, practices: Vec<DirectoryEntry>, organisations: Vec<OrganisationEntry>) {
    let chunk = Chunk { source: "map".to_owned(), effective_from: day(from), practices, organisations, read: None };
    bench.done(&Command::ImportDirectory(chunk));
}

fn lifetime(organisation: &str, open: Option<&str>, close: Option<&str>) -> Command {
    Command::SetOrganisationLifetime(SetOrganisationLifetime {
        organisation: organisation.to_owned(),
        lifetime: OrganisationLifetime { open: open.map(day), close: close.map(day) },
        if_position: None,
    })
}

fn geography(bench: &Bench, practice: &str, on: &str) -> [String; 2] {
    let codes = Codes::of(&bench.state, day(on), Timestamp::MAX);
    let known = bench.state.practice(code(practice)).unwrap();
    let view = View::current(known).in_codes(&codes);
    [shown(view.sub_icb().as_ref()), shown(view.icb().as_ref())]
}

fn shown<T: AsRef<str>>(code: Option<&T>) -> String {
    code.map(|code| code.as_ref().to_owned()).unwrap_or_default()
}

/// Two practices of sub-ICB 01A in QA1 of Y60; in May 01A goes over to Z9B2Z, which only the first practice's file says.
fn reorganised() -> Bench {
    let mut bench = Bench::new();
    let icb = |code| organisation(code, OrganisationKind::Icb, "NHS ICB", "Y60");
    let sub_icb = |icb| organisation("01A", OrganisationKind::SubIcb, "01A", icb);
    let practices = vec![practice("B10001", "01A", "QA1"), practice("B10002", "01A", "QA1")];
    tell(&mut bench, "2031-01-01", practices, vec![icb("QA1"), sub_icb("QA1")]);
    tell(&mut bench, "2031-05-01", vec![practice("B10001", "01A", "Z9B2Z")], vec![icb("Z9B2Z"), sub_icb("Z9B2Z")]);
    bench
}

#[test]
fn a_practice_is_told_in_the_codes_of_before_and_of_after() {
    let bench = reorganised();
    assert_eq!(geography(&bench, "B10001", "2031-04-30"), ["01A", "QA1"]);
    assert_eq!(geography(&bench, "B10001", "2031-05-01"), ["01A", "Z9B2Z"]);
}

#[test]
fn a_practice_of_which_nothing_is_said_any_more_follows_its_sub_icb() {
    let bench = reorganised();
    let known = bench.state.practice(code("B10002")).unwrap();
    assert_eq!(View::current(known).icb().unwrap().as_str(), "QA1", "what was said of it stays what was said");
    assert_eq!(geography(&bench, "B10002", "2031-06-01"), ["01A", "Z9B2Z"]);
}

#[test]
fn a_practice_that_opened_later_is_told_where_it_would_have_been() {
    let mut bench = reorganised();
    let new = vec![practice("B10003", "01A", "Z9B2Z")];
    tell(&mut bench, "2031-06-01", new, vec![]);
    assert_eq!(geography(&bench, "B10003", "2031-02-01"), ["01A", "QA1"]);
    assert_eq!(geography(&bench, "B10003", "2030-02-01"), ["", ""], "01A was not there yet");
}

#[test]
fn the_other_facts_stay_as_the_read_says() {
    let mut bench = reorganised();
    let renamed = DirectoryEntry { name: Some("NEW SURGERY".to_owned()), ..practice("B10001", "", "") };
    tell(&mut bench, "2031-06-01", vec![renamed], vec![]);
    let known = bench.state.practice(code("B10001")).unwrap();
    let codes = Codes::of(&bench.state, day("2031-02-01"), Timestamp::MAX);
    let now = View::current(known).in_codes(&codes);
    assert_eq!((now.name(), now.icb().unwrap().as_str()), ("NEW SURGERY", "QA1"));
    let in_may = AsOf { effective_at: "2031-05-10T12:00:00Z".parse().unwrap(), known_at: bench.now };
    let then = View::as_of(known, in_may).unwrap();
    assert_eq!((then.name(), then.icb().unwrap().as_str()), ("SURGERY B10001", "Z9B2Z"));
    assert_eq!(then.in_codes(&codes).icb().unwrap().as_str(), "QA1");
}

#[test]
fn an_organisation_that_closed_is_followed_only_where_all_went_to_one() {
    let mut bench = Bench::new();
    let sub_icb = |code| organisation(code, OrganisationKind::SubIcb, code, "");
    let all = |sub_icb: [&str; 3]| -> Vec<DirectoryEntry> {
        PRACTICES.iter().zip(sub_icb).map(|(code, sub_icb)| practice(code, sub_icb, "")).collect()
    };
    tell(&mut bench, "2031-01-01", all(["01A", "01A", "01A"]), SUB_ICBS.map(sub_icb).to_vec());
    // The third says nothing any more: it closed while all were together.
    tell(&mut bench, "2031-05-01", all(["02B", "02B", ""]), vec![]);
    assert_eq!(geography(&bench, "B10003", "2031-06-01")[0], "01A", "nobody said that 01A is closed");
    bench.done(&lifetime("01A", None, Some("2031-05-01")));
    assert_eq!(geography(&bench, "B10003", "2031-06-01")[0], "02B");
    assert_eq!(geography(&bench, "B10003", "2031-04-30")[0], "01A");

    bench.wait(SignedDuration::from_secs(1));
    tell(&mut bench, "2031-05-01", vec![practice("B10001", "D9Y0V", "")], vec![]);
    assert_eq!(geography(&bench, "B10003", "2031-06-01")[0], "01A", "it was split, so which part cannot be told");
    let moves = Moves::up_to(&bench.state, day("2031-06-01"), Timestamp::MAX);
    let shares: Vec<_> = moves.successors("01A").unwrap().iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(shares, [("02B", 1), ("D9Y0V", 1)]);
    assert_eq!(moves.predecessors("02B").unwrap().keys().collect::<Vec<_>>(), ["01A"]);
    assert_eq!(Moves::up_to(&bench.state, day("2031-04-30"), Timestamp::MAX), Moves::default());
}

#[test]
fn organisations_that_succeed_each_other_in_a_circle_end_somewhere() {
    let mut bench = Bench::new();
    let sub_icb = |code| organisation(code, OrganisationKind::SubIcb, code, "");
    tell(&mut bench, "2031-01-01", vec![practice("B10001", "01A", "")], SUB_ICBS.map(sub_icb).to_vec());
    tell(&mut bench, "2031-02-01", vec![practice("B10001", "02B", "")], vec![]);
    tell(&mut bench, "2031-03-01", vec![practice("B10001", "01A", "")], vec![]);
    bench.done(&lifetime("01A", None, Some("2031-04-01")));
    bench.done(&lifetime("02B", None, Some("2031-04-01")));
    assert!(!geography(&bench, "B10001", "2031-05-01")[0].is_empty());
}

#[test]
fn a_source_that_gives_only_codes_leaves_the_name() {
    let mut bench = Bench::new();
    let icb = |name, parent| vec![organisation("QA1", OrganisationKind::Icb, name, parent)];
    tell(&mut bench, "2031-01-01", vec![], icb("NHS North", "Y60"));
    let before = bench.position();
    tell(&mut bench, "2031-02-01", vec![], icb("", "Y60"));
    assert_eq!(bench.position(), before, "nothing new was said");
    tell(&mut bench, "2031-03-01", vec![], icb("", "Y61"));
    let latest = bench.state.organisation("QA1").unwrap().latest();
    assert_eq!((latest.name.as_str(), latest.parent.as_str()), ("NHS North", "Y61"));
}

#[test]
fn an_organisation_opens_and_closes_when_somebody_says_so_and_the_past_stays_known() {
    let mut bench = reorganised();
    let told_at = bench.now;
    bench.wait(SignedDuration::from_hours(1));
    bench.done(&lifetime("QA1", Some("2020-04-01"), Some("2031-05-01")));
    assert!(bench.done(&lifetime("QA1", Some("2020-04-01"), Some("2031-05-01"))).is_empty());
    let known = bench.state.organisation("QA1").unwrap();
    assert!(known.is_closed(day("2031-05-01"), Timestamp::MAX) && !known.is_closed(day("2031-04-30"), Timestamp::MAX));
    assert!(!known.is_closed(day("2031-05-01"), told_at), "as was believed then");
    assert!(
        known.as_of(day("2025-01-01"), Timestamp::MAX).is_some() && known.as_of(day("2025-01-01"), told_at).is_none()
    );
    assert!(known.as_of(day("2020-03-31"), Timestamp::MAX).is_none());

    let refused = bench.run(&lifetime("QA1", Some("2031-05-01"), Some("2031-05-01")));
    let (open, close) = (day("2031-05-01"), day("2031-05-01"));
    assert_eq!(refused, Err(Rejection::ClosedBeforeOpened { open, close }));
    let unknown = bench.run(&lifetime("QZZ", None, None));
    assert_eq!(unknown, Err(Rejection::OrganisationUnknown { organisation: "QZZ".to_owned() }));
    let position = bench.state.organisation("QA1").unwrap().position;
    let Command::SetOrganisationLifetime(set) = lifetime("QA1", None, None) else { unreachable!() };
    let stale = Command::SetOrganisationLifetime(SetOrganisationLifetime { if_position: Some(position - 1), ..set });
    let (organisation, seen) = ("QA1".to_owned(), position - 1);
    assert_eq!(bench.run(&stale), Err(Rejection::OrganisationChanged { organisation, position, seen }));
}

/// Something that a source or a person says.
#[derive(Clone, Debug)]
enum Act {
    Practice { practice: usize, sub_icb: Option<usize>, icb: Option<usize>, from: i8 },
    SubIcb { code: usize, icb: usize, from: i8 },
    Icb { code: usize, region: usize, from: i8 },
    Close { sub_icb: usize, on: Option<i8> },
    Wait,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (sub_icbs, icbs) = (0..SUB_ICBS.len(), 0..ICBS.len());
    let practice =
        (0..PRACTICES.len(), proptest::option::of(sub_icbs.clone()), proptest::option::of(icbs.clone()), 1..28i8);
    let act = prop_oneof![
        6 => practice.prop_map(|(practice, sub_icb, icb, from)| Act::Practice { practice, sub_icb, icb, from }),
        4 => (sub_icbs.clone(), icbs.clone(), 1..28i8).prop_map(|(code, icb, from)| Act::SubIcb { code, icb, from }),
        2 => (icbs, 0..REGIONS.len(), 1..28i8).prop_map(|(code, region, from)| Act::Icb { code, region, from }),
        2 => (sub_icbs, proptest::option::of(1..28i8)).prop_map(|(sub_icb, on)| Act::Close { sub_icb, on }),
        2 => Just(Act::Wait),
    ];
    proptest::collection::vec(act, 0..40)
}

/// What was said, in the order of recording: of what (`B10001 icb`, `01A parent`, `01A close`), from which day, when, what.
#[derive(Default)]
struct Log(Vec<(String, i8, Timestamp, String)>);

impl Log {
    fn say(&mut self, subject: String, from: i8, now: Timestamp, value: &str) {
        // The registry records only news.
        if self.held(&subject, from, now).is_none_or(|(_, held)| held != value) {
            self.0.push((subject, from, now, value.to_owned()));
        }
    }

    /// What held on a day, and from when.
    fn held(&self, subject: &str, on: i8, known_at: Timestamp) -> Option<(i8, String)> {
        let said = self.0.iter().filter(|(of, from, at, _)| of == subject && *from <= on && *at <= known_at);
        let mut held: Option<(i8, String)> = None;
        for (_, from, _, value) in said {
            if held.as_ref().is_none_or(|(before, _)| from >= before) {
                held = Some((*from, value.clone()));
            }
        }
        held
    }

    fn close(&self, code: &str, known_at: Timestamp) -> Option<i8> {
        let subject = format!("{code} close");
        let said = self.0.iter().rev().find(|(of, _, at, _)| *of == subject && *at <= known_at);
        said.and_then(|(_, _, _, on)| on.parse().ok())
    }

    /// All that went straight from `code` to another sub-ICB up to a day.
    fn went_to(&self, code: &str, on: i8, known_at: Timestamp) -> Vec<String> {
        let mut to = Vec::new();
        for practice in PRACTICES {
            let subject = format!("{practice} sub");
            for today in 1..=on {
                let (before, after) = (self.held(&subject, today - 1, known_at), self.held(&subject, today, known_at));
                if let (Some((_, before)), Some((_, after))) = (before, after)
                    && before == code
                    && after != code
                {
                    to.push(after);
                }
            }
        }
        to.sort();
        to.dedup();
        to
    }

    fn sub_icb(&self, practice: &str, on: i8, known_at: Timestamp) -> Option<String> {
        let subject = format!("{practice} sub");
        let mut code = match self.held(&subject, on, known_at) {
            Some((_, code)) => code,
            None => {
                let (_, first) = (on..28).find_map(|later| self.held(&subject, later, known_at))?;
                self.held(&format!("{first} parent"), on, known_at)?;
                first
            }
        };
        for _ in 0..10 {
            let closed = self.close(&code, known_at).is_some_and(|close| close <= on);
            match self.went_to(&code, on, known_at).as_slice() {
                [only] if closed => code.clone_from(only),
                _ => break,
            }
        }
        Some(code)
    }
}

fn may(on: i8) -> jiff::civil::Date {
    jiff::civil::date(2031, 5, on)
}

fn perform(bench: &mut Bench, log: &mut Log, act: &Act) {
    let now = bench.now;
    let mut tell = |from: i8, practices, organisations| {
        let source = "map".to_owned();
        let chunk = Chunk { source, effective_from: may(from), practices, organisations, read: None };
        bench.done(&Command::ImportDirectory(chunk));
    };
    match act {
        Act::Practice { practice: number, sub_icb, icb, from } => {
            let (sub_icb, icb) = (sub_icb.map_or("", |code| SUB_ICBS[code]), icb.map_or("", |code| ICBS[code]));
            tell(*from, vec![practice(PRACTICES[*number], sub_icb, icb)], vec![]);
            for (attribute, value) in [("sub", sub_icb), ("icb", icb)] {
                if !value.is_empty() {
                    log.say(format!("{} {attribute}", PRACTICES[*number]), *from, now, value);
                }
            }
        }
        Act::SubIcb { code, icb, from } => {
            let entry = organisation(SUB_ICBS[*code], OrganisationKind::SubIcb, "", ICBS[*icb]);
            tell(*from, vec![], vec![entry]);
            log.say(format!("{} parent", SUB_ICBS[*code]), *from, now, ICBS[*icb]);
        }
        Act::Icb { code, region, from } => {
            let entry = organisation(ICBS[*code], OrganisationKind::Icb, "", REGIONS[*region]);
            tell(*from, vec![], vec![entry]);
            log.say(format!("{} parent", ICBS[*code]), *from, now, REGIONS[*region]);
        }
        Act::Close { sub_icb, on } => {
            let close = on.map(|on| may(on).to_string());
            let known = bench.run(&lifetime(SUB_ICBS[*sub_icb], None, close.as_deref())).is_ok();
            if known {
                let value = on.map(|on| on.to_string()).unwrap_or_default();
                log.0.push((format!("{} close", SUB_ICBS[*sub_icb]), 0, now, value));
            }
        }
        Act::Wait => bench.wait(SignedDuration::from_secs(1)),
    }
}

proptest! {
    /// Over any graph of organisations and any moves: what is read of any day, as known at any moment, is what a naive
    /// reading of everything that was said gives.
    #[test]
    fn organisations_and_geography_of_any_day_are_those_of_a_naive_model(acts in acts(), on in 1..28i8, ago in 0..4i64) {
        let (mut bench, mut log) = (Bench::new(), Log::default());
        for act in &acts {
            perform(&mut bench, &mut log, act);
        }
        let known_at = bench.now - SignedDuration::from_secs(ago);
        for code in SUB_ICBS.iter().chain(&ICBS) {
            let known = bench.state.organisation(code);
            let parent = known.and_then(|known| known.as_of(may(on), known_at)).map(|fact| fact.value.parent.clone());
            prop_assert_eq!(parent, log.held(&format!("{code} parent"), on, known_at).map(|(_, parent)| parent));
        }
        let codes = Codes::of(&bench.state, may(on), known_at);
        for practice in PRACTICES {
            let Some(known) = bench.state.practice(code(practice)) else { continue };
            let Geography { sub_icb, icb, .. } = codes.geography(known);
            let expected = log.sub_icb(practice, on, known_at);
            prop_assert_eq!(&shown(sub_icb.as_ref()), expected.as_deref().unwrap_or_default());
            // Where the sub-ICB is followed, when that was said is a matter of the successor's: the plain case is checked.
            let plain = log.held(&format!("{practice} sub"), on, known_at).map(|(_, code)| code) == expected;
            let own = log.held(&format!("{practice} icb"), on, known_at);
            let above = expected.and_then(|code| log.held(&format!("{code} parent"), on, known_at));
            if let (true, Some((own_from, own)), above) = (plain, own, above) {
                let expected = match above {
                    Some((above_from, above)) if above_from > own_from => above,
                    _ => own,
                };
                prop_assert_eq!(shown(icb.as_ref()), expected);
            }
        }
    }
}
