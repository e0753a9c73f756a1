//! What was published of a day, held beside what this run has of it.
//!
//! The world's file says who published what, and why a run differs; the figures of the run are the statistics' own, as at
//! the end of that day.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context;
use jiff::ToSpan;
use jiff::civil::Date;
use proto::statistics::v1 as statistics;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use rollout::calendar;
use serde::{Deserialize, Serialize};

use super::answers::{READER, grouped};
use super::peers::Peers;

/// A figure that somebody published.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Published {
    /// The day at whose end it held.
    pub(crate) on: Date,
    pub(crate) figure: PublishedFigure,
    /// As it was published: `more than a hundred`.
    pub(crate) published: String,
    /// Where.
    pub(crate) source: String,
    /// Why a run's figure is another.
    pub(crate) differs_because: String,
}

/// What a published figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PublishedFigure {
    PracticesLive,
    /// Of all practices, in percent.
    ShareOfPracticesLive,
    PatientsWithAccess,
    /// People who opened their record in the thirty days before.
    Viewers,
}

impl fmt::Display for PublishedFigure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::PracticesLive => "practices live",
            Self::ShareOfPracticesLive => "share of practices that are live",
            Self::PatientsWithAccess => "patients with access",
            Self::Viewers => "people who opened their record in thirty days",
        })
    }
}

/// A published figure and the run's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Beside {
    /// The civil date (Europe/London) at whose end both hold.
    pub(crate) on: Date,
    pub(crate) figure: PublishedFigure,
    /// As it was published.
    pub(crate) published: String,
    pub(crate) source: String,
    /// The run's; a share in percent.
    pub(crate) here: Here,
    /// Why the two differ.
    pub(crate) differs_because: String,
}

/// A figure of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Here {
    Count(i64),
    Percent(f64),
}

/// Asks for what this run has of what was published up to `until`, oldest first.
///
/// # Errors
/// Where the statistics cannot answer.
pub(crate) async fn beside(peers: &Peers, published: &[Published], until: Date) -> anyhow::Result<Vec<Beside>> {
    let mut statistics = StatisticsServiceClient::new(peers.statistics.with_account(READER)?);
    let mut by_day: BTreeMap<Date, Vec<&Published>> = BTreeMap::new();
    for one in published.iter().filter(|one| one.on <= until) {
        by_day.entry(one.on).or_default().push(one);
    }
    let mut all = Vec::new();
    for (on, of_day) in by_day {
        let last_moment = calendar::day_bounds(on).1.checked_sub(1.microsecond())?;
        let as_at = Some(api::time::to_wire(last_moment));
        let get = statistics::GetSummaryRequest { area: "england".to_owned(), as_at, ..Default::default() };
        let summary = statistics.get_summary(get).await.with_context(|| format!("the summary of {on}"))?.into_inner();
        all.extend(of_day.into_iter().map(|one| Beside {
            on,
            figure: one.figure,
            published: one.published.clone(),
            source: one.source.clone(),
            here: here(&summary, one.figure),
            differs_because: one.differs_because.clone(),
        }));
    }
    Ok(all)
}

fn here(summary: &statistics::GetSummaryResponse, figure: PublishedFigure) -> Here {
    let value = |figure: Option<&statistics::Figure>| figure.map(|figure| figure.value).unwrap_or_default();
    let live = value(summary.practices_live.as_ref());
    match figure {
        PublishedFigure::PracticesLive => Here::Count(live),
        PublishedFigure::ShareOfPracticesLive => Here::Percent(percent(live, value(summary.practices_total.as_ref()))),
        PublishedFigure::PatientsWithAccess => Here::Count(value(summary.patients_with_access.as_ref())),
        PublishedFigure::Viewers => {
            Here::Count(summary.viewers.as_ref().map(|viewers| viewers.value).unwrap_or_default())
        }
    }
}

/// With one decimal.
fn percent(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 1_000.0 / whole as f64).round() / 10.0 }
}

impl fmt::Display for Here {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => out.write_str(&grouped(*count)),
            Self::Percent(percent) => write!(out, "{percent} %"),
        }
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on, figure, published, source, here, differs_because } = self;
        write!(out, "{on}  {figure}: published {published} ({source}), here {here}; {differs_because}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_beside_the_published_one_with_why_they_differ() {
        let told = Beside {
            on: jiff::civil::date(2031, 3, 31),
            figure: PublishedFigure::ShareOfPracticesLive,
            published: "two thirds".to_owned(),
            source: "a bulletin".to_owned(),
            here: Here::Percent(percent(2_001, 3_000)),
            differs_because: "it counts otherwise".to_owned(),
        };
        let words = "2031-03-31  share of practices that are live: published two thirds (a bulletin), here 66.7 %; it counts otherwise";
        assert_eq!(told.to_string(), words);
        assert_eq!(percent(1, 0), 0.0);
        assert_eq!(Here::Count(23_500).to_string(), "23,500");
    }
}
