//! Waves that nobody lists: a few practices, a sample of England, then everybody else as the caps let them through.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use ods::PracticeCode;
use proptest::prelude::*;
use rollout::plan::{Member, MoveRule, Plan, Unplaced, diff};
use rollout::spec::{Caps, Existing, Wrong};
use rollout::state::{Load, Loads, ProgrammeStage, Verdict, WaveStage};
use rollout::{Act, PracticeFacts, Rejection};

use crate::world::{
    Behaviour, STAGED, World, alice, bob, calendar, code, document, moment, practice, programme, supplier, wave,
};

#[test]
fn a_plan_by_strategy() {
    insta::assert_snapshot!(World::new((1..=60).map(practice)).expand(STAGED).unwrap());
}

#[test]
fn a_strategy_runs_to_its_end_by_itself() {
    let mut world = World::running(60, STAGED);
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!((world.count_on(), world.stage(1)), (4, WaveStage::Soaking));
    world.run_until("2031-05-13T18:00:00Z");
    assert_eq!((world.count_on(), world.stage(1)), (16, WaveStage::Closed));
    world.run_until("2031-07-01T00:00:00Z");
    assert_eq!(world.count_on(), 60);
    assert_eq!(world.state.programme(&programme()).unwrap().stage, ProgrammeStage::Completed);
}

#[test]
fn i26_planning_a_strategy_again_moves_nobody_whenever_it_is() {
    let mut world = World::running(60, STAGED);
    let mut known_on = 0;
    for until in ["2031-05-05", "2031-05-06", "2031-05-08", "2031-05-12", "2031-05-15", "2031-05-20", "2031-05-24"] {
        world.run_until(&format!("{until}T12:00:00Z"));
        let again = world.expand(STAGED).unwrap();
        let changed = diff(world.state.programme(&programme()).unwrap().plan(), &again);
        let is_on = |rule: &MoveRule| *rule == MoveRule::Unplaced(Unplaced::AlreadyOn);
        assert!(changed.moves.iter().all(|one| is_on(&one.rule)), "on {until}: {changed}");
        assert_eq!(changed.moves.len(), world.count_on() - known_on, "on {until}");
        known_on = world.count_on();
        world.put_in_force(STAGED).unwrap();
        world.settle();
        // Those who are in it now are no news the next time.
        let again = world.expand(STAGED).unwrap();
        let changed = diff(world.state.programme(&programme()).unwrap().plan(), &again);
        assert_eq!(changed.moves, [], "on {until}");
        world.put_in_force(STAGED).unwrap();
    }
    assert_eq!(world.folded(), world.state);
}

/// Rule 7: who joins the cohort later waits for the next version, and rule 11: is told in time there.
#[test]
fn who_comes_late_waits_for_the_next_version_and_for_notice() {
    let mut world = World::running(30, STAGED);
    world.run_until("2031-05-08T12:00:00Z");
    world.registry.view.put(practice(99));
    world.run_until("2031-05-19T06:00:00Z");
    assert!(world.state.programme(&programme()).unwrap().current_wave.get(&code(99)).is_none());
    let plan = world.expand(STAGED).unwrap();
    let late = plan.waves.iter().find(|wave| wave.members.iter().any(|one| one.practice == code(99))).unwrap();
    // Ten working days from 19 May, with a bank holiday between.
    assert!(date(2031, 6, 3) <= late.rules.from, "{plan}");
    assert!(plan.waves.iter().any(|wave| wave.id < late.id), "{plan}");
}

#[test]
fn a_canary_that_failed_ends_the_strategy() {
    let mut world = World::running(60, STAGED);
    for name in ["EMIS", "TPP"] {
        world.suppliers.insert(supplier(name), Behaviour::Refuses { retryable: false });
    }
    world.run_until("2031-05-09T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Gate);
    world.act(&alice(), Act::DecideGate { wave: wave(1), verdict: Verdict::Fail }).unwrap();
    world.run_until("2031-06-20T12:00:00Z");
    assert_eq!((world.count_on(), world.count_events("wave-opened")), (0, 1));
    let refused = world.put_in_force(STAGED).unwrap_err();
    let wrong = Wrong::NotPassed(wave(1).wave);
    assert!(matches!(&refused, Rejection::Invalid(all) if all.iter().any(|one| one.wrong == wrong)), "{refused:?}");
    // Numbered anew, with another first day, it is another strategy.
    let anew = STAGED.replace("first_wave: 1", "first_wave: 101").replace("2031-05-06", "2031-07-08");
    world.put_in_force(&anew).unwrap();
}

#[test]
fn the_others_do_not_go_ahead_of_a_canary_whose_days_have_passed() {
    let text = STAGED.replace("notice_working_days: 10", "notice_working_days: 0");
    let mut world = World::new((1..=60).map(practice));
    world.jump(moment("2031-05-07T12:00:00Z"));
    let wrong = world.expand(&text).unwrap_err();
    assert_eq!(wrong.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["strategy.canary"]);
    assert!(matches!(wrong[0].wrong, Wrong::Past { .. }));
}

#[test]
fn a_plan_whose_canary_has_passed_meanwhile_cannot_be_approved() {
    let mut world = World::new((1..=60).map(practice));
    let plan = world.submit_plan(&STAGED.replace("notice_working_days: 10", "notice_working_days: 0")).unwrap();
    world.jump(moment("2031-05-06T17:00:00Z"));
    let approve = Act::ApprovePlan { programme: programme(), version: plan.version, hash: plan.hash };
    assert_eq!(world.act(&bob(), approve), Err(Rejection::PlanOutdated { programme: programme() }));
}

#[test]
fn a_sample_that_does_not_fit_its_days_is_said() {
    let text = STAGED.replace("sample: {practices: 12, days: 2", "sample: {practices: 20, days: 2");
    let wrong = World::new((1..=60).map(practice)).expand(&text).unwrap_err();
    let said = "strategy.sample.days: 8 of 20 practices do not fit from 2031-05-12 to 2031-05-13 under the daily caps";
    assert_eq!(wrong.iter().map(ToString::to_string).collect::<Vec<_>>(), [said]);
}

#[test]
fn everything_that_is_wrong_with_a_strategy_is_said_at_once() {
    let text = STAGED
        .replace("first_wave: 1", "first_wave: 3")
        .replace("strategy:\n", "waves: [{wave: 3, from: 2031-05-06}]\nstrategy:\n")
        .replace("canary: {practices: 4, days: 1", "canary: {practices: 0, days: 0")
        .replace("rest: {days: 4}", "rest: {days: 0}\n  until: 2031-04-01")
        .replace("  from: 2031-05-06\n  canary", "  from: 2031-04-08\n  canary");
    let existing = Existing { calendar: &calendar(), now: moment("2031-04-01T08:00:00Z"), programme: None };
    let said: Vec<String> = document(&text).spec.check(&existing).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "waves[0].wave: wave 3 is numbered as the strategy's waves are, from 3 on",
            "strategy.canary.practices: must be above 0",
            "strategy.canary.days: must be above 0",
            "strategy.rest.days: must be above 0",
            "strategy.until: 2031-04-01 is before 2031-04-08",
            "strategy.from: with 10 working days' notice from today, the earliest date is 2031-04-17",
        ]
    );
}

/// Rule 7: nothing that the strategy makes goes live but what somebody else approved.
#[test]
fn a_strategy_is_approved_with_its_members_and_not_as_a_promise() {
    let mut world = World::new((1..=60).map(practice));
    let plan = world.submit_plan(STAGED).unwrap();
    assert_eq!(plan.load().practices, 60);
    world.run_until("2031-06-30T12:00:00Z");
    assert_eq!(world.count_on(), 0);
    let mut world = World::new((1..=60).map(practice));
    let plan = world.submit_plan(STAGED).unwrap();
    let mut other = (*plan).clone();
    other.waves[0].members.swap(0, 1);
    assert_ne!(other.computed_hash(), plan.hash);
    let approve = Act::ApprovePlan { programme: programme(), version: plan.version, hash: other.computed_hash() };
    assert!(matches!(world.act(&bob(), approve), Err(Rejection::PlanHashDiffers { .. })));
}

/// Members by the day that they are planned on, in the order of the waves.
fn by_day(plan: &Plan) -> BTreeMap<Date, Vec<&Member>> {
    let mut days: BTreeMap<Date, Vec<&Member>> = BTreeMap::new();
    for member in plan.waves.iter().flat_map(|wave| &wave.members) {
        days.entry(member.planned_on.unwrap()).or_default().push(member);
    }
    days
}

/// Whether a day with these has room for them all.
fn has_room(caps: &Caps, members: &[&Member]) -> bool {
    let mut loads = Loads::default();
    members.iter().for_each(|one| loads.add(&one.supplier, one.icb, Load::of(one.list_size)));
    loads.iter().all(|(scope, load)| load.within(caps.daily.of(scope)))
}

fn capped(national: u32, patients: u64, icb: u32, tpp: u32, days: u16, more: &str) -> String {
    let caps = format!(
        "national: {{practices: {national}, patients: {patients}}}\n    each_icb: {{practices: {icb}}}\n    suppliers: {{TPP: {{practices: {tpp}}}}}"
    );
    let text = STAGED
        .replace("national: {practices: 6}", &caps)
        .replace("rest: {days: 4}", &format!("rest: {{days: {days}}}"));
    let text = text.replace("canary: {practices: 4, days: 1", "canary: {practices: 4, days: 4");
    text.replace("sample: {practices: 12, days: 2", "sample: {practices: 12, days: 12")
        .replace("seed: 7", &format!("seed: 7\n{more}"))
}

fn networked(number: u32) -> PracticeFacts {
    let mut facts = practice(number);
    // Networks of two to five practices with both suppliers in them; every tenth practice is in none.
    let pcn = format!("U{:05}", number * 7 % 100 / 4);
    facts.pcn = if number.is_multiple_of(10) { "U".parse().ok() } else { pcn.parse().ok() };
    facts
}

fn by_network(practices: &[PracticeCode]) -> Vec<Vec<PracticeFacts>> {
    let mut networks: BTreeMap<_, Vec<PracticeFacts>> = BTreeMap::new();
    for practice in practices {
        let facts = networked(practice.as_str()[1..].parse().unwrap());
        networks.entry(facts.pcn).or_default().push(facts);
    }
    let drawn = |facts: &PracticeFacts| ods::draw(7, "plan-order", facts.code, 0, 0).bits();
    networks.values_mut().for_each(|network| network.sort_by_key(drawn));
    networks.into_values().collect()
}

/// Whether so many days that nobody else has hold all of a network, each practice in turn on the first with room.
fn fits_by_itself(caps: &Caps, network: &[PracticeFacts], days: u16) -> bool {
    let mut loads = vec![Loads::default(); usize::from(days)];
    network.iter().all(|facts| {
        let supplier = facts.supplier.as_ref().unwrap();
        let day = loads.iter_mut().find(|day| {
            let mut with_it = (*day).clone();
            with_it.add(supplier, facts.icb, Load::of(facts.list_size));
            with_it.iter().all(|(scope, load)| load.within(caps.daily.of(scope)))
        });
        day.map(|day| day.add(supplier, facts.icb, Load::of(facts.list_size))).is_some()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Rule 4 and rule 12 for whole plans, and I26: no day is above any cap; whoever fits an empty day has a day, and was kept
    /// from every earlier one of its wave by practices before it in the order, never by those behind.
    #[test]
    fn i26_caps_hold_on_every_planned_day_and_nobody_is_kept_waiting_by_those_behind(
        numbers in prop::collection::btree_set(1_u32..2_000, 20..80),
        national in 3_u32..12,
        patients in 12_000_u64..60_000,
        icb in 2_u32..8,
        tpp in 1_u32..6,
        days in 1_u16..6,
    ) {
        let text = capped(national, patients, icb, tpp, days, "");
        let plan = World::new(numbers.iter().copied().map(practice)).expand(&text).unwrap();
        prop_assert!(plan.unplaced.is_empty(), "{plan}");
        prop_assert_eq!(plan.load().practices as usize, numbers.len());
        let caps = &plan.spec.caps;
        for (day, members) in by_day(&plan) {
            prop_assert!(has_room(caps, &members), "{}: {:?}", day, members);
        }
        for wave in &plan.waves {
            let days: BTreeSet<Date> = wave.members.iter().filter_map(|one| one.planned_on).collect();
            for (place, member) in wave.members.iter().enumerate() {
                for day in days.iter().filter(|day| Some(**day) < member.planned_on) {
                    let before = wave.members[..place].iter().filter(|one| one.planned_on == Some(*day));
                    let with_it: Vec<&Member> = before.chain([member]).collect();
                    prop_assert!(!has_room(caps, &with_it), "{} was passed over on {day}", member.practice);
                }
            }
        }
        let backwards = World::new(numbers.iter().rev().copied().map(practice)).expand(&text).unwrap();
        prop_assert_eq!(plan, backwards);
    }

    /// Networks stay whole under all caps at once, whatever suppliers they mix, and each has a wave, but for one that would not
    /// fit the days of a wave that it had all to itself (rule 12).
    #[test]
    fn networks_stay_together_under_the_caps(
        numbers in prop::collection::btree_set(1_u32..100, 20..80),
        national in 3_u32..12,
        patients in 12_000_u64..60_000,
        tpp in 1_u32..6,
        days in 1_u16..6,
    ) {
        let text = capped(national, patients, 3, tpp, days, "keep_together: pcns");
        // Without the first ones, whose waves are longer.
        let (head, rest) = text.split_once("  canary:").unwrap();
        let text = format!("{head}  rest:{}", rest.split_once("  rest:").unwrap().1);
        let plan = World::new(numbers.iter().copied().map(networked)).expand(&text).unwrap();
        prop_assert!(plan.pcns_apart().is_empty(), "{plan}");
        for (day, members) in by_day(&plan) {
            prop_assert!(has_room(&plan.spec.caps, &members), "{}: {:?}", day, members);
        }
        for (reason, practices) in &plan.unplaced {
            prop_assert_eq!(reason, &Unplaced::PcnTooLarge);
            for network in by_network(practices) {
                prop_assert!(!fits_by_itself(&plan.spec.caps, &network, days), "{network:?} has no wave");
            }
        }
        let backwards = World::new(numbers.iter().rev().copied().map(networked)).expand(&text).unwrap();
        prop_assert_eq!(plan, backwards);
    }
}
