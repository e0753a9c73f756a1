//! An issue of a publication: what was frozen, what was done so that it may be shown, and who did it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use disclosure::Remedy;
use jiff::Timestamp;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::level::Level;
use super::name::PublicationName;
use super::tables::ProtectedFigure;
use super::wave_name::WaveName;

/// Which issue of which publication.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IssueName {
    /// The publication.
    pub publication: PublicationName,
    /// From 1 on.
    pub issue: u32,
}

/// Asks for an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedIssue {
    /// Of which publication.
    pub publication: PublicationName,
    /// The figures that count patients; empty: all that the period has.
    pub figures: BTreeSet<ProtectedFigure>,
    /// Which of [`Level::ASKED_FOR`] it is to have; of a correction its first issue has said it.
    pub levels: BTreeSet<Level>,
    /// The practices of the waves that it is to tell of, none in two; of a correction its first issue has said it.
    pub waves: BTreeMap<WaveName, BTreeSet<PracticeCode>>,
    /// What it corrects; None of a first issue.
    pub correction: Option<Correction>,
    /// Who asks.
    pub author: String,
}

/// Why there is another issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// In words; it is published.
    pub words: String,
    /// As a code; empty where none was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason_code: String,
    /// From when on everybody may see it, where that is not at once. It never comes before the first issue's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_at: Option<Timestamp>,
}

/// The positions that an issue rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuePositions {
    /// Of the registry's journal.
    pub registry: u64,
    /// Of the journal of returns.
    pub returns: u64,
    /// Of the log of events.
    pub events: u64,
}

/// What an issue is, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Which.
    pub name: IssueName,
    /// By what was known at this moment.
    pub known_at: Timestamp,
    /// What it rests on.
    pub positions: IssuePositions,
    /// Who made it.
    pub author: String,
    /// What it corrects; None of a first issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
    /// The figures that count patients, each with what was done so that it may be shown.
    pub remedies: BTreeMap<ProtectedFigure, BTreeSet<Remedy>>,
    /// The exact numbers.
    pub content: Content,
}

/// An issue as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// What it is.
    pub issue: Arc<Issue>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Since when everybody may see it; None: under embargo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
}

/// An issue that has been judged, and is to be recorded if nothing came between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it would be.
    pub issue: Arc<Issue>,
    /// How many issues it was judged against.
    pub judged_against: usize,
}

impl fmt::Display for IssueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, issue {}", self.publication, self.issue)
    }
}

impl Issue {
    /// One of its tables as disclosure control knows it: the numbers, and what was done.
    pub(super) fn judged(&self, figure: ProtectedFigure) -> Option<disclosure::Issue> {
        let remedies = self.remedies.get(&figure)?.clone();
        Some(disclosure::Issue { table: figure.table(&self.content, self.name.publication.period), remedies })
    }
}

impl Issued {
    /// Whether it was recorded by then.
    #[must_use]
    pub fn is_known(&self, at: Timestamp) -> bool {
        self.recorded_at <= at
    }

    /// Whether everybody could see it then.
    #[must_use]
    pub fn is_public(&self, at: Timestamp) -> bool {
        self.released_at.is_some_and(|released_at| released_at <= at)
    }
}
