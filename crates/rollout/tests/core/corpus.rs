//! Every shape of event ever written folds to the state it made when it was written (I20), and every state of the shape that
//! snapshots have today reads as that fold.
//!
//! The files are never edited: a new shape is a new generation of files. `CORPUS_WRITE=1` writes those of the newest generation
//! from the stories below, where they are not there yet. Generation 1 is what was written before members stood in
//! columns and before a slot said what its practice was settled with. `sent` was put into `ended` by hand, since this small world
//! calls suppliers without saying so first. Where a state can no longer be read, snapshots have
//! another shape: raise the service's `STATE_SHAPE`, so that those of before are passed over, and write a new generation.

#[path = "../../../../tests/corpora/what_was.rs"]
mod what_was;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use rollout::dispatch::DispatchOutcome;
use rollout::effects::permits_to_acquire;
use rollout::state::{Brake, Carrier, ClinicalReason, ConcernAbout, HoldClass, HoldScope, Severity, Trouble, Verdict};
use rollout::{Act, Event, Fact, Observed, PauseEnd, PermitAnswer, State, apply, step};
use serde_json::Value;

use self::what_was::what_was;
use crate::dispatches::{hear, send};
use crate::world::{
    Behaviour, World, alice, bob, calendar, carol, code, moment, one_wave, practice, programme, supplier, wave,
};

/// The newest generation.
const NEWEST: u32 = 2;

/// The stories of each generation, by name.
const STORIES: [(u32, &[&str]); 2] =
    [(1, &["judged", "braked"]), (2, &["told", "judged", "braked", "deferred", "undone", "ended"])];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

fn files(generation: u32, story: &str) -> [PathBuf; 2] {
    [path(&format!("{generation}-{story}.events.jsonl")), path(&format!("{generation}-{story}.state.json"))]
}

fn read(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fold(lines: &str) -> State {
    let mut state = State::default();
    for (position, line) in (1..).zip(lines.lines()) {
        let (recorded_at, event): (Timestamp, Event) = serde_json::from_str(line).unwrap();
        apply(&mut state, &event, position, recorded_at);
    }
    state
}

fn write(generation: u32, story: &str) {
    let [events, state] = files(generation, story);
    if generation == NEWEST && !events.exists() {
        let line = |one: &(Timestamp, Event)| serde_json::to_string(one).unwrap() + "\n";
        fs::write(&events, told(story).history.iter().map(line).collect::<String>()).unwrap();
    }
    if !state.exists() {
        fs::write(state, serde_json::to_string(&fold(&read(&events))).unwrap() + "\n").unwrap();
    }
}

#[test]
fn i20_every_event_ever_written_folds_to_the_state_it_made() {
    for (generation, stories) in STORIES.into_iter().rev() {
        for story in stories {
            if std::env::var_os("CORPUS_WRITE").is_some() {
                write(generation, story);
            }
            let [events, state] = files(generation, story);
            let folded = fold(&read(&events));
            let made: Value = serde_json::from_str(&read(&state)).unwrap();
            let now = serde_json::to_value(&folded).unwrap();
            assert_eq!(what_was(&now, &made), made, "{story} of generation {generation}");
            if generation == NEWEST {
                assert_eq!(now, made, "{story}: what is written now differs from the newest generation");
            }
        }
    }
}

/// A snapshot is a state as it is written.
#[test]
fn i20_a_state_that_was_written_reads_as_the_fold_of_its_journal() {
    for (generation, stories) in STORIES {
        for story in stories {
            let [events, state] = files(generation, story);
            let was: Result<State, _> = serde_json::from_str(&read(&state));
            let was = was.unwrap_or_else(|error| panic!("{story} of generation {generation}, see above: {error}"));
            assert_eq!(was, fold(&read(&events)), "{story} of generation {generation}");
        }
    }
}

/// By the code itself, so that nobody adds a kind and forgets it here.
#[test]
fn the_newest_generation_has_every_kind_of_event() {
    let code = include_str!("../../src/event.rs");
    let kinds: BTreeSet<&str> =
        code.lines().filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\",")).collect();
    assert!(kinds.len() > 50, "{kinds:?}");
    let (_, stories) = STORIES[STORIES.len() - 1];
    let lines: String = stories.iter().map(|story| read(&files(NEWEST, story)[0])).collect();
    let missing: Vec<_> = kinds.iter().filter(|kind| !lines.contains(&format!("{{\"event\":\"{kind}\""))).collect();
    assert!(missing.is_empty(), "{missing:?} are in no file");
}

/// The first generation is of other shapes, or it would show nothing.
#[test]
fn the_first_generation_has_members_in_rows_and_slots_with_one_number() {
    let lines: String = STORIES[0].1.iter().map(|story| read(&files(1, story)[0])).collect();
    assert!(lines.contains("\"members\":[{\"practice\":") && !lines.contains("\"members\":{"));
    assert!(!lines.contains("settled_list_size"));
    let newest: String = STORIES[1].1.iter().map(|story| read(&files(2, story)[0])).collect();
    assert!(newest.contains("\"members\":{") && newest.contains("settled_list_size"));
}

fn told(story: &str) -> World {
    match story {
        "told" => notices(),
        "judged" => judged(),
        "braked" => braked(),
        "deferred" => deferred(),
        "undone" => undone(),
        "ended" => ended(),
        other => panic!("{other} is no story"),
    }
}

/// Notices that arrive, fail, have nowhere to go, and are tried again.
fn notices() -> World {
    let mut world = World::new((1..=6).map(practice));
    world.put_in_force(&one_wave("    until: 2031-05-08")).unwrap();
    world.settle();
    let given = send(&mut world, 1, 1, Carrier::Notify).unwrap();
    hear(&mut world, &given, DispatchOutcome::Taken { id: "n-1".to_owned() });
    let at = world.now;
    hear(&mut world, &given, DispatchOutcome::Delivered { at });
    let wrong = send(&mut world, 2, 1, Carrier::Smtp).unwrap();
    hear(&mut world, &wrong, DispatchOutcome::Failed { trouble: Trouble::WrongAddress });
    let posted = send(&mut world, 3, 1, Carrier::Files).unwrap();
    hear(&mut world, &posted, DispatchOutcome::HandedOver { at });
    world.learn(Fact::NoticesUnaddressed { wave: wave(1), practices: vec![code(4), code(5)] });
    world.act(&alice(), Act::RetryNotices { wave: wave(1), practices: vec![code(2), code(4)] }).unwrap();
    world.learn(Fact::NoticesReturned { wave: wave(1), practices: vec![code(3)] });
    world.run_until("2031-05-30T12:00:00Z");
    world
}

/// A gate with every condition, which fails; the programme's own readiness items; a version that is turned down.
fn judged() -> World {
    let conditions =
        "72h, exclusions: {max_share: 0.1}, viewers: {min_share: 0.8}, concerns: {major: 0}, hook: clinical-review}";
    let own = "readiness:\n  imaging-review: {required: false, title: Images, description: Looked through.}\ngate:";
    let text = one_wave("").replace("72h}", conditions).replace("gate:", own);
    let mut world = World::running(6, &text);
    world.submit_plan(&text.replace("seed: 7", "seed: 8")).unwrap();
    let version = world.state.programme(&programme()).unwrap().plans.keys().next_back().copied().unwrap();
    world.act(&bob(), Act::RejectPlan { programme: programme(), version }).unwrap();
    world.run_until("2031-05-06T06:59:59Z");
    (1..=6).for_each(|number| world.registry.change(code(number), |facts| facts.list_size += 100 * number));
    world.hook = Some(Verdict::Inconclusive);
    world.run_until("2031-05-07T08:00:00Z");
    let concern = Act::ReportConcern { severity: Severity::Major, about: ConcernAbout::Wave(wave(1)) };
    world.act(&alice(), concern).unwrap();
    world.run_until("2031-05-07T12:00:00Z");
    let halt = world.state.active_holds().next().expect("the gate failed").id;
    world.act(&bob(), Act::DecideGate { wave: wave(1), verdict: Verdict::Pass }).unwrap();
    world.act(&carol(), Act::AcknowledgeHalt { hold: halt }).unwrap();
    world.lift(halt);
    world.settle();
    world
}

/// A hold voids what is queued, a permit comes too late, a STOP asks to cancel what was sent, two people lift it; one practice
/// pauses with its permit open, one supplier loses its replies, another refuses.
fn braked() -> World {
    let mut world = World::running(6, &one_wave(""));
    world.run_until("2031-05-06T06:59:59Z");
    (1..=6).for_each(|number| world.registry.change(code(number), |facts| facts.list_size += 1));
    world.jump(moment("2031-05-06T07:00:00Z"));
    while permits_to_acquire(&world.state, 10).is_empty() {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    let keys = permits_to_acquire(&world.state, 10);
    let hold = world.hold(HoldScope::National, HoldClass::Capacity, Brake::Hold);
    let answers: BTreeMap<_, _> = keys.into_iter().map(|key| (key, PermitAnswer::Granted)).collect();
    world.learn(Fact::Permits { answers, registry_position: world.registry.view.position });
    world.settle();
    world.lift(hold);
    world.suppliers.insert(supplier("EMIS"), Behaviour::AppliesAfter(jiff::SignedDuration::from_hours(2)));
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.settle();
    world.pause(2, PauseEnd::FurtherNotice);
    let stop = world.hold(HoldScope::Practice(code(4)), HoldClass::Safety, Brake::Stop);
    world.run_until("2031-05-06T12:00:00Z");
    world.act(&bob(), Act::LiftHold { hold: stop, etag: None }).unwrap();
    let etag = Some(world.state.holds[&stop].changed_at_position);
    world.act(&alice(), Act::LiftHold { hold: stop, etag }).unwrap();
    world.suppliers.insert(supplier("EMIS"), Behaviour::LosesReplies);
    world.run_until("2031-05-08T12:00:00Z");
    world
}

/// Objections in time and late; the later wave is moved, and then cancelled.
fn deferred() -> World {
    let text = one_wave(
        "    objections_until: 2031-04-30T17:00\n    deferred_to: 2\n  - wave: 2\n    cohort: \"false\"\n    from: 2031-06-03\n    \
         until: 2031-06-05",
    );
    let mut world = World::running(6, &text);
    let end = moment("2031-04-30T16:00:00Z");
    world.registry.pause(code(1), PauseEnd::ProgrammeDefault, end);
    world.registry.pause(code(2), PauseEnd::ProgrammeDefault, moment("2031-04-30T16:00:01Z"));
    world.run_until("2031-05-06T12:00:00Z");
    world.act(&alice(), Act::RescheduleWave { wave: wave(2), from: jiff::civil::date(2031, 6, 4) }).unwrap();
    world.run_until("2031-05-20T12:00:00Z");
    world.act(&alice(), Act::CancelWave { wave: wave(2) }).unwrap();
    world.settle();
    world
}

/// One practice is reverted, the rest of its wave is unwound by two; then the programme is cancelled.
fn undone() -> World {
    let mut world = World::running(6, &one_wave(""));
    world.run_until("2031-05-06T12:00:00Z");
    world.act(&carol(), Act::RevertPractice { wave: wave(1), practice: code(1) }).unwrap();
    world.settle();
    let unwind = |etag| Act::UnwindWave { wave: wave(1), reason: ClinicalReason::InformationDisclosed, etag };
    world.act(&carol(), unwind(None)).unwrap();
    let asked_at = world.state.wave(&wave(1)).unwrap().unwinding.as_ref().unwrap().asked_at_position;
    world.act(&bob(), unwind(Some(asked_at))).unwrap();
    world.settle();
    world.act(&alice(), Act::CancelProgramme { programme: programme() }).unwrap();
    world
}

/// Everybody is on, and the programme is over; the calendar is replaced meanwhile.
fn ended() -> World {
    let mut world = World::running(6, &one_wave(""));
    world.act(&alice(), Act::UpdateCalendar { calendar: calendar() }).unwrap();
    world.run_until("2031-05-06T12:00:00Z");
    world.observe(1, Observed::On);
    world.run_until("2031-05-08T12:00:00Z");
    world
}
