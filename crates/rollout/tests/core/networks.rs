//! Primary care networks: practices that stay together, whatever suppliers they mix.

use rollout::plan::{Plan, PlannedWave, Unplaced};
use rollout::{PauseEnd, PracticeFacts};

use crate::world::{World, code, one_wave, practice};

/// Practices 1 to 4 of one network, 5 and 6 of another; 7 and 8 of none. Odd ones are TPP's, even ones EMIS's.
fn member(number: u32) -> PracticeFacts {
    let mut facts = practice(number);
    let pcn = match number {
        1..=4 => "U00001",
        5 | 6 => "U00002",
        _ => "U",
    };
    facts.pcn = pcn.parse().ok();
    facts
}

fn world() -> World {
    World::new((1..=8).map(member))
}

fn together(more: &str) -> String {
    one_wave(more).replace("seed: 7", "seed: 7\nkeep_together: pcns")
}

fn numbers(wave: &PlannedWave) -> Vec<u32> {
    let mut numbers: Vec<u32> =
        (1..=8).filter(|number| wave.members.iter().any(|one| one.practice == code(*number))).collect();
    numbers.sort_unstable();
    numbers
}

fn left_out(plan: &Plan, reason: &Unplaced) -> usize {
    plan.unplaced.iter().filter(|(one, _)| one == reason).map(|(_, practices)| practices.len()).sum()
}

const TWO_WAVES: &str =
    "    suppliers: [TPP]\n    take: by-capacity\n  - wave: 2\n    take: by-capacity\n    from: 2031-05-13";

#[test]
fn a_network_that_mixes_suppliers_waits_for_a_wave_with_both() {
    let plan = world().expand(&together(TWO_WAVES)).unwrap();
    // Those in no network have their own turn.
    assert_eq!(numbers(&plan.waves[0]), [7]);
    assert_eq!(numbers(&plan.waves[1]), [1, 2, 3, 4, 5, 6, 8]);
    assert_eq!(plan.pcns_apart(), []);
}

#[test]
fn networks_that_are_taken_apart_are_told_with_their_suppliers() {
    let plan = world().expand(&one_wave(TWO_WAVES)).unwrap();
    assert_eq!(numbers(&plan.waves[0]), [1, 3, 5, 7]);
    let said: Vec<String> = plan.pcns_apart().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["U00001 in waves/1 and waves/2, with EMIS and TPP", "U00002 in waves/1 and waves/2, with EMIS and TPP"]
    );
    assert!(plan.to_string().contains("networks in several waves: 2, of which 2 mix suppliers"), "{plan}");
}

#[test]
fn a_network_for_which_no_wave_is_whole_is_left_out_with_that_reason() {
    let plan = world().expand(&together("    suppliers: [TPP]")).unwrap();
    assert_eq!(numbers(&plan.waves[0]), [7]);
    assert_eq!(left_out(&plan, &Unplaced::PcnApart), 3);
    assert_eq!(left_out(&plan, &Unplaced::NoWave), 4);
}

#[test]
fn nobody_waits_for_a_practice_that_has_paused() {
    let mut world = world();
    world.pause(2, PauseEnd::FurtherNotice);
    world.pause(4, PauseEnd::Until(crate::world::moment("2031-09-01T00:00:00Z")));
    let plan = world.expand(&together("    suppliers: [TPP]")).unwrap();
    assert_eq!(numbers(&plan.waves[0]), [1, 3, 7]);
}

#[test]
fn a_wave_that_takes_so_many_takes_no_part_of_a_network() {
    let text = together("    take: {practices: 3}\n    order: code\n  - wave: 2\n    from: 2031-05-13");
    let plan = world().expand(&text).unwrap();
    assert_eq!(numbers(&plan.waves[0]), [5, 6, 7]);
    assert_eq!(numbers(&plan.waves[1]), [1, 2, 3, 4, 8]);
}

#[test]
fn a_network_of_which_one_finds_no_room_waits_whole_and_its_room_is_for_others() {
    let text =
        together("    take: by-capacity\n    order: code\n  - wave: 2\n    from: 2031-05-13\n    until: 2031-05-15");
    let text = text.replace("gate:", "caps: {daily: {suppliers: {TPP: {practices: 1}}}}\ngate:");
    let plan = world().expand(&text).unwrap();
    // The first network has two practices of TPP's; 7 is TPP's as well.
    assert_eq!(numbers(&plan.waves[0]), [5, 6, 8]);
    assert_eq!(numbers(&plan.waves[1]), [1, 2, 3, 4, 7]);
    assert_eq!(plan.unplaced, []);
}

/// Rule 12: who waits for nothing is told so. Two practices of TPP's and one a wave is never all of a network.
#[test]
fn a_network_that_no_wave_could_hold_is_said_to_be_too_large_and_not_that_the_waves_are_full() {
    let text =
        together("    take: by-capacity\n    order: code\n  - wave: 2\n    take: by-capacity\n    from: 2031-05-13");
    let text = text.replace("gate:", "caps: {daily: {suppliers: {TPP: {practices: 1}}}}\ngate:");
    let plan = world().expand(&text).unwrap();
    assert_eq!((numbers(&plan.waves[0]), numbers(&plan.waves[1])), (vec![5, 6, 8], vec![7]));
    assert_eq!(plan.unplaced, [(Unplaced::PcnTooLarge, (1..=4).map(code).collect())]);
    // One more day in a wave, and it has room for all of it.
    let longer = plan.spec.waves[1].from.tomorrow().unwrap();
    let longer =
        world().expand(&text.replace("from: 2031-05-13", &format!("from: 2031-05-13\n    until: {longer}"))).unwrap();
    assert_eq!(numbers(&longer.waves[1]), [1, 2, 3, 4]);
    assert_eq!(longer.unplaced, [(Unplaced::NoRoom, vec![code(7)])]);
}

#[test]
fn a_list_is_taken_as_it_is_written() {
    let plan = world().expand(&together("    practices: [A00001]\n  - wave: 2\n    from: 2031-05-13")).unwrap();
    assert_eq!((numbers(&plan.waves[0]), numbers(&plan.waves[1])), (vec![1], vec![2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(plan.pcns_apart().len(), 1);
}
