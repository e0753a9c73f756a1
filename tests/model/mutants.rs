//! That the properties find out: without one of its guards the model breaks one of them.
//!
//! `docs/testing.md` lists the guards with the tests; each test finds the shortest way to the breach.

use crate::explore::{counterexample, explore};
use crate::model::Bounds;
use crate::mutation::Mutation;
use crate::properties::name;

/// One scheduler, one practice, and nothing else happens.
const QUIET: Bounds =
    Bounds { schedulers: 1, pauses: 0, resumes: 0, holds: 0, lifts: 0, faults: 0, generation_admitted_max: 1 };
const PAUSED: Bounds = Bounds { pauses: 1, ..QUIET };
const HELD: Bounds = Bounds { holds: 1, ..QUIET };
const HELD_AND_LIFTED: Bounds = Bounds { lifts: 1, generation_admitted_max: 2, ..HELD };

fn breaks(mutation: Mutation, bounds: Bounds, name: &'static str) {
    assert_eq!(counterexample::<1>(bounds, Mutation::Nothing, name), None, "it breaks without the mutation");
    assert!(counterexample::<1>(bounds, mutation, name).is_some(), "nothing finds out: {mutation:?}");
}

#[test]
fn i01_a_permit_beside_an_open_one_is_found() {
    breaks(Mutation::PermitBesideAnother, HELD_AND_LIFTED, name::ONE_PERMIT);
}

#[test]
fn i01_a_permit_to_an_older_decision_is_found() {
    breaks(Mutation::PermitToOldGeneration, Bounds { faults: 2, ..HELD_AND_LIFTED }, name::NEWER_DECISION);
}

#[test]
fn i01_a_second_permit_of_a_settled_key_is_found() {
    breaks(Mutation::PermitToClosedKey, Bounds { faults: 1, ..HELD }, name::PERMIT_ONCE);
}

#[test]
fn i01_a_supplier_that_carries_out_a_key_twice_is_found() {
    breaks(Mutation::SupplierRepeatsKeys, Bounds { faults: 1, ..QUIET }, name::SWITCHED_ON_ONCE);
}

#[test]
fn i02_a_call_before_its_seal_is_found() {
    breaks(Mutation::SentBeforeSeal, QUIET, name::SENT_SEALED);
}

#[test]
fn i03_a_stale_scheduler_that_writes_is_found() {
    breaks(Mutation::NoFence, Bounds { schedulers: 2, ..QUIET }, name::STALE_WRITES_NOTHING);
}

#[test]
fn i04_a_permit_under_a_pause_is_found() {
    breaks(Mutation::PermitUnderPause, PAUSED, name::NO_PERMIT_UNDER_PAUSE);
}

#[test]
fn i04_a_receipt_that_overlooks_an_open_permit_is_found() {
    breaks(Mutation::ReceiptWithoutLookingAtPermits, PAUSED, name::PAUSED_OFF);
}

#[test]
fn i04_a_pause_between_an_outcome_and_its_observation_is_found() {
    breaks(Mutation::SettlementWithoutObservation, PAUSED, name::PAUSED_OFF);
    breaks(Mutation::SettlementWithoutObservation, QUIET, name::REGISTRY_AGREES);
}

#[test]
fn i04_a_receipt_that_becomes_something_else_is_found() {
    breaks(Mutation::ReceiptSaysAlreadyOn, PAUSED, name::RECEIPT_FINAL_ONCE);
}

#[test]
fn i04_a_receipt_that_stays_pending_is_found() {
    breaks(Mutation::ReceiptStaysPending, PAUSED, name::RECEIPTS_FINAL);
}

#[test]
fn i04_a_pause_that_is_not_followed_by_a_switch_off_is_found() {
    breaks(Mutation::NoReversal, PAUSED, name::PAUSED_OFF);
    breaks(Mutation::NoReversal, PAUSED, name::ONE_SWITCH_OFF);
}

#[test]
fn i04_a_second_switch_off_is_found() {
    breaks(Mutation::ReversedTwice, PAUSED, name::ONE_SWITCH_OFF);
}

#[test]
fn i04_a_permit_that_nobody_gives_back_is_found() {
    breaks(Mutation::NoRelease, HELD, name::PERMITS_SETTLED);
}

/// As it once was: a call that came late, of a scheduler that had crashed, opened a permit that nobody ever settled.
#[test]
fn i04_a_key_that_is_given_back_and_stays_open_is_found() {
    breaks(Mutation::ReleaseLeavesKeyOpen, Bounds { faults: 1, ..HELD }, name::PERMITS_SETTLED);
}

#[test]
fn i04_a_supplier_that_reopens_closed_keys_is_found() {
    breaks(Mutation::SupplierReopensKeys, Bounds { pauses: 1, faults: 1, ..HELD }, name::PAUSED_OFF);
}

/// Either of the two guards is enough by itself.
#[test]
fn i10_a_seal_under_a_hold_is_found_and_takes_two_mistakes() {
    breaks(Mutation::HoldVoidsNothingAndSealIgnoresHolds, HELD, name::NO_SEAL_UNDER_HOLD);
    let bounds = Bounds { faults: 1, ..HELD_AND_LIFTED };
    for mutation in [Mutation::HoldVoidsNothing, Mutation::SealIgnoresHolds] {
        explore::<1>(bounds, mutation).assert_everywhere(&[name::NO_SEAL_UNDER_HOLD]);
    }
}

#[test]
fn i17_a_lost_reply_that_counts_as_an_answer_is_found() {
    breaks(Mutation::LostReplyIsNotApplied, Bounds { faults: 1, ..QUIET }, name::SETTLED_BY_ASKING);
}
