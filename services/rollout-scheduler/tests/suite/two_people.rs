//! What takes two people, in every pair of roles: the lift of a safety hold, the unwinding of a wave, and the redaction of a note
//! (of which the journal's own tests have the rest).

use database::Db;
use database::testing::TestStore;
use identity::{Role, RoleMatrix};
use journal::Journal;
use proto::journal::v1 as journal_wire;
use proto::journal::v1::note_redaction::State as RedactionState;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::hold_scope::Scope;
use rollout_scheduler::LeaseStore;
use tonic::{Code, Status};

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

async fn world_on(journal: Journal, lease: LeaseStore) -> World {
    let practices = [surgeries(81_001, 3, "EMIS"), surgeries(82_001, 3, "TPP")].concat();
    let setup = Setup::new(practices, vec![prompt("EMIS"), prompt("TPP")]);
    let mut world = World::new(Setup { journal, lease, ..setup }).await;
    world.approve(ONE_WAVE).await;
    world
}

async fn world() -> World {
    world_on(Journal::memory(), LeaseStore::memory()).await
}

async fn safety_hold(world: &mut World) -> wire::Hold {
    let hold = wire::PlaceHoldRequest {
        scope: Some(wire::HoldScope { scope: Some(Scope::National(true)) }),
        hold_class: wire::HoldClass::Safety.into(),
        ..Default::default()
    };
    world.hold(hold).await.hold.expect("it was placed")
}

async fn lift(world: &mut World, account: &str, name: &str, etag: &str) -> Result<wire::Hold, Status> {
    let request = wire::LiftHoldRequest {
        name: name.to_owned(),
        etag: etag.to_owned(),
        request_id: world.request_id(),
        reason_code: "LOOKED_AT".to_owned(),
        ..Default::default()
    };
    Ok(world.holds(account).lift_hold(request).await?.into_inner().hold.expect("the hold"))
}

async fn unwind(world: &mut World, account: &str, etag: &str) -> Result<wire::WaveUnwinding, Status> {
    let request = wire::UnwindWaveRequest {
        wave: format!("{PROGRAMME}/waves/1"),
        clinical_reason: wire::ClinicalReason::RiskOfHarm.into(),
        etag: etag.to_owned(),
        request_id: world.request_id(),
        reason_code: "CLINICAL_INCIDENT".to_owned(),
        note: "letters of others were shown".to_owned(),
        dry_run: false,
    };
    let wave = world.programmes(account).unwind_wave(request).await?.into_inner().wave;
    Ok(wave.and_then(|wave| wave.unwinding).expect("an unwinding"))
}

async fn redact(
    world: &mut World,
    account: &str,
    note_position: u64,
    etag: &str,
) -> Result<journal_wire::NoteRedaction, Status> {
    let request = journal_wire::RedactNoteRequest {
        parent: "journals/scheduler".to_owned(),
        note_position,
        etag: etag.to_owned(),
        request_id: world.request_id(),
        reason_code: "NAMES_A_PATIENT".to_owned(),
        ..Default::default()
    };
    Ok(world.journal(account).redact_note(request).await?.into_inner().redaction.expect("a redaction"))
}

fn same_person() -> (Code, String) {
    (Code::PermissionDenied, "SECOND_PERSON_REQUIRED".to_owned())
}

/// The roles that may call `rpc` over the whole country, and the others.
fn split(rpc: &str) -> (Vec<Role>, Vec<Role>) {
    let matrix = RoleMatrix::standard();
    let may = matrix.roles(rpc).expect("it has a row").without(matrix.own(rpc));
    Role::ALL.into_iter().partition(|role| may.contains(*role))
}

#[tokio::test]
async fn a_safety_hold_is_lifted_by_two_people_in_whatever_roles_that_may() {
    let mut world = world().await;
    let (may, may_not) = split("citizens_access.scheduler.v1.HoldService/LiftHold");
    assert!(may.len() > 2 && may_not.len() > 2);
    for first in &may {
        let hold = safety_hold(&mut world).await;
        let asked = lift(&mut world, &format!("first;roles={first}"), &hold.name, "").await.unwrap();
        assert_eq!(asked.state(), wire::HoldState::AwaitingSecondPerson, "{first}");
        for other in &may_not {
            let refused = lift(&mut world, &format!("second;roles={other}"), &hold.name, &asked.etag).await;
            assert_eq!(reason(refused).0, Code::PermissionDenied, "{first}, then {other}");
        }
        for role in &may {
            // One person in another role is still one person.
            let refused = lift(&mut world, &format!("first;roles={role}"), &hold.name, &asked.etag).await;
            assert_eq!(reason(refused), same_person(), "{first}, then {role}");
            let refused = lift(&mut world, &format!("second;roles={role}"), &hold.name, &hold.etag).await;
            assert_eq!(reason(refused), (Code::Aborted, "ETAG_MISMATCH".to_owned()), "{first}, then {role}");
        }
        for (number, second) in may.iter().enumerate() {
            // The first pair ends what was begun above; for each other one there is another hold.
            let (hold, asked) = match number {
                0 => (hold.clone(), asked.clone()),
                _ => {
                    let hold = safety_hold(&mut world).await;
                    let asked = lift(&mut world, &format!("first;roles={first}"), &hold.name, "").await.unwrap();
                    (hold, asked)
                }
            };
            let lifted = lift(&mut world, &format!("second;roles={second}"), &hold.name, &asked.etag).await.unwrap();
            assert_eq!(lifted.state(), wire::HoldState::Lifted, "{first}, then {second}");
        }
    }
}

async fn live_world() -> World {
    let mut world = world().await;
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.live_count().await, 6);
    world
}

#[tokio::test]
async fn a_wave_is_unwound_by_two_people_in_whatever_roles_that_may() {
    let (may, may_not) = split("citizens_access.scheduler.v1.ProgrammeService/UnwindWave");
    assert!(may.len() > 2 && may_not.len() > 2);
    let mut world = live_world().await;
    for role in &may_not {
        let refused = unwind(&mut world, &format!("first;roles={role}"), "").await;
        assert_eq!(reason(refused), (Code::PermissionDenied, "ROLE_MISSING".to_owned()), "{role}");
    }
    let asked = unwind(&mut world, &format!("first;roles={}", may[0]), "").await.unwrap();
    assert_eq!(asked.state(), wire::UnwindingState::AwaitingSecondPerson);
    for role in &may_not {
        let refused = unwind(&mut world, &format!("second;roles={role}"), &asked.etag).await;
        assert_eq!(reason(refused), (Code::PermissionDenied, "ROLE_MISSING".to_owned()), "{role}");
    }
    for role in &may {
        let refused = unwind(&mut world, &format!("first;roles={role}"), &asked.etag).await;
        assert_eq!(reason(refused), same_person(), "{role}");
    }
    assert_eq!(world.live_count().await, 6, "nothing of it was done");
    let begun = unwind(&mut world, &format!("second;roles={}", may[1]), &asked.etag).await.unwrap();
    assert_eq!(begun.state(), wire::UnwindingState::UnderWay);

    // A wave is unwound once, so that each pair needs a world.
    for first in &may {
        for second in &may {
            let mut world = live_world().await;
            let asked = unwind(&mut world, &format!("first;roles={first}"), "").await.unwrap();
            let refused = unwind(&mut world, &format!("first;roles={second}"), &asked.etag).await;
            assert_eq!(reason(refused), same_person(), "{first}, then {second}");
            let begun = unwind(&mut world, &format!("second;roles={second}"), &asked.etag).await.unwrap();
            assert_eq!(begun.state(), wire::UnwindingState::UnderWay, "{first}, then {second}");
        }
    }
}

#[tokio::test]
async fn a_note_is_redacted_by_two_people_in_whatever_roles_that_may() {
    let mut world = world().await;
    let (may, may_not) = split("citizens_access.journal.v1.JournalService/RedactNote");
    assert!(may.len() > 2 && may_not.len() > 2);
    for first in &may {
        for second in &may {
            let hold = wire::PlaceHoldRequest {
                scope: Some(wire::HoldScope { scope: Some(Scope::National(true)) }),
                hold_class: wire::HoldClass::Safety.into(),
                note: "as somebody said".to_owned(),
                ..Default::default()
            };
            let at = world.hold(hold).await.position;
            for other in &may_not {
                let refused = redact(&mut world, &format!("first;roles={other}"), at, "").await;
                assert_eq!(reason(refused), (Code::PermissionDenied, "ROLE_MISSING".to_owned()), "{other}");
            }
            let asked = redact(&mut world, &format!("first;roles={first}"), at, "").await.unwrap();
            assert_eq!(asked.state(), RedactionState::AwaitingSecondPerson, "{first}");
            for other in &may_not {
                let refused = redact(&mut world, &format!("second;roles={other}"), at, &asked.etag).await;
                assert_eq!(
                    reason(refused),
                    (Code::PermissionDenied, "ROLE_MISSING".to_owned()),
                    "{first}, then {other}"
                );
            }
            // One person in another role is still one person.
            let refused = redact(&mut world, &format!("first;roles={second}"), at, &asked.etag).await;
            assert_eq!(reason(refused), same_person(), "{first}, then {second}");
            let done = redact(&mut world, &format!("second;roles={second}"), at, &asked.etag).await.unwrap();
            assert_eq!(done.state(), RedactionState::Redacted, "{first}, then {second}");
        }
    }
}

#[tokio::test]
async fn a_wish_outlives_a_crash_and_lapses_after_a_day_on_each_database() {
    for store in TestStore::each().await {
        let db = Db::open(store.store(), "scheduler").await.unwrap();
        db.migrate(&journal::MIGRATIONS).await.unwrap();
        db.migrate(&rollout_scheduler::MIGRATIONS).await.unwrap();
        let mut world = world_on(Journal::Sql(db.clone()), LeaseStore::Sql(db.clone())).await;
        let held = safety_hold(&mut world).await;
        let asked = lift(&mut world, "carol", &held.name, "").await.unwrap();
        world.crash_scheduler().await;
        world.start_scheduler("one").await;
        assert_eq!(reason(lift(&mut world, "carol", &held.name, &asked.etag).await), same_person());
        let lifted = lift(&mut world, "dave", &held.name, &asked.etag).await.unwrap();
        assert_eq!(lifted.state(), wire::HoldState::Lifted);

        let held = safety_hold(&mut world).await;
        let asked = lift(&mut world, "carol", &held.name, "").await.unwrap();
        world.until("2031-05-07T09:00:00Z").await;
        // Dave's is the first of two wishes again, and carol may now be the second.
        let anew = lift(&mut world, "dave", &held.name, &asked.etag).await.unwrap();
        assert_eq!(anew.state(), wire::HoldState::AwaitingSecondPerson);
        let lifted = lift(&mut world, "carol", &held.name, &anew.etag).await.unwrap();
        assert_eq!((lifted.state(), lifted.lifted_by.as_str()), (wire::HoldState::Lifted, "carol"));
        world.end().await;
        db.close().await;
    }
}
