//! Two programmes for two capabilities over the same practices: a pause covers both, a judgement holds for both, and what
//! one has under way counts against the caps of the other (I4, I5, rules 4 and 8).

use jiff::SignedDuration;
use ods::Capability;
use rollout::effects::{pauses_to_tell, permits_to_acquire};
use rollout::plan::{PlacedBy, Unplaced};
use rollout::state::{CapScope, EnrolmentState, Load, PauseRef, Ruling};
use rollout::{Command, Direction, Fact, PauseEnd, ProgrammeId, Proposal, Target, WaveId, WaveRef, explain, step};

use crate::world::{Behaviour, World, code, moment, one_wave, practice, supplier, target, wave};

/// The same document for the historic records.
fn historic(text: &str) -> String {
    text.replace("name: spring", "name: summer\ncapability: capabilities/historic-records")
}

fn history_at(number: u32) -> Target {
    let capability: Capability = "capabilities/historic-records".parse().unwrap();
    Target { practice: code(number), capability }
}

fn summer(number: u32) -> WaveRef {
    WaveRef { programme: ProgrammeId::new("summer").unwrap(), wave: WaveId(number) }
}

fn both(practices_count: u32, spring: &str, summer: &str) -> World {
    let mut world = World::new((1..=practices_count).map(practice));
    world.put_in_force(spring).unwrap();
    world.put_in_force(&historic(summer)).unwrap();
    world.settle();
    world.tell_everybody();
    world.settle();
    world
}

/// Both switch everybody on on 6 May; TPP, whose practices have the odd numbers, takes three hours for it.
fn both_under_way() -> World {
    let mut world = both(12, &one_wave(""), &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(SignedDuration::from_hours(3)));
    world.run_until("2031-05-06T08:00:00Z");
    world
}

/// What took effect at a practice, as `ENABLE 1` of each capability in turn.
fn effects_at(world: &World, target: &Target) -> Vec<Direction> {
    let of_target = world.effects.iter().filter(|(_, key)| key.target() == *target);
    of_target.map(|(_, key)| key.direction).collect()
}

#[test]
fn i04_a_pause_of_all_capabilities_reverses_each_that_was_under_way() {
    let mut world = both_under_way();
    world.pause(1, PauseEnd::FurtherNotice);
    // A second pause waits for the same commands: still one switch-off of each.
    world.pause(1, PauseEnd::FurtherNotice);
    world.run_until("2031-05-06T20:00:00Z");
    for target in [target(code(1)), history_at(1)] {
        assert_eq!(effects_at(&world, &target), [Direction::Enable, Direction::Disable], "{target:?}");
    }
    let pauses = &world.registry.view.get(code(1)).unwrap().pauses;
    assert!(pauses.iter().all(|pause| pause.pending_on.is_empty()), "{pauses:?}");
    assert!(world.is_on(code(3)) && world.is_target_on(&history_at(3)));
}

#[test]
fn i04_a_pause_of_one_capability_leaves_the_other() {
    let mut world = both_under_way();
    let only = Some(history_at(1).capability);
    world.registry.pause_of(code(1), only, PauseEnd::FurtherNotice, world.now);
    world.run_until("2031-05-06T20:00:00Z");
    assert_eq!(effects_at(&world, &history_at(1)), [Direction::Enable, Direction::Disable]);
    assert_eq!(effects_at(&world, &target(code(1))), [Direction::Enable]);
}

/// Everybody on 6 May unless they object until `end`; who does goes on 3 June.
fn deferring(end: &str) -> String {
    let more = "    deferred_to: 2\n  - wave: 2\n    cohort: \"false\"\n    from: 2031-06-03\n    until: 2031-06-05";
    one_wave(&format!("    objections_until: {end}\n{more}"))
}

/// The first practice's first pause.
fn first_pause() -> PauseRef {
    PauseRef { practice: code(1), number: 1 }
}

fn is_paused(world: &World) -> bool {
    world.registry.view.get(code(1)).unwrap().pauses.iter().any(|pause| pause.in_force)
}

/// Rule 8: 17:00 is the end for the one programme and a second later for the other; the practice objects between.
#[test]
fn a_pause_that_was_late_for_one_programme_is_not_ended_by_another() {
    for summer_first in [false, true] {
        let mut world = both(12, &deferring("2031-04-30T17:00:00"), &deferring("2031-04-30T17:00:01"));
        world.run_until("2031-04-30T15:59:59Z");
        world.registry.pause(code(1), PauseEnd::ProgrammeDefault, moment("2031-04-30T16:00:01Z"));
        world.jump(moment("2031-04-30T16:00:02Z"));
        let mut commands = step(&world.state, &world.registry.view, world.now).0;
        let fixes = |command: &Command| matches!(command, Command::Propose(Proposal::FixWave { .. }));
        assert_eq!(commands.iter().filter(|command| fixes(command)).count(), 2);
        if summer_first {
            commands.reverse();
        }
        for command in &commands {
            world.submit(command).unwrap();
        }
        assert_eq!(world.state.judgements[&first_pause()].ruling, Ruling::Late, "summer first: {summer_first}");
        assert_eq!(pauses_to_tell(&world.state, 10).len(), 1);
        // Where the programme that it came in time for judges second, it goes to no later wave of that one either.
        let stage = world.state.wave(&summer(1)).unwrap().enrolment(code(1)).unwrap().stage.state();
        assert_eq!(stage, if summer_first { EnrolmentState::Deferred } else { EnrolmentState::Withdrawn });
        world.run_until("2031-06-30T12:00:00Z");
        assert!(is_paused(&world), "summer first: {summer_first}");
        assert!(!world.is_on(code(1)) && !world.is_target_on(&history_at(1)));
    }
}

/// What the one programme ends its pause by, another has found in time as well: each defers by its own plan.
#[test]
fn a_pause_in_time_for_both_programmes_defers_in_each() {
    let mut world = both(12, &deferring("2031-04-30T17:00:00"), &deferring("2031-04-30T18:00:00"));
    world.pause(1, PauseEnd::ProgrammeDefault);
    world.run_until("2031-05-06T12:00:00Z");
    assert!(is_paused(&world));
    for later in [wave(2), summer(2)] {
        let joined = world.state.wave(&later).unwrap().enrolment(code(1)).unwrap();
        assert_eq!(joined.stage.state(), EnrolmentState::Notified, "{later}");
    }
    assert_eq!(world.state.judgements[&first_pause()].wave, wave(1), "what stands was not replaced");
}

/// Waves of two programmes have the same numbers.
#[test]
fn a_pause_that_defers_to_one_programmes_wave_is_in_force_for_the_others() {
    // In spring, the practice is in a wave 2 of 20 May.
    let spring = one_wave("    cohort: practice.ods_code != \"A00001\"\n  - wave: 2\n    from: 2031-05-20");
    let mut world = both(12, &spring, &deferring("2031-04-30T17:00:00"));
    world.pause(1, PauseEnd::ProgrammeDefault);
    world.run_until("2031-05-01T12:00:00Z");
    let ruling = &world.state.judgements[&first_pause()];
    assert_eq!((&ruling.wave, &ruling.ruling), (&summer(1), &Ruling::InTime { deferred_to: WaveId(2), until: None }));
    // A plan made now does not put it there, and the members are settled without it (I7).
    let plan = world.expand(&spring).unwrap();
    assert!(plan.unplaced.iter().any(|(why, who)| *why == Unplaced::Paused && who.contains(&code(1))));
    assert!(plan.waves.iter().flat_map(|wave| &wave.members).all(|member| member.by != PlacedBy::Deferral));
    world.run_until("2031-05-20T12:00:00Z");
    assert_eq!(world.state.wave(&wave(2)).unwrap().fixed, Some(Load::default()));
    assert_eq!(world.enrolment(2, code(1)), EnrolmentState::Withdrawn);
}

/// How many practices of a supplier took effect on the civil day of a moment, of both capabilities.
fn count_on_day(world: &World, day: &str, name: &str) -> usize {
    let of_day = world.effects.iter().filter(|(at, _)| at.to_string().starts_with(day));
    of_day.filter(|(_, key)| world.registry.view.get(key.practice).unwrap().supplier == Some(supplier(name))).count()
}

/// The wave of `one_wave` in four days, as caps allow.
fn capped(caps: &str) -> String {
    one_wave("    until: 2031-05-09\n    take: by-capacity\n    order: code")
        .replace("gate:", &format!("caps: {caps}\ngate:"))
}

#[test]
fn i05_what_one_programme_sealed_counts_against_the_daily_caps_of_another() {
    let caps = "{daily: {each_supplier: {practices: 4}}}";
    let mut world = both(8, &capped(caps), &capped(caps));
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!((count_on_day(&world, "2031-05-06", "EMIS"), count_on_day(&world, "2031-05-06", "TPP")), (4, 4));
    // I25: who waits is told of the cap, although none of its own programme is sealed today.
    let waiting = explain(&world.state, &world.registry.view, &history_at(2), world.now);
    let said = format!("{:?}", waiting.blockers);
    assert!(said.contains("Full") && said.contains("EMIS"), "{said}");
    world.run_until("2031-05-07T17:00:00Z");
    assert_eq!((count_on_day(&world, "2031-05-07", "EMIS"), count_on_day(&world, "2031-05-07", "TPP")), (4, 4));
    assert!(world.is_target_on(&history_at(2)));
}

/// Slots are given by the caps of each; the seals of the one may use up the day before the other's permits come.
#[test]
fn i05_a_slot_is_not_sealed_into_a_day_that_another_programme_has_used_up() {
    let caps = |most: u32| capped(&format!("{{daily: {{national: {{practices: {most}}}}}}}"));
    for together in [false, true] {
        let mut world = both(12, &caps(5), &caps(8));
        world.run_until("2031-05-06T06:59:59Z");
        world.jump(moment("2031-05-06T07:00:00Z"));
        while permits_to_acquire(&world.state, 100).is_empty() {
            for command in step(&world.state, &world.registry.view, world.now).0 {
                world.submit(&command).unwrap();
            }
        }
        let mut keys = permits_to_acquire(&world.state, 100);
        assert_eq!(keys.len(), 8, "five of spring and three of summer");
        keys.sort_by_key(|key| key.capability == Capability::default());
        for keys in keys.chunks(if together { 8 } else { 3 }) {
            let answers = keys.iter().map(|key| (key.clone(), world.registry.acquire(key.clone()))).collect();
            world.learn(Fact::Permits { answers, registry_position: world.registry.view.position });
        }
        // The first three sealed are summer's; of spring's five two fit into its own cap.
        world.run_until("2031-05-06T17:00:00Z");
        let of_spring = world.effects.iter().filter(|(_, key)| key.capability == Capability::default()).count();
        assert!(of_spring <= 5 && world.effects.len() == 8, "{of_spring} of {}", world.effects.len());
    }
}

#[test]
fn i05_what_one_programme_has_under_way_counts_against_the_in_flight_caps_of_another() {
    let caps = "{in_flight: {each_icb: {practices: 3}}}";
    let mut world = both(12, &capped(caps), &capped(caps));
    for name in ["EMIS", "TPP"] {
        world.suppliers.insert(supplier(name), Behaviour::AppliesAfter(SignedDuration::from_mins(40)));
    }
    world.run_until("2031-05-06T07:10:00Z");
    for icb in ["QOC", "QHM"] {
        let scope = CapScope::Icb(icb.parse().unwrap());
        let under_way: u32 = world.state.programmes.values().map(|one| one.in_flight.of(&scope).practices).sum();
        assert_eq!(under_way, 3, "{scope}");
    }
    world.run_until("2031-05-09T17:00:00Z");
    assert!((1..=12).all(|number| world.is_on(code(number)) && world.is_target_on(&history_at(number))));
}

/// A document binds what it plans; nobody who approved the other has agreed to its caps.
#[test]
fn a_programmes_caps_bind_no_other_programme() {
    let mut world = both(8, &capped("{daily: {each_supplier: {practices: 1}}}"), &one_wave(""));
    world.run_until("2031-05-06T17:00:00Z");
    assert!((1..=8).all(|number| world.is_target_on(&history_at(number))));
}
