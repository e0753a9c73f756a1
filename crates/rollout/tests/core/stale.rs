//! Stale proposals: what was proposed on an earlier state is judged on the present one, and dropped where it no longer holds.

use std::collections::BTreeMap;

use rollout::effects::permits_to_acquire;
use rollout::state::{Brake, EnrolmentState, HoldClass, HoldScope, WaveStage};
use rollout::{Command, Fact, PermitAnswer, Proposal, step};

use crate::world::{Behaviour, World, code, moment, one_wave, supplier, wave};

/// What is proposed first of all that admits or invites somebody, once the wave is open.
fn proposed(world: &mut World) -> Command {
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    let lets_in =
        |command: &Command| matches!(command, Command::Propose(Proposal::Admit { .. } | Proposal::Invite { .. }));
    for _ in 0..10 {
        let commands = step(&world.state, &world.registry.view, world.now).0;
        if let Some(command) = commands.iter().find(|command| lets_in(command)) {
            return command.clone();
        }
        for command in commands {
            world.submit(&command).unwrap();
        }
    }
    panic!("nobody is let in: {:?}", world.stage(1));
}

fn self_service() -> World {
    World::running(20, &one_wave("    suppliers: [TPP]").replace("TPP: {mode: push}", "TPP: {mode: self-service}"))
}

#[test]
fn a_proposal_admits_once() {
    let mut world = World::running(20, &one_wave(""));
    let admit = proposed(&mut world);
    assert!(world.submit(&admit).unwrap());
    assert_eq!(world.count(1, EnrolmentState::Admitted), 20);
    assert!(!world.submit(&admit).unwrap(), "who has a slot gets no other");
    assert_eq!(world.state.activations().count(), 20);
}

/// I10: a hold that comes between proposal and decision.
#[test]
fn a_proposal_from_before_a_hold_admits_nobody_under_it() {
    let mut world = World::running(20, &one_wave(""));
    let admit = proposed(&mut world);
    world.hold(HoldScope::Practice(code(4)), HoldClass::Capacity, Brake::Hold);
    world.hold(HoldScope::Supplier(supplier("TPP")), HoldClass::Supplier, Brake::Hold);
    assert!(world.submit(&admit).unwrap());
    assert_eq!(world.count(1, EnrolmentState::Enrolled), 11);
    assert_eq!(world.enrolment(1, code(4)), EnrolmentState::Enrolled);
    assert!(world.state.activations().all(|one| one.supplier == supplier("EMIS")));
}

#[test]
fn a_practice_whose_supplier_is_another_by_now_is_not_admitted() {
    let mut world = World::running(20, &one_wave(""));
    let Command::Propose(Proposal::Admit { wave, mut practices, registry_position }) = proposed(&mut world) else {
        panic!("they are pushed")
    };
    let changed = practices[0].practice;
    practices[0].supplier = supplier("Medicus");
    world.submit(&Command::Propose(Proposal::Admit { wave, practices, registry_position })).unwrap();
    assert_eq!(world.enrolment(1, changed), EnrolmentState::Enrolled);
    assert_eq!(world.count(1, EnrolmentState::Admitted), 19);
}

#[test]
fn an_invitation_is_made_once_and_to_none_that_is_held_or_pushed() {
    let mut world = self_service();
    let invite = proposed(&mut world);
    let Command::Propose(Proposal::Invite { practices, .. }) = &invite else { panic!("they do it themselves") };
    let (held, count) = (practices[0], u32::try_from(practices.len()).unwrap());
    world.hold(HoldScope::Practice(held), HoldClass::Capacity, Brake::Hold);
    assert!(world.submit(&invite).unwrap());
    assert_eq!(world.enrolment(1, held), EnrolmentState::Enrolled);
    assert_eq!(world.count(1, EnrolmentState::Invited), count - 1);
    assert!(!world.submit(&invite).unwrap());

    let mut pushed = World::running(20, &one_wave(""));
    let Command::Propose(Proposal::Admit { wave, practices, registry_position }) = proposed(&mut pushed) else {
        panic!("they are pushed")
    };
    let practices = practices.iter().map(|candidate| candidate.practice).collect();
    let invite = Command::Propose(Proposal::Invite { wave, practices, registry_position });
    assert!(!pushed.submit(&invite).unwrap());
    assert_eq!(pushed.count(1, EnrolmentState::Invited), 0);
}

/// Rule 5: evidence ripens once everything is settled, or what has not was waited for.
#[test]
fn a_wave_that_still_drains_does_not_soak() {
    let mut world = World::running(20, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.run_until("2031-05-07T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Draining);
    assert!(!world.submit(&Command::Propose(Proposal::SoakWave { wave: wave(1) })).unwrap());
    assert_eq!(world.stage(1), WaveStage::Draining);
}

/// A permit for a key that was given up is given back; one for a key that has ended is not, and a refusal never.
#[test]
fn a_permit_that_comes_late_is_given_back_unless_its_key_has_ended() {
    let answered = |world: &mut World, keys: &[rollout::ActivationKey], answer: &PermitAnswer| {
        let answers: BTreeMap<_, _> = keys.iter().map(|key| (key.clone(), answer.clone())).collect();
        let registry_position = world.registry.view.position;
        world.learn(Fact::Permits { answers, registry_position })
    };
    let refused = PermitAnswer::Refused { refusal: "PAUSED".into() };

    let mut world = World::running(20, &one_wave(""));
    let admit = proposed(&mut world);
    world.submit(&admit).unwrap();
    let keys = permits_to_acquire(&world.state, 100);
    assert_eq!(keys.len(), 20);
    let hold = world.hold(HoldScope::National, HoldClass::Capacity, Brake::Hold);
    assert!(!answered(&mut world, &keys, &refused));
    assert!(answered(&mut world, &keys, &PermitAnswer::Granted));
    assert_eq!((world.count_events("permits-unwanted"), world.count_events("sealed")), (1, 0));
    world.lift(hold);

    let mut world = World::running(20, &one_wave(""));
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count_on(), 20);
    assert!(!answered(&mut world, &keys, &PermitAnswer::Granted));
    assert_eq!(world.count_events("permits-unwanted"), 0);
}
