//! Many runs taken together: quantiles by month, supplier and ICB, and what a limit costs.

use std::collections::BTreeMap;

use jiff::civil::Date;
use ods::{IcbCode, Supplier};

use super::compact::Compact;
use super::limits::Limit;
use super::{Run, RunDay};

/// What is to be expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// How many runs it rests on.
    pub runs_count: u32,
    /// All practices of the programme together, then by supplier, then by ICB.
    pub groups: Vec<GroupOutlook>,
}

/// Whom figures are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The whole programme.
    Programme,
    /// A supplier's practices, by today's supplier.
    Supplier(Supplier),
    /// An ICB's practices, by today's map.
    Icb(IcbCode),
}

/// What is to be expected of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupOutlook {
    /// Which.
    pub group: Group,
    /// Its practices.
    pub practices_count: u32,
    /// Their registered patients.
    pub patients_count: u64,
    /// By month, from that of the forecast to that of the plan's last day.
    pub months: Vec<Month>,
    /// The day of the last go-live; none in a quantile in which nobody goes live any more.
    pub last_go_live: [Option<Date>; 3],
    /// Practices that this plan leaves without access.
    pub never_live: Quantiles,
}

/// What is to be expected at the end of a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// The month's last day.
    pub last_day: Date,
    /// Practices live by then.
    pub practices: Quantiles,
    /// Their registered patients.
    pub patients: Quantiles,
}

/// Of all runs a tenth lie below the first, half below the second, nine tenths below the third.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the definition")]
pub struct Quantiles {
    pub p10: u64,
    pub p50: u64,
    pub p90: u64,
}

/// What is gained with a limit out of the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// Which limit.
    pub limit: Limit,
    /// Days by which practices go live sooner, summed over them: the mean of the runs. One that does not go live at all
    /// counts up to the last day of the forecast.
    pub practice_days: f64,
    /// Days by which the last go-live is sooner: the median of the runs. Negative where more practices make it later.
    pub finish_days: i64,
    /// Practices more that go live at all: the mean of the runs.
    pub practices_more: f64,
}

impl Gain {
    /// The limits that gain most first; those that gain nothing are left out. The first is the binding constraint.
    #[must_use]
    pub fn ranked(mut gains: Vec<Self>) -> Vec<Self> {
        gains.retain(|gain| gain.practice_days > 0.0);
        gains.sort_by(|one, other| other.practice_days.total_cmp(&one.practice_days).then(one.limit.cmp(&other.limit)));
        gains
    }

    pub(super) fn of(compact: &Compact, limit: Limit, runs: &[Run], without: &[Run]) -> Self {
        let end = RunDay::try_from(compact.days_count()).unwrap_or(Run::NEVER);
        let without: BTreeMap<u32, &Run> = without.iter().map(|run| (run.number, run)).collect();
        let pairs: Vec<(&Run, &Run)> = runs.iter().filter_map(|run| Some((run, *without.get(&run.number)?))).collect();
        let days = |run: &Run| run.live_on.iter().map(|day| i64::from((*day).min(end))).sum::<i64>();
        let live = |run: &Run| run.live_on.iter().filter(|day| **day != Run::NEVER).count() as i64;
        let sooner: i64 = pairs.iter().map(|(run, other)| days(run) - days(other)).sum();
        let more: i64 = pairs.iter().map(|(run, other)| live(other) - live(run)).sum();
        let finish = |run: &Run| last_day(run.live_on.iter().copied()).map_or(0, i64::from);
        let mut finishes: Vec<i64> = pairs.iter().map(|(run, other)| finish(run) - finish(other)).collect();
        finishes.sort_unstable();
        let count = pairs.len().max(1) as f64;
        Self {
            limit,
            practice_days: sooner as f64 / count,
            finish_days: at_quantile(&finishes, 50).copied().unwrap_or(0),
            practices_more: more as f64 / count,
        }
    }
}

impl Outlook {
    pub(super) fn of(compact: &Compact, runs: &[Run]) -> Self {
        let mut members: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
        for (place, member) in compact.practices.iter().enumerate() {
            let supplier = member.supplier.clone().map(Group::Supplier);
            let icb = member.icb.map(Group::Icb);
            for group in [Some(Group::Programme), supplier, icb].into_iter().flatten() {
                members.entry(group).or_default().push(place);
            }
        }
        let months = months(compact);
        let groups = members.into_iter().map(|(group, places)| group_outlook(compact, runs, &months, group, &places));
        Self { runs_count: u32::try_from(runs.len()).unwrap_or(u32::MAX), groups: groups.collect() }
    }

    /// What is to be expected of a group; none where the programme has no such practices.
    #[must_use]
    pub fn group(&self, group: &Group) -> Option<&GroupOutlook> {
        self.groups.iter().find(|one| one.group == *group)
    }
}

/// The last days of the months to come, with the day's number.
fn months(compact: &Compact) -> Vec<(Date, RunDay)> {
    let plan_ends = compact.courses.iter().filter(|one| !one.stage.has_ended()).map(|one| one.until_day).max();
    let plan_ends = compact.date_of(plan_ends.unwrap_or(0).max(0));
    let mut months = Vec::new();
    let mut last = compact.first_day.last_of_month();
    loop {
        let day = compact.first_day.until(last).map_or(0, |span| span.get_days());
        months.push((last, RunDay::try_from(day).unwrap_or(Run::NEVER)));
        if plan_ends <= last {
            return months;
        }
        let Ok(next) = last.tomorrow() else { return months };
        last = next.last_of_month();
    }
}

fn group_outlook(
    compact: &Compact,
    runs: &[Run],
    months: &[(Date, RunDay)],
    group: Group,
    places: &[usize],
) -> GroupOutlook {
    let mut practices = vec![Vec::with_capacity(runs.len()); months.len()];
    let mut patients = practices.clone();
    let mut finishes = Vec::with_capacity(runs.len());
    let mut never = Vec::with_capacity(runs.len());
    for run in runs {
        let mut counted = vec![(0_u64, 0_u64); months.len()];
        let mut never_live = 0;
        for place in places {
            let day = run.live_on[*place];
            if day == Run::NEVER {
                never_live += 1;
                continue;
            }
            let month = months.partition_point(|(_, last)| *last < day);
            if let Some((practices, patients)) = counted.get_mut(month) {
                *practices += 1;
                *patients += compact.practices[*place].load.patients;
            }
        }
        let mut sum = (0, 0);
        for (month, (of_month, patients_of_month)) in counted.iter().enumerate() {
            sum = (sum.0 + of_month, sum.1 + patients_of_month);
            practices[month].push(sum.0);
            patients[month].push(sum.1);
        }
        // Day 0 is also whoever was live before.
        finishes.push(last_day(places.iter().map(|place| run.live_on[*place])).filter(|day| *day > 0));
        never.push(never_live);
    }
    // Nobody to go live is the soonest of all.
    finishes.sort_unstable();
    let finish = |percent| at_quantile(&finishes, percent).copied().flatten().map(|day| compact.date_of(day.into()));
    let figures = practices.into_iter().zip(patients);
    GroupOutlook {
        group,
        practices_count: u32::try_from(places.len()).unwrap_or(u32::MAX),
        patients_count: places.iter().map(|place| compact.practices[*place].load.patients).sum(),
        months: months
            .iter()
            .zip(figures)
            .map(|((last_day, _), (practices, patients))| Month {
                last_day: *last_day,
                practices: Quantiles::of(practices),
                patients: Quantiles::of(patients),
            })
            .collect(),
        last_go_live: [finish(10), finish(50), finish(90)],
        never_live: Quantiles::of(never),
    }
}

fn last_day(days: impl Iterator<Item = RunDay>) -> Option<RunDay> {
    days.filter(|day| *day != Run::NEVER).max()
}

impl Quantiles {
    fn of(mut figures: Vec<u64>) -> Self {
        figures.sort_unstable();
        let at = |percent| at_quantile(&figures, percent).copied().unwrap_or(0);
        Self { p10: at(10), p50: at(50), p90: at(90) }
    }
}

/// The smallest of sorted figures that at least so many in a hundred do not exceed.
fn at_quantile<T>(sorted: &[T], percent: usize) -> Option<&T> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_figures_that_occurred() {
        assert_eq!(Quantiles::of((1..=10).rev().collect()), Quantiles { p10: 1, p50: 5, p90: 9 });
        assert_eq!(Quantiles::of(vec![7]), Quantiles { p10: 7, p50: 7, p90: 7 });
        assert_eq!(Quantiles::of(Vec::new()), Quantiles::default());
    }
}
