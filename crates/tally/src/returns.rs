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
type ByPractice = OrdMap<PracticeCode, OrdMap<Date, Vec<Revision>>>;

/// All returns. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returns {
    by_capability: OrdMap<Capability, ByPractice>,
    #[serde(default)]
    totals: PublishedTotals,
    #[serde(default)]
    publications: Publications,
}

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
        let periods = self.by_capability.get(capability)?.get(&practice)?;
        periods.range(..=day.date()).rev().find_map(|(end, revisions)| {
            let known = revisions.iter().rev().find(|revision| revision.recorded_at <= known_at)?;
            Some((*end, known))
        })
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
mod tests {
    use super::*;
    use crate::testing::{code, date, moment, submission};

    fn figures(accounts_with_access: u64) -> Figures {
        Figures { accounts_with_access, ..Figures::default() }
    }

    fn command(end: Date, returns: &[(u32, u64)]) -> SubmitReturns {
        let returns = returns.iter().map(|(practice, accounts)| (code(*practice), figures(*accounts))).collect();
        SubmitReturns { submission: submission(end), returns }
    }

    fn submit(returns: &mut Returns, command: &SubmitReturns, hours: i64) {
        for event in returns.decide(command, moment(hours)).unwrap() {
            returns.apply(&event, moment(hours));
        }
    }

    fn accounts(returns: &Returns, practice: u32, day: i32, known_hours: i64) -> Option<u64> {
        let latest = returns.latest(&Capability::default(), code(practice), date(day).into(), moment(known_hours));
        latest.map(|(_, revision)| revision.figures.accounts_with_access)
    }

    #[test]
    fn the_latest_return_at_or_before_the_day_counts() {
        let mut returns = Returns::default();
        submit(&mut returns, &command(date(10), &[(1, 100)]), 24 * 11);
        submit(&mut returns, &command(date(20), &[(1, 200)]), 24 * 21);
        let at = |day| accounts(&returns, 1, day, 24 * 99);
        assert_eq!([at(9), at(10), at(19), at(20), at(90)], [None, Some(100), Some(100), Some(200), Some(200)]);
        assert_eq!(accounts(&returns, 2, 90, 24 * 99), None);
    }

    #[test]
    fn a_revision_holds_from_now_on_and_the_first_return_stays_readable() {
        let mut returns = Returns::default();
        submit(&mut returns, &command(date(10), &[(1, 100), (2, 50)]), 24 * 11);
        submit(&mut returns, &command(date(10), &[(1, 90), (2, 50)]), 24 * 40);
        assert_eq!(accounts(&returns, 1, 10, 24 * 40 - 1), Some(100));
        assert_eq!(accounts(&returns, 1, 10, 24 * 40), Some(90));
    }

    #[test]
    fn only_news_is_recorded() {
        let mut returns = Returns::default();
        let first = command(date(10), &[(2, 50), (1, 100)]);
        submit(&mut returns, &first, 24 * 11);
        assert_eq!(returns.decide(&first, moment(24 * 12)), Ok(Vec::new()));

        let second = command(date(10), &[(3, 5), (2, 60), (1, 100)]);
        let comparison = returns.compare(&second);
        assert_eq!(comparison.first, [code(3)]);
        assert_eq!(comparison.revised, [code(2)]);
        assert_eq!(comparison.unchanged, [code(1)]);
        let decided = returns.decide(&second, moment(24 * 12)).unwrap().remove(0);
        let ReturnsEvent::ReturnsSubmitted { returns: news, .. } = decided else {
            panic!("{decided:?} are no returns")
        };
        assert_eq!(news, [(code(2), figures(60)), (code(3), figures(5))]);
    }

    #[test]
    fn a_period_that_is_not_over_or_is_none_is_refused() {
        let refused = |submission: Submission| {
            let command = SubmitReturns { submission, ..command(date(0), &[(1, 1)]) };
            Returns::default().decide(&command, moment(24 * 10)).unwrap_err()
        };
        assert_eq!(refused(submission(date(11))), ReturnsRejection::PeriodNotOver { end: date(11), today: date(10) });
        let backwards = Submission { period_start: date(6), ..submission(date(5)) };
        assert_eq!(refused(backwards), ReturnsRejection::Period { start: date(6), end: date(5) });
        let endless = Submission { period_start: date(-400), ..submission(date(5)) };
        assert!(matches!(refused(endless), ReturnsRejection::Period { .. }));
        // On the day itself: suppliers count in the evening.
        assert!(Returns::default().decide(&command(date(10), &[(1, 1)]), moment(24 * 10)).is_ok());
    }

    #[test]
    fn a_submission_that_contradicts_itself_is_refused_as_a_whole() {
        let decide = |returns| {
            let command = SubmitReturns { returns, submission: submission(date(5)) };
            Returns::default().decide(&command, moment(24 * 10)).map(|_| ())
        };
        assert_eq!(decide(Vec::new()), Err(ReturnsRejection::Empty));
        let twice = vec![(code(1), figures(1)), (code(2), figures(1)), (code(1), figures(1))];
        assert_eq!(decide(twice), Err(ReturnsRejection::Duplicate { practice: code(1), index: 2 }));
        let many = (0..=RETURNS_MAX as u32).map(|number| (code(number), figures(1))).collect();
        assert_eq!(decide(many), Err(ReturnsRejection::TooMany { count: RETURNS_MAX + 1 }));
        for contradictory in [
            Figures { online_accounts: Some(9), ..figures(10) },
            Figures { patients_registered: Some(9), ..figures(10) },
            Figures { patients_registered: Some(10), excluded_by_review_code: 11, ..figures(10) },
        ] {
            let refused = decide(vec![(code(1), contradictory)]);
            assert!(matches!(refused, Err(ReturnsRejection::Contradiction { .. })), "{contradictory:?}");
        }
    }

    #[test]
    fn the_state_survives_a_snapshot() {
        let mut returns = Returns::default();
        submit(&mut returns, &command(date(10), &[(1, 100), (2, 50)]), 24 * 11);
        submit(&mut returns, &command(date(10), &[(1, 90)]), 24 * 12);
        let json = serde_json::to_string(&returns).unwrap();
        assert_eq!(serde_json::from_str::<Returns>(&json).unwrap(), returns);
    }

    #[test]
    fn the_journal_keeps_this_form() {
        let with_all = Figures {
            online_accounts: Some(20),
            patients_registered: Some(30),
            excluded_by_review_code: 1,
            ..figures(10)
        };
        let event = ReturnsEvent::ReturnsSubmitted {
            submission: submission(date(10)),
            returns: vec![(code(1), figures(100)), (code(2), with_all)],
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<ReturnsEvent>(&json).unwrap(), event);
        insta::assert_snapshot!(json);
    }

    #[test]
    fn who_sent_it_and_published_totals_are_kept_in_this_form() {
        let sender = Some(Sender { account: "nora".to_owned(), reason_code: "CORRECTION".to_owned() });
        let corrected = ReturnsEvent::ReturnsSubmitted {
            submission: Submission { sender, ..submission(date(10)) },
            returns: vec![(code(1), figures(90))],
        };
        let totals = ReturnsEvent::TotalsSubmitted {
            source: "GP_PRAC_PAT_LIST".to_owned(),
            as_at: date(10),
            totals: vec![("regions/Y63".parse().unwrap(), Total { patients: 10, aged_16_and_over: 8 })],
        };
        let mut lines = Vec::new();
        for event in [corrected, totals] {
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<ReturnsEvent>(&json).unwrap(), event);
            lines.push(json);
        }
        insta::assert_snapshot!(lines.join("\n"));
    }
}
