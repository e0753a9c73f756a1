//! A live wave is unwound by two people, and one practice reverted by one: in the suppliers' log and in the registry.

use proto::scheduler::v1 as wire;
use proto::scheduler::v1::hold_scope::Scope;
use tonic::Code;

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

async fn live() -> World {
    let practices = [surgeries(81_001, 3, "EMIS"), surgeries(82_001, 3, "TPP")].concat();
    let mut world = World::new(Setup::new(practices, vec![prompt("EMIS"), prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.live_count().await, 6);
    world
}

async fn unwind(world: &mut World, account: &str, etag: &str) -> Result<wire::UnwindWaveResponse, tonic::Status> {
    let request = wire::UnwindWaveRequest {
        wave: format!("{PROGRAMME}/waves/1"),
        clinical_reason: wire::ClinicalReason::InformationDisclosed.into(),
        etag: etag.to_owned(),
        request_id: world.request_id(),
        reason_code: "CLINICAL_INCIDENT".to_owned(),
        note: "letters of others were shown".to_owned(),
        dry_run: false,
    };
    Ok(world.programmes(account).unwind_wave(request).await?.into_inner())
}

#[tokio::test]
async fn two_people_unwind_a_live_wave_and_log_and_registry_show_it() {
    let mut world = live().await;
    // At night, under a stop of everything: nothing keeps a switch-off back.
    world.until("2031-06-02T22:00:00Z").await;
    let scope = wire::HoldScope { scope: Some(Scope::National(true)) };
    let stop = wire::PlaceHoldRequest {
        scope: Some(scope),
        hold_class: wire::HoldClass::Safety.into(),
        brake: wire::Brake::Stop.into(),
        ..Default::default()
    };
    world.hold(stop).await;
    let asked = unwind(&mut world, "carol", "").await.unwrap();
    assert_eq!((asked.affected_count, asked.patients_count, asked.under_way_count), (6, 30_012, 0));
    let unwinding = asked.wave.unwrap().unwinding.unwrap();
    assert_eq!(unwinding.state(), wire::UnwindingState::AwaitingSecondPerson);
    world.until("2031-06-02T23:00:00Z").await;
    assert_eq!(world.live_count().await, 6, "one person alone changes nothing");
    let same = reason(unwind(&mut world, "carol", &unwinding.etag).await);
    assert_eq!(same, (Code::PermissionDenied, "SECOND_PERSON_REQUIRED".to_owned()));
    assert_eq!(reason(unwind(&mut world, "bob", "").await), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    let begun = unwind(&mut world, "bob", &unwinding.etag).await.unwrap();
    assert_eq!(begun.wave.unwrap().unwinding.unwrap().state(), wire::UnwindingState::UnderWay);
    world.until("2031-06-02T23:30:00Z").await;
    assert_eq!(world.live_count().await, 0);
    let effects = world.effects();
    for practice in ["A81001", "A81002", "A81003", "A82001", "A82002", "A82003"] {
        let of_it: Vec<_> = effects.iter().filter(|effect| effect.starts_with(practice)).collect();
        assert_eq!(of_it, [&format!("{practice} ENABLE 1"), &format!("{practice} DISABLE 2")]);
        assert_eq!(world.enrolment(1, practice).await.state(), wire::EnrolmentState::Reverted);
    }
    let wave = world.wave(1).await;
    assert_eq!(wave.state(), wire::WaveState::Unwound);
    let unwinding = wave.unwinding.unwrap();
    assert_eq!((unwinding.asked_by.as_str(), unwinding.begun_by.as_str()), ("carol", "bob"));
    assert_eq!(unwinding.state(), wire::UnwindingState::Done);
}

#[tokio::test]
async fn an_unwinding_needs_clinical_grounds_in_kind_and_in_words() {
    let world = live().await;
    let request = wire::UnwindWaveRequest {
        wave: format!("{PROGRAMME}/waves/1"),
        clinical_reason: wire::ClinicalReason::RiskOfHarm.into(),
        request_id: "one".to_owned(),
        reason_code: "CLINICAL_INCIDENT".to_owned(),
        note: "in words".to_owned(),
        ..Default::default()
    };
    let required = (Code::InvalidArgument, "FIELD_REQUIRED".to_owned());
    let without = wire::UnwindWaveRequest { clinical_reason: 0, ..request.clone() };
    assert_eq!(reason(world.programmes("carol").unwind_wave(without).await), required);
    let without = wire::UnwindWaveRequest { note: String::new(), ..request.clone() };
    assert_eq!(reason(world.programmes("carol").unwind_wave(without).await), required);
    let dry = wire::UnwindWaveRequest { dry_run: true, ..request };
    let told = world.programmes("carol").unwind_wave(dry).await.unwrap().into_inner();
    assert_eq!(told.affected_count, 6);
    assert_eq!(world.wave(1).await.unwinding, None);
}

#[tokio::test]
async fn one_practice_is_reverted_by_one_person_and_explained_so() {
    let mut world = live().await;
    let request = wire::RevertPracticeRequest {
        enrolment: format!("{PROGRAMME}/waves/1/enrolments/A81001"),
        request_id: world.request_id(),
        reason_code: "WRONG_PATIENTS_SHOWN".to_owned(),
        ..Default::default()
    };
    let reverted = world.enrolments().revert_practice(request).await.unwrap().into_inner();
    assert_eq!(reverted.enrolment.unwrap().state(), wire::EnrolmentState::Reverting);
    world.until("2031-06-02T11:00:00Z").await;
    assert_eq!((world.live_count().await, world.is_live("A81001").await), (5, false));
    let blockers = world.explain("A81001").await.blockers;
    assert_eq!(blockers[0].code, "REVERTED_BY_A_PERSON");
    assert!(blockers[0].evidence.contains("alice"), "{blockers:?}");
}
