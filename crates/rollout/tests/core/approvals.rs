//! Approval: by another person, of exactly one plan, and nothing runs without it (rule 7, I19).

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;
use proptest::prelude::*;
use rollout::calendar::civil_date;
use rollout::plan::Plan;
use rollout::state::PlanStage;
use rollout::{Account, Act, Event, PlanVersion, Rejection, WaveRef};

use crate::world::{SPRING, World, alice, bob, carol, document, one_wave, practice, programme};

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

/// What somebody does to a programme, or time does.
#[derive(Debug, Clone)]
enum Deed {
    Write(usize),
    Submit(usize),
    /// Whether by the hash of what is under review, or by another.
    Approve(usize, bool),
    Reject(usize),
    /// A practice opens.
    Join,
    Days(i64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        2 => (0_usize..3).prop_map(Deed::Write),
        3 => (0_usize..3).prop_map(Deed::Submit),
        3 => (0_usize..4, prop::bool::weighted(0.8)).prop_map(|(who, right)| Deed::Approve(who, right)),
        1 => (0_usize..3).prop_map(Deed::Reject),
        1 => Just(Deed::Join),
        3 => (1_i64..4).prop_map(Deed::Days),
    ];
    prop::collection::vec(deed, 4..30)
}

/// The nth document, of a wave that nobody has used before and that begins tomorrow.
fn nth(number: usize, now: Timestamp) -> String {
    let from = civil_date(now).tomorrow().unwrap();
    let until = from.checked_add(jiff::Span::new().days(14)).unwrap();
    let more = format!("    take: by-capacity\n    until: {until}");
    one_wave(&more)
        .replace("wave: 1", &format!("wave: {number}"))
        .replace("2031-05-06", &from.to_string())
        .replace("notice_working_days: 10", "notice_working_days: 0")
        .replace("seed: 7", &format!("seed: {number}"))
        .replace("gate:", "caps: {daily: {national: {practices: 3}}}\ngate:")
}

/// A world in which deeds are done, and what was approved in it, with the length of the history then.
struct Doing {
    world: World,
    written_count: usize,
    approved: Vec<(usize, Arc<Plan>)>,
}

impl Doing {
    /// People may be refused: that is part of the world.
    fn perform(&mut self, people: &[Account], deed: &Deed) {
        let world = &mut self.world;
        match deed {
            Deed::Write(who) => {
                self.written_count += 1;
                let document = document(&nth(self.written_count, world.now));
                let _ = world.act(&people[*who], Act::UpdateProgramme { programme: programme(), document });
            }
            Deed::Submit(who) => {
                let text = world.state.programme(&programme()).unwrap().document.text.clone();
                if let Ok(plan) = world.expand(&text) {
                    let _ = world.act(&people[*who], Act::SubmitPlan { plan: Arc::new(plan) });
                }
            }
            Deed::Approve(who, right) => {
                let found = world.state.programme(&programme()).unwrap().plans.get_max().cloned();
                let Some((version, record)) = found else { return };
                let other = || rollout::plan::PlanHash::from_str(&"0".repeat(64)).unwrap();
                let hash = if *right { record.plan.hash } else { other() };
                let approve = Act::ApprovePlan { programme: programme(), version, hash };
                if world.act(&people[*who], approve).is_ok() {
                    assert!(*right && !record.editors.contains(&people[*who]));
                    self.approved.push((world.history.len(), record.plan.clone()));
                }
            }
            Deed::Reject(who) => {
                let Some(version) = world.state.programme(&programme()).unwrap().plans.keys().next_back().copied()
                else {
                    return;
                };
                let _ = world.act(&people[*who], Act::RejectPlan { programme: programme(), version });
            }
            Deed::Join => {
                let number = 100 + u32::try_from(world.history.len()).unwrap();
                world.registry.view.put(practice(number));
            }
            Deed::Days(days) => {
                let until = world.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
                world.run_until(&until.to_string());
            }
        }
    }

    /// Each admission with the plan that was approved last before it.
    fn admissions(&self) -> Vec<(Option<&Plan>, &WaveRef, PracticeCode, Timestamp)> {
        let mut found = Vec::new();
        for (index, (at, event)) in self.world.history.iter().enumerate() {
            let Event::Admitted { wave, admissions, .. } = event else { continue };
            let plan = self.approved.iter().rfind(|(length, _)| *length <= index).map(|(_, plan)| plan.as_ref());
            found.extend(admissions.iter().map(|one| (plan, wave, one.practice, *at)));
        }
        found
    }
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

    /// Rule 7: whatever is written, submitted, turned down and approved, and whenever, nobody goes live but by the plan that
    /// somebody else approved last, in the wave that it names and not before its date.
    #[test]
    fn nothing_runs_that_was_not_approved(deeds in deeds()) {
        let people = [alice(), bob(), carol(), Account::new("dora")];
        let mut world = World::new((1..=30).map(practice));
        let document = document(&nth(1, world.now));
        world.act(&people[0], Act::CreateProgramme { document }).unwrap();
        let mut doing = Doing { world, written_count: 1, approved: Vec::new() };
        for deed in &deeds {
            doing.perform(&people, deed);
        }
        prop_assert_eq!(doing.world.count_on() > 0, !doing.admissions().is_empty());
        // Somebody who wrote nothing approves what comes last: then it runs, unless everybody is on and the programme is over.
        let ended = doing.world.state.programme(&programme()).unwrap().stage.has_ended();
        let last = [Deed::Join, Deed::Write(0), Deed::Submit(1), Deed::Approve(3, true), Deed::Days(20)];
        for deed in last.into_iter().filter(|_| !ended) {
            let before = doing.approved.len();
            doing.perform(&people, &deed);
            prop_assert!(!matches!(deed, Deed::Approve(..)) || before < doing.approved.len());
        }
        prop_assert!(doing.world.count_on() > 0);
        for (plan, wave, practice, at) in doing.admissions() {
            let planned = plan.and_then(|plan| plan.wave(wave.wave));
            let listed = planned.is_some_and(|planned| planned.members.iter().any(|one| one.practice == practice));
            prop_assert!(listed, "{} was admitted in {} by {:?}", practice, wave, plan.map(|plan| plan.version));
            prop_assert!(planned.is_some_and(|planned| planned.rules.from <= civil_date(at)));
        }
    }
}
