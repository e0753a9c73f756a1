//! Suppliers that lose replies, refuse, take lists, or leave it to their practices.

use std::sync::Arc;

use ed25519_dalek::{Signature, VerifyingKey};
use jiff::SignedDuration;
use jiff::civil::time;
use journal::{Checkpoints, Signer};
use proto::registry::v1::{ObservedState, PauseEnd, ReceiptState};
use proto::scheduler::v1 as wire;
use proto::supplier::v1::ActivationKey;
use rollout::LineLimits;
use sha2::{Digest, Sha256};
use supplier_simulator::{BookedDates, Delay, SelfService, Share, SupplierProfile};

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

fn share(share: f64) -> Share {
    Share::try_from(share).unwrap()
}

async fn world_of(count: u32, supplier: &'static str, profile: SupplierProfile, document: &str) -> World {
    let other = if supplier == "EMIS" { prompt("TPP") } else { prompt("EMIS") };
    let mut world = World::new(Setup::new(surgeries(81_001, count, supplier), vec![profile, other])).await;
    world.approve(document).await;
    world
}

/// I17.
#[tokio::test]
async fn a_lost_reply_is_resolved_by_asking_and_nothing_is_done_twice() {
    let lossy = SupplierProfile { lost_reply_share: share(1.0), ..prompt("EMIS") };
    let mut world = world_of(4, "EMIS", lossy, ONE_WAVE).await;
    world.until("2031-06-02T08:00:30Z").await;
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Unknown);
    assert_eq!(world.live_count().await, 0);
    world.until("2031-06-02T08:10:00Z").await;
    assert_eq!(world.live_count().await, 4);
    assert_eq!(world.effects().len(), 4);
}

#[tokio::test]
async fn i21_a_supplier_that_does_not_answer_is_left_in_peace_and_its_practices_go_on_once_it_does() {
    let both = [surgeries(81_001, 60, "EMIS"), surgeries(82_001, 3, "TPP")].concat();
    let limits = LineLimits { at_once: 10, per_minute: None };
    let setup = Setup::new(both, vec![prompt("EMIS"), prompt("TPP")]);
    let mut world = World::new(Setup { limits: vec![("EMIS", limits)], ..setup }).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T07:59:00Z").await;
    world.supplier_faults.fail("", tonic::Code::Unavailable);
    world.until("2031-06-02T08:10:00Z").await;
    assert_eq!(world.live_count().await, 0);
    let unknown = world.count(r#"enrolment.state == "UNKNOWN""#).await;
    assert!((23..33).contains(&unknown), "most of EMIS were not called at all: {unknown}");
    let stuck = world.wave(1).await.stuck_reasons.join("; ");
    assert!(stuck.contains("wait for an answer of EMIS: it has not answered since 2031-06-02T08:00"), "{stuck}");
    world.supplier_faults.heal();
    world.until("2031-06-02T08:30:00Z").await;
    assert_eq!(world.live_count().await, 63);
    assert_eq!(world.effects().len(), 63, "each once");
    assert!(!world.wave(1).await.stuck_reasons.join("; ").contains("has not answered"));
}

#[tokio::test]
async fn calls_keep_a_suppliers_pace_and_a_switch_off_does_not_wait_for_it() {
    let limits = LineLimits { at_once: 5, per_minute: Some(30) };
    let setup = Setup::new(surgeries(81_001, 60, "EMIS"), vec![prompt("EMIS"), prompt("TPP")]);
    let mut world = World::new(Setup { limits: vec![("EMIS", limits)], ..setup }).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T08:00:30Z").await;
    let live = world.live_count().await;
    assert!((14..=17).contains(&live), "one in two seconds: {live}");
    world.switch_off("A81001").await;
    world.until("2031-06-02T08:00:31Z").await;
    assert!(world.effects().contains(&"A81001 DISABLE 2".to_owned()), "{:?}", world.effects());
    world.until("2031-06-02T08:03:00Z").await;
    assert_eq!(world.live_count().await, 59);
    let mut moments: Vec<_> = world.simulator.effects().iter().map(|effect| effect.at).collect();
    moments.sort();
    let begun = moments[0];
    let in_first_minute = moments.iter().filter(|at| at.duration_since(begun).as_secs() < 60).count();
    assert!(in_first_minute <= 33, "{in_first_minute}");
}

#[tokio::test]
async fn i21_one_practices_refusal_stops_no_other() {
    let refusing = SupplierProfile { refused_share: share(0.5), ..prompt("EMIS") };
    let mut world = world_of(20, "EMIS", refusing, ONE_WAVE).await;
    world.until("2031-06-02T16:00:00Z").await;
    let refused = world.count(r#"enrolment.state == "REFUSED" && enrolment.reason == "PRACTICE_NOT_CONFIGURED""#).await;
    assert!((4..=16).contains(&refused), "{refused}");
    assert_eq!(world.live_count().await, 20 - refused);
}

#[tokio::test]
async fn a_supplier_that_refuses_them_all_is_tried_again_while_the_wave_is_open() {
    // One at a time, so that the wave stays open for the others.
    let one_by_one = ONE_WAVE.replace("gate:", "caps: { in_flight: { national: { practices: 1 } } }\ngate:");
    let mut world = world_of(3, "EMIS", prompt("EMIS"), &one_by_one).await;
    world.simulator.set_takes_requests(&"EMIS".parse().unwrap(), false).unwrap();
    world.until("2031-06-02T08:10:00Z").await;
    assert_eq!(world.live_count().await, 0);
    world.simulator.set_takes_requests(&"EMIS".parse().unwrap(), true).unwrap();
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(world.live_count().await, 3);
}

const BOOKED: &str = "\
name: spring
cohort: 'practice.list_size > 0'
windows:
  - { days: [monday, tuesday, wednesday, thursday, friday], from: '09:00', to: '17:00' }
notice_working_days: 5
gate: { min_success: 0.8, min_sample: 2, soak: 24h, timeout: 48h }
suppliers:
  TPP: { mode: booked-dates, dates: [2031-06-17], cut_off: { days_before: 5, at: '17:00' } }
waves:
  - { wave: 1, from: 2031-06-09, until: 2031-06-20 }
";

fn booking() -> SupplierProfile {
    let dates = BookedDates::new(time(9, 0, 0, 0), time(6, 0, 0, 0));
    SupplierProfile { booked: Some(dates), ..prompt("TPP") }
}

#[tokio::test]
async fn a_booked_list_is_claimed_at_its_cut_off_and_switched_on_its_date() {
    let mut world = world_of(3, "TPP", booking(), BOOKED).await;
    // The cut-off is on Thursday 12 June at 17:00 in London; a pause just before it is in time.
    world.until("2031-06-12T15:50:00Z").await;
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Enrolled);
    let receipt = world.pause("A81003", PauseEnd::FurtherNotice).await;
    assert_eq!(receipt.state(), ReceiptState::Prevented);
    world.until("2031-06-12T16:00:00Z").await;
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Commanded);
    assert_eq!(world.enrolment(1, "A81003").await.state(), wire::EnrolmentState::Withdrawn);
    assert_eq!(world.live_count().await, 0);
    world.until("2031-06-17T05:30:00Z").await;
    assert_eq!(world.effects(), ["A81001 ENABLE 1", "A81002 ENABLE 1"]);
    assert_eq!(world.live_count().await, 2);
}

#[tokio::test]
async fn a_pause_after_the_claim_is_withdrawn_from_the_next_list_and_prevented() {
    let mut world = world_of(3, "TPP", booking(), BOOKED).await;
    world.until("2031-06-13T08:30:00Z").await;
    let receipt = world.pause("A81002", PauseEnd::FurtherNotice).await;
    assert_eq!(receipt.state(), ReceiptState::Pending);
    world.until("2031-06-18T08:00:00Z").await;
    assert_eq!(world.receipt(&receipt).await, ReceiptState::Prevented);
    assert_eq!(world.effects(), ["A81001 ENABLE 1", "A81003 ENABLE 1"]);
    assert_eq!(world.live_count().await, 2);
}

#[tokio::test]
async fn a_list_is_signed_versioned_and_refused_once_it_is_outdated() {
    let mut world = world_of(2, "TPP", prompt("TPP"), BOOKED).await;
    world.until("2031-06-12T10:00:00Z").await;
    let list = wire::ListDueActivationsRequest { supplier: "suppliers/TPP".to_owned(), min_position: 0 };
    let before = world.enrolments().list_due_activations(list.clone()).await.unwrap().into_inner();
    assert_eq!(before.activations.len(), 2);
    world.pause("A81002", PauseEnd::FurtherNotice).await;
    world.until("2031-06-12T10:00:01Z").await;
    let claim = wire::ClaimActivationsRequest {
        supplier: "suppliers/TPP".to_owned(),
        list_version: before.list_version.clone(),
        request_id: world.request_id(),
        ..Default::default()
    };
    let refused = world.enrolments().claim_activations(claim.clone()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Aborted);
    let now = world.enrolments().list_due_activations(list).await.unwrap().into_inner();
    assert_ne!(now.list_version, before.list_version);
    let claim = wire::ClaimActivationsRequest { list_version: now.list_version, ..claim };
    let claimed = world.enrolments().claim_activations(claim.clone()).await.unwrap().into_inner();
    assert_eq!((claimed.affected_count, claimed.denied.len()), (1, 0));
    // The list is another by now; the same request gets the same answer all the same.
    let again = world.enrolments().claim_activations(claim).await.unwrap().into_inner();
    assert_eq!(again.claimed, claimed.claimed);
}

/// A world of two practices on TPP's list, signed with the key of `seed`; and the folder of its checkpoints.
async fn signing(seed: u8, profile: SupplierProfile) -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("scheduler"), Signer::from_seed([seed; 32]));
    let setup = Setup::new(surgeries(81_001, 2, "TPP"), vec![profile, prompt("EMIS")]);
    let mut world = World::new(Setup { checkpoints: Some(Arc::new(checkpoints)), ..setup }).await;
    world.approve(BOOKED).await;
    (world, folder)
}

/// By what the contract says, and a library: none of the service's own code.
fn verifies(list: &wire::ListDueActivationsResponse, supplier: &str, key: &[u8; 32]) -> bool {
    let line = |key: &ActivationKey, end: &str| {
        let practice = key.practice.strip_prefix("practices/").unwrap();
        let direction = key.direction().as_str_name().trim_start_matches("DIRECTION_");
        format!("{} {practice} {direction} {} {end}\n", key.capability, key.generation)
    };
    let rows = list.activations.iter().map(|row| line(row.key.as_ref().unwrap(), &row.date));
    let text: String = rows.chain(list.withdrawn.iter().map(|key| line(key, "withdrawn"))).collect();
    let version = hex::encode(Sha256::digest(text));
    let until = list.valid_until.unwrap();
    let until = jiff::Timestamp::new(until.seconds, until.nanos).unwrap();
    let position = list.position;
    let signed = format!("citizens-access.scheduler.list.v1\nsuppliers/{supplier}\n{version}\n{until}\n{position}\n");
    let signature = Signature::from_slice(&list.signature).unwrap();
    VerifyingKey::from_bytes(key).unwrap().verify_strict(signed.as_bytes(), &signature).is_ok()
}

#[tokio::test]
async fn a_lists_signature_verifies_over_the_stated_lines_and_that_of_a_changed_list_does_not() {
    let (mut world, _folder) = signing(1, prompt("TPP")).await;
    let key = Signer::from_seed([1; 32]).public_key();
    world.until("2031-06-12T10:00:00Z").await;
    let request = wire::ListDueActivationsRequest { supplier: "suppliers/TPP".to_owned(), min_position: 0 };
    let list = world.enrolments().list_due_activations(request).await.unwrap().into_inner();
    assert_eq!((list.activations.len(), &list.signing_key), (2, &hex::encode(key)));
    assert!(verifies(&list, "TPP", &key));

    let other_key = Signer::from_seed([2; 32]).public_key();
    assert!(!verifies(&list, "TPP", &other_key) && !verifies(&list, "EMIS", &key));
    type Change = fn(&mut wire::ListDueActivationsResponse);
    let changes: [Change; 5] = [
        |list| drop(list.activations.pop()),
        |list| list.activations[0].date = "2031-06-18".to_owned(),
        |list| list.withdrawn.extend(list.activations[0].key.clone()),
        |list| list.valid_until.as_mut().unwrap().seconds += 1,
        |list| list.position += 1,
    ];
    for change in changes {
        let mut changed = list.clone();
        change(&mut changed);
        assert!(!verifies(&changed, "TPP", &key), "{changed:?}");
    }
}

/// What is claimed of a list whose key the supplier was not told: nothing.
#[tokio::test]
async fn a_supplier_claims_a_list_of_the_key_it_was_told_and_no_other() {
    for (told, state) in [(1, wire::EnrolmentState::Commanded), (2, wire::EnrolmentState::Enrolled)] {
        let list_key = hex::encode(Signer::from_seed([told; 32]).public_key());
        let dates = BookedDates { list_key: Some(list_key.try_into().unwrap()), ..booking().booked.unwrap() };
        let (mut world, _folder) = signing(1, SupplierProfile { booked: Some(dates), ..booking() }).await;
        world.until("2031-06-12T15:59:30Z").await;
        assert_eq!(world.enrolment(1, "A81001").await.state(), state);
    }
}

const SELF_SERVICE: &str = "\
name: spring
cohort: 'practice.list_size > 0'
windows:
  - { days: [monday, tuesday, wednesday, thursday, friday], from: '09:00', to: '17:00' }
notice_working_days: 5
gate: { min_success: 0.1, min_sample: 1, soak: 24h, timeout: 48h }
suppliers:
  TPP: { mode: self-service }
waves:
  - { wave: 1, from: 2031-06-09, until: 2031-07-04 }
";

#[tokio::test]
async fn practices_that_switch_themselves_on_are_found_by_looking() {
    let habits = SelfService {
        looks_at: time(8, 0, 0, 0),
        enabled_share: share(0.6),
        partial_share: share(0.3),
        takes: Delay { min: SignedDuration::from_hours(1), max: SignedDuration::from_hours(24 * 7) },
    };
    let profile = SupplierProfile { self_service: Some(habits), ..prompt("TPP") };
    let mut world = world_of(30, "TPP", profile, SELF_SERVICE).await;
    world.until("2031-06-09T16:00:00Z").await;
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Invited);
    world.until("2031-07-07T09:00:00Z").await;
    let enabled = world.effects().len();
    assert!((10..=26).contains(&enabled), "{enabled}");
    let live = world.live_count().await;
    assert!(live < enabled, "those with wrong settings are not live: {live} of {enabled}");
    let mut partial = 0;
    for number in 81_001..81_031 {
        let state = world.access(&format!("A{number}")).await.state();
        partial += usize::from(state == ObservedState::Partial);
    }
    assert_eq!(live + partial, enabled);
}
