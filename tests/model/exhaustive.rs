//! Every state of two practices and two schedulers, and in the long tier of three and three.

use std::sync::LazyLock;

use crate::explore::{Explored, explore, is_long};
use crate::model::Bounds;
use crate::mutation::Mutation;
use crate::properties::name;

/// A pause, of either practice, and nothing else that anybody does.
const PAUSED: Bounds =
    Bounds { schedulers: 1, pauses: 1, resumes: 0, holds: 0, lifts: 0, faults: 0, generation_admitted_max: 1 };

/// One scheduler takes over from another, and a call is lost, late or doubled.
const TAKEN_OVER: Bounds = Bounds { schedulers: 2, faults: 1, ..PAUSED };

/// One scheduler takes over from another, and somebody brakes.
const TAKEN_OVER_AND_HELD: Bounds = Bounds { schedulers: 2, holds: 1, ..PAUSED };

/// Pause and hold come and go.
const HELD_AND_LIFTED: Bounds = Bounds { resumes: 1, holds: 1, lifts: 1, ..PAUSED };

/// All of that at once: for one practice, and in the long tier for two.
const ALL: Bounds = Bounds { schedulers: 2, resumes: 1, holds: 1, lifts: 1, faults: 1, ..PAUSED };

/// Three schedulers, for three practices, in the long tier.
const TAKEN_OVER_TWICE: Bounds = Bounds { schedulers: 3, ..PAUSED };

/// Two practices and two schedulers.
static EXPLORED: LazyLock<Explored> = LazyLock::new(|| {
    let explored = explore::<2>(TAKEN_OVER, Mutation::Nothing);
    let explored = explored.and(explore::<2>(TAKEN_OVER_AND_HELD, Mutation::Nothing));
    let explored = explored.and(explore::<2>(HELD_AND_LIFTED, Mutation::Nothing));
    if is_long() { explored.and(explore::<2>(ALL, Mutation::Nothing)) } else { explored }
});

#[test]
fn the_model_comes_to_everything_that_it_is_about() {
    EXPLORED.assert_telling();
}

#[test]
fn i01_no_practice_is_switched_on_twice_and_no_two_permits_meet() {
    EXPLORED.assert_everywhere(&[name::SWITCHED_ON_ONCE, name::ONE_PERMIT, name::NEWER_DECISION, name::PERMIT_ONCE]);
}

#[test]
fn i02_nothing_is_sent_that_was_not_sealed() {
    EXPLORED.assert_everywhere(&[name::SENT_SEALED]);
}

#[test]
fn i03_a_stale_scheduler_changes_no_journal() {
    EXPLORED.assert_everywhere(&[name::STALE_WRITES_NOTHING]);
}

#[test]
fn i04_a_pause_prevents_or_is_followed_by_exactly_one_switch_off() {
    EXPLORED.assert_everywhere(&[
        name::NO_PERMIT_UNDER_PAUSE,
        name::RECEIPT_FINAL_ONCE,
        name::PAUSED_OFF,
        name::ONE_SWITCH_OFF,
        name::RECEIPTS_FINAL,
        name::PERMITS_SETTLED,
        name::REGISTRY_AGREES,
    ]);
}

#[test]
fn i10_i11_nothing_is_sealed_under_a_hold_that_was_not_lifted() {
    EXPLORED.assert_everywhere(&[name::NO_SEAL_UNDER_HOLD]);
}

#[test]
fn i17_a_key_settles_only_as_the_supplier_says() {
    EXPLORED.assert_everywhere(&[name::SETTLED_BY_ASKING]);
}

#[test]
fn i01_i04_i10_one_practice_leaves_room_for_all_of_it_at_once() {
    explore::<1>(ALL, Mutation::Nothing).assert_everywhere(&name::EVERYWHERE);
}

/// What the model lets arrive at once, since it can change nothing any more, changes nothing later either.
#[test]
fn i01_i04_i10_nothing_is_found_in_what_is_skipped() {
    for bounds in [TAKEN_OVER, TAKEN_OVER_AND_HELD] {
        explore::<1>(bounds, Mutation::NothingSkipped).assert_everywhere(&name::EVERYWHERE);
    }
}

#[test]
fn i01_i04_three_practices_and_three_schedulers() {
    if is_long() {
        explore::<3>(TAKEN_OVER_TWICE, Mutation::Nothing).assert_everywhere(&name::EVERYWHERE);
    } else {
        explore::<3>(Bounds { schedulers: 1, ..TAKEN_OVER_TWICE }, Mutation::Nothing)
            .assert_everywhere(&name::EVERYWHERE);
    }
}
