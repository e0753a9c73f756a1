//! Gates: what was found of a wave, in figures and in words.

use proto::scheduler::v1 as wire;
use rollout::effects::WaitingGate;
use rollout::state::{Evidence, Finding, GateEvaluation, GateFigures, Measured, StatisticsPositions, Verdict};

use super::{count, moment};

pub(crate) fn gate_to_wire(gate: &GateEvaluation) -> wire::GateEvaluation {
    let decision = gate.decision.as_ref();
    wire::GateEvaluation {
        verdict: verdict_to_wire(gate.verdict).into(),
        evidence: sentences(gate),
        evaluated_at: Some(moment(gate.at)),
        decided_by: decision.map(|decision| decision.signature.by.to_string()).unwrap_or_default(),
        decision: decision.map_or(wire::GateVerdict::Unspecified, |decision| verdict_to_wire(decision.verdict)).into(),
        conditions: conditions(gate),
        statistics: gate.figures.as_ref().map(statistics_to_wire),
    }
}

pub(crate) fn waiting_to_wire(waiting: &WaitingGate) -> wire::WaitingGate {
    let registry = waiting.awaits_registry.then(|| "the registry, for how all that was sent has settled".to_owned());
    let statistics = waiting.awaits_statistics.then(|| "statistics, for figures of a day since".to_owned());
    let hook = waiting.awaits_hook.as_ref().map(|hook| format!("{hook}, for its word"));
    wire::WaitingGate {
        by_now: Some(gate_to_wire(&waiting.by_now)),
        ripens_at: Some(moment(waiting.ripens_at)),
        waits_until: Some(moment(waiting.given_up_at)),
        waits_for: [registry, statistics, hook].into_iter().flatten().collect(),
    }
}

/// All that counted, a sentence each.
fn sentences(gate: &GateEvaluation) -> Vec<String> {
    let evidence = &gate.evidence;
    let complete = if evidence.complete { "complete" } else { "not complete" };
    let mut sentences = vec![
        live(evidence),
        format!("{} of them are not settled and count against", evidence.unsettled),
        format!("{} practices were members", evidence.members),
        format!("the evidence is {complete}, read at position {} of the registry", evidence.registry_position),
    ];
    sentences.extend(gate.findings.iter().map(|finding| sentence(&finding.measured)));
    sentences.extend(gate.figures.as_ref().map(|figures| {
        let StatisticsPositions { registry, returns, events } = figures.positions;
        format!(
            "statistics as at {}, read at {}: position {registry} of the registry, {returns} of returns, {events} of events",
            figures.as_at, figures.read_at
        )
    }));
    sentences
}

fn live(evidence: &Evidence) -> String {
    let Evidence { commanded, live, min_success, min_sample, .. } = evidence;
    let small = evidence.small_sample.filter(|_| commanded < min_sample);
    let test =
        small.map(|test| format!("; so few are judged against {} at a risk of {}", test.unacceptable, test.risk));
    format!(
        "{live} of {commanded} commanded practices are live; required: {min_success} of at least {min_sample}{}",
        test.unwrap_or_default()
    )
}

/// The figure of a condition and what was required.
pub(crate) fn sentence(measured: &Measured) -> String {
    match measured {
        Measured::Exclusions { excluded, without_return, patients, max_share } => format!(
            "{excluded} of {patients} patients are excluded by the enhanced-review code; {without_return} are of practices without \
             a return since; allowed: {max_share}"
        ),
        Measured::Viewers { viewed, unheard, practices, min_share } => format!(
            "at {viewed} of {practices} practices somebody has opened a record; {unheard} are of suppliers of which nothing is \
             heard; required: {min_share}"
        ),
        Measured::Concerns { severity, count, count_max } => {
            format!("concerns that are {severity} or worse: {count}; allowed: {count_max}")
        }
        Measured::Hook { hook, answer: Some(answer) } => {
            format!("{hook} says {}: {}", answer.verdict, answer.reason_code)
        }
        Measured::Hook { hook, answer: None } => format!("{hook} has not answered"),
    }
}

fn conditions(gate: &GateEvaluation) -> Vec<wire::GateCondition> {
    let evidence = &gate.evidence;
    let of_live = wire::GateCondition {
        kind: wire::GateConditionKind::Live.into(),
        verdict: verdict_to_wire(evidence.verdict()).into(),
        finding: live(evidence),
        count: i64::from(evidence.live),
        unknown_count: i64::from(evidence.unsettled),
        whole_count: i64::from(evidence.commanded),
    };
    std::iter::once(of_live).chain(gate.findings.iter().map(condition_to_wire)).collect()
}

fn condition_to_wire(finding: &Finding) -> wire::GateCondition {
    let (kind, [figure, unknown, whole]) = match &finding.measured {
        Measured::Exclusions { excluded, without_return, patients, .. } => {
            (wire::GateConditionKind::Exclusions, [*excluded, *without_return, *patients])
        }
        Measured::Viewers { viewed, unheard, practices, .. } => {
            (wire::GateConditionKind::Viewers, [*viewed, *unheard, *practices].map(u64::from))
        }
        Measured::Concerns { count, .. } => (wire::GateConditionKind::Concerns, [u64::from(*count), 0, 0]),
        Measured::Hook { .. } => (wire::GateConditionKind::Hook, [0; 3]),
    };
    wire::GateCondition {
        kind: kind.into(),
        verdict: verdict_to_wire(finding.verdict).into(),
        finding: sentence(&finding.measured),
        count: count(figure),
        unknown_count: count(unknown),
        whole_count: count(whole),
    }
}

fn statistics_to_wire(figures: &GateFigures) -> wire::GateStatistics {
    wire::GateStatistics {
        as_at: Some(moment(figures.as_at)),
        read_at: Some(moment(figures.read_at)),
        registry_position: figures.positions.registry,
        returns_position: figures.positions.returns,
        events_position: figures.positions.events,
    }
}

pub(crate) fn verdict_to_wire(verdict: Verdict) -> wire::GateVerdict {
    match verdict {
        Verdict::Pass => wire::GateVerdict::Pass,
        Verdict::Fail => wire::GateVerdict::Fail,
        Verdict::Inconclusive => wire::GateVerdict::Inconclusive,
    }
}

/// A person's verdict; the domain refuses what is neither PASS nor FAIL.
pub(crate) fn verdict_from_wire(verdict: wire::GateVerdict) -> Result<Verdict, api::Error> {
    match verdict {
        wire::GateVerdict::Pass => Ok(Verdict::Pass),
        wire::GateVerdict::Fail => Ok(Verdict::Fail),
        wire::GateVerdict::Inconclusive => Ok(Verdict::Inconclusive),
        wire::GateVerdict::Unspecified => {
            Err(api::Error::invalid("verdict", "FIELD_REQUIRED", "{field} is required: PASS or FAIL"))
        }
    }
}
