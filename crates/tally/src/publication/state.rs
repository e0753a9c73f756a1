//! All publications: the release calendar and every issue there ever was, judged and recorded one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use jiff::Timestamp;
use ods::Capability;
use serde::{Deserialize, Serialize};

use super::calendar::{Release, SetRelease};
use super::content::Content;
use super::issue::{AskedIssue, Draft, Issue, IssueName, IssuePositions, Issued};
use super::name::PublicationName;
use super::rejection::PublicationRejection;
use super::tables::ProtectedFigure;
use crate::day::Day;

/// All publications. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publications {
    /// What was announced, the last announcement last; never empty.
    calendar: OrdMap<PublicationName, Vec<Release>>,
    /// Every issue in the order in which they were recorded: each was judged against those before it.
    issues: Vector<Issued>,
}

impl Publications {
    /// Judges an announcement: whether it is news.
    pub(crate) fn decide_release(&self, command: &SetRelease, now: Timestamp) -> Result<bool, PublicationRejection> {
        let SetRelease { publication, release_at, .. } = command;
        let (release_at, as_at) = (*release_at, publication.as_at());
        let first = self.issues(publication).next();
        if let Some(released_at) = first.and_then(|first| first.released_at) {
            return Err(PublicationRejection::AlreadyReleased { publication: publication.clone(), released_at });
        }
        if release_at <= as_at.end() {
            return Err(PublicationRejection::ReleaseBeforeEnd { release_at, end: as_at.date() });
        }
        if release_at <= now {
            return Err(PublicationRejection::ReleaseNotAhead { release_at, now });
        }
        Ok(self.release(publication, now).is_none_or(|known| known.release_at != release_at))
    }

    /// Whether an issue may be made, and which number it would have. What it says is not looked at.
    ///
    /// # Errors
    /// Where it may not.
    pub fn may_issue(&self, asked: &AskedIssue, now: Timestamp) -> Result<u32, PublicationRejection> {
        let publication = &asked.publication;
        let (as_at, today) = (publication.as_at(), Day::of(now));
        if today <= as_at {
            let (end, today) = (as_at.date(), today.date());
            return Err(PublicationRejection::NotOver { publication: publication.clone(), end, today });
        }
        let has = |figure: &ProtectedFigure| ProtectedFigure::all(publication.period).any(|known| known == *figure);
        if let Some(figure) = asked.figures.iter().find(|figure| !has(figure)) {
            let figure = *figure;
            return Err(PublicationRejection::FigureNotOfPeriod { publication: publication.clone(), figure });
        }
        let issues = self.issues(publication).count() as u32;
        match (&asked.correction, issues) {
            (None, 0) if !self.calendar.contains_key(publication) => {
                Err(PublicationRejection::NotAnnounced { publication: publication.clone() })
            }
            (None, 0) => Ok(1),
            (None, issues) => Err(PublicationRejection::AlreadyPublished { publication: publication.clone(), issues }),
            (Some(_), 0) => Err(PublicationRejection::NotPublished { publication: publication.clone() }),
            (Some(correction), issues) => match correction.release_at {
                Some(release_at) if release_at <= now => Err(PublicationRejection::ReleaseNotAhead { release_at, now }),
                _ => Ok(issues + 1),
            },
        }
    }

    /// Judges what an issue says, against every issue there is, also those under embargo (I30), and takes the remedies that it
    /// needs. Takes up to seconds: hundreds of thousands of cells are looked at. None where nobody wanted it any more.
    ///
    /// # Errors
    /// Where it may not be made, or no remedy makes it safe.
    pub fn draft(
        &self,
        asked: AskedIssue,
        mut content: Content,
        known_at: Timestamp,
        positions: IssuePositions,
        now: Timestamp,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<Draft>, PublicationRejection> {
        let issue = self.may_issue(&asked, now)?;
        self.place(&asked, &mut content);
        let AskedIssue { publication, figures, correction, author, .. } = asked;
        if content.practices.is_empty() {
            return Err(PublicationRejection::Empty { publication });
        }
        if let Some(earlier) = self.first_with(&publication, ProtectedFigure::Viewers) {
            content.keep_viewers_of(&earlier.content);
        }
        if let Some(earlier) = self.first_with(&publication, ProtectedFigure::ViewsByChannel) {
            content.keep_views_by_channel_of(&earlier.content);
        }
        let figures = if figures.is_empty() { ProtectedFigure::all(publication.period).collect() } else { figures };
        let mut remedies = BTreeMap::new();
        for figure in figures {
            let (names, judged) = self.history(&publication.capability, figure);
            let table = figure.table(&content, publication.period);
            let judged: Vec<&disclosure::Issue> = judged.iter().collect();
            let Some(protected) = disclosure::protect_while(table, &judged, is_wanted) else { return Ok(None) };
            let safe = protected.map_err(|disclosure| {
                let disclosure::Disclosure { issue, breakdown, area } = disclosure;
                PublicationRejection::Discloses { figure, issue: names[issue].clone(), breakdown, area }
            })?;
            remedies.insert(figure, safe.remedies);
        }
        let name = IssueName { publication, issue };
        let last = self.issues(&name.publication).last().map(|last| &last.issue);
        if let Some(last) = last
            && last.content == content
            && last.remedies.keys().eq(remedies.keys())
        {
            return Err(PublicationRejection::NothingCorrected { issue: last.name.clone() });
        }
        let issue = Arc::new(Issue { name, known_at, positions, author, correction, remedies, content });
        Ok(Some(Draft { issue, judged_against: self.issues.len() }))
    }

    /// Says which areas have rows, and which practices are of which wave: as was asked for; of a correction, as its first issue has
    /// it.
    pub fn place(&self, asked: &AskedIssue, content: &mut Content) {
        match self.issues(&asked.publication).next() {
            Some(first) => {
                content.keep_waves_of(&first.issue.content);
                content.keep_levels(&first.issue.content.levels_asked_for());
            }
            None => {
                content.add_waves(&asked.waves);
                content.keep_levels(&asked.levels);
            }
        }
    }

    /// The first issue that has a figure.
    fn first_with<'a>(&'a self, publication: &'a PublicationName, figure: ProtectedFigure) -> Option<&'a Issue> {
        let mut issues = self.issues(publication).map(|issued| issued.issue.as_ref());
        issues.find(|issue| issue.remedies.contains_key(&figure))
    }

    /// Every issue of a figure there ever was, in order, as disclosure control knows them.
    fn history(&self, capability: &Capability, figure: ProtectedFigure) -> (Vec<IssueName>, Vec<disclosure::Issue>) {
        let issues = self.issues.iter().map(|issued| issued.issue.as_ref());
        let of_it = issues.filter(|issue| issue.name.publication.capability == *capability);
        of_it.filter_map(|issue| Some((issue.name.clone(), issue.judged(figure)?))).unzip()
    }

    /// Judges whether a draft may be recorded.
    pub(crate) fn decide_issue(&self, draft: &Draft, now: Timestamp) -> Result<(), PublicationRejection> {
        let (judged, issues) = (draft.judged_against, self.issues.len());
        if judged != issues {
            return Err(PublicationRejection::Overtaken { judged, issues });
        }
        let Issue { name, correction, author, remedies, .. } = draft.issue.as_ref();
        let asked = AskedIssue {
            publication: name.publication.clone(),
            figures: remedies.keys().copied().collect(),
            levels: BTreeSet::new(),
            waves: BTreeMap::new(),
            correction: correction.clone(),
            author: author.clone(),
        };
        self.may_issue(&asked, now).map(|_| ())
    }

    /// The issues that are due to be released, in the order in which they are (rule 15).
    pub(crate) fn due(&self, now: Timestamp) -> Vec<IssueName> {
        let mut due: Vec<(Timestamp, IssueName)> = self.embargoed().filter(|(due, _)| *due <= now).collect();
        due.sort();
        due.into_iter().map(|(_, name)| name).collect()
    }

    /// When the next issue is due to be released.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.embargoed().map(|(due, _)| due).min()
    }

    fn embargoed(&self) -> impl Iterator<Item = (Timestamp, IssueName)> {
        let embargoed = self.issues.iter().filter(|issued| issued.released_at.is_none());
        embargoed.map(|issued| (self.release_at(issued), issued.issue.name.clone()))
    }

    /// When everybody may see an issue: a first one by the calendar, a correction as it asks for, and not before the first.
    #[must_use]
    pub fn release_at(&self, issued: &Issued) -> Timestamp {
        let Issue { name, correction, .. } = issued.issue.as_ref();
        let announced = self.calendar.get(&name.publication).and_then(|releases| releases.last());
        let announced = announced.map_or(issued.recorded_at, |release| release.release_at);
        let Some(correction) = correction else { return announced };
        correction.release_at.unwrap_or(issued.recorded_at).max(announced)
    }

    pub(crate) fn apply_release(&mut self, publication: &PublicationName, release: Release) {
        self.calendar.entry(publication.clone()).or_default().push(release);
    }

    pub(crate) fn apply_issue(&mut self, issue: &Arc<Issue>, recorded_at: Timestamp) {
        self.issues.push_back(Issued { issue: Arc::clone(issue), recorded_at, released_at: None });
    }

    pub(crate) fn apply_released(&mut self, names: &[IssueName], recorded_at: Timestamp) {
        let names: BTreeSet<&IssueName> = names.iter().collect();
        for issued in self.issues.iter_mut().filter(|issued| names.contains(&issued.issue.name)) {
            issued.released_at = Some(recorded_at);
        }
    }

    /// The issues of a publication, in order.
    pub fn issues<'a>(&'a self, publication: &'a PublicationName) -> impl Iterator<Item = &'a Issued> {
        self.issues.iter().filter(move |issued| issued.issue.name.publication == *publication)
    }

    /// Every issue, in the order in which they were recorded.
    pub fn all(&self) -> impl Iterator<Item = &Issued> {
        self.issues.iter()
    }

    /// The release calendar as it was known, by name.
    pub fn releases(&self, known_at: Timestamp) -> impl Iterator<Item = (&PublicationName, &Release)> {
        self.calendar.iter().filter_map(move |(name, releases)| Some((name, last_known(releases, known_at)?)))
    }

    /// When a publication is due, as it was known.
    #[must_use]
    pub fn release(&self, publication: &PublicationName, known_at: Timestamp) -> Option<&Release> {
        last_known(self.calendar.get(publication)?, known_at)
    }
}

fn last_known(releases: &[Release], known_at: Timestamp) -> Option<&Release> {
    releases.iter().rev().find(|release| release.recorded_at <= known_at)
}
