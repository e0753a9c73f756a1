//! Explanations are complete and sound (I25): free of blockers if and only if the step would admit, and what they say
//! clears them does.

use proptest::prelude::*;
use rollout::state::{Brake, EnrolmentState, HoldClass, HoldScope};
use rollout::{Command, Explanation, PauseEnd, Proposal, explain, step};

use crate::world::{Behaviour, SPRING, World, begun, carol, code, moment, programme, supplier, target};

fn explained(world: &World, number: u32) -> Explanation {
    explain(&world.state, &world.registry.view, &target(code(number)), world.now)
}

/// Whom the step would let go live now.
fn admitted(world: &World) -> Vec<ods::PracticeCode> {
    let mut codes = Vec::new();
    for command in step(&world.state, &world.registry.view, world.now).0 {
        match command {
            Command::Propose(Proposal::Admit { practices, .. }) => {
                codes.extend(practices.iter().map(|one| one.practice));
            }
            Command::Propose(Proposal::Invite { practices, .. }) => codes.extend(practices),
            _ => {}
        }
    }
    codes
}

#[derive(Debug, Clone)]
enum Trouble {
    HoldPractice(u32),
    HoldSupplier(bool),
    HoldProgramme,
    Unready(u32),
    Dispute(u32),
    Pause(u32),
    Settle,
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let trouble = prop_oneof![
        (1_u32..30).prop_map(Trouble::HoldPractice),
        any::<bool>().prop_map(Trouble::HoldSupplier),
        Just(Trouble::HoldProgramme),
        (1_u32..30).prop_map(Trouble::Unready),
        (1_u32..30).prop_map(Trouble::Dispute),
        (1_u32..30).prop_map(Trouble::Pause),
        Just(Trouble::Settle),
    ];
    prop::collection::vec(trouble, 0..10)
}

fn make(world: &mut World, trouble: &Trouble) {
    match trouble {
        Trouble::HoldPractice(number) => {
            world.hold(HoldScope::Practice(code(*number)), HoldClass::Capacity, Brake::Hold);
        }
        Trouble::HoldSupplier(tpp) => {
            let name = if *tpp { "TPP" } else { "EMIS" };
            world.hold(HoldScope::Supplier(supplier(name)), HoldClass::Supplier, Brake::Hold);
        }
        Trouble::HoldProgramme => {
            world.hold(HoldScope::Programme(programme()), HoldClass::Legal, Brake::Hold);
        }
        Trouble::Unready(number) => {
            world.registry.change(code(*number), |facts| facts.readiness = vec![begun("dpia")]);
        }
        Trouble::Dispute(number) => world.registry.dispute(code(*number)),
        Trouble::Pause(number) => {
            world.pause(*number, PauseEnd::FurtherNotice);
        }
        Trouble::Settle => {
            world.settle();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    #[test]
    fn i25_no_blockers_if_and_only_if_the_step_admits(
        troubles in troubles(),
        minutes in prop_oneof![Just(0_i64), 0_i64..60_000],
        refusing in any::<bool>(),
    ) {
        let mut world = World::running(30, &SPRING.replace("    after: [1]\n", ""));
        if refusing {
            world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: true });
        }
        // From an hour before the first window on.
        let from = moment("2031-05-06T06:00:00Z");
        let now = from.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
        world.run_until(&now.to_string());
        for trouble in &troubles {
            make(&mut world, trouble);
        }
        let admitted = admitted(&world);
        for number in 1..=30 {
            let explanation = explained(&world, number);
            let state = explanation.enrolment.as_ref().unwrap().stage.state();
            let is_or_goes_on = explanation.is_live() || matches!(
                state,
                EnrolmentState::Admitted | EnrolmentState::Commanded | EnrolmentState::Unknown | EnrolmentState::Confirmed
            );
            let free = explanation.blockers.is_empty() && !is_or_goes_on;
            prop_assert_eq!(free, admitted.contains(&code(number)), "{}", explanation);
        }
    }

    /// Clearing everything that depends on people makes it go live at the stated moment.
    #[test]
    fn i25_what_is_cleared_goes_live_at_the_stated_time(
        troubles in troubles(),
        minutes in 0_i64..60_000,
        number in 1_u32..30,
    ) {
        let text = SPRING.replace("    after: [1]\n", "").replace("{practices: 10}\ngate", "{practices: 40}\ngate");
        let mut world = World::running(30, &text);
        let from = moment("2031-05-01T06:00:00Z");
        let now = from.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
        // Everybody is held, so that somebody is left to be explained.
        let first = world.hold(HoldScope::National, HoldClass::Legal, Brake::Hold);
        world.run_until(&now.to_string());
        let paused = |one: &Trouble| matches!(one, Trouble::Pause(_));
        for trouble in troubles.iter().filter(|one| !paused(one)) {
            make(&mut world, trouble);
        }
        world.settle();
        let explanation = explained(&world, number);
        let Some(earliest) = explanation.earliest_at else {
            // Its wave is over.
            prop_assert!(explanation.blockers.iter().any(|one| one.code() == "DEFERRED" || one.code() == "WAVE_NOT_OPEN"), "{}", explanation);
            return Ok(());
        };
        prop_assert!(earliest >= world.now);
        let holds: Vec<_> = world.state.active_holds().map(|hold| hold.id).collect();
        prop_assert!(holds.contains(&first));
        for hold in holds {
            world.act(&carol(), rollout::Act::LiftHold { hold, etag: None }).unwrap();
        }
        for unready in 1..=30 {
            world.registry.change(code(unready), |facts| {
                facts.readiness.clear();
                facts.access.iter_mut().for_each(|access| access.disputed = false);
            });
        }
        world.run_until(&earliest.to_string());
        prop_assert!(world.is_on(code(number)), "{} at {}", explained(&world, number), world.now);
        prop_assert!(world.effects.iter().any(|(at, key)| key.practice == code(number) && *at == earliest));
    }
}

#[test]
fn every_blocker_says_who_acts_and_what_clears_it() {
    let mut world = World::running(30, SPRING);
    let troubles =
        [Trouble::HoldProgramme, Trouble::HoldPractice(1), Trouble::Unready(1), Trouble::Dispute(1), Trouble::Pause(1)];
    for trouble in troubles {
        make(&mut world, &trouble);
    }
    let explanation = explained(&world, 1);
    let codes: Vec<_> = explanation.blockers.iter().map(rollout::Blocker::code).collect();
    assert_eq!(codes.iter().filter(|code| **code == "HELD").count(), 2);
    for code in ["PAUSED_BY_PRACTICE", "NOT_READY", "DISPUTED", "OUTSIDE_WINDOW", "WAVE_NOT_OPEN"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    for blocker in &explanation.blockers {
        assert!(blocker.clears_by().ends_with('.') && blocker.sentence().ends_with('.'));
        assert!(!explanation.owner_of(blocker).is_empty());
    }
}

#[test]
fn whoever_is_in_no_wave_is_told_of_holds_as_well_and_of_no_time() {
    let mut world = World::running(30, SPRING);
    world.registry.change(code(31), |_| {});
    for scope in
        [HoldScope::Supplier(supplier("TPP")), HoldScope::Programme(programme()), HoldScope::Practice(code(99))]
    {
        world.hold(scope, HoldClass::Capacity, Brake::Hold);
    }
    let mut stranger = crate::world::practice(31);
    stranger.supplier = Some(supplier("TPP"));
    world.registry.view.put(stranger);
    let explanation = explained(&world, 31);
    let codes: Vec<_> = explanation.blockers.iter().map(rollout::Blocker::code).collect();
    assert_eq!(codes, ["HELD", "HELD", "NOT_IN_PLAN"]);
    assert_eq!(explanation.earliest_at, None);
}

/// The practice's turn, not the window's opening, is what is stated: 30 practices under a cap of 4 a day.
#[test]
fn i25_under_a_cap_each_practice_is_told_the_day_of_its_own_turn() {
    let text = SPRING.replace("    after: [1]\n", "").replace("{practices: 10}\ngate", "{practices: 4}\ngate");
    let text =
        text.replace("take: {practices: 10}", "take: by-capacity").replace("until: 2031-05-07", "until: 2031-05-16");
    let mut world = World::running(30, &text);
    let stated: Vec<_> = (1..=30).map(|number| explained(&world, number).earliest_at.unwrap()).collect();
    let days: std::collections::BTreeSet<_> = stated.iter().collect();
    assert!(days.len() >= 7, "{days:?}");
    world.run_until("2031-06-30T12:00:00Z");
    for (number, stated) in (1..=30).zip(stated) {
        let (at, _) = world.effects.iter().find(|(_, key)| key.practice == code(number)).unwrap();
        assert_eq!(*at, stated, "{number}");
    }
}
