//! Plans: who is in which wave, what approval is bound to, what a later version replaces (rule 7, I19, I26).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;
use rollout::plan::{Expansion, MoveRule, Plan, Unplaced, diff, expand};
use rollout::spec::Wrong;
use rollout::state::{Brake, EnrolmentState, HoldClass, HoldScope, PlanStage, WaveStage};
use rollout::{Account, Act, Command, Observed, PauseEnd, PlanVersion, RegistryView, Rejection, decide};

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
fn approval_is_bound_to_the_hash() {
    let mut world = World::new((1..=20).map(practice));
    let plan = world.submit_plan(SPRING).unwrap();
    let other = world.expand(&SPRING.replace("seed: 7", "seed: 8")).unwrap();
    assert_ne!(plan.hash, other.hash);
    let approve = Act::ApprovePlan { programme: programme(), version: plan.version, hash: other.hash };
    let refused = world.act(&bob(), approve).unwrap_err();
    assert_eq!(refused, Rejection::PlanHashDiffers { given: other.hash, actual: plan.hash });
}

#[test]
fn a_plan_that_was_tampered_with_is_refused() {
    let mut world = World::new((1..=20).map(practice));
    world.act(&alice(), Act::CreateProgramme { document: document(SPRING) }).unwrap();
    let mut plan = world.expand(SPRING).unwrap();
    plan.waves[0].members.pop();
    let refused = world.act(&alice(), Act::SubmitPlan { plan: Arc::new(plan) }).unwrap_err();
    assert_eq!(refused, Rejection::PlanOutdated { programme: programme() });
}

#[test]
fn a_plan_of_an_older_document_is_refused() {
    let mut world = World::new((1..=20).map(practice));
    world.act(&alice(), Act::CreateProgramme { document: document(SPRING) }).unwrap();
    let plan = Arc::new(world.expand(SPRING).unwrap());
    let document = document(&SPRING.replace("seed: 7", "seed: 8"));
    world.act(&alice(), Act::UpdateProgramme { programme: programme(), document }).unwrap();
    let refused = world.act(&alice(), Act::SubmitPlan { plan }).unwrap_err();
    assert_eq!(refused, Rejection::PlanOutdated { programme: programme() });
}

#[test]
fn the_author_the_editors_and_the_scheduler_cannot_approve() {
    let mut world = World::new((1..=20).map(practice));
    world.act(&carol(), Act::CreateProgramme { document: document(SPRING) }).unwrap();
    let plan = world.submit_plan(SPRING).unwrap();
    let approve = Act::ApprovePlan { programme: programme(), version: plan.version, hash: plan.hash };
    for account in [alice(), carol()] {
        let refused = world.act(&account, approve.clone()).unwrap_err();
        assert_eq!(refused, Rejection::ApproverIsEditor { account });
    }
    assert_eq!(world.act(&Account::scheduler(), approve.clone()), Err(Rejection::NotAPerson));
    world.act(&bob(), approve).unwrap();
}

#[test]
fn a_later_submission_takes_the_place_of_one_in_review() {
    let mut world = World::new((1..=20).map(practice));
    let first = world.submit_plan(SPRING).unwrap();
    let second = world.submit_plan(&SPRING.replace("seed: 7", "seed: 8")).unwrap();
    let approve = |plan: &Plan| Act::ApprovePlan { programme: programme(), version: plan.version, hash: plan.hash };
    let refused = world.act(&bob(), approve(&first)).unwrap_err();
    let stage = PlanStage::Superseded;
    assert_eq!(refused, Rejection::PlanNotInReview { programme: programme(), version: first.version, stage });
    world.act(&bob(), approve(&second)).unwrap();
    assert_eq!(world.state.programme(&programme()).unwrap().in_force, Some(PlanVersion(2)));
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

/// An edit of a programme, by somebody.
#[derive(Debug, Clone)]
enum Edit {
    Update(usize),
    Submit(usize),
    Approve(usize),
    Reject(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0_usize..4, 0_usize..3).prop_map(|(kind, who)| match kind {
        0 => Edit::Update(who),
        1 => Edit::Submit(who),
        2 => Edit::Approve(who),
        _ => Edit::Reject(who),
    });
    prop::collection::vec(edit, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// I19: over any sequence of edits nobody approves what they had a hand in since the last approval.
    #[test]
    fn i19_nobody_approves_what_they_wrote(edits in edits()) {
        let people = [alice(), bob(), carol()];
        let mut world = World::new((1..=12).map(practice));
        world.act(&people[0], Act::CreateProgramme { document: document(SPRING) }).unwrap();
        let mut hands = BTreeSet::from([0]);
        let mut hands_at_submission = BTreeSet::new();
        for (seed, edit) in edits.into_iter().enumerate() {
            let text = SPRING.replace("seed: 7", &format!("seed: {seed}"));
            match edit {
                Edit::Update(who) => {
                    let document = document(&text);
                    world.act(&people[who], Act::UpdateProgramme { programme: programme(), document }).unwrap();
                    hands.insert(who);
                }
                Edit::Submit(who) => {
                    let text = world.state.programme(&programme()).unwrap().document.text.clone();
                    let plan = Arc::new(world.expand(&text).unwrap());
                    world.act(&people[who], Act::SubmitPlan { plan }).unwrap();
                    hands.insert(who);
                    hands_at_submission = hands.clone();
                }
                Edit::Approve(who) | Edit::Reject(who) => {
                    let found = world.state.programme(&programme()).unwrap().plans.get_max().cloned();
                    let Some((version, record)) = found else { continue };
                    let in_review = record.stage == PlanStage::InReview;
                    let approves = matches!(edit, Edit::Approve(_));
                    let (hash, programme) = (record.plan.hash, programme());
                    let act = if approves {
                        Act::ApprovePlan { programme, version, hash }
                    } else {
                        Act::RejectPlan { programme, version }
                    };
                    let done = world.act(&people[who], act).is_ok();
                    prop_assert_eq!(done, in_review && (!approves || !hands.contains(&who)));
                    if done && approves {
                        prop_assert!(!hands_at_submission.contains(&who));
                        hands = hands.difference(&hands_at_submission).copied().collect();
                        // Who wrote after the submission wrote of the next version.
                        let editors = &world.state.programme(&super::world::programme()).unwrap().editors;
                        hands.extend((0..3).filter(|who| editors.contains_key(&people[*who])));
                    }
                }
            }
        }
        prop_assert_eq!(world.folded(), world.state);
    }

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
