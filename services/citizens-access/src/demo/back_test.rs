//! `--back-test`: forecasts that were asked for on the way, held against what then happened.
//!
//! Each is asked for by RPC in the evening of its day, when nothing later is known. At the end of the story the registry
//! says who was live at the end of each month. A month at whose end another plan was in force is told and not judged,
//! since a forecast is of the plan in force; nor is a month that the story does not reach.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan};
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as scheduler;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use rollout::calendar;
use serde::Serialize;

use super::peers::Peers;

/// When a forecast is asked for: most windows are closed, and the day's go-lives are known.
pub(crate) const ASKED_AT: Time = Time::constant(21, 0, 0, 0);
/// By whom.
const READER: &str = "forecaster;roles=auditor";
/// A nation's forecast takes seconds, in a build for tests many more.
const PATIENCE: Duration = Duration::from_secs(600);
/// The registry's maximum.
const PAGE_SIZE: i32 = 1_000;

/// Forecasts that a story is to be held against. Clones are the same ones.
#[derive(Clone, Debug)]
pub(crate) struct BackTests {
    pub(crate) days: Vec<Date>,
    /// Futures of each; 0 for the scheduler's default.
    pub(crate) runs_count: i32,
    made: Arc<Mutex<Vec<(Date, scheduler::ForecastResponse)>>>,
}

/// How often what happened lay between P10 and P90.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct BackTest {
    /// Figures that left room for doubt (P10 below P90), of the programme, a supplier or an ICB at the end of a month…
    pub(crate) in_doubt: u32,
    /// … and of those the ones that came to lie within the band: of good forecasts eight in ten, or more where figures
    /// are small.
    pub(crate) within: u32,
    /// Figures that left none…
    pub(crate) certain: u32,
    /// … and came true.
    pub(crate) came_true: u32,
    pub(crate) forecasts: Vec<Tested>,
}

/// One forecast, and what then happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Tested {
    pub(crate) made_on: Date,
    /// The plan that was in force then.
    pub(crate) plan: String,
    pub(crate) runs_count: i32,
    pub(crate) figures: Vec<Figure>,
}

/// Practices live at the end of a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// The programme, a supplier or an ICB.
    pub(crate) of: String,
    pub(crate) last_day: Date,
    pub(crate) p10: i64,
    pub(crate) p50: i64,
    pub(crate) p90: i64,
    pub(crate) happened: i64,
    /// Whether the same plan was in force then.
    pub(crate) judged: bool,
}

impl BackTests {
    pub(crate) fn new(mut days: Vec<Date>, runs_count: i32) -> Self {
        days.sort_unstable();
        days.dedup();
        Self { days, runs_count, made: Arc::default() }
    }

    /// Asks for one of the forecasts, now.
    ///
    /// # Errors
    /// Where the scheduler has none, as before a plan is in force.
    pub(crate) async fn ask(&self, peers: &Peers, programme: &str, day: Date) -> anyhow::Result<String> {
        let mut request = tonic::Request::new(scheduler::ForecastRequest {
            programme: programme.to_owned(),
            runs_count: self.runs_count,
            ..Default::default()
        });
        request.set_timeout(PATIENCE);
        let mut client = ForecastServiceClient::new(peers.scheduler.with_account(READER)?);
        let forecast = client.forecast(request).await.with_context(|| format!("the forecast on {day}"))?.into_inner();
        let words = format!("{} forecast under {} futures", forecast.plan, forecast.runs_count);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push((day, forecast));
        Ok(words)
    }

    /// What then happened, up to the end of `until`; none where no forecast was asked for.
    ///
    /// # Errors
    /// Where a service cannot answer.
    pub(crate) async fn judge(&self, peers: &Peers, programme: &str, until: Date) -> anyhow::Result<Option<BackTest>> {
        if self.days.is_empty() {
            return Ok(None);
        }
        let plans = plans(peers, programme).await?;
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let mut live_by_day: BTreeMap<Date, BTreeMap<String, i64>> = BTreeMap::new();
        let mut test = BackTest::default();
        for (made_on, forecast) in made {
            let mut figures = Vec::new();
            for (group, month) in forecast.groups.iter().flat_map(|group| group.months.iter().map(move |m| (group, m)))
            {
                let last_day: Date = month.last_day.parse().context("a forecast's month ends on no date")?;
                if until < last_day {
                    continue;
                }
                let live: &BTreeMap<String, i64> = match live_by_day.get(&last_day) {
                    Some(live) => live,
                    None => live_by_day.entry(last_day).or_insert(live(peers, programme, last_day).await?),
                };
                let practices = month.practices.unwrap_or_default();
                figures.push(Figure {
                    of: group.subject.clone(),
                    last_day,
                    p10: practices.p10,
                    p50: practices.p50,
                    p90: practices.p90,
                    happened: live.get(&group.subject).copied().unwrap_or(0),
                    judged: in_force_on(&plans, last_day)? == Some(&forecast.plan),
                });
            }
            figures.iter().filter(|figure| figure.judged).for_each(|figure| test.count(figure));
            let (plan, runs_count) = (forecast.plan, forecast.runs_count);
            test.forecasts.push(Tested { made_on, plan, runs_count, figures });
        }
        Ok(Some(test))
    }
}

impl BackTest {
    fn count(&mut self, figure: &Figure) {
        let within = (figure.p10..=figure.p90).contains(&figure.happened);
        let (all, good) = if figure.p10 < figure.p90 {
            (&mut self.in_doubt, &mut self.within)
        } else {
            (&mut self.certain, &mut self.came_true)
        };
        *all += 1;
        *good += u32::from(within);
    }

    /// For people: the programme's own figures, and the sum of all.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec!["Forecasts made on the way, and what then happened (practices live)".to_owned()];
        for tested in &self.forecasts {
            lines.push(format!("  on {}, of {}:", tested.made_on, tested.plan));
            for figure in tested.figures.iter().filter(|figure| figure.of.starts_with("programmes/")) {
                let judged = if figure.judged { "" } else { "; by then another plan was in force" };
                lines.push(format!(
                    "    by {}: P10 {}, P50 {}, P90 {}; it was {}{judged}",
                    figure.last_day, figure.p10, figure.p50, figure.p90, figure.happened
                ));
            }
        }
        lines.push(format!(
            "  Of {} figures in doubt (programme, suppliers, ICBs, under the same plan) {} lay between P10 and P90{}; of {} \
             without doubt {} came true.",
            self.in_doubt,
            self.within,
            share(self.within, self.in_doubt),
            self.certain,
            self.came_true
        ));
        lines
    }
}

fn share(part: u32, whole: u32) -> String {
    if whole == 0 { String::new() } else { format!(", {:.0} %", f64::from(part) * 100.0 / f64::from(whole)) }
}

/// The plans that came into force, with the moment, oldest first.
async fn plans(peers: &Peers, programme: &str) -> anyhow::Result<Vec<(Timestamp, String)>> {
    let mut client = ProgrammeServiceClient::new(peers.scheduler.with_account(READER)?);
    let get = scheduler::GetProgrammeRequest { name: programme.to_owned(), ..Default::default() };
    let programme = client.get_programme(get).await?.into_inner().programme.unwrap_or_default();
    let mut plans = Vec::new();
    for plan in programme.plans {
        if matches!(plan.state(), scheduler::PlanState::InForce | scheduler::PlanState::Superseded) {
            let decided_at = api::time::required_moment("decided_at", plan.decided_at.as_ref());
            let decided_at = decided_at.map_err(|_| anyhow::anyhow!("{} was decided at no moment", plan.name))?;
            plans.push((decided_at, plan.name));
        }
    }
    plans.sort_unstable();
    Ok(plans)
}

fn in_force_on(plans: &[(Timestamp, String)], day: Date) -> anyhow::Result<Option<&String>> {
    let end = last_moment(day)?;
    Ok(plans.iter().rfind(|(decided_at, _)| *decided_at <= end).map(|(_, plan)| plan))
}

fn last_moment(day: Date) -> anyhow::Result<Timestamp> {
    Ok(calendar::day_bounds(day).1.checked_sub(1.microsecond())?)
}

/// Practices that were live at the end of a day: all, by supplier and by ICB.
async fn live(peers: &Peers, programme: &str, day: Date) -> anyhow::Result<BTreeMap<String, i64>> {
    let mut client = PracticeRegistryServiceClient::new(peers.registry.with_account(READER)?);
    let effective_at = Some(api::time::to_wire(last_moment(day)?));
    let mut live: BTreeMap<String, i64> = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let list = registry::ListPracticesRequest {
            page_size: PAGE_SIZE,
            page_token,
            filter: "practice.live".to_owned(),
            effective_at,
            ..Default::default()
        };
        let page = client.list_practices(list).await?.into_inner();
        for practice in page.practices {
            let groups = [
                programme.to_owned(),
                format!("suppliers/{}", practice.supplier),
                format!("icbs/{}", practice.icb_code),
            ];
            for group in groups {
                *live.entry(group).or_default() += 1;
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(live);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(p10: i64, p90: i64, happened: i64) -> Figure {
        let last_day = jiff::civil::date(2031, 5, 31);
        Figure { of: "icbs/QOC".into(), last_day, p10, p50: p10, p90, happened, judged: true }
    }

    #[test]
    fn the_ends_of_a_band_lie_within_it_and_what_was_certain_is_counted_apart() {
        let mut test = BackTest::default();
        for counted in [figure(2, 4, 2), figure(2, 4, 4), figure(2, 4, 5), figure(3, 3, 3), figure(3, 3, 4)] {
            test.count(&counted);
        }
        assert_eq!((test.in_doubt, test.within, test.certain, test.came_true), (3, 2, 2, 1));
        let told = test.lines().pop().unwrap();
        assert!(told.contains("2 lay between P10 and P90, 67 %; of 2 without doubt 1 came true"), "{told}");
    }

    #[test]
    fn a_plan_is_in_force_until_the_next_one_is() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let plans = [(at("2031-05-01T10:00:00Z"), "one".to_owned()), (at("2031-05-31T22:59:59Z"), "two".to_owned())];
        let on = |day| in_force_on(&plans, day).unwrap().map(String::as_str);
        assert_eq!(on(jiff::civil::date(2031, 4, 30)), None);
        assert_eq!(on(jiff::civil::date(2031, 5, 30)), Some("one"));
        // The last second of the day, in London's summer time.
        assert_eq!(on(jiff::civil::date(2031, 5, 31)), Some("two"));
    }
}
