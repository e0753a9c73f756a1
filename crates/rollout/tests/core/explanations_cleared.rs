//! What an explanation says clears it does (I25): in random worlds somebody does for each blocker what it says, and the
//! practice goes live at the stated moment, not before; where no moment is stated, nothing in this plan brings it about.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rollout::state::{Brake, EnrolmentState, HoldClass, HoldScope, WaveStage};
use rollout::{Act, Blocker, Explanation, Fact, HoldId, Observed, Owner, PauseEnd, explain};

use crate::world::{
    Behaviour, World, alice, begun, bob, carol, code, moment, practice, programme, supplier, target, wave,
};

/// Two waves side by side and two windows a day, under caps that leave practices waiting for days; the last supplier has
/// booked dates, the one before it asks its practices.
const CROWDED: &str = r#"
name: spring
cohort: practice.list_size > 0
seed: 5
windows:
  - days: [monday, tuesday, wednesday, thursday, friday]
    from: "09:00"
    to: "11:00"
  - days: [tuesday, thursday]
    from: "14:00"
    to: "16:00"
freezes: [{first: 2031-05-13, last: 2031-05-13, why: release}]
notice_working_days: 8
caps:
  daily:
    national: {practices: NATION, patients: 60000}
    each_icb: {practices: ICB}
gate: {min_success: 0.01, min_sample: 1, soak: 4h, timeout: 48h}
suppliers:
  EMIS: {mode: push, attempts: 9}
  TPP: {mode: push, attempts: 9, freezes: [{first: 2031-05-14, last: 2031-05-15, why: release of TPP}]}
  Medicus: {mode: booked-dates, dates: [2031-05-14, 2031-05-20], cut_off: {days_before: 3, at: "17:00"}}
  Evergreen: {mode: self-service}
waves:
  - wave: 1
    take: {practices: 12}
    from: 2031-05-06
    until: 2031-06-27
  - wave: 2
    take: by-capacity
    from: 2031-05-08
    until: 2031-06-27
"#;

const PRACTICES_COUNT: u32 = 36;

fn crowded(nation: u32, icb: u32) -> World {
    let mut world = World::new((1..=PRACTICES_COUNT).map(|number| {
        let mut facts = practice(number);
        match number % 9 {
            0 => facts.supplier = Some(supplier("Medicus")),
            4 => facts.supplier = Some(supplier("Evergreen")),
            _ => {}
        }
        facts
    }));
    world.suppliers.insert(supplier("Medicus"), Behaviour::Applies);
    let text = CROWDED.replace("NATION", &nation.to_string()).replace("ICB", &icb.to_string());
    world.put_in_force(&text).unwrap();
    world.settle();
    world
}

#[derive(Debug, Clone)]
enum Trouble {
    Hold(u8, u32, bool),
    Unready(u32),
    Dispute(u32),
    PauseUntil(u32, i64),
    PauseForGood(u32),
    Close(u32),
    Move(u32),
    PartlyOn(u32),
    Refuses(bool),
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let number = 1..=PRACTICES_COUNT;
    let trouble = prop_oneof![
        4 => (0_u8..7, number.clone(), any::<bool>()).prop_map(|(kind, who, safety)| Trouble::Hold(kind, who, safety)),
        3 => number.clone().prop_map(Trouble::Unready),
        2 => number.clone().prop_map(Trouble::Dispute),
        3 => (number.clone(), 0_i64..50).prop_map(|(who, days)| Trouble::PauseUntil(who, days)),
        2 => number.clone().prop_map(Trouble::PauseForGood),
        1 => number.clone().prop_map(Trouble::Close),
        1 => number.clone().prop_map(Trouble::Move),
        1 => number.prop_map(Trouble::PartlyOn),
        1 => any::<bool>().prop_map(Trouble::Refuses),
    ];
    prop::collection::vec(trouble, 0..14)
}

fn make(world: &mut World, trouble: &Trouble) {
    match trouble {
        Trouble::Hold(kind, who, safety) => {
            let scope = match kind {
                0 => HoldScope::National,
                1 => HoldScope::Supplier(supplier("EMIS")),
                2 => HoldScope::Icb("QHM".parse().unwrap()),
                3 => HoldScope::Programme(programme()),
                4 => HoldScope::Wave(wave(1 + who % 2)),
                5 => HoldScope::Practice(code(*who)),
                _ => HoldScope::Selection((1..=*who).map(code).collect()),
            };
            let class = if *safety { HoldClass::Safety } else { HoldClass::Capacity };
            world.hold(scope, class, Brake::Hold);
        }
        Trouble::Unready(who) => world.registry.change(code(*who), |facts| facts.readiness = vec![begun("dpia")]),
        Trouble::Dispute(who) => world.registry.dispute(code(*who)),
        Trouble::PauseUntil(who, days) => {
            let end = moment("2031-04-20T00:00:00Z").checked_add(SignedDuration::from_hours(24 * days)).unwrap();
            if world.now < end {
                world.pause(*who, PauseEnd::Until(end));
            }
        }
        Trouble::PauseForGood(who) => {
            world.pause(*who, PauseEnd::FurtherNotice);
        }
        Trouble::Close(who) => world.registry.change(code(*who), |facts| facts.open = false),
        Trouble::Move(who) => world.registry.change(code(*who), |facts| facts.supplier = Some(supplier("TPP"))),
        Trouble::PartlyOn(who) => world.observe(*who, Observed::Partial),
        Trouble::Refuses(tpp) => {
            let name = if *tpp { "TPP" } else { "EMIS" };
            world.suppliers.insert(supplier(name), Behaviour::Refuses { retryable: true });
        }
    }
}

fn explained(world: &World, number: u32) -> Explanation {
    explain(&world.state, &world.registry.view, &target(code(number)), world.now)
}

/// Somebody does what clears it, if anybody can.
fn clear(world: &mut World, number: u32, blocker: &Blocker) {
    match blocker {
        Blocker::Paused { end: PauseEnd::Until(_), too_late: false, .. } => {}
        Blocker::Paused { .. } => world.registry.resume(code(number)),
        Blocker::Held { hold, class, .. } => lift(world, *hold, *class),
        Blocker::NotReady { .. } => world.registry.change(code(number), |facts| facts.readiness.clear()),
        Blocker::Disputed { .. } => {
            world.observe(number, Observed::Off);
            world.registry.change(code(number), |facts| facts.access.iter_mut().for_each(|one| one.disputed = false));
        }
        Blocker::NoNotice { earliest: None, .. } => {
            let wave = explained(world, number).wave.unwrap();
            let (practices, channel, delivered_at) = (vec![code(number)], "letter".to_owned(), world.now);
            world.learn(Fact::NoticeDelivered { wave, practices, delivered_at, channel });
        }
        // It is its own to act, and may at any moment.
        Blocker::TriedAgain { .. } | Blocker::Invited { .. } => {}
        other => assert_eq!(other.owner(), Owner::Time, "nobody knows how to clear {other}"),
    }
}

fn lift(world: &mut World, hold: HoldId, class: HoldClass) {
    world.act(&carol(), Act::LiftHold { hold, etag: None }).unwrap();
    if class == HoldClass::Safety {
        let etag = Some(world.state.holds[&hold].changed_at_position);
        world.act(&bob(), Act::LiftHold { hold, etag }).unwrap();
    }
}

/// Everything in the way is cleared, and time passes to the stated moment.
fn goes_live_as_stated(world: &World, number: u32, explanation: &Explanation, at: Timestamp) {
    let mut world = world.clone();
    for supplier in world.suppliers.values_mut() {
        *supplier = Behaviour::Applies;
    }
    for blocker in explanation.blockers.iter().filter(|blocker| !matches!(blocker, Blocker::Booked { .. })) {
        clear(&mut world, number, blocker);
    }
    let just_before = at.checked_sub(SignedDuration::from_micros(1)).unwrap();
    if world.now <= just_before {
        world.run_until(&just_before.to_string());
        assert!(!world.is_on(code(number)), "before it was to: {explanation}");
    }
    world.run_until(&at.to_string());
    let now = explained(&world, number);
    let state = now.enrolment.as_ref().unwrap().stage.state();
    if state == EnrolmentState::Invited {
        // It may do it at any moment.
        world.observe(number, Observed::On);
        world.settle();
        assert!(explained(&world, number).is_live());
    } else {
        assert!(world.is_on(code(number)), "stated: {explanation}\nat {}: {now}", world.now);
    }
}

/// Nothing that anybody does under this plan brings it about: it takes another plan, or its turn does not come.
fn is_for_another_plan(explanation: &Explanation) -> bool {
    let codes = [
        "DEFERRED",
        "WITHDRAWN",
        "SUPERSEDED",
        "REFUSED",
        "FAILED",
        "NOT_APPLIED",
        "LAPSED",
        "REVERTED",
        "NOT_IN_PLAN",
        "PRACTICE_NOT_OPEN",
        "SUPPLIER_CHANGED",
        "PARTLY_ON",
        "WAVES_ARE_FULL",
    ];
    explanation.blockers.iter().any(|blocker| codes.contains(&blocker.code()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    #[test]
    fn i25_whoever_is_cleared_as_it_says_goes_live_at_the_stated_moment_and_not_before(
        caps in (2_u32..8, 2_u32..6),
        troubles in troubles(),
        untold in prop::collection::btree_set(1..=PRACTICES_COUNT, 0..6),
        minutes in 0_i64..50_000,
        asked in prop::collection::vec(1..=PRACTICES_COUNT, 6),
    ) {
        let mut world = crowded(caps.0, caps.1);
        for number in 1..=2 {
            let members = world.state.wave(&wave(number)).unwrap().enrolments().map(|one| one.practice);
            let practices: Vec<_> = members.filter(|one| !untold.iter().any(|number| code(*number) == *one)).collect();
            let (channel, delivered_at) = ("letter".to_owned(), world.now);
            world.learn(Fact::NoticeDelivered { wave: wave(number), practices, delivered_at, channel });
        }
        // Half of it all comes before the moment at which is asked, half after the waves have come so far.
        let (early, late) = troubles.split_at(troubles.len() / 2);
        early.iter().for_each(|trouble| make(&mut world, trouble));
        let now = moment("2031-04-28T06:00:00Z").checked_add(SignedDuration::from_mins(minutes)).unwrap();
        world.run_until(&now.to_string());
        late.iter().for_each(|trouble| make(&mut world, trouble));
        world.settle();
        for number in asked {
            let explanation = explained(&world, number);
            // What has drifted since it was switched on is for people to look at, and has no time.
            if explanation.is_live() || goes_on(&explanation) {
                continue;
            }
            prop_assert!(!explanation.blockers.is_empty(), "{}", explanation);
            for blocker in &explanation.blockers {
                prop_assert!(blocker.earliest_at().is_none_or(|at| world.now <= at || blocker.owner() == Owner::Time), "{}", explanation);
            }
            match explanation.earliest_at {
                Some(at) => {
                    prop_assert!(world.now <= at, "{}", explanation);
                    goes_live_as_stated(&world, number, &explanation, at);
                }
                None => prop_assert!(is_for_another_plan(&explanation) || has_no_turn(&world, number, &explanation), "{}", explanation),
            }
        }
    }
}

fn goes_on(explanation: &Explanation) -> bool {
    let state = explanation.enrolment.as_ref().map(|enrolment| enrolment.stage.state());
    use EnrolmentState::{Admitted, Commanded, Confirmed, Unknown, Verified};
    matches!(state, Some(Admitted | Commanded | Confirmed | Unknown | Verified))
}

/// Cleared of all that people can clear, and still not on when its wave's time is over.
fn has_no_turn(world: &World, number: u32, explanation: &Explanation) -> bool {
    let mut world = world.clone();
    for supplier in world.suppliers.values_mut() {
        *supplier = Behaviour::Applies;
    }
    for blocker in explanation.blockers.iter().filter(|blocker| !matches!(blocker, Blocker::Booked { .. })) {
        clear(&mut world, number, blocker);
    }
    world.run_until("2031-07-31T00:00:00Z");
    !world.is_on(code(number))
}

/// A gate that did not pass is decided by a person, the halt acknowledged and lifted; then the later wave goes on.
#[test]
fn i25_a_later_wave_goes_on_once_the_gate_before_it_is_decided() {
    let mut world = World::running(30, crate::world::SPRING);
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.run_until("2031-05-12T12:00:00Z");
    assert_eq!((world.stage(1), world.stage(2)), (WaveStage::Gate, WaveStage::Fixed));
    let waiting = world.state.wave(&wave(2)).unwrap().enrolments().next().unwrap().practice;
    let explain_it = |world: &World| explain(&world.state, &world.registry.view, &target(waiting), world.now);
    let explanation = explain_it(&world);
    let codes: Vec<_> = explanation.blockers.iter().map(Blocker::code).collect();
    assert!(codes.contains(&"HALTED") && codes.contains(&"EARLIER_WAVE_NOT_PASSED"), "{codes:?}");
    let halt = world.state.active_holds().next().unwrap().id;
    world.act(&alice(), Act::DecideGate { wave: wave(1), verdict: rollout::state::Verdict::Pass }).unwrap();
    world.act(&bob(), Act::AcknowledgeHalt { hold: halt }).unwrap();
    world.lift(halt);
    world.suppliers.insert(supplier("TPP"), Behaviour::Applies);
    world.run_until("2031-05-12T12:00:00Z");
    assert!(
        explain_it(&world).blockers.iter().all(|blocker| blocker.code() == "CAP_REACHED"),
        "{}",
        explain_it(&world)
    );

    // Decided otherwise, nothing but another plan helps.
    let mut failed = World::running(30, crate::world::SPRING);
    failed.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    failed.run_until("2031-05-12T12:00:00Z");
    failed.act(&alice(), Act::DecideGate { wave: wave(1), verdict: rollout::state::Verdict::Fail }).unwrap();
    assert_eq!(explain_it(&failed).earliest_at, None);
}

/// A later wave opens no sooner than the evidence of the one it waits for can have ripened, whatever its own dates say.
#[test]
fn i25_what_waits_for_another_wave_is_not_promised_sooner_than_its_gate_can_pass() {
    let text = crate::world::SPRING.replace("from: 2031-05-12", "from: 2031-05-07");
    let world = World::running(30, &text);
    let waiting = world.state.wave(&wave(2)).unwrap().enrolments().next().unwrap().practice;
    let stated = explain(&world.state, &world.registry.view, &target(waiting), world.now).earliest_at.unwrap();
    // Wave 1 is on 6 May from 08:00 in London on, and its evidence ripens for a day.
    assert_eq!(stated, moment("2031-05-07T07:00:00Z"));
    let mut world = world;
    world.run_until("2031-05-30T17:00:00Z");
    let live_at = world.effects.iter().find(|(_, key)| key.practice == waiting).unwrap().0;
    assert!(stated <= live_at);
}
