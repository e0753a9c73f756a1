//! Whatever evidence there is about a wave, all conditions of its gate together: less of it never passes, and worse never fares
//! better (I6).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::civil::date;
use ods::PracticeCode;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use rollout::state::{State, Verdict};
use rollout::{Fact, PracticeFigures, Proposal, Returned};

use super::{STATISTICS, VIEWED, gated, returned};
use crate::world::{World, code, moment, wave};

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
