//! A gate's conditions beside the share of live practices: what statistics know, what a hook says, small samples (rule 5, I6,
//! I7).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::civil::date;
use ods::PracticeCode;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use rollout::effects::gate_questions;
use rollout::state::{GateEvaluation, Measured, State, Verdict, WaveStage};
use rollout::{Event, Fact, Observed, PracticeFigures, Proposal, Returned, SupplierAnswer};

use crate::world::{Behaviour, World, code, moment, one_wave, supplier, wave};

const PLAIN: &str = "gate: {min_success: 0.9, min_sample: 5, soak: 24h, timeout: 72h}";

/// One wave of everybody, with these conditions beside the share.
fn gated(conditions: &str) -> String {
    let gate = PLAIN.replace("72h}", &format!("72h, {conditions}}}"));
    one_wave("").replace(PLAIN, &gate)
}

const STATISTICS: &str = "exclusions: {max_share: 0.1}, viewers: {min_share: 0.8}";

fn gate(world: &World) -> GateEvaluation {
    world.state.wave(&wave(1)).unwrap().gate.clone().expect("the gate was evaluated")
}

fn measured(world: &World) -> Vec<(Verdict, Measured)> {
    gate(world).findings.into_iter().map(|finding| (finding.verdict, finding.measured)).collect()
}

fn returned(excluded: u64) -> Option<Returned> {
    Some(Returned { period_end: date(2031, 5, 7), excluded })
}

const VIEWED: PracticeFigures =
    PracticeFigures { returned: None, viewed_on: Some(date(2031, 5, 7)), supplier_viewed_on: Some(date(2031, 5, 7)) };

#[test]
fn a_wave_passes_on_what_statistics_say_and_keeps_it() {
    let mut world = World::running(20, &gated(STATISTICS));
    world.run_until("2031-05-08T12:00:00Z");
    let gate = gate(&world);
    assert_eq!((gate.verdict, gate.at), (Verdict::Pass, moment("2031-05-07T07:00:00Z")));
    let figures = gate.figures.unwrap();
    assert_eq!((figures.as_at, figures.practices, figures.practices_viewed), (gate.at, 20, 20));
    assert_eq!(figures.positions.registry, world.registry.view.position);
    assert_eq!(world.count_events("gate-figures-read"), 1);
    assert_eq!(world.folded(), world.state);
}

#[test]
fn too_many_patients_excluded_fail_and_say_how_many() {
    let mut world = World::running(20, &gated(STATISTICS));
    for number in 1..=20 {
        world.statistics.of.insert(code(number), PracticeFigures { returned: returned(1_000), ..VIEWED });
    }
    world.run_until("2031-05-08T12:00:00Z");
    let patients = world.state.wave(&wave(1)).unwrap().load().patients;
    let [(Verdict::Fail, Measured::Exclusions { excluded, without_return, patients: whole, .. }), (Verdict::Pass, _)] =
        measured(&world)[..]
    else {
        panic!("{:?}", measured(&world))
    };
    assert_eq!((excluded, without_return, whole), (20_000, 0, patients));
    assert_eq!(world.stage(1), WaveStage::Gate);
}

/// Rule 5: a return from before the last action says nothing of what the wave did.
#[test]
fn returns_are_waited_for_and_one_from_before_the_wave_is_none() {
    let mut world = World::running(20, &gated(STATISTICS));
    let old = Some(Returned { period_end: date(2031, 5, 5), excluded: 0 });
    for number in 1..=4 {
        world.statistics.of.insert(code(number), PracticeFigures { returned: old, ..VIEWED });
    }
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    // Asked every hour, not at every moment.
    assert_eq!(world.statistics.asked_count, 30);
    world.statistics.of.clear();
    world.run_until("2031-05-08T13:00:00Z");
    assert_eq!((world.stage(1), gate(&world).verdict), (WaveStage::Closed, Verdict::Pass));
}

#[test]
fn what_is_still_missing_at_the_end_of_the_time_out_is_inconclusive() {
    let mut world = World::running(20, &gated(STATISTICS));
    for number in 1..=20 {
        world.statistics.of.insert(code(number), VIEWED);
    }
    world.run_until("2031-05-10T06:59:59Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    world.run_until("2031-05-10T07:00:00Z");
    let [
        (Verdict::Inconclusive, Measured::Exclusions { excluded: 0, without_return, patients, .. }),
        (Verdict::Pass, _),
    ] = measured(&world)[..]
    else {
        panic!("{:?}", measured(&world))
    };
    assert_eq!((gate(&world).verdict, without_return), (Verdict::Inconclusive, patients));
}

/// "A gate that cannot reach statistics is INCONCLUSIVE."
#[test]
fn a_gate_that_cannot_reach_statistics_is_inconclusive() {
    let mut world = World::running(20, &gated(STATISTICS));
    world.statistics.is_down = true;
    world.run_until("2031-05-10T06:59:59Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    world.run_until("2031-05-10T07:00:00Z");
    let gate = gate(&world);
    assert_eq!((gate.verdict, gate.figures), (Verdict::Inconclusive, None));
    assert!(gate.halt.is_some() && world.statistics.asked_count > 0);
}

#[test]
fn live_practices_where_nobody_looks_fail() {
    let mut world = World::running(20, &gated(STATISTICS));
    for number in 1..=5 {
        let silent = PracticeFigures { viewed_on: None, returned: returned(0), ..VIEWED };
        world.statistics.of.insert(code(number), silent);
    }
    world.run_until("2031-05-08T12:00:00Z");
    let [(Verdict::Pass, _), (Verdict::Fail, Measured::Viewers { viewed: 15, unheard: 0, practices: 20, .. })] =
        measured(&world)[..]
    else {
        panic!("{:?}", measured(&world))
    };
}

/// Nobody knows whether nobody looked, or whether nobody tells.
#[test]
fn a_supplier_of_whom_no_view_is_heard_is_waited_for() {
    let mut world = World::running(20, &gated(STATISTICS));
    for number in 1..=20 {
        if number % 2 == 0 {
            let unheard = PracticeFigures { returned: returned(0), ..PracticeFigures::default() };
            world.statistics.of.insert(code(number), unheard);
        }
    }
    world.run_until("2031-05-10T07:00:00Z");
    let [(Verdict::Pass, _), (Verdict::Inconclusive, Measured::Viewers { viewed: 10, unheard: 10, .. })] =
        measured(&world)[..]
    else {
        panic!("{:?}", measured(&world))
    };
}

/// I7, and rule 5: who was refused is none of those who have access; who is not known to have it is.
#[test]
fn i07_figures_are_of_the_practices_that_were_switched_on_or_may_have_been() {
    let mut world = World::running(20, &gated(STATISTICS).replace("min_success: 0.9", "min_success: 0.4"));
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!((gate(&world).verdict, gate(&world).figures.unwrap().practices), (Verdict::Pass, 10));

    let mut world = World::running(20, &gated(STATISTICS).replace("min_success: 0.9", "min_success: 0.4"));
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.run_until("2031-05-10T12:00:00Z");
    assert_eq!(gate(&world).figures.unwrap().practices, 20);
}

#[test]
fn figures_that_do_not_reach_the_last_settlement_say_nothing() {
    let mut world = World::running(20, &gated(STATISTICS));
    world.statistics.is_down = true;
    world.run_until("2031-05-07T08:00:00Z");
    let question = gate_questions(&world.state, &world.registry.view, world.now).figures.remove(0);
    let Fact::GateFigures { wave, practices, as_at, mut positions } = world.figures(&question) else { unreachable!() };
    positions.registry = question.registry_position - 1;
    let (of, by) = (wave.clone(), practices.clone());
    assert!(!world.learn(Fact::GateFigures { wave: of, practices: by, as_at, positions }));
    positions.registry += 1;
    assert!(world.learn(Fact::GateFigures { wave, practices, as_at, positions }));
}

#[test]
fn a_hook_is_asked_when_all_else_is_known_and_its_word_counts() {
    for (said, verdict) in [(Verdict::Pass, Verdict::Pass), (Verdict::Fail, Verdict::Fail)] {
        let mut world = World::running(20, &gated(&format!("{STATISTICS}, hook: clinical-review")));
        world.hook = Some(said);
        world.statistics.is_down = true;
        world.run_until("2031-05-07T12:00:00Z");
        assert_eq!(world.count_events("gate-hook-answered"), 0);
        world.statistics.is_down = false;
        world.settle();
        let gate = gate(&world);
        let Some(Measured::Hook { hook, answer: Some(answer) }) =
            gate.findings.last().map(|last| last.measured.clone())
        else {
            panic!("{gate:?}")
        };
        assert_eq!(
            (gate.verdict, hook.as_str(), answer.reason_code.as_str()),
            (verdict, "clinical-review", "LOOKED_AT")
        );
        assert_eq!(world.folded(), world.state);
    }
}

#[test]
fn a_hook_that_cannot_say_yet_is_asked_again_and_one_that_never_does_is_inconclusive() {
    let mut world = World::running(20, &gated("hook: clinical-review"));
    world.hook = Some(Verdict::Inconclusive);
    world.run_until("2031-05-07T10:30:00Z");
    assert_eq!((world.stage(1), world.count_events("gate-hook-answered")), (WaveStage::Soaking, 4));
    world.hook = Some(Verdict::Pass);
    world.run_until("2031-05-07T11:00:00Z");
    assert_eq!((world.stage(1), gate(&world).verdict), (WaveStage::Closed, Verdict::Pass));

    let mut world = World::running(20, &gated("hook: clinical-review"));
    world.hook = None;
    world.run_until("2031-05-10T07:00:00Z");
    assert_eq!(gate(&world).verdict, Verdict::Inconclusive);
    assert!(matches!(&measured(&world)[..], [(Verdict::Inconclusive, Measured::Hook { answer: None, .. })]));
}

/// Rule 5: evidence from after the last action; a supplier's late answer is one.
#[test]
fn figures_and_words_from_before_a_late_answer_count_no_longer() {
    let conditions = format!("{STATISTICS}, hook: clinical-review");
    let mut world = World::running(20, &gated(&conditions).replace("min_success: 0.9", "min_success: 0.4"));
    world.hook = Some(Verdict::Inconclusive);
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    let heard = |world: &World| {
        let wave = world.state.wave(&wave(1)).unwrap();
        let (figures, answer) = (wave.figures.as_ref().unwrap(), wave.hook_answer.as_ref().unwrap());
        assert_eq!((figures.last_action_at, answer.last_action_at), (wave.last_action_at, wave.last_action_at));
        (figures.practices, figures.read_at, answer.answered_at)
    };
    world.run_until("2031-05-09T07:10:00Z");
    let evaluated_at = moment("2031-05-09T07:00:00Z");
    assert_eq!(heard(&world), (20, evaluated_at, evaluated_at));
    answer_late(&mut world);
    world.settle();
    assert_eq!((world.stage(1), heard(&world)), (WaveStage::Soaking, (20, world.now, world.now)));
}

/// Rule 5: what the registry has not been told, a gate does not judge by.
#[test]
fn a_hook_is_not_asked_while_the_registry_lacks_an_ending_of_the_wave() {
    let conditions = "hook: clinical-review";
    let mut world = World::running(20, &gated(conditions).replace("min_success: 0.9", "min_success: 0.4"));
    world.hook = None;
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.run_until("2031-05-09T08:00:00Z");
    let asks_hook = |world: &World| !gate_questions(&world.state, &world.registry.view, world.now).hooks.is_empty();
    assert!(asks_hook(&world));
    answer_late(&mut world);
    assert!(!asks_hook(&world), "endings that are not told");
    world.perform();
    assert!(asks_hook(&world));
}

/// Whoever was silent says that it is done.
fn answer_late(world: &mut World) {
    let late = world.state.activations().filter(|one| one.stage.state().is_under_way());
    let answers: BTreeMap<_, _> =
        late.map(|one| (one.key.clone(), SupplierAnswer::Applied { at: world.now })).collect();
    assert_eq!(answers.len(), 10);
    world.learn(Fact::Answers { answers });
}

#[test]
fn a_small_sample_is_judged_where_the_document_says_how() {
    let test = "small_sample: {unacceptable: 0.6, risk: 0.05}";
    let text = gated(test).replace("min_sample: 5", "min_sample: 50");
    for (practices, verdict) in [(7, Verdict::Inconclusive), (8, Verdict::Pass)] {
        let mut world = World::running(practices, &text);
        world.run_until("2031-05-08T12:00:00Z");
        assert_eq!(gate(&world).verdict, verdict, "{practices} practices, all of them live");
    }
    let mut world = World::running(20, &text);
    world.run_until("2031-05-06T12:00:00Z");
    (1..=8).for_each(|number| world.observe(number, Observed::Off));
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!((gate(&world).verdict, gate(&world).evidence.live), (Verdict::Fail, 12));
}

/// The likelihood speaks for it, and the share is not reached: never looser than the share.
#[test]
fn a_small_sample_below_the_share_does_not_pass() {
    let test = "small_sample: {unacceptable: 0.5, risk: 0.05}";
    let mut world = World::running(17, &gated(test).replace("min_sample: 5", "min_sample: 50"));
    world.run_until("2031-05-06T12:00:00Z");
    world.observe(1, Observed::Off);
    world.observe(2, Observed::Off);
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!((gate(&world).verdict, gate(&world).evidence.live), (Verdict::Inconclusive, 15));
}

/// What an earlier version recorded reads as it did, and a gate without further conditions records the same today.
#[test]
fn a_gate_without_further_conditions_is_recorded_as_it_always_was() {
    let mut world = World::running(20, &one_wave(""));
    world.run_until("2031-05-08T12:00:00Z");
    let (_, event) = world.history.iter().find(|(_, event)| event.kind() == "gate-evaluated").unwrap();
    let position = world.state.wave(&wave(1)).unwrap().gate.as_ref().unwrap().evidence.registry_position;
    let recorded = format!(
        r#"{{"event":"gate-evaluated","wave":{{"programme":"spring","wave":1}},"evaluation":{{"verdict":"PASS","evidence":{{"members":20,"commanded":20,"live":20,"unsettled":0,"complete":true,"min_success":0.9,"min_sample":5,"registry_position":{position}}},"at":"2031-05-07T07:00:00Z","halt":null,"decision":null}}}}"#
    );
    assert_eq!(serde_json::to_string(event).unwrap(), recorded);
    assert_eq!(serde_json::from_str::<Event>(&recorded).unwrap(), *event);
}

/// The state in which the gate waits for everybody, and has heard from nobody: made once, since states are cheap to copy.
static WAITING: LazyLock<(State, rollout::RegistryView)> = LazyLock::new(|| {
    let conditions = format!("{STATISTICS}, concerns: {{major: 1}}, hook: clinical-review");
    let mut world = World::running(10, &gated(&conditions));
    world.statistics.is_down = true;
    world.run_until("2031-05-07T08:00:00Z");
    (world.state.clone(), world.registry.view.clone())
});

/// All the evidence there is about a wave.
#[derive(Clone, Debug)]
struct Told {
    practices: BTreeMap<PracticeCode, PracticeFigures>,
    not_live: Vec<PracticeCode>,
    concerns_count: u32,
    hook: Option<Verdict>,
    /// How long before the evaluation statistics and hook were heard.
    hours_ago: i64,
    registry_is_behind: bool,
}

/// What the gate makes of it at the end of its time-out.
fn judged(told: &Told) -> Verdict {
    let (mut state, view) = WAITING.clone();
    let end = moment("2031-05-10T07:00:00Z");
    let heard_at = end.checked_sub(SignedDuration::from_hours(told.hours_ago)).unwrap();
    let mut submit = |command: rollout::Command, at| {
        for event in rollout::decide(&state, &command, at).unwrap() {
            let position = state.position + 1;
            rollout::apply(&mut state, &event, position, at);
        }
    };
    let positions = rollout::state::StatisticsPositions { registry: view.position, returns: 1, events: 1 };
    let practices = told.practices.clone();
    let figures = Fact::GateFigures { wave: wave(1), practices, as_at: heard_at, positions };
    submit(rollout::Command::Learn(figures), heard_at);
    for _ in 0..told.concerns_count {
        let act = rollout::Act::ReportConcern {
            severity: rollout::state::Severity::Major,
            about: rollout::state::ConcernAbout::Wave(wave(1)),
        };
        submit(rollout::Command::Person { by: crate::world::alice(), reason_code: "TEST".into(), act }, heard_at);
    }
    if let Some(verdict) = told.hook {
        let last_action_at = WAITING.0.wave(&wave(1)).unwrap().last_action_at;
        let hook = rollout::spec::HookName::new("clinical-review").unwrap();
        let reason_code = "LOOKED_AT".to_owned();
        let said = Fact::GateHookAnswered { wave: wave(1), hook, last_action_at, verdict, reason_code };
        submit(rollout::Command::Learn(said), heard_at);
    }
    let registry_position = if told.registry_is_behind { 1 } else { view.position };
    let not_live = told.not_live.iter().copied().collect();
    let evaluate = Proposal::EvaluateGate { wave: wave(1), not_live, registry_position };
    submit(rollout::Command::Propose(evaluate), end);
    state.wave(&wave(1)).unwrap().gate.as_ref().expect("its time is over").verdict
}

fn figures() -> impl Strategy<Value = PracticeFigures> {
    let day = |probability| prop::option::weighted(probability, (5_i8..=9).prop_map(|day| date(2031, 5, day)));
    (day(0.95), prop_oneof![8 => 0_u64..200, 1 => 0_u64..20_000], day(0.95), day(0.95)).prop_map(
        |(period_end, excluded, viewed_on, other_viewed_on)| PracticeFigures {
            returned: period_end.map(|period_end| Returned { period_end, excluded }),
            viewed_on,
            // Whoever viewed here is somebody of the supplier's, too.
            supplier_viewed_on: viewed_on.max(other_viewed_on),
        },
    )
}

/// Mostly good, so that what is taken away is what tips the scales.
fn told() -> impl Strategy<Value = Told> {
    let practices = prop::collection::vec(prop_oneof![9 => Just(None), 2 => figures().prop_map(Some)], 10);
    let hook = prop_oneof![6 => Just(Some(Verdict::Pass)), 1 => Just(Some(Verdict::Fail)), 1 => Just(None)];
    (practices, prop::option::weighted(0.3, 1_u32..=10), 0_u32..4, hook, 0_i64..40).prop_map(
        |(practices, not_live, concerns_count, hook, hours_ago)| Told {
            practices: (1..)
                .zip(practices)
                .map(|(number, said)| {
                    let well = PracticeFigures { returned: returned(0), ..VIEWED };
                    (code(number), said.unwrap_or(well))
                })
                .collect(),
            not_live: not_live.map(code).into_iter().collect(),
            concerns_count: concerns_count.saturating_sub(1),
            hook,
            hours_ago,
            registry_is_behind: false,
        },
    )
}

/// The same with a piece of evidence taken away, or of an earlier day.
fn with_less(told: &Told, number: u32) -> Vec<Told> {
    let practice = code(number);
    let less = |change: &dyn Fn(&mut Told)| {
        let mut less = told.clone();
        change(&mut less);
        less
    };
    let figures = |change: fn(&mut PracticeFigures)| {
        less(&|told| {
            if let Some(figures) = told.practices.get_mut(&practice) {
                change(figures);
            }
        })
    };
    let old = Some(date(2031, 5, 5));
    let mut all = vec![
        less(&|told| _ = told.practices.remove(&practice)),
        figures(|said| said.returned = None),
        figures(|said| said.returned = said.returned.map(|one| Returned { period_end: date(2031, 5, 5), ..one })),
        figures(|said| said.viewed_on = None),
        less(&|told| told.hook = None),
        less(&|told| told.hook = told.hook.and(Some(Verdict::Inconclusive))),
        less(&|told| told.hours_ago += 24),
        less(&|told| told.registry_is_behind = true),
        less(&|told| told.not_live.push(practice)),
    ];
    all.push(less(&|told| {
        if let Some(said) = told.practices.get_mut(&practice) {
            said.viewed_on = said.viewed_on.and(old);
            said.supplier_viewed_on = said.supplier_viewed_on.and(old);
        }
    }));
    all
}

/// The same with one more failure.
fn with_a_failure(told: &Told, number: u32) -> Vec<Told> {
    let mut not_live = told.clone();
    not_live.not_live.push(code(number));
    let mut concern = told.clone();
    concern.concerns_count += 1;
    let mut excluded = told.clone();
    if let Some(returned) = excluded.practices.get_mut(&code(number)).and_then(|said| said.returned.as_mut()) {
        returned.excluded += 500;
    }
    let mut silent = told.clone();
    if let Some(said) = silent.practices.get_mut(&code(number)) {
        said.viewed_on = None;
    }
    let refused = Told { hook: Some(Verdict::Fail), ..told.clone() };
    vec![not_live, concern, excluded, silent, refused]
}

proptest! {
    /// I6, over every condition of a gate together.
    #[test]
    fn i06_no_condition_passes_on_less_evidence_nor_on_one_more_failure(told in told(), number in 1_u32..=10) {
        let verdict = judged(&told);
        for less in with_less(&told, number) {
            if verdict != Verdict::Pass {
                prop_assert_ne!(judged(&less), Verdict::Pass, "{:?}", less);
            }
        }
        for worse in with_a_failure(&told, number) {
            if verdict == Verdict::Fail {
                prop_assert_eq!(judged(&worse), Verdict::Fail, "{:?}", worse);
            }
            if verdict == Verdict::Inconclusive {
                prop_assert_ne!(judged(&worse), Verdict::Pass, "{:?}", worse);
            }
        }
    }
}

/// Rule 5, to the hour: what was heard a day ago is stale.
#[test]
fn evidence_is_fresh_for_a_day() {
    let well = PracticeFigures { returned: returned(0), ..VIEWED };
    let told = |hours_ago| Told {
        practices: (1..=10).map(|number| (code(number), well)).collect(),
        not_live: Vec::new(),
        concerns_count: 0,
        hook: Some(Verdict::Pass),
        hours_ago,
        registry_is_behind: false,
    };
    assert_eq!(
        [23, 24, 25].map(|hours_ago| judged(&told(hours_ago))),
        [Verdict::Pass, Verdict::Inconclusive, Verdict::Inconclusive]
    );
}

/// Else the property above might hold because all of it says the same.
#[test]
fn evidence_at_random_has_all_three_verdicts() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = BTreeMap::new();
    for _ in 0..300 {
        let told = told().new_tree(&mut runner).unwrap().current();
        *counts.entry(judged(&told).to_string()).or_insert(0) += 1;
    }
    assert!(counts.len() == 3 && counts.values().all(|count| *count > 20), "{counts:?}");
}
