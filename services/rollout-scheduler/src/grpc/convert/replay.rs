//! Policies from the wire, and what they came to on it.

use std::collections::BTreeMap;

use api::Error;
use jiff::{SignedDuration, Timestamp};
use proto::scheduler::v1 as wire;
use rollout::ProgrammeId;
use rollout::replay::{
    Assumed, CapTerms, Compared, Comparison, Effect, GateCompared, GateCourse, Group, Policy, Strayed,
};
use rollout::spec::{Cap, Share};
use rollout::state::{Load, Severity};

use super::{concern, count, gate, moment, plan};
use crate::replays::Replayed;

/// What every replay takes for certain.
const PREMISES: [&str; 6] = [
    "waves, their dates and their members are those that people approved; only terms are others",
    "people do what they did, when they did it: no other plan, no other hold, no other notice",
    "a supplier takes as long over each practice's request, and says the same, as it did in fact",
    "a gate that halted in fact is decided as it was, as long after it",
    "what statistics and hooks said of a wave counts where the same practices were switched on",
    "what the registry recorded counts from the moment at which it was recorded",
];

/// The policy that a request asks about.
pub(crate) fn policy_from_wire(policy: Option<&wire::ReplayedPolicy>) -> Result<Policy, Error> {
    let given = policy.cloned().unwrap_or_default();
    let gate = given.gate.unwrap_or_default();
    let policy = Policy {
        min_success: share("policy.gate.min_success", gate.min_success)?,
        min_sample: gate.min_sample,
        soak: gate.soak_seconds.map(SignedDuration::from_secs),
        timeout: gate.timeout_seconds.map(SignedDuration::from_secs),
        exclusions_max_share: share("policy.gate.exclusions_max_share", gate.exclusions_max_share)?,
        viewers_min_share: share("policy.gate.viewers_min_share", gate.viewers_min_share)?,
        concerns: concerns(&gate.concerns)?,
        daily: caps(given.daily_caps.as_ref()),
        in_flight: caps(given.in_flight_caps.as_ref()),
        notice_working_days: given.notice_working_days.map(working_days).transpose()?,
    };
    if policy.is_empty() {
        return Err(Error::invalid("policy", "FIELD_REQUIRED", "{field} must have at least one term that is another"));
    }
    Ok(policy)
}

fn share(field: &str, given: Option<f64>) -> Result<Option<Share>, Error> {
    let share = given.map(Share::try_from).transpose();
    share.map_err(|wrong| {
        Error::invalid(field, "SHARE_INVALID", "{field}: {given} is no share from 0 to 1 with at most four decimals")
            .with("given", wrong.given)
    })
}

fn concerns(given: &BTreeMap<String, u32>) -> Result<BTreeMap<Severity, u32>, Error> {
    let mut concerns = BTreeMap::new();
    for (severity, count_max) in given {
        concerns.insert(concern::severity_of_word("policy.gate.concerns", severity)?, *count_max);
    }
    Ok(concerns)
}

fn caps(given: Option<&wire::ReplayedCaps>) -> CapTerms {
    let cap = |given: Option<&wire::ReplayedCap>| {
        given.map(|cap| Cap { practices: cap.practices, patients: cap.patients }).unwrap_or_default()
    };
    let Some(given) = given else { return CapTerms::default() };
    CapTerms {
        national: cap(given.national.as_ref()),
        each_supplier: cap(given.each_supplier.as_ref()),
        each_icb: cap(given.each_icb.as_ref()),
    }
}

fn working_days(given: u32) -> Result<u16, Error> {
    u16::try_from(given).map_err(|_| {
        Error::invalid("policy.notice_working_days", "NOTICE_INVALID", "{field} is {days}, which is beyond any notice")
            .with("days", given)
    })
}

/// All of the reply but what the caller knows.
pub(crate) fn replayed_to_wire(programme: &ProgrammeId, replayed: &Replayed) -> wire::ReplayPolicyResponse {
    let Comparison { practices, groups, gates, strayed, assumed } = &replayed.comparison;
    let mut premises: Vec<String> = PREMISES.map(str::to_owned).into();
    let days = replayed.model.halts_take.as_hours() / 24;
    premises.push(format!("a gate that did not halt in fact, and does here, people let pass within {days} days"));
    let others = practices.iter().filter(|one| one.effect() != Effect::Same);
    wire::ReplayPolicyResponse {
        programme: programme.to_string(),
        changes: replayed.changes.iter().map(|change| plan::change_to_wire(programme, change)).collect(),
        groups: groups.iter().map(|group| group_to_wire(programme, group)).collect(),
        practices: others.map(practice_to_wire).collect(),
        waves: gates.iter().map(|gate| wave_to_wire(programme, gate)).collect(),
        fidelity: Some(fidelity_to_wire(programme, strayed)),
        assumptions: assumptions(assumed),
        premises,
        ..Default::default()
    }
}

fn group_to_wire(programme: &ProgrammeId, group: &Group) -> wire::ReplayedGroup {
    let subject = group.supplier.as_ref().map_or_else(|| programme.to_string(), |name| format!("suppliers/{name}"));
    let effects = Effect::ALL.map(|effect| {
        let Load { practices, patients } = group.load(effect);
        wire::ReplayEffectCount {
            effect: effect_to_wire(effect).into(),
            practices_count: i64::from(practices),
            patients_count: count(patients),
        }
    });
    wire::ReplayedGroup { subject, effects: effects.into(), days_sooner: group.days_sooner }
}

fn effect_to_wire(effect: Effect) -> wire::ReplayEffect {
    match effect {
        Effect::Earlier => wire::ReplayEffect::Earlier,
        Effect::Later => wire::ReplayEffect::Later,
        Effect::Never => wire::ReplayEffect::Never,
        Effect::Only => wire::ReplayEffect::Only,
        Effect::Same => wire::ReplayEffect::Same,
    }
}

fn practice_to_wire(one: &Compared) -> wire::ReplayedPractice {
    wire::ReplayedPractice {
        practice: format!("practices/{}", one.practice),
        supplier: one.supplier.as_ref().map(ToString::to_string).unwrap_or_default(),
        patients_count: count(one.patients),
        effect: effect_to_wire(one.effect()).into(),
        control_live_at: one.control.map(moment),
        replayed_live_at: one.replayed.map(moment),
        days_sooner: one.days_sooner(),
    }
}

fn wave_to_wire(programme: &ProgrammeId, compared: &GateCompared) -> wire::ReplayedWave {
    wire::ReplayedWave {
        wave: format!("{programme}/{}", compared.wave),
        control: Some(course_to_wire(compared.control_opened_at, compared.control.as_ref())),
        replayed: Some(course_to_wire(compared.replayed_opened_at, compared.replayed.as_ref())),
        halted_days_sooner: compared.halted_days_sooner(),
    }
}

fn course_to_wire(opened_at: Option<Timestamp>, gate: Option<&GateCourse>) -> wire::ReplayedWaveCourse {
    wire::ReplayedWaveCourse {
        opened_at: opened_at.map(moment),
        evaluated_at: gate.map(|gate| moment(gate.evaluated_at)),
        verdict: gate.map_or(wire::GateVerdict::Unspecified, |gate| gate::verdict_to_wire(gate.verdict)).into(),
        commanded_count: gate.map_or(0, |gate| i64::from(gate.commanded)),
        live_count: gate.map_or(0, |gate| i64::from(gate.live)),
        decided_at: gate.and_then(|gate| gate.decided_at).map(moment),
    }
}

fn fidelity_to_wire(programme: &ProgrammeId, strayed: &Strayed) -> wire::ReplayFidelity {
    wire::ReplayFidelity {
        in_fact_count: i64::from(strayed.in_fact.practices),
        control_count: i64::from(strayed.control.practices),
        other_day_count: i64::from(strayed.other_day.practices),
        waves: strayed.gates.iter().map(|wave| format!("{programme}/{wave}")).collect(),
    }
}

fn assumptions(assumed: &Assumed) -> Vec<wire::ReplayAssumption> {
    let figures = [
        ("requests to suppliers that ended as they did in fact", assumed.recorded_count),
        ("requests to suppliers that nobody made in fact, and that end as a forecast has it", assumed.modelled_count),
        ("gates that halt here only, and that people are taken to let pass", assumed.verdicts_count),
        ("practices taken to be told of a wave in which they were not in fact", assumed.notices_count),
        ("practices asked here only to switch themselves on", assumed.invitations_count),
        ("plans fitted to who still waits", assumed.plans_fitted),
    ];
    let assumption =
        |(subject, count): (&str, u32)| wire::ReplayAssumption { subject: subject.to_owned(), count: i64::from(count) };
    let left_out = assumed.left_out.iter().map(|(kind, count)| wire::ReplayAssumption {
        subject: format!("{kind}: what people did and the rules refuse here, left out"),
        count: i64::from(*count),
    });
    figures.into_iter().filter(|(_, count)| *count > 0).map(assumption).chain(left_out).collect()
}
