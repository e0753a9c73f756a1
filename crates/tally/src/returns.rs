//! Returns: suppliers' absolute counts per practice and period, in both times.
//!
//! A state machine for a journal. A later return for the same practice, capability and period is a revision: it holds
//! from when it was recorded, and what was known before stays (rule 14 needs both). Returns are not compared with events
//! here.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::totals::{Organisation, Total};
use ods::{Capability, PracticeCode, Supplier};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::day::Day;
use crate::publication::{
    Draft, Issue, IssueName, PublicationName, PublicationRejection, Publications, Release, SetRelease,
};
use crate::totals::{PublishedTotals, SubmitTotals, TotalsRejection};

/// Most practices in one submission: more than England has, and a journal record of a few megabytes at most.
pub const RETURNS_MAX: usize = 10_000;

/// Longest period: a year. A longer one is a slip of the hand in one of its dates.
pub const RETURN_PERIOD_DAYS_MAX: i64 = 366;

/// What a supplier counted at one practice, at the end of the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Online accounts with the capability on.
    pub accounts_with_access: u64,
    /// Online accounts of any kind, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_accounts: Option<u64>,
    /// Patients on the list, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patients_registered: Option<u64>,
    /// Patients excluded by the enhanced-review code.
    #[serde(default)]
    pub excluded_by_review_code: u64,
    /// Patients given access all the same.
    #[serde(default)]
    pub exclusions_overridden: u64,
}

/// One submission's part that holds for all its practices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Who counted.
    pub supplier: Supplier,
    /// Which capability's access.
    pub capability: Capability,
    /// First day of the period.
    pub period_start: Date,
    /// Last day, at the end of which the counts held.
    pub period_end: Date,
    /// Who sent it; None in records of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
}

/// Who sent a submission, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The account.
    pub account: String,
    /// The code of the reason; empty where none was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason_code: String,
}

/// Asks for a submission to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitReturns {
    /// What holds for all.
    pub submission: Submission,
    /// The practices, each once.
    pub returns: Vec<(PracticeCode, Figures)>,
}

/// What can happen to returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ReturnsEvent {
    /// A supplier's counts were recorded; only those that were news.
    ReturnsSubmitted {
        /// What holds for all.
        submission: Submission,
        /// The practices, by code.
        returns: Vec<(PracticeCode, Figures)>,
    },
    /// A publication's totals were recorded, all of them.
    TotalsSubmitted {
        /// The publication.
        source: String,
        /// The day at which they held.
        as_at: Date,
        /// By organisation.
        totals: Vec<(Organisation, Total)>,
    },
    /// It was announced when a publication becomes public.
    ReleaseSet {
        /// Which.
        publication: PublicationName,
        /// When.
        release_at: Timestamp,
        /// Who said so.
        author: String,
    },
    /// An issue of a publication was frozen.
    PublicationIssued {
        /// What it is.
        issue: Arc<Issue>,
    },
    /// Issues became public.
    IssuesReleased {
        /// Which, in order.
        issues: Vec<IssueName>,
    },
}

/// Why a submission is refused, as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReturnsRejection {
    /// Its dates are no period.
    #[error("the period ends on {end}, before it begins on {start}, or is longer than {RETURN_PERIOD_DAYS_MAX} days")]
    Period {
        /// First day.
        start: Date,
        /// Last day.
        end: Date,
    },
    /// The period is not over.
    #[error("the period ends on {end}, which is after today, {today}")]
    PeriodNotOver {
        /// Last day.
        end: Date,
        /// Today in London.
        today: Date,
    },
    /// Nothing in it.
    #[error("there is no return in it")]
    Empty,
    /// Too much in it.
    #[error("there are {count} returns in it; {RETURNS_MAX} are allowed")]
    TooMany {
        /// So many.
        count: usize,
    },
    /// One practice twice.
    #[error("practice {practice} is in it twice")]
    Duplicate {
        /// Which.
        practice: PracticeCode,
        /// Index of the second.
        index: usize,
    },
    /// A part is larger than its whole.
    #[error("practice {practice}: {part} is {part_count}, which is more than {whole}, {whole_count}")]
    Contradiction {
        /// Which.
        practice: PracticeCode,
        /// Index of its return.
        index: usize,
        /// Name of the part.
        part: &'static str,
        /// The part.
        part_count: u64,
        /// Name of the whole.
        whole: &'static str,
        /// The whole.
        whole_count: u64,
    },
}

/// One return as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Who counted.
    pub supplier: Supplier,
    /// First day of the period.
    pub period_start: Date,
    /// What was counted.
    pub figures: Figures,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who sent it; None in records of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
}

/// How a submission compares with what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// No return was known.
    pub first: Vec<PracticeCode>,
    /// Another one was.
    pub revised: Vec<PracticeCode>,
    /// The same was.
    pub unchanged: Vec<PracticeCode>,
}

/// By practice, then by last day of the period; each period's revisions in order, never empty.
pub(crate) type ByPractice = OrdMap<PracticeCode, OrdMap<Date, Vec<Revision>>>;

/// All returns. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returns {
    by_capability: OrdMap<Capability, ByPractice>,
    #[serde(default)]
    totals: PublishedTotals,
    #[serde(default)]
    publications: Publications,
}

/// Returns of one capability.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfCapability<'a>(&'a ByPractice);

impl Returns {
    /// Judges a submission.
    ///
    /// # Errors
    /// Where it contradicts itself or the calendar; nothing of it is recorded then.
    pub fn decide(&self, command: &SubmitReturns, now: Timestamp) -> Result<Vec<ReturnsEvent>, ReturnsRejection> {
        check_period(&command.submission, now)?;
        check_returns(&command.returns)?;
        let mut news: Vec<(PracticeCode, Figures)> = Vec::new();
        for (practice, figures) in &command.returns {
            if self.latest_revision(&command.submission, *practice).is_none_or(|known| !known.says(command, figures)) {
                news.push((*practice, *figures));
            }
        }
        if news.is_empty() {
            return Ok(Vec::new());
        }
        news.sort_by_key(|(practice, _)| *practice);
        Ok(vec![ReturnsEvent::ReturnsSubmitted { submission: command.submission.clone(), returns: news }])
    }

    /// Records what happened.
    pub fn apply(&mut self, event: &ReturnsEvent, recorded_at: Timestamp) {
        match event {
            ReturnsEvent::ReturnsSubmitted { submission, returns } => {
                self.keep(submission, returns, recorded_at);
            }
            ReturnsEvent::TotalsSubmitted { source, as_at, totals } => {
                self.totals.apply(source, *as_at, totals, recorded_at);
            }
            ReturnsEvent::ReleaseSet { publication, release_at, author } => {
                let release = Release { release_at: *release_at, author: author.clone(), recorded_at };
                self.publications.apply_release(publication, release);
            }
            ReturnsEvent::PublicationIssued { issue } => self.publications.apply_issue(issue, recorded_at),
            ReturnsEvent::IssuesReleased { issues } => self.publications.apply_released(issues, recorded_at),
        }
    }

    /// Judges published totals.
    ///
    /// # Errors
    /// Where they contradict each other or the calendar; nothing of them is recorded then.
    pub fn decide_totals(&self, command: &SubmitTotals, now: Timestamp) -> Result<Vec<ReturnsEvent>, TotalsRejection> {
        let issue = self.totals.decide(command, now)?;
        let event =
            |totals| ReturnsEvent::TotalsSubmitted { source: command.source.clone(), as_at: command.as_at, totals };
        Ok(issue.map(event).into_iter().collect())
    }

    /// Judges an announcement.
    ///
    /// # Errors
    /// Where it comes too late, or says a moment that cannot be.
    pub fn decide_release(
        &self,
        command: &SetRelease,
        now: Timestamp,
    ) -> Result<Vec<ReturnsEvent>, PublicationRejection> {
        let is_news = self.publications.decide_release(command, now)?;
        let SetRelease { publication, release_at, author } = command.clone();
        Ok(is_news.then_some(ReturnsEvent::ReleaseSet { publication, release_at, author }).into_iter().collect())
    }

    /// Judges whether a draft may be recorded. One that is past its release is public at once.
    ///
    /// # Errors
    /// Where something came between.
    pub fn decide_issue(&self, draft: &Draft, now: Timestamp) -> Result<Vec<ReturnsEvent>, PublicationRejection> {
        self.publications.decide_issue(draft, now)?;
        let mut after = self.publications.clone();
        after.apply_issue(&draft.issue, now);
        let issued = ReturnsEvent::PublicationIssued { issue: Arc::clone(&draft.issue) };
        Ok(std::iter::once(issued).chain(released(&after, now)).collect())
    }

    /// What is due to be released (rule 15).
    #[must_use]
    pub fn decide_due(&self, now: Timestamp) -> Vec<ReturnsEvent> {
        released(&self.publications, now).into_iter().collect()
    }

    /// The publications.
    #[must_use]
    pub fn publications(&self) -> &Publications {
        &self.publications
    }

    /// The published totals.
    #[must_use]
    pub fn totals(&self) -> &PublishedTotals {
        &self.totals
    }

    fn keep(&mut self, submission: &Submission, returns: &[(PracticeCode, Figures)], recorded_at: Timestamp) {
        let by_practice = self.by_capability.entry(submission.capability.clone()).or_default();
        for (practice, figures) in returns {
            let revision = Revision {
                supplier: submission.supplier.clone(),
                period_start: submission.period_start,
                figures: *figures,
                recorded_at,
                sender: submission.sender.clone(),
            };
            by_practice.entry(*practice).or_default().entry(submission.period_end).or_default().push(revision);
        }
    }

    /// What a submission would change.
    #[must_use]
    pub fn compare(&self, command: &SubmitReturns) -> Comparison {
        let mut comparison = Comparison::default();
        for (practice, figures) in &command.returns {
            match self.latest_revision(&command.submission, *practice) {
                None => comparison.first.push(*practice),
                Some(known) if known.says(command, figures) => comparison.unchanged.push(*practice),
                Some(_) => comparison.revised.push(*practice),
            }
        }
        comparison
    }

    /// The practice's latest return: of the last period that ended on or before `day`, as known at `known_at`. With the
    /// last day of its period.
    #[must_use]
    pub fn latest(
        &self,
        capability: &Capability,
        practice: PracticeCode,
        day: Day,
        known_at: Timestamp,
    ) -> Option<(Date, &Revision)> {
        self.of_capability(capability)?.latest(practice, day, known_at)
    }

    /// Those of one capability, where there are any.
    pub(crate) fn of_capability(&self, capability: &Capability) -> Option<OfCapability<'_>> {
        self.by_capability.get(capability).map(OfCapability)
    }

    /// Practice by practice from `first` on, and period by period, the revisions in order; never none.
    pub(crate) fn periods(
        &self,
        capability: &Capability,
        first: Option<PracticeCode>,
    ) -> impl Iterator<Item = (PracticeCode, Date, &[Revision])> {
        use std::ops::Bound::{Included, Unbounded};
        let practices = self.by_capability.get(capability);
        let range = (first.map_or(Unbounded, Included), Unbounded);
        let practices = practices.into_iter().flat_map(move |by_practice| by_practice.range(range));
        practices.flat_map(|(practice, periods)| {
            periods.iter().map(|(end, revisions)| (*practice, *end, revisions.as_slice()))
        })
    }

    /// The last day of the practice's first period that ends after `day`.
    pub(crate) fn next_period_end(&self, capability: &Capability, practice: PracticeCode, day: Day) -> Option<Date> {
        let periods = self.by_capability.get(capability)?.get(&practice)?;
        periods.range(day.plus(1).date()..).next().map(|(end, _)| *end)
    }

    fn latest_revision(&self, submission: &Submission, practice: PracticeCode) -> Option<&Revision> {
        self.by_capability.get(&submission.capability)?.get(&practice)?.get(&submission.period_end)?.last()
    }
}

impl<'a> OfCapability<'a> {
    /// All of them.
    pub(crate) fn by_practice(self) -> &'a ByPractice {
        self.0
    }

    /// As [`Returns::latest`].
    pub(crate) fn latest(self, practice: PracticeCode, day: Day, known_at: Timestamp) -> Option<(Date, &'a Revision)> {
        self.0.get(&practice)?.range(..=day.date()).rev().find_map(|(end, revisions)| {
            let known = revisions.iter().rev().find(|revision| revision.recorded_at <= known_at)?;
            Some((*end, known))
        })
    }
}

fn released(publications: &Publications, now: Timestamp) -> Option<ReturnsEvent> {
    let issues = publications.due(now);
    (!issues.is_empty()).then_some(ReturnsEvent::IssuesReleased { issues })
}

impl Revision {
    fn says(&self, command: &SubmitReturns, figures: &Figures) -> bool {
        self.figures == *figures
            && self.supplier == command.submission.supplier
            && self.period_start == command.submission.period_start
    }
}

fn check_period(submission: &Submission, now: Timestamp) -> Result<(), ReturnsRejection> {
    let (start, end) = (submission.period_start, submission.period_end);
    let days = Day::from(end).number() - Day::from(start).number() + 1;
    if !(1..=RETURN_PERIOD_DAYS_MAX).contains(&days) {
        return Err(ReturnsRejection::Period { start, end });
    }
    let today = Day::of(now).date();
    if end > today {
        return Err(ReturnsRejection::PeriodNotOver { end, today });
    }
    Ok(())
}

fn check_returns(returns: &[(PracticeCode, Figures)]) -> Result<(), ReturnsRejection> {
    if returns.is_empty() {
        return Err(ReturnsRejection::Empty);
    }
    if returns.len() > RETURNS_MAX {
        return Err(ReturnsRejection::TooMany { count: returns.len() });
    }
    let mut seen = BTreeSet::new();
    for (index, (practice, figures)) in returns.iter().enumerate() {
        if !seen.insert(practice) {
            return Err(ReturnsRejection::Duplicate { practice: *practice, index });
        }
        let accounts = ("accounts_with_access", figures.accounts_with_access);
        let excluded = ("excluded_by_review_code", figures.excluded_by_review_code);
        let pairs = [
            (accounts, ("online_accounts", figures.online_accounts)),
            (accounts, ("patients_registered", figures.patients_registered)),
            (excluded, ("patients_registered", figures.patients_registered)),
        ];
        for ((part, part_count), (whole, whole_count)) in pairs {
            if let Some(whole_count) = whole_count.filter(|whole_count| part_count > *whole_count) {
                let practice = *practice;
                return Err(ReturnsRejection::Contradiction { practice, index, part, part_count, whole, whole_count });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
