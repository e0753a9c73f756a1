//! The recorded past under another policy: under its own it is itself, and another policy changes what it is about and
//! nothing else.

mod own_policy;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use rollout::forecast::{Experience, Model};
use rollout::replay::{CapTerms, Comparison, Effect, NoReplay, Played, Policy, Question, Record, Timeline};
use rollout::spec::{Cap, Share};
use rollout::state::{Brake, HoldClass, HoldScope, Verdict};
use rollout::{Act, Observed, PauseEnd, ProgrammeId, RegistryView, State};

use crate::world::{Behaviour, SPRING, World, alice, code, moment, programme, supplier, target, wave};

/// A past that is being recorded.
#[derive(Clone)]
pub(super) struct Past {
    state: State,
    view: RegistryView,
    since: Timestamp,
    recorded_before: usize,
    states_before: usize,
}

impl Past {
    pub(super) fn beginning(world: &World) -> Self {
        Self {
            state: world.state.clone(),
            view: world.registry.view.clone(),
            since: world.now,
            recorded_before: world.history.len(),
            states_before: world.registry.states.len(),
        }
    }

    pub(super) fn question(self, world: &World, model: Model) -> Question {
        let mut record = Record::from(&self.state, &programme());
        for (at, event) in &world.history[self.recorded_before..] {
            record.learn(event, *at);
        }
        let mut timeline = Timeline::from(&self.view);
        for (at, facts) in &world.registry.states[self.states_before..] {
            timeline.learn(&record, *at, facts.clone());
        }
        Question {
            state: self.state,
            view: self.view,
            programme: programme(),
            since: self.since,
            until: world.now,
            record: Arc::new(record),
            changes: Arc::new(timeline.changes),
            model: Arc::new(model),
        }
    }

    /// With what the record itself teaches as the model.
    fn learnt(self, world: &World) -> Question {
        let mut experience = Experience::default();
        world.history.iter().for_each(|(at, event)| experience.learn(event, *at));
        let known = world.state.programme(&programme()).unwrap();
        let model = Model::of(&experience, known, &world.registry.view, world.now);
        self.question(world, model)
    }
}

pub(super) fn played(question: &Question, policy: &Policy) -> Played {
    question.play(policy, &|| true).unwrap()
}

fn compared(question: &Question, policy: &Policy) -> Comparison {
    let control = played(question, &Policy::default());
    question.compare(&control, &played(question, policy))
}

fn share(share: f64) -> Option<Share> {
    Some(Share::try_from(share).unwrap())
}

fn a_day(practices: u32) -> Policy {
    let national = Cap { practices: Some(practices), patients: None };
    Policy { daily: CapTerms { national, ..CapTerms::default() }, ..Policy::default() }
}

fn count(comparison: &Comparison, effect: Effect) -> u32 {
    comparison.groups[0].load(effect).practices
}

/// Thirty practices by [`SPRING`], recorded from 2 May on: ten on 6 May, the others ten a day from 12 May on.
fn spring() -> (World, Past) {
    let mut world = World::running(30, SPRING);
    world.run_until("2031-05-02T12:00:00Z");
    let past = Past::beginning(&world);
    (world, past)
}

#[test]
fn a_stricter_gate_halts_where_the_recorded_one_passed_and_those_behind_go_later() {
    let (mut world, past) = spring();
    let unknown = world.state.wave(&wave(1)).unwrap().enrolments().next().unwrap().practice;
    world.registry.change(unknown, |facts| facts.supplier = None);
    world.run_until("2031-05-30T17:00:00Z");
    let question = past.learnt(&world);
    let stricter = Policy { min_sample: Some(10), ..Policy::default() };
    let comparison = compared(&question, &stricter);
    let first = &comparison.gates[0];
    assert_eq!(first.control.unwrap().verdict, Verdict::Pass);
    assert_eq!(first.replayed.unwrap().verdict, Verdict::Inconclusive, "nine of ten were commanded");
    assert_eq!(first.replayed.unwrap().halted_at(), Some(moment("2031-05-07T07:00:00Z")));
    assert_eq!(comparison.assumed.verdicts_count, 1);
    // The first wave is on before its gate says anything; those behind it wait for people.
    assert_eq!((count(&comparison, Effect::Same), count(&comparison, Effect::Later)), (9, 20));
    assert!(comparison.strayed.other_day.is_zero() && comparison.strayed.gates.is_empty());
    let terms: Vec<String> = question.changes(&stricter).iter().map(ToString::to_string).collect();
    assert_eq!(terms, ["waves/1: gate.min_sample: 5 to 10 (narrows)", "waves/2: gate.min_sample: 5 to 10 (narrows)"]);
}

#[test]
fn who_waits_behind_a_halt_until_the_wave_is_over_never_goes_live() {
    let (mut world, past) = spring();
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.run_until("2031-05-07T12:00:00Z");
    let halt = world.state.wave(&wave(1)).unwrap().gate.as_ref().unwrap().halt.unwrap();
    world.suppliers.insert(supplier("TPP"), Behaviour::Applies);
    // People decided only when the second wave was nearly over.
    world.run_until("2031-05-28T17:30:00Z");
    world.act(&alice(), Act::DecideGate { wave: wave(1), verdict: Verdict::Pass }).unwrap();
    world.act(&alice(), Act::AcknowledgeHalt { hold: halt }).unwrap();
    world.lift(halt);
    world.run_until("2031-06-02T17:00:00Z");
    let question = past.learnt(&world);
    // A gate that is content with so few would not have halted at all.
    let looser = Policy { min_success: share(0.1), ..Policy::default() };
    let comparison = compared(&question, &looser);
    assert_eq!(comparison.gates[0].control.unwrap().verdict, Verdict::Fail);
    assert_eq!(comparison.gates[0].replayed.unwrap().verdict, Verdict::Pass);
    assert_eq!(count(&comparison, Effect::Earlier), 20, "{comparison:#?}");
    // And one day less for people to decide, where it took them so long: nobody of the second wave.
    let slower = Policy { soak: Some(SignedDuration::from_hours(24 * 4)), ..Policy::default() };
    let comparison = compared(&question, &slower);
    assert_eq!(count(&comparison, Effect::Never), 20, "{comparison:#?}");
    assert_eq!(comparison.groups.iter().skip(1).map(|group| group.load(Effect::Never).practices).sum::<u32>(), 20);
}

#[test]
fn more_room_in_a_day_makes_some_earlier_and_nobody_later_and_less_the_other_way_round() {
    let (mut world, past) = spring();
    world.run_until("2031-05-30T17:00:00Z");
    let question = past.learnt(&world);
    let more = compared(&question, &a_day(20));
    assert_eq!((count(&more, Effect::Earlier), count(&more, Effect::Same)), (10, 20));
    assert_eq!(more.groups[0].days_sooner, 10, "those of the second day on the first");
    let less = compared(&question, &a_day(4));
    assert_eq!((count(&less, Effect::Earlier), count(&less, Effect::Only)), (0, 0));
    // Of the first wave's ten eight have their turn on its two days.
    assert_eq!((count(&less, Effect::Never), count(&less, Effect::Later) + count(&less, Effect::Same)), (2, 28));
}

#[test]
fn i4_no_policy_gets_past_a_pause() {
    let (mut world, past) = spring();
    let end = |text: &str| PauseEnd::Until(moment(text));
    world.pause(3, PauseEnd::FurtherNotice);
    world.pause(4, end("2031-05-20T12:00:00Z"));
    world.run_until("2031-05-13T06:30:00Z");
    // Of those that have not had their turn, who would have had it with more room.
    let waiting: Vec<u32> = (1..=30).filter(|number| !world.is_on(code(*number))).collect();
    waiting.iter().for_each(|number| _ = world.pause(*number, PauseEnd::FurtherNotice));
    world.run_until("2031-05-30T17:00:00Z");
    let question = past.learnt(&world);
    let loose = Policy { min_success: share(0.01), min_sample: Some(1), notice_working_days: Some(0), ..a_day(1_000) };
    let replayed = played(&question, &loose);
    let mut brought_forward = 0;
    for facts in world.registry.view.wary() {
        let at = replayed.course.live_at.get(&facts.code);
        let pause = facts.pauses.iter().find(|pause| pause.in_force).unwrap();
        assert!(at.is_none_or(|at| *at <= pause.recorded_at), "{} at {at:?}, paused {pause:?}", facts.code);
        brought_forward += u32::from(at.is_some());
    }
    // Else it would prove nothing: some of those who paused later are on before they do, and keep what they have.
    assert!(brought_forward > 0 && !waiting.is_empty());
    assert!(!replayed.course.live_at.contains_key(&code(3)));
    assert!(replayed.course.live_at.get(&code(4)).is_none_or(|at| moment("2031-05-20T12:00:00Z") <= *at));
}

#[test]
fn a_pause_that_comes_and_goes_within_the_hour_is_seen_at_its_moment() {
    let (mut world, past) = spring();
    world.run_until("2031-05-12T07:30:07Z");
    let last = (1..=30).rev().find(|number| !world.is_on(code(*number))).unwrap();
    world.pause(last, PauseEnd::FurtherNotice);
    world.run_until("2031-05-12T08:10:07Z");
    world.registry.resume(code(last));
    world.run_until("2031-05-30T17:00:00Z");
    assert!(!world.is_on(code(last)), "its wave let it go");
    let question = past.learnt(&world);
    assert_eq!(played(&question, &Policy::default()).course.live_at.get(&code(last)), None);
    // With room for everybody it is on before it pauses.
    let at = played(&question, &a_day(1_000)).course.live_at[&code(last)];
    assert!(at < moment("2031-05-12T07:30:07Z"), "{at}");
}

#[test]
fn a_hold_that_a_person_placed_holds_whatever_the_policy() {
    let (mut world, past) = spring();
    world.run_until("2031-05-12T06:10:07Z");
    let hold = world.hold(HoldScope::Supplier(supplier("TPP")), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-20T12:10:07Z");
    world.lift(hold);
    world.run_until("2031-05-30T17:00:00Z");
    let question = past.learnt(&world);
    // A stricter gate takes a number for its halt, so that the hold has another here.
    let policy = Policy { min_sample: Some(11), ..a_day(1_000) };
    let replayed = played(&question, &policy);
    let second = world.state.wave(&wave(2)).unwrap();
    for enrolment in second.enrolments().filter(|one| one.supplier == supplier("TPP")) {
        let at = replayed.course.live_at[&enrolment.practice];
        assert!(moment("2031-05-20T12:10:07Z") <= at, "{at}");
    }
    assert_eq!(replayed.assumed.left_out.len(), 0);
}

#[test]
fn what_the_rules_refuse_by_then_is_left_out_and_counted() {
    let (mut world, past) = spring();
    world.run_until("2031-05-06T12:00:07Z");
    let last = world.effects.last().unwrap().1.practice;
    world.act(&alice(), Act::RevertPractice { wave: wave(1), practice: last }).unwrap();
    world.run_until("2031-05-30T17:00:00Z");
    let question = past.learnt(&world);
    assert_eq!(played(&question, &Policy::default()).assumed.left_out.len(), 0);
    // With one a day it is not on by then.
    let replayed = played(&question, &a_day(1));
    assert_eq!(replayed.assumed.left_out.iter().collect::<Vec<_>>(), [(&"revert-ordered", &1)]);
}

#[test]
fn where_nobody_was_asked_in_fact_the_model_answers_and_that_is_counted() {
    let (mut world, past) = spring();
    world.run_until("2031-05-12T17:30:00Z");
    let question = past.learnt(&world);
    let control = played(&question, &Policy::default());
    assert_eq!((control.assumed.recorded_count, control.assumed.modelled_count), (20, 0));
    let replayed = played(&question, &a_day(1_000));
    assert_eq!((replayed.assumed.recorded_count, replayed.assumed.modelled_count), (20, 10));
    assert_eq!(count(&question.compare(&control, &replayed), Effect::Only), 10);
}

#[test]
fn who_still_waits_when_another_plan_comes_into_force_goes_on_waiting() {
    let longer =
        SPRING.replace("until: 2031-05-07", "until: 2031-05-16").replace("from: 2031-05-12", "from: 2031-05-19");
    let mut world = World::running(30, &longer);
    world.run_until("2031-05-02T12:00:00Z");
    let past = Past::beginning(&world);
    world.run_until("2031-05-06T12:00:07Z");
    let first: BTreeSet<_> = world.state.wave(&wave(1)).unwrap().enrolments().map(|one| one.practice).collect();
    assert!(first.iter().all(|practice| world.is_on(*practice)));
    // The first wave is on, and the new plan is of the others alone.
    let (head, second) = (longer.split("  - wave: 1").next().unwrap(), longer.split("  - wave: 2").nth(1).unwrap());
    let others = second.replace("    after: [1]\n", "").replace("from: 2031-05-19", "from: 2031-05-22");
    world.put_in_force(&format!("{head}  - wave: 3{others}")).unwrap();
    world.settle();
    world.tell_everybody();
    world.run_until("2031-05-30T17:00:00Z");
    let question = past.learnt(&world);
    let control = played(&question, &Policy::default());
    assert_eq!((control.course.live_at.len(), control.assumed.plans_fitted), (30, 0));
    // Two a day: eight of the first wave wait when the plan comes that leaves them out, and have nine more days.
    let replayed = played(&question, &a_day(2));
    assert_eq!(replayed.assumed.plans_fitted, 1);
    assert!(first.iter().all(|practice| replayed.course.live_at.contains_key(practice)), "{:?}", replayed.course);
}

#[test]
fn a_replay_is_repeatable_and_stops_when_nobody_waits_for_it() {
    let (mut world, past) = spring();
    world.run_until("2031-05-12T17:30:00Z");
    let question = past.learnt(&world);
    let once = played(&question, &a_day(1_000));
    let again = played(&question, &a_day(1_000));
    assert_eq!((once.course, once.assumed), (again.course, again.assumed));
    assert_eq!(question.play(&a_day(1_000), &|| false).unwrap_err(), NoReplay::Unwanted);
    let other = Question { programme: ProgrammeId::new("autumn").unwrap(), ..question };
    assert!(matches!(other.play(&a_day(1), &|| true), Err(NoReplay::UnknownProgramme(_))));
}

#[test]
fn a_policy_that_no_document_may_have_is_refused_with_the_fields_it_is_about() {
    let (mut world, past) = spring();
    world.run_until("2031-05-12T17:30:00Z");
    let question = past.learnt(&world);
    let policy = Policy { min_success: share(0.0), min_sample: Some(0), viewers_min_share: share(0.0), ..a_day(0) };
    let fields: Vec<String> = question.violations(&policy).into_iter().map(|one| one.field).collect();
    assert_eq!(fields, ["gate.min_success", "gate.min_sample", "gate.viewers.min_share", "caps.daily.national"]);
    assert_eq!(question.violations(&a_day(1)), []);
}

#[test]
fn a_practice_that_was_on_by_itself_is_on_by_itself() {
    let (mut world, past) = spring();
    let last = world.state.wave(&wave(2)).unwrap().enrolments().last().unwrap().practice;
    world.run_until("2031-05-09T12:00:07Z");
    world.registry.observe(&target(last), Observed::On, world.now);
    world.run_until("2031-05-30T17:00:00Z");
    let question = past.learnt(&world);
    let replayed = played(&question, &a_day(3));
    assert!(!replayed.course.live_at.contains_key(&last), "nobody switched it on");
}

/// Rule 10.
#[test]
fn with_another_supplier_nothing_is_known_until_that_one_confirms_what_was_on() {
    let (mut world, past) = spring();
    world.run_until("2031-05-12T17:30:00Z");
    let last_on = |number| {
        let enrolments = world.state.wave(&wave(number)).unwrap().enrolments();
        enrolments.filter(|one| world.is_on(one.practice)).max_by_key(|one| one.order).unwrap().practice
    };
    // With five a day the last of the ten of 12 May is not on by the time at which it goes elsewhere.
    let (early, late) = (last_on(1), last_on(2));
    for practice in [early, late] {
        world.registry.change(practice, |facts| {
            facts.supplier = Some(supplier("Medicus"));
            for access in &mut facts.access {
                (access.observed, access.live_since) = (Observed::Unknown, None);
            }
        });
    }
    world.run_until("2031-05-13T05:00:00Z");
    let observed = |question: &Question, policy: &Policy| {
        let view = played(question, policy).view;
        [early, late].map(|practice| view.get(practice).unwrap().observed(&Capability::default()))
    };
    let before = past.clone().learnt(&world);
    assert_eq!(observed(&before, &Policy::default()), [Observed::Unknown; 2]);
    for practice in [early, late] {
        world.registry.observe(&target(practice), Observed::On, world.now);
    }
    world.run_until("2031-05-13T06:00:00Z");
    let question = past.learnt(&world);
    assert_eq!(observed(&question, &Policy::default()), [Observed::On; 2]);
    assert_eq!(observed(&question, &a_day(5)), [Observed::On, Observed::Unknown]);
    assert!(compared(&question, &Policy::default()).strayed.other_day.is_zero());
}

#[test]
fn a_request_without_an_end_in_the_record_has_none_for_as_long_and_then_as_the_model_has_it() {
    let five_a_day = SPRING.replace("national: {practices: 10}", "national: {practices: 5}");
    let mut world = World::running(30, &five_a_day);
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.run_until("2031-05-02T12:00:00Z");
    let past = Past::beginning(&world);
    world.run_until("2031-05-08T12:00:00Z");
    let second_day = |at: Option<Timestamp>| at.is_some_and(|at| moment("2031-05-07T00:00:00Z") < at);
    let of_tpp = world.state.activations().filter(|one| one.supplier == supplier("TPP"));
    let silent = u32::try_from(of_tpp.filter(|one| second_day(one.sealed_at)).count()).unwrap();
    assert!(silent > 0);
    let question = past.learnt(&world);
    let control = played(&question, &Policy::default()).assumed;
    assert_eq!((control.recorded_count, control.modelled_count), (10, 0));
    // With ten a day they are asked a day earlier, and the record says nothing of that day.
    let replayed = played(&question, &a_day(10)).assumed;
    assert_eq!((replayed.recorded_count, replayed.modelled_count), (10 - silent, silent));
}
