//! What a wave's figures are shares of: settled with its members, whatever becomes of lists afterwards (I7).

use jiff::civil::date;
use rollout::state::{CapScope, Load, State, Verdict, WaveStage};
use rollout::{Event, PracticeFigures, apply, step};

use super::{Measured, VIEWED, gate, gated, measured, returned};
use crate::world::{World, code, moment, programme, wave};

const PRACTICES_COUNT: u32 = 20;

/// A world whose wave is FIXED, with its settled load; since then every list has become three times as long.
fn grown(conditions: &str) -> (World, Load) {
    let mut world = World::running(PRACTICES_COUNT, &gated(conditions));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    while world.stage(1) != WaveStage::Fixed {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    (1..=PRACTICES_COUNT).for_each(|number| world.registry.change(code(number), |facts| facts.list_size *= 3));
    let settled = world.state.wave(&wave(1)).unwrap().fixed.unwrap();
    (world, settled)
}

/// Of the patients that were settled more than a tenth are kept out; of three times as many they would be fewer.
#[test]
fn i07_denominators_stay_as_they_were_settled_whatever_lists_become() {
    let (mut world, settled) = grown("exclusions: {max_share: 0.1}");
    for enrolment in world.state.wave(&wave(1)).unwrap().enrolments() {
        let excluded = u64::from(enrolment.list_size) / 6;
        let said = PracticeFigures { returned: returned(excluded), ..VIEWED };
        world.statistics.of.insert(enrolment.practice, said);
    }
    world.run_until("2031-05-08T12:00:00Z");
    let [(Verdict::Fail, Measured::Exclusions { patients, without_return: 0, .. })] = measured(&world)[..] else {
        panic!("{:?}", measured(&world))
    };
    assert_eq!((patients, gate(&world).figures.unwrap().patients), (settled.patients, settled.patients));
    assert_eq!(world.state.wave(&wave(1)).unwrap().load(), settled);
    assert_eq!(world.folded(), world.state);
}

/// Rule 4: a slot counts the patients there are, not those there were.
#[test]
fn caps_count_the_patients_of_the_day() {
    let (mut world, settled) = grown("exclusions: {max_share: 0.1}");
    world.run_until("2031-05-06T12:00:00Z");
    let today = world.state.programme(&programme()).unwrap().daily[&date(2031, 5, 6)].of(&CapScope::National);
    assert_eq!(today, Load { practices: settled.practices, patients: 3 * settled.patients });
}

/// Slots that were given before they said so name one number: the state is what it was (I20).
#[test]
fn a_journal_of_slots_with_one_number_folds_as_it_did() {
    let (mut world, settled) = grown("exclusions: {max_share: 0.1}");
    world.run_until("2031-05-06T12:00:00Z");
    let mut state = State::default();
    for (position, (at, event)) in (1..).zip(&world.history) {
        let mut event = event.clone();
        if let Event::Admitted { admissions, .. } = &mut event {
            admissions.iter_mut().for_each(|one| one.settled_list_size = None);
        }
        let text = serde_json::to_string(&event).unwrap();
        assert!(!text.contains("settled_list_size"));
        apply(&mut state, &serde_json::from_str(&text).unwrap(), position, *at);
    }
    assert_eq!(state.wave(&wave(1)).unwrap().load().patients, 3 * settled.patients);
}
