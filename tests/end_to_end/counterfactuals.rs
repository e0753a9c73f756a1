//! Had the world been another: the figures come from programme, calendar, pauses and suppliers, and from nothing else.
//!
//! Each world is the golden replay with a part changed, at a few hundred practices.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Value, json};
use supplier_simulator::{Direction, Entry, read_log};
use tempfile::TempDir;

use crate::harness::demo::Demo;
use crate::harness::replay::{Replay, does};

const PRACTICES_COUNT: i64 = 240;
/// As many as the programme speaks of.
const ENGLAND_COUNT: i64 = 6_129;
/// So many of the golden replay's practices pause before the big wave, and 1 in 50 is refused by its supplier.
const NEARLY_EVERY: f64 = 0.93;

/// What a world came to.
struct Came {
    report: Value,
    /// Practices that are on at the end, in the suppliers' own log.
    on: BTreeSet<String>,
}

impl Came {
    fn live(&self) -> i64 {
        self.report["practices_live"].as_i64().expect("a number")
    }
}

fn play(replay: &Replay, until: &str, options: &[(&str, &str)]) -> Came {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let files = replay.write(folder.path());
    let demo = Demo::until(until).replay(&files).option("--data", &data);
    let demo = demo.option("--practices-count", PRACTICES_COUNT.to_string());
    let demo = options.iter().fold(demo, |demo, (name, value)| demo.option(name, value));
    let report = demo.report();
    let log = read_log(&data.join("suppliers.jsonl")).expect("the suppliers' log is whole");
    let mut on = BTreeSet::new();
    for effect in log.iter().filter_map(Entry::effect) {
        let practice = effect.practice.to_string();
        let _ = if effect.direction == Direction::Enable { on.insert(practice) } else { on.remove(&practice) };
    }
    let came = Came { report, on };
    assert_eq!(came.live(), i64::try_from(came.on.len()).expect("few"), "live is what the suppliers have switched on");
    came
}

/// The golden replay with suppliers that refuse nobody: so that counts are exact.
fn with_willing_suppliers() -> Replay {
    let mut replay = Replay::golden();
    for supplier in replay.world["suppliers"].as_array_mut().expect("suppliers") {
        supplier["refused_share"] = json!(0.0);
    }
    replay
}

/// Sets the daily cap of the nation in the document of December, so that this England's is `practices` a day: the demo
/// gives a smaller England a programme of the same proportions, rounded up.
fn with_december_cap(mut replay: Replay, practices: i64) -> Replay {
    let cap = &mut replay.programme[2]["caps"]["daily"]["national"]["practices"];
    assert!(cap.is_u64(), "the December document has a national cap");
    *cap = json!(practices * ENGLAND_COUNT / PRACTICES_COUNT);
    replay
}

const DECEMBER: &str = "2022-12-14";
/// Working days from the phased start to [`DECEMBER`], both included.
const DECEMBER_DAYS: i64 = 6;
const DECEMBER_CAP: i64 = 12;
/// More than there are.
const NO_CAP: i64 = PRACTICES_COUNT * 2;

/// December at a cap that this small England does not use up.
fn december() -> &'static Came {
    static CAME: OnceLock<Came> = OnceLock::new();
    CAME.get_or_init(|| play(&with_december_cap(with_willing_suppliers(), DECEMBER_CAP), DECEMBER, &[]))
}

#[test]
fn with_refusals_and_halts_nearly_nobody_is_live_on_the_first_day_and_without_them_nearly_everybody() {
    const FIRST_DAY: &str = "2022-11-01";
    let as_it_was = play(&Replay::golden(), FIRST_DAY, &[]);
    assert!(as_it_was.live() < PRACTICES_COUNT / 20, "both suppliers refuse: {}", as_it_was.report);
    let without = Replay::golden().without("refusals and halts", |event| does(event, "place-hold"));
    let without = without.without("lifting what is not there", |event| does(event, "lift-hold"));
    let without = play(&without, FIRST_DAY, &[]);
    assert!(without.live() as f64 > NEARLY_EVERY * PRACTICES_COUNT as f64, "{}", without.report);
    assert!(without.live() < PRACTICES_COUNT, "the paused ones are not: {}", without.report);
}

#[test]
fn i4_a_pause_one_microsecond_after_the_hour_changes_that_practice_and_no_other() {
    // The suppliers relent before the wave of 7 November, and nobody halts those who asked: then whoever asked in time
    // goes live on 30 November, and whoever asked late does not.
    let asked_at = |moment: &str| {
        let mut replay = with_willing_suppliers();
        let relents = |event: &Value, at: &str| does(event, "lift-hold") && at < "2023";
        let last = |event: &Value| event["at"].as_str().is_some_and(|at| at > "2022-11-29" && !relents(event, at));
        replay = replay.without("what follows", last);
        for event in replay.events() {
            if does(event, "lift-hold") {
                event["at"] = json!("2022-11-05T12:00");
            }
            if event["does"]["pause"]["who"]["practices"] == json!(["A81001"]) {
                event["at"] = json!(moment);
            }
        }
        play(&replay, "2022-12-02", &[])
    };
    let (in_time, late) = (asked_at("2022-11-04T17:00:00"), asked_at("2022-11-04T17:00:00.000001"));
    assert!(in_time.live() > PRACTICES_COUNT / 2, "{}", in_time.report);
    let difference: Vec<&String> = in_time.on.symmetric_difference(&late.on).collect();
    assert_eq!(difference, ["A81001"]);
    assert!(in_time.on.contains("A81001"), "whoever asked in time was only deferred");
    assert_eq!(in_time.live(), late.live() + 1);
}

#[test]
fn half_the_cap_gives_half_the_practices() {
    let half = play(&with_december_cap(with_willing_suppliers(), DECEMBER_CAP / 2), DECEMBER, &[]);
    assert_eq!(december().live(), DECEMBER_CAP * DECEMBER_DAYS, "{}", december().report);
    assert_eq!(half.live() * 2, december().live(), "{}", half.report);
}

#[test]
fn without_online_accounts_nobody_has_access_and_the_same_practices_are_live() {
    let mut replay = with_december_cap(with_willing_suppliers(), DECEMBER_CAP);
    replay.world["uptake"]["min"] = json!(0.0);
    replay.world["uptake"]["max"] = json!(0.0);
    let nobody = play(&replay, DECEMBER, &[]);
    assert!(december().report["patients_with_access"].as_i64().is_some_and(|patients| patients > 0));
    assert_eq!(nobody.report["patients_with_access"], 0, "{}", nobody.report);
    assert_eq!(nobody.report["viewers"], 0, "{}", nobody.report);
    assert_eq!(nobody.on, december().on);
}

#[test]
fn with_another_mix_of_suppliers_the_figures_follow_the_one_that_takes_part() {
    // TPP never relents, and no cap binds: who is live is EMIS's share of those who did not ask to wait.
    let mut replay = with_december_cap(with_willing_suppliers(), NO_CAP);
    replay = replay.without("TPP relents", |event| event["id"] == "tpp-resumes");
    let live = |mix: &str| play(&replay, DECEMBER, &[("--supplier-mix", mix)]).live();
    let (third, two_thirds) = (live("EMIS=1,TPP=2"), live("EMIS=2,TPP=1"));
    let ratio = two_thirds as f64 / third as f64;
    assert!(third > PRACTICES_COUNT / 10 && (1.6..2.5).contains(&ratio), "{third} and {two_thirds}");
}
