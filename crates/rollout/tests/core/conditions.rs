//! A gate's conditions beside the share of live practices: what statistics know, what a hook says, small samples (rule 5, I6,
//! I7).

mod denominators;
mod evidence;

use std::collections::BTreeMap;

use jiff::civil::date;
use rollout::effects::{GateQuestions, gate_questions, waiting_gate};
use rollout::state::{Finding, GateEvaluation, Measured, Verdict, WaveStage};
use rollout::{Event, Fact, Observed, PracticeFigures, Returned, SupplierAnswer};

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

/// Rule 5: what was so a day ago need not be so; and who is not asked about is not asked.
#[test]
fn figures_and_words_count_for_less_than_a_day_and_a_hook_alone_asks_no_statistics() {
    let asked = |world: &World, at: &str| {
        let questions = gate_questions(&world.state, &world.registry.view, moment(at));
        (questions.figures.len(), questions.hooks.len())
    };
    // The hook says nothing: figures of seven o'clock are waited with.
    let mut world = World::running(20, &gated(&format!("{STATISTICS}, hook: clinical-review")));
    world.hook = None;
    world.run_until("2031-05-07T07:00:00Z");
    assert_eq!(world.state.wave(&wave(1)).unwrap().figures.as_ref().unwrap().read_at, world.now);
    assert_eq!(asked(&world, "2031-05-08T06:59:59.999999Z"), (0, 1));
    assert_eq!(asked(&world, "2031-05-08T07:00:00Z"), (1, 0), "a hook is asked after all else");

    let mut world = World::running(20, &gated("hook: clinical-review"));
    world.hook = None;
    world.run_until("2031-05-07T07:00:00Z");
    assert_eq!(asked(&world, "2031-05-07T07:00:00Z"), (0, 1));

    world.hook = Some(Verdict::Inconclusive);
    world.settle();
    let is_answered = |at: &str| {
        let waiting = waiting_gate(&world.state, &world.registry.view, &wave(1), moment(at)).unwrap();
        assert!(!waiting.awaits_statistics);
        matches!(&waiting.by_now.findings[..], [Finding { measured: Measured::Hook { answer: Some(_), .. }, .. }])
    };
    assert!(is_answered("2031-05-08T06:59:59.999999Z"));
    assert!(!is_answered("2031-05-08T07:00:00Z"));
}

#[test]
fn nobody_is_asked_before_the_evidence_has_ripened_and_it_is_said_when_that_is() {
    let mut world = World::running(10, &gated(STATISTICS));
    world.run_until("2031-05-07T06:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    let questions = |world: &World| gate_questions(&world.state, &world.registry.view, world.now);
    let ripe_at = moment("2031-05-07T07:00:00Z");
    assert_eq!(questions(&world), GateQuestions { next: Some(ripe_at), ..GateQuestions::default() });
    world.now = ripe_at;
    assert_eq!(questions(&world).figures.len(), 1);
}
