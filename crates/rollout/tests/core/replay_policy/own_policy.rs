//! Under its own policy the past is itself: random worlds, each recorded to its end and played again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;
use rollout::forecast::Scenario;
use rollout::replay::Policy;
use rollout::state::{Brake, ConcernAbout, EnrolmentState, HoldClass, HoldScope, Severity};
use rollout::{Act, HoldId, State, WaveId};

use super::{Past, played};
use crate::forecasts::same_as_step::{Dice, Stage};
use crate::world::{Behaviour, SPRING, World, bob, carol, code, moment, programme, supplier, wave};

const WORLDS_COUNT: u64 = 20;
/// A STOP there makes room for practices that it holds as well: once they were switched on before it in a replay.
const WORLD_OF_A_STOP: u64 = 176;
/// In the long tier.
const WORLDS_COUNT_LONG: u64 = 400;
const END: &str = "2031-08-15T00:00:00Z";

/// What people do in the course of a past, each at a moment of its own.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Hold,
    Stop,
    Lift,
    Concern,
    Reschedule,
    Replan,
    Revert,
}

fn deeds(dice: &Dice, since: Timestamp) -> BTreeMap<Timestamp, Deed> {
    let all = [Deed::Hold, Deed::Stop, Deed::Lift, Deed::Concern, Deed::Reschedule, Deed::Replan, Deed::Revert];
    let mut deeds = BTreeMap::new();
    for (number, deed) in (0..).zip(all) {
        if dice.happens(&format!("{deed:?}?"), 0.6) {
            let minutes = i64::try_from(dice.below(&format!("{deed:?}"), 40 * 24 * 60)).unwrap();
            // At odd seconds, when nothing else happens.
            let after = SignedDuration::from_mins(minutes) + SignedDuration::from_secs(7 + number);
            deeds.insert(since.checked_add(after).unwrap(), deed);
        }
    }
    deeds
}

/// People may be refused: that is part of the past.
fn perform(world: &mut World, dice: &Dice, deed: Deed, placed: &mut Vec<HoldId>) -> bool {
    match deed {
        Deed::Hold => {
            placed.push(world.hold(HoldScope::Icb("QHM".parse().unwrap()), HoldClass::Capacity, Brake::Hold));
            true
        }
        Deed::Stop => {
            placed.push(world.hold(HoldScope::Supplier(supplier("EMIS")), HoldClass::Supplier, Brake::Stop));
            true
        }
        Deed::Lift => {
            placed.iter().for_each(|hold| world.lift(*hold));
            !std::mem::take(placed).is_empty()
        }
        Deed::Concern => {
            let about = ConcernAbout::Practice(code(20));
            world.act(&bob(), Act::ReportConcern { severity: Severity::Minor, about }).is_ok()
        }
        Deed::Reschedule => {
            let wave = wave(4);
            let from = world.state.wave(&wave).unwrap().from.tomorrow().unwrap();
            world.act(&carol(), Act::RescheduleWave { wave, from }).is_ok()
        }
        Deed::Replan => {
            let document = dice.document().replace("objective", "title: Again\nobjective").replace("seed: ", "seed: 1");
            let is_planned = world.put_in_force(&document).is_ok();
            if is_planned {
                world.settle();
                world.tell_everybody();
            }
            is_planned
        }
        Deed::Revert => {
            let Some((_, key)) = world.effects.first().cloned() else { return false };
            let spring = world.state.programme(&programme()).unwrap();
            let wave = spring.wave_ref(spring.current_wave[&key.practice]);
            world.act(&carol(), Act::RevertPractice { wave, practice: key.practice }).is_ok()
        }
    }
}

/// Who is in which stage since when.
fn enrolled(state: &State) -> BTreeSet<(WaveId, PracticeCode, EnrolmentState, Timestamp)> {
    let waves = state.programme(&programme()).unwrap().waves.values();
    let said = waves.flat_map(|wave| {
        let each = wave.enrolments();
        each.map(|one| (wave.id.wave, one.practice, one.stage.state(), one.changed_at)).collect::<Vec<_>>()
    });
    said.collect()
}

#[test]
fn a_past_under_its_own_policy_is_itself_in_20_random_worlds() {
    let mut counts = BTreeMap::<&str, usize>::new();
    let is_long = std::env::var("CITIZENS_ACCESS_TEST_LONG").is_ok_and(|long| long == "1");
    let worlds = if is_long { 0..WORLDS_COUNT_LONG } else { 0..WORLDS_COUNT };
    let of_a_stop = Some(WORLD_OF_A_STOP).filter(|world| !worlds.contains(world));
    for number in worlds.chain(of_a_stop) {
        let dice = Dice { world: number };
        let mut world = dice.world();
        let begins_at = dice.begins_at();
        let fates = Scenario::new(&Arc::new(dice.model()), 11, 3, begins_at);
        for name in ["EMIS", "Medicus", "TPP"] {
            world.suppliers.insert(supplier(name), Behaviour::Drawn(Arc::new(fates.clone())));
        }
        world.run_until(&begins_at.to_string());
        let past = Past::beginning(&world);
        let on_before = world.count_on();
        let mut stage = Stage::new(world, &fates);
        let mut placed = Vec::new();
        for (at, deed) in deeds(&dice, begins_at) {
            while stage.go_on(at) {}
            stage.world.jump(at);
            stage.world.settle();
            let is_done = perform(&mut stage.world, &dice, deed, &mut placed);
            *counts.entry("deeds").or_default() += usize::from(is_done);
            *counts.entry("replans").or_default() += usize::from(is_done && matches!(deed, Deed::Replan));
        }
        placed.iter().for_each(|hold| stage.world.lift(*hold));
        while stage.go_on(moment(END)) {}
        let question = past.question(&stage.world, dice.model());
        let replayed = played(&question, &Policy::default());
        let spring = |state: &State| {
            let waves = state.programme(&programme()).unwrap().waves.values();
            let said = waves.map(|wave| {
                let gate = wave.gate.as_ref().map(|gate| (gate.at, gate.verdict, gate.evidence.live));
                (wave.id.wave, wave.stage, wave.changed_at, wave.fixed, gate)
            });
            said.collect::<Vec<_>>()
        };
        let context = format!("world {number}\n{}", dice.document());
        let (here, in_fact) = (enrolled(&replayed.state), enrolled(&stage.world.state));
        let differences: Vec<_> = here.symmetric_difference(&in_fact).collect();
        assert!(differences.is_empty(), "{differences:#?}\n{context}");
        assert_eq!(spring(&replayed.state), spring(&stage.world.state), "{context}");
        let comparison = question.compare(&replayed, &replayed);
        assert!(comparison.strayed.other_day.is_zero(), "{:?}\n{context}", comparison.strayed);
        let came_out = stage.came_out().live_at;
        for (practice, at) in &replayed.course.live_at {
            assert_eq!(came_out.get(practice), Some(at), "{practice} in {context}");
        }
        assert_eq!(replayed.assumed.modelled_count, 0, "{context}");
        assert_eq!(replayed.assumed.invitations_count, 0, "{context}");
        assert!(replayed.assumed.left_out.is_empty(), "{:?}\n{context}", replayed.assumed.left_out);
        *counts.entry("live").or_default() += replayed.course.live_at.len();
        *counts.entry("halts").or_default() += stage.judged.len();
        *counts.entry("before").or_default() += on_before;
    }
    // Else they would be equal because nothing happens in them.
    assert!(counts["live"] > 300 && counts["halts"] > 2 && counts["deeds"] > 30, "{counts:?}");
    assert!(counts["replans"] > 1, "{counts:?}");
}

#[test]
fn what_a_stop_calls_back_makes_room_after_it_and_not_before() {
    let few_at_once = SPRING.replace("caps:\n", "caps:\n  in_flight: {national: {practices: 3}}\n");
    let mut world = World::running(30, &few_at_once);
    for name in ["EMIS", "TPP"] {
        world.suppliers.insert(supplier(name), Behaviour::AppliesAfter(SignedDuration::from_hours(5)));
    }
    world.run_until("2031-05-02T12:00:00Z");
    let past = Past::beginning(&world);
    world.run_until("2031-05-06T08:24:08Z");
    let stop = world.hold(HoldScope::National, HoldClass::Supplier, Brake::Stop);
    world.run_until("2031-05-07T12:00:07Z");
    assert_eq!(
        world.count(1, EnrolmentState::NotApplied),
        3,
        "those under way were called back, and no others were sent"
    );
    world.lift(stop);
    world.run_until("2031-05-30T17:00:00Z");
    let replayed = played(&past.question(&world, Dice { world: 0 }.model()), &Policy::default());
    assert_eq!(enrolled(&replayed.state), enrolled(&world.state));
    assert_eq!(replayed.assumed.modelled_count, 0);
}
