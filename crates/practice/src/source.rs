//! What each source last said of each practice, and where the sources disagree.
//!
//! The facts of a practice are one line of truth, whoever said them; what is kept here is each source's own latest
//! statement, also about practices that are not in the register. It is small: codes, dates and a count. A statement
//! changes no practice, no etag and no watch.

use std::collections::BTreeMap;

use imbl::{OrdMap, Vector};
use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, PracticeCode, RegionCode, SubIcbCode};
use serde::{Deserialize, Serialize};

use crate::dense;
use crate::directory::Lifetime;

/// Who says something of practices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The map of practices with registered patients.
    Map,
    /// The lists of registered patients.
    ListSizes,
    /// The Organisation Data Service's epraccur.
    Epraccur,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Map, Self::ListSizes, Self::Epraccur];
}

/// One issue of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Its publisher's name for it, `GP_PRAC_PAT_LIST`.
    pub name: String,
    /// The day it describes; where it does not say, `effective_from`.
    pub date: Date,
    /// From when its facts were taken to hold.
    pub effective_from: Date,
}

/// What a source says of one practice, as it says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Which practice, known or not.
    pub practice: PracticeCode,
    /// From when to when it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Lifetime>,
    /// Its sub-ICB location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_icb: Option<SubIcbCode>,
    /// Its ICB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icb: Option<IcbCode>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionCode>,
    /// Its registered patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patients: Option<u32>,
    /// It names the maker of its GP system.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_supplier: bool,
}

impl Statement {
    /// Names the practice and says nothing else.
    #[must_use]
    pub fn new(practice: PracticeCode) -> Self {
        Self { practice, lifetime: None, sub_icb: None, icb: None, region: None, patients: None, has_supplier: false }
    }
}

/// A part of an issue, in one import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRead {
    /// The import's id.
    pub import: String,
    /// Who says it.
    pub source: SourceKind,
    /// In which issue.
    pub publication: Publication,
    /// What it says; in an event only what is new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Statement>,
}

/// An import, as far as it changed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Who said it.
    pub source: SourceKind,
    /// In which issue.
    pub publication: Publication,
    /// When it began.
    pub recorded_at: Timestamp,
    /// Journal position of the first [`SourceRead`] of it.
    pub first_position: u64,
    /// Journal position of the last; what it changed at practices is in the record after it.
    pub last_position: u64,
}

/// A statement as it is kept: with the issue it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    // The place of its issue, since a million practices share a few.
    publication: u32,
    statement: Statement,
}

/// What is kept of a practice, in a piece of a state.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SaidOf(pub(crate) PracticeCode, pub(crate) Said);

/// Practices in a piece: less than a megabyte.
const SAID_COUNT: usize = 16_384;

/// Everything one source has said last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    publications: Vector<Publication>,
    #[serde(deserialize_with = "dense::map")]
    said: OrdMap<PracticeCode, Said>,
}

/// What a source has said last of a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest<'a> {
    /// What.
    pub statement: &'a Statement,
    /// In which issue.
    pub publication: &'a Publication,
    /// The source's latest issue says it. Otherwise that no longer names the practice.
    pub is_current: bool,
}

/// All sources and imports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    by_kind: BTreeMap<SourceKind, Source>,
    #[serde(default, skip_serializing_if = "OrdMap::is_empty")]
    imports: OrdMap<String, Import>,
}

impl Source {
    /// Its latest issue; None where it has said nothing yet.
    #[must_use]
    pub fn publication(&self) -> Option<&Publication> {
        // Of issues of one day, the one that was read last.
        self.publications.iter().max_by_key(|publication| publication.date)
    }

    /// What it said last of a practice.
    #[must_use]
    pub fn latest(&self, practice: PracticeCode) -> Option<Latest<'_>> {
        let said = self.said.get(&practice)?;
        let publication = self.publications.get(usize::try_from(said.publication).ok()?)?;
        let is_current = self.publication() == Some(publication);
        Some(Latest { statement: &said.statement, publication, is_current })
    }

    /// Does the statement say something new? What an older issue says is not, since the latest is what is kept.
    fn is_news(&self, statement: &Statement, publication: &Publication) -> bool {
        self.latest(statement.practice).is_none_or(|latest| {
            latest.publication.date < publication.date
                || (latest.publication.date == publication.date
                    && (latest.publication != publication || latest.statement != statement))
        })
    }

    fn read(&mut self, read: &SourceRead) {
        let known = self.publications.iter().position(|publication| *publication == read.publication);
        let place = known.unwrap_or_else(|| {
            self.publications.push_back(read.publication.clone());
            self.publications.len() - 1
        });
        let publication = u32::try_from(place).expect("a source has fewer than four thousand million issues");
        for statement in &read.statements {
            self.said.insert(statement.practice, Said { publication, statement: *statement });
        }
    }
}

impl Sources {
    /// What a source has said; None where it has said nothing yet.
    #[must_use]
    pub fn source(&self, kind: SourceKind) -> Option<&Source> {
        self.by_kind.get(&kind)
    }

    /// What a source said last of a practice.
    #[must_use]
    pub fn latest(&self, kind: SourceKind, practice: PracticeCode) -> Option<Latest<'_>> {
        self.source(kind)?.latest(practice)
    }

    /// Every practice that any source has named after this one, by code; from the first where it is None.
    pub fn practices_after(&self, after: Option<PracticeCode>) -> impl Iterator<Item = PracticeCode> + '_ {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let mut rest: Vec<_> =
            self.by_kind.values().map(|source| source.said.range((from, Unbounded)).peekable()).collect();
        std::iter::from_fn(move || {
            let next = rest.iter_mut().filter_map(|said| said.peek().map(|(code, _)| **code)).min()?;
            for said in &mut rest {
                said.next_if(|(code, _)| **code == next);
            }
            Some(next)
        })
    }

    /// The import of this id; None also where it changed nothing.
    #[must_use]
    pub fn import(&self, id: &str) -> Option<&Import> {
        self.imports.get(id)
    }

    /// What is kept of practices, by source and code, some at a time.
    pub(crate) fn said(&self) -> impl Iterator<Item = (SourceKind, Vec<SaidOf>)> {
        self.by_kind.iter().flat_map(|(kind, source)| {
            let mut left = source.said.iter().map(|(practice, said)| SaidOf(*practice, *said));
            std::iter::from_fn(move || {
                let said: Vec<SaidOf> = left.by_ref().take(SAID_COUNT).collect();
                (!said.is_empty()).then_some((*kind, said))
            })
        })
    }

    /// Drops what is kept of practices.
    pub(crate) fn forget_said(&mut self) {
        self.by_kind.values_mut().for_each(|source| source.said = OrdMap::new());
    }

    /// Puts back what was kept of practices.
    pub(crate) fn recall_said(&mut self, kind: SourceKind, said: OrdMap<PracticeCode, Said>) {
        self.by_kind.entry(kind).or_default().said = said;
    }

    /// Those of the statements that say something new.
    pub(crate) fn news(&self, read: &SourceRead) -> Vec<Statement> {
        let is_news = |statement: &&Statement| {
            self.source(read.source).is_none_or(|source| source.is_news(statement, &read.publication))
        };
        read.statements.iter().filter(is_news).copied().collect()
    }

    pub(crate) fn read(&mut self, read: &SourceRead, position: u64, recorded_at: Timestamp) {
        self.by_kind.entry(read.source).or_default().read(read);
        match self.imports.get_mut(&read.import) {
            Some(import) => import.last_position = position,
            None => {
                let import = Import {
                    source: read.source,
                    publication: read.publication.clone(),
                    recorded_at,
                    first_position: position,
                    last_position: position,
                };
                self.imports.insert(read.import.clone(), import);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million practices in three sources are to be a matter of megabytes.
    #[test]
    fn a_statement_is_kept_in_sixty_four_bytes() {
        assert!(size_of::<Said>() + size_of::<PracticeCode>() <= 64, "{}", size_of::<Said>());
    }
}
