//! The committee's four questions, answered from the services' own figures.
//!
//! How many practices are live; how many patients have access; how many more are coming and when; is there a single
//! deadline? Nothing is counted here: every figure is a field of a reply.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::Date;
use proto::scheduler::v1 as scheduler;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use proto::statistics::v1 as statistics;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use serde::Serialize;

use super::back_test::BackTest;
use super::peers::Peers;
use super::published::{self, Beside};
use super::world::World;

/// The account by which the demo asks.
pub(crate) const READER: &str = "committee-clerk;roles=statistician";

/// What the demo ends with: one object, also as JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    /// The civil date (Europe/London) at whose end the figures hold.
    pub(crate) as_at: Date,
    pub(crate) practices_live: i64,
    pub(crate) practices_total: i64,
    pub(crate) patients_registered: i64,
    pub(crate) patients_with_access: i64,
    /// People who opened their record in the thirty days before: an estimate, within `viewers_bounds`.
    pub(crate) viewers: i64,
    pub(crate) viewers_bounds: Bounds,
    /// Practices with an open enrolment in an approved wave of the next three months.
    pub(crate) signed_up_next_three_months: i64,
    pub(crate) signed_up_patients: i64,
    pub(crate) signed_up_by_month: BTreeMap<String, i64>,
    /// The date of the programme's single deadline, or none.
    pub(crate) single_deadline: Option<Date>,
    pub(crate) denominators: BTreeMap<&'static str, String>,
    pub(crate) assumptions: Assumptions,
    pub(crate) seed: u64,
    pub(crate) answers: Vec<Answer>,
    /// What was published of the days up to `as_at`, beside this run's figures.
    pub(crate) published: Vec<Beside>,
    /// Where forecasts were asked for on the way: what became of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) back_test: Option<BackTest>,
}

/// Between which an estimate lies, with a probability of about 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Bounds {
    pub(crate) lower: i64,
    pub(crate) upper: i64,
}

/// What the figures rest on besides the programme.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Assumptions {
    pub(crate) england: String,
    pub(crate) uptake_min: f64,
    pub(crate) uptake_max: f64,
    pub(crate) uptake_source: String,
    pub(crate) daily_viewing_share: f64,
    pub(crate) daily_viewing_source: String,
}

/// A question and its answer in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Answer {
    pub(crate) question: &'static str,
    pub(crate) answer: String,
}

/// Where the answers come from.
pub(crate) struct Question<'a> {
    pub(crate) peers: &'a Peers,
    /// `programmes/…`.
    pub(crate) programme: String,
    pub(crate) as_at: Date,
    /// The moment that the date stands for.
    pub(crate) moment: Timestamp,
    pub(crate) world: Arc<World>,
    pub(crate) seed: u64,
    /// Which England it is, in words.
    pub(crate) england: String,
}

impl Question<'_> {
    /// Asks the services.
    ///
    /// # Errors
    /// Where a service cannot answer.
    pub(crate) async fn ask(self) -> anyhow::Result<Report> {
        let summary = self.summary().await?;
        let (programme, figures) = self.programme().await?;
        let single_deadline = match programme.deadline.as_str() {
            "" => None,
            date => Some(date.parse().with_context(|| format!("{date} is not a date"))?),
        };
        let by_month = figures.signed_up_by_month.iter().map(|month| (month.month.clone(), month.practices_count));
        let viewers = summary.viewers.unwrap_or_default();
        let mut denominators = BTreeMap::new();
        for (name, figure) in
            [("practices_live", &summary.practices_live), ("patients_with_access", &summary.patients_with_access)]
        {
            if let Some(denominator) = figure.as_ref().and_then(|figure| figure.denominator.as_ref()) {
                let words = format!(
                    "{}: {} ({}, {})",
                    denominator.definition, denominator.value, denominator.source, denominator.as_at_date
                );
                denominators.insert(name, words);
            }
        }
        let mut report = Report {
            as_at: self.as_at,
            practices_live: value(summary.practices_live),
            practices_total: value(summary.practices_total),
            patients_registered: value(summary.patients_registered),
            patients_with_access: value(summary.patients_with_access),
            viewers: viewers.value,
            viewers_bounds: Bounds { lower: viewers.lower_bound, upper: viewers.upper_bound },
            signed_up_next_three_months: figures.signed_up_next_three_months,
            signed_up_patients: figures.signed_up_next_three_months_patients_count,
            signed_up_by_month: by_month.collect(),
            single_deadline,
            denominators,
            assumptions: Assumptions {
                england: self.england,
                uptake_min: self.world.uptake.min.into(),
                uptake_max: self.world.uptake.max.into(),
                uptake_source: self.world.uptake.source.clone(),
                daily_viewing_share: self.world.viewing.daily_share.into(),
                daily_viewing_source: self.world.viewing.source.clone(),
            },
            seed: self.seed,
            answers: Vec::new(),
            published: published::beside(self.peers, &self.world.published, self.as_at).await?,
            back_test: None,
        };
        report.answers = answers(&report);
        Ok(report)
    }

    async fn summary(&self) -> anyhow::Result<statistics::GetSummaryResponse> {
        let mut statistics = StatisticsServiceClient::new(self.peers.statistics.with_account(READER)?);
        let moment = Some(api::time::to_wire(self.moment));
        let get = statistics::GetSummaryRequest { area: "england".to_owned(), as_at: moment, ..Default::default() };
        Ok(statistics.get_summary(get).await.context("the summary of England")?.into_inner())
    }

    async fn programme(&self) -> anyhow::Result<(scheduler::Programme, scheduler::ProgrammeFigures)> {
        let mut programmes = ProgrammeServiceClient::new(self.peers.scheduler.with_account(READER)?);
        // By the clock the next day has begun.
        let known_at = Some(api::time::to_wire(self.moment));
        let get = scheduler::GetProgrammeRequest { name: self.programme.clone(), known_at, ..Default::default() };
        let reply =
            programmes.get_programme(get).await.with_context(|| format!("the figures of {}", self.programme))?;
        let reply = reply.into_inner();
        Ok((reply.programme.unwrap_or_default(), reply.figures.unwrap_or_default()))
    }
}

fn value(figure: Option<statistics::Figure>) -> i64 {
    figure.map(|figure| figure.value).unwrap_or_default()
}

/// The four answers in words, out of the report's own figures.
fn answers(report: &Report) -> Vec<Answer> {
    let date = report.as_at;
    let months: Vec<String> = report
        .signed_up_by_month
        .iter()
        .map(|(month, practices)| format!("{} in {month}", grouped(*practices)))
        .collect();
    let when = if months.is_empty() { String::new() } else { format!(": {}", months.join(", ")) };
    vec![
        Answer {
            question: "How many practices are live?",
            answer: format!(
                "At the end of {date}, {} of {} practices.",
                grouped(report.practices_live),
                grouped(report.practices_total)
            ),
        },
        Answer {
            question: "How many patients have access?",
            answer: format!(
                "{} patients of {} registered can see new entries in their record; about {} people opened it in the 30 days before.",
                grouped(report.patients_with_access),
                grouped(report.patients_registered),
                grouped(report.viewers)
            ),
        },
        Answer {
            question: "How many more are coming, and when?",
            answer: format!(
                "{} practices with {} patients are signed up for the next three months{when}.",
                grouped(report.signed_up_next_three_months),
                grouped(report.signed_up_patients)
            ),
        },
        Answer {
            question: "Is there a single deadline?",
            answer: match report.single_deadline {
                Some(deadline) => format!("Yes: {deadline}."),
                None => "No.".to_owned(),
            },
        },
    ]
}

/// A number with its thousands set apart: 6,129.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(-1_000), "-1,000");
        assert_eq!(grouped(63_237_908), "63,237,908");
    }
}
