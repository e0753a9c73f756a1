//! Forecasts on the wire.

use jiff::civil::Date;
use proto::scheduler::v1 as wire;
use rollout::ProgrammeId;
use rollout::forecast::{Estimate, Gain, Group, GroupOutlook, Model, Month, Quantiles};

use super::count;
use crate::forecasts::Made;

/// What every forecast takes for certain.
const PREMISES: [&str; 6] = [
    "the plan in force is carried out as it stands; there is no new plan and no new hold",
    "a hold is lifted on the day of its review; without one it stays",
    "notice that is owed is delivered today",
    "readiness that would expire is renewed in time",
    "no practice changes its supplier, merges or closes",
    "other programmes take no room under the caps",
];

/// All of the reply but what the caller knows.
pub(crate) fn made_to_wire(programme: &ProgrammeId, made: &Made) -> wire::ForecastResponse {
    let mut premises: Vec<String> = PREMISES.map(str::to_owned).into();
    let days = made.model.halts_take.as_hours() / 24;
    premises.push(format!("after a gate that does not pass, people let the programme go on within {days} days"));
    wire::ForecastResponse {
        programme: programme.to_string(),
        runs_count: i32::try_from(made.outlook.runs_count).unwrap_or(i32::MAX),
        groups: made.outlook.groups.iter().map(|group| group_to_wire(programme, group)).collect(),
        limits: made.gains.iter().map(gain_to_wire).collect(),
        assumptions: assumptions(&made.model),
        premises,
        ..Default::default()
    }
}

fn group_to_wire(programme: &ProgrammeId, group: &GroupOutlook) -> wire::ForecastGroup {
    let subject = match &group.group {
        Group::Programme => programme.to_string(),
        Group::Supplier(supplier) => format!("suppliers/{supplier}"),
        Group::Icb(icb) => format!("icbs/{icb}"),
    };
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let [p10, p50, p90] = group.last_go_live.map(date);
    wire::ForecastGroup {
        subject,
        practices_count: count(group.practices_count.into()),
        patients_count: count(group.patients_count),
        months: group.months.iter().map(month_to_wire).collect(),
        last_go_live: Some(wire::ForecastDates { p10, p50, p90 }),
        never_live: Some(quantiles_to_wire(group.never_live)),
    }
}

fn month_to_wire(month: &Month) -> wire::ForecastMonth {
    wire::ForecastMonth {
        last_day: month.last_day.to_string(),
        practices: Some(quantiles_to_wire(month.practices)),
        patients: Some(quantiles_to_wire(month.patients)),
    }
}

fn quantiles_to_wire(quantiles: Quantiles) -> wire::ForecastQuantiles {
    wire::ForecastQuantiles { p10: count(quantiles.p10), p50: count(quantiles.p50), p90: count(quantiles.p90) }
}

fn gain_to_wire(gain: &Gain) -> wire::ForecastLimit {
    wire::ForecastLimit {
        limit: gain.limit.to_string(),
        practice_days: gain.practice_days,
        finish_days: gain.finish_days,
        practices_more: gain.practices_more,
    }
}

fn assumptions(model: &Model) -> Vec<wire::ForecastAssumption> {
    let figure = |subject: String, estimate: Estimate| wire::ForecastAssumption {
        subject,
        mean: estimate.mean,
        standard_error: estimate.error,
    };
    let mut figures = vec![
        figure("pauses per practice and day, in the mean week".into(), Estimate::certain(mean(&model.pauses))),
        figure("pauses per practice and day, in the worst week".into(), Estimate::certain(most(&model.pauses))),
        figure("share of pauses left to the programme's default".into(), model.by_default),
        figure("practices made ready, per unready practice and day".into(), model.readiness),
        figure("practices that switch themselves on, per asked practice and day".into(), model.self_service),
    ];
    for (supplier, known) in &model.suppliers {
        figures.push(figure(format!("share that {supplier} refuses for now"), known.refused_for_now));
        figures.push(figure(format!("share that {supplier} refuses for good"), known.refused_for_good));
        let median = known.times.get(known.times.len() / 2).map_or(0.0, |time| time.as_secs_f64() / 60.0);
        figures.push(figure(format!("median minutes that {supplier} takes"), Estimate::certain(median)));
        if let Some(most) = known.hourly_max {
            figures.push(figure(format!("the most that {supplier} does in an hour"), Estimate::certain(most.into())));
        }
    }
    figures
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len().max(1) as f64
}

fn most(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(0.0, f64::max)
}
