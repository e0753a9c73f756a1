//! Plans: who is in which wave, and what a later version replaces (rule 7, I26).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;
use rollout::plan::{Expansion, MoveRule, Unplaced, diff, expand};
use rollout::spec::Wrong;
use rollout::state::{Brake, EnrolmentState, HoldClass, HoldScope, WaveStage};
use rollout::{Act, Command, Observed, PauseEnd, RegistryView, Rejection, decide};

use crate::world::{SPRING, World, alice, bob, carol, code, document, moment, one_wave, practice, programme, wave};

#[test]
fn a_programme_runs_to_its_end_by_itself() {
    let mut world = World::running(60, SPRING);
    world.run_until("2031-05-06T06:59:59.999999Z");
    assert_eq!(world.count_on(), 0);
    world.run_until("2031-05-06T07:00:00Z");
    assert_eq!(world.count_on(), 10);
    world.run_until("2031-05-12T06:59:00Z");
    assert_eq!((world.stage(1), world.count_on()), (WaveStage::Closed, 10));
    world.run_until("2031-06-10T00:00:00Z");
    assert_eq!((world.stage(2), world.count_on()), (WaveStage::Closed, 60));
    assert_eq!(world.state.programme(&programme()).unwrap().stage, rollout::state::ProgrammeStage::Completed);
}

#[test]
fn i20_the_state_is_the_fold_of_the_journal_and_survives_a_snapshot() {
    let mut world = World::running(40, SPRING);
    world.pause(3, PauseEnd::FurtherNotice);
    world.hold(HoldScope::Supplier("TPP".parse().unwrap()), HoldClass::Supplier, Brake::Stop);
    world.run_until("2031-05-20T12:00:00Z");
    assert_eq!(world.folded(), world.state);
    let snapshot = serde_json::to_string(&world.state).unwrap();
    assert_eq!(serde_json::from_str::<rollout::State>(&snapshot).unwrap(), world.state);
}

#[test]
fn i26_the_same_document_and_registry_give_the_same_plan_in_any_order_of_rows() {
    let forwards = World::new((1..=150).map(practice));
    let backwards = World::new((1..=150).rev().map(practice));
    let (one, other) = (forwards.expand(SPRING).unwrap(), backwards.expand(SPRING).unwrap());
    assert_eq!(one.hash, other.hash);
    assert_eq!(one, other);
    assert_eq!(one, forwards.expand(SPRING).unwrap());
}

#[test]
fn i26_planning_again_what_is_in_force_moves_nobody() {
    let world = World::running(80, SPRING);
    let again = world.expand(SPRING).unwrap();
    let in_force = world.state.programme(&programme()).unwrap().plan().unwrap();
    assert_eq!(diff(Some(in_force), &again).moves, []);
    assert_eq!(again.hash, in_force.hash);
}

#[test]
fn who_cannot_go_live_is_left_out_with_the_reason() {
    let mut world = World::new((1..=20).map(practice));
    world.pause(1, PauseEnd::FurtherNotice);
    world.observe(2, Observed::On);
    let hold = world.hold(HoldScope::Practice(code(3)), HoldClass::Legal, Brake::Hold);
    world.registry.change(code(4), |facts| facts.supplier = Some("Medicus".parse().unwrap()));
    world.registry.change(code(5), |facts| facts.open = false);
    world.pause(6, PauseEnd::Until(moment("2031-05-01T00:00:00Z")));
    let plan = world.expand(SPRING).unwrap();
    let unplaced: Vec<_> = plan.unplaced.iter().map(|(reason, who)| (reason.clone(), who.clone())).collect();
    assert_eq!(
        unplaced,
        [
            (Unplaced::AlreadyOn, vec![code(2)]),
            (Unplaced::Paused, vec![code(1)]),
            (Unplaced::Held(hold), vec![code(3)]),
            (Unplaced::NoSupplier, vec![code(4)]),
        ]
    );
    // A pause that ends before the wave begins is no reason; a closed practice is in no cohort.
    assert_eq!(plan.load().practices, 15);
}

#[test]
fn a_wave_by_capacity_takes_what_its_days_let_through_and_leaves_the_rest() {
    let text = one_wave("    take: by-capacity\n    until: 2031-05-08").replace(
        "gate:",
        "caps: {daily: {national: {practices: 4, patients: 20000}, each_icb: {practices: 1}}}\ngate:",
    );
    let world = World::new((1..=40).map(practice));
    let plan = world.expand(&text).unwrap();
    let days: BTreeSet<_> = plan.waves[0].members.iter().filter_map(|member| member.planned_on).collect();
    assert_eq!(days, BTreeSet::from([date(2031, 5, 6), date(2031, 5, 7), date(2031, 5, 8)]));
    for day in days {
        let members: Vec<_> = plan.waves[0].members.iter().filter(|member| member.planned_on == Some(day)).collect();
        let patients: u32 = members.iter().map(|member| member.list_size).sum();
        assert!(members.len() <= 4 && patients <= 20_000, "{day}: {members:?}");
        for icb in ["QOC", "QHM"] {
            assert!(members.iter().filter(|member| member.icb == icb.parse().ok()).count() <= 1, "{day}: {members:?}");
        }
    }
    assert!(
        matches!(plan.unplaced.as_slice(), [(Unplaced::NoRoom, left)] if left.len() + plan.waves[0].members.len() == 40)
    );
}

#[test]
fn a_practice_larger_than_a_cap_is_said_to_be() {
    let text = one_wave("").replace("gate:", "caps: {in_flight: {national: {patients: 9000}}}\ngate:");
    let world = World::new((1..=10).map(practice));
    let plan = world.expand(&text).unwrap();
    let large: Vec<_> = (1..=10).filter(|number| practice(*number).list_size > 9_000).map(code).collect();
    assert!(!large.is_empty());
    assert_eq!(plan.unplaced, [(Unplaced::TooLarge, large)]);
}

#[test]
fn a_wave_that_takes_all_says_how_many_do_not_fit() {
    let text = one_wave("").replace("gate:", "caps: {daily: {national: {practices: 4}}}\ngate:");
    let wrong = World::new((1..=10).map(practice)).expand(&text).unwrap_err();
    assert_eq!(wrong.len(), 1);
    assert_eq!(
        wrong[0].to_string(),
        "waves[0].take: 6 of 10 practices do not fit from 2031-05-06 to 2031-05-06 under the daily caps"
    );
}

#[test]
fn a_plan_whose_first_wave_has_passed_meanwhile_cannot_be_approved() {
    let mut world = World::new((1..=20).map(practice));
    let plan = world.submit_plan(SPRING).unwrap();
    world.jump(moment("2031-05-07T17:00:00Z"));
    let approve = Act::ApprovePlan { programme: programme(), version: plan.version, hash: plan.hash };
    let refused = world.act(&bob(), approve).unwrap_err();
    assert!(matches!(refused, Rejection::Invalid(wrong) if wrong.iter().any(|one| one.field == "waves[0].from")));
}

#[test]
fn a_wave_that_has_opened_is_listed_as_it_is_or_left_out() {
    let mut world = World::running(60, SPRING);
    world.run_until("2031-05-06T12:00:00Z");
    let changed = SPRING.replace("until: 2031-05-07", "until: 2031-05-08");
    let refused = world.put_in_force(&changed).unwrap_err();
    assert!(is_wrong(&refused, &Wrong::WaveOpened(wave(1).wave)), "{refused:?}");
}

#[test]
fn the_number_of_a_wave_that_has_ended_is_not_used_again() {
    let mut world = World::running(60, SPRING);
    world.run_until("2031-05-12T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Closed);
    let refused = world.put_in_force(SPRING).unwrap_err();
    assert!(is_wrong(&refused, &Wrong::WaveEnded(wave(1).wave)), "{refused:?}");
}

fn is_wrong(refused: &Rejection, wrong: &Wrong) -> bool {
    matches!(refused, Rejection::Invalid(violations) if violations.iter().any(|one| one.wrong == *wrong))
}

#[test]
fn a_wave_left_out_before_it_opened_is_superseded_with_its_due_moments() {
    let mut world = World::running(60, SPRING);
    let first = SPRING.split("  - wave: 2").next().unwrap();
    let text = first.replace("2031-05-06", "2031-05-13").replace("2031-05-07", "2031-05-14");
    let text = text.replace("    take: {practices: 10}", "    take: by-capacity");
    world.put_in_force(&text).unwrap();
    assert_eq!((world.stage(1), world.stage(2)), (WaveStage::Planned, WaveStage::Superseded));
    assert!(world.state.programme(&programme()).unwrap().due_pending.iter().all(|due| due.wave == wave(1)));
    world.run_until("2031-06-30T00:00:00Z");
    // Everybody was told of an earlier date before: that notice holds for the later one.
    assert_eq!(world.count_on(), 20);
}

#[test]
fn a_wave_that_has_opened_goes_on_with_those_who_wait() {
    let text = SPRING.replace("    after: [1]\n", "");
    let mut world = World::running(60, &text);
    world.run_until("2031-05-12T12:00:00Z");
    let second = text.split("  - wave: 2").nth(1).unwrap();
    let head = text.split("  - wave: 1").next().unwrap();
    let third = "  - wave: 3\n    from: 2031-06-09\n    until: 2031-06-20\n    practices: [A00061]\n";
    world.registry.change(code(1), |_| {});
    world.registry.view.put(practice(61));
    world.put_in_force(&format!("{head}  - wave: 2{second}{third}")).unwrap();
    assert_eq!(world.stage(2), WaveStage::Open);
    assert_eq!(world.count(3, EnrolmentState::Candidate), 1);
    world.settle();
    world.tell_everybody();
    world.run_until("2031-06-20T00:00:00Z");
    assert_eq!(world.count_on(), 61);
    assert_eq!(world.folded(), world.state);
}

/// Rule 4 for plans: the days of those who wait in a wave that goes on are theirs.
#[test]
fn who_waits_in_a_wave_that_goes_on_keeps_its_room_from_a_later_wave() {
    let text = SPRING.replace("    after: [1]\n", "");
    let mut world = World::running(60, &text);
    world.run_until("2031-05-13T12:00:00Z");
    assert_eq!((world.count_on(), world.count(2, EnrolmentState::Enrolled)), (30, 30));
    world.registry.view.put(practice(61));
    let first = text.find("  - wave: 1").unwrap()..text.find("  - wave: 2").unwrap();
    let third = "  - wave: 3\n    from: 2031-05-14\n    until: 2031-05-23\n    notice_working_days: 0\n    practices: [A00061]\n";
    // Wherever the document lists it, and whomever it is for: ten a day wait for the 14th to the 16th, and the 17th is a
    // Saturday.
    let ahead = |third: &str| text.replacen("waves:\n", &format!("waves:\n{third}"), 1);
    let for_all = third.replace("practices: [A00061]", "take: by-capacity");
    for text in [format!("{text}{third}"), ahead(third), ahead(&for_all)] {
        let ended_left_out = text.replace(&SPRING[first.clone()], "");
        let plan = world.expand(&ended_left_out).unwrap();
        let third = plan.wave(wave(3).wave).unwrap();
        assert_eq!((third.members.len(), third.members[0].planned_on), (1, Some(date(2031, 5, 19))), "{plan}");
        assert_eq!(plan.wave(wave(2).wave).unwrap().members.len(), 30);
    }
}

#[test]
fn a_practice_that_joins_the_cohort_later_waits_for_the_next_version() {
    let mut world = World::running(20, SPRING);
    world.registry.view.put(practice(99));
    world.run_until("2031-06-10T00:00:00Z");
    assert!(!world.is_on(code(99)));
    assert_eq!(world.count_on(), 20);
}

#[test]
fn a_diff_says_who_moves_and_by_which_rule() {
    let world = World::running(30, SPRING);
    let in_force = world.state.programme(&programme()).unwrap().plan().unwrap();
    let later = SPRING.replace("2031-05-12", "2031-05-13");
    let changed = diff(Some(in_force), &world.expand(&later).unwrap());
    assert_eq!((changed.moves.len(), changed.later.practices, changed.added.practices), (20, 20, 0));
    let listed = SPRING.replace("    take: {practices: 10}\n", "    practices: [A00001, A00002]\n");
    let changed = diff(Some(in_force), &world.expand(&listed).unwrap());
    let into_first = changed.moves.iter().filter(|one| one.to.is_some_and(|(to, _)| to == wave(1).wave));
    assert!(into_first.clone().count() <= 2);
    assert!(into_first.into_iter().all(|one| one.rule.to_string() == "the list of waves/1"));
    let none = SPRING.replace("practice.list_size > 0", "practice.list_size > 5000");
    let changed = diff(Some(in_force), &world.expand(&none).unwrap());
    assert!(changed.dropped.practices > 0);
    assert!(changed.moves.iter().any(|one| one.rule == MoveRule::LeftCohort));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// I26 for any registry: rows in any order, and the plan's hash is of its contents.
    #[test]
    fn i26_a_plan_is_a_function_of_the_set_of_practices(
        numbers in prop::collection::btree_set(1_u32..2_000, 20..80),
        seed in 0_u64..1_000,
    ) {
        let text = SPRING.replace("seed: 7", &format!("seed: {seed}"));
        let mut shuffled: Vec<u32> = numbers.iter().copied().collect();
        shuffled.sort_by_key(|number| ods::draw_for(seed, "shuffle", &number.to_string(), 0, 0).bits());
        let one = World::new(numbers.iter().copied().map(practice)).expand(&text).unwrap();
        let other = World::new(shuffled.into_iter().map(practice)).expand(&text).unwrap();
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.hash, one.computed_hash());
    }
}

#[test]
fn deciding_changes_nothing_by_itself() {
    let world = World::running(20, SPRING);
    let before = world.state.clone();
    let cancel = Act::CancelProgramme { programme: programme() };
    let command = Command::Person { by: alice(), reason_code: "TEST".into(), act: cancel };
    let events = decide(&world.state, &command, world.now).unwrap();
    assert!(!events.is_empty());
    assert_eq!(world.state, before);
}

#[test]
fn a_cancelled_programme_seals_nothing_more() {
    let mut world = World::running(30, SPRING);
    world.run_until("2031-05-06T12:00:00Z");
    world.act(&carol(), Act::CancelProgramme { programme: programme() }).unwrap();
    world.run_until("2031-06-30T12:00:00Z");
    assert_eq!(world.count_on(), 10);
    assert_eq!(world.stage(2), WaveStage::Cancelled);
}

#[test]
fn a_hundred_thousand_practices_are_all_placed() {
    let mut text = one_wave("    take: by-capacity\n    until: 2031-12-19");
    text = text.replace(
        "gate:",
        "caps: {daily: {national: {practices: 900, patients: 8000000}, each_icb: {practices: 800}}}\ngate:",
    );
    let world = World::new(std::iter::empty());
    let view = RegistryView::new(1, (0..100_000).map(practice));
    let spec = Arc::new(document(&text).spec.clone());
    let plan = expand(Expansion { spec: &spec, state: &world.state, view: &view, now: world.now }).unwrap();
    assert_eq!(plan.load().practices, 100_000);
}
