//! What a directory's file becomes before it is decided: chunks of entries, and the rows that are left out.
//!
//! Nothing here changes anything or talks to anybody; [`practice::directory`] judges what is news.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Directory, Fault, Format, IcbCode, Organisations, PracticeRow, Reading, Reference, RegionCode};
use practice::difference::{ValueChange, values};
use practice::directory::{
    CHUNK_PRACTICES_MAX, Chunk, Difference, DirectoryChange, DirectoryEntry, Lifetime, ListSize, Verdict, compare,
    organisation_news,
};
use practice::source::{Publication, SourceKind, SourceRead, Statement};
use practice::{Organisation, OrganisationEntry, OrganisationKind, State};
use serde::{Deserialize, Serialize};

/// Most organisations in one chunk: with the practices it stays well below the size of a record.
const CHUNK_ORGANISATIONS_MAX: usize = 1_000;

/// Changes that an effect keeps: as many as a report shows.
const CHANGES_MAX: usize = 1_000;

/// A file that is ready to be imported.
pub(crate) struct Import {
    /// Its request id.
    pub(crate) id: String,
    /// From when its facts hold.
    pub(crate) effective_from: Date,
    /// In the order in which they are to be applied.
    pub(crate) chunks: Vec<Chunk>,
    /// What is wrong with the rows that are left out.
    pub(crate) rejections: Vec<Fault>,
    /// How many rows are left out.
    pub(crate) rejected_count: u32,
    /// The codes of all organisations that have practices; None where the file does not name them all.
    named: Option<BTreeSet<String>>,
}

/// What an import does, by practice. Kept as the reply to each part of it, also by versions that told less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Effect {
    pub(crate) created_count: u32,
    pub(crate) updated_count: u32,
    pub(crate) closed_count: u32,
    pub(crate) moved_count: u32,
    pub(crate) unchanged_count: u32,
    pub(crate) ignored_count: u32,
    pub(crate) organisations_changed_count: u32,
    /// The practices that change.
    pub(crate) affected: BTreeSet<ods::PracticeCode>,
    /// The first [`CHANGES_MAX`] changes, in the order of the file.
    pub(crate) changes: Vec<Change>,
    /// Which ways practices went, and how many.
    #[serde(with = "pairs")]
    pub(crate) moves: BTreeMap<Way, u32>,
    /// Organisations that are new or changed, as they are afterwards.
    pub(crate) organisations: Vec<(OrganisationNews, OrganisationEntry)>,
}

/// What an import changes at a practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) practice: ods::PracticeCode,
    pub(crate) name: String,
    pub(crate) difference: Difference,
    pub(crate) values: Vec<ValueChange>,
}

/// From one organisation or supplier to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Way {
    pub(crate) field: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// What an import says of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OrganisationNews {
    Created,
    Changed,
    NotNamed,
}

/// A map as a list of pairs: JSON's keys are texts.
mod pairs {
    use super::{BTreeMap, Way};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(moves: &BTreeMap<Way, u32>, serializer: S) -> Result<S::Ok, S::Error> {
        moves.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Way, u32>, D::Error> {
        Ok(Vec::<(Way, u32)>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl Import {
    /// Prepares what was read. `today` is from when the facts hold, where neither `effective_from` nor the file says.
    pub(crate) fn new(
        id: &str,
        state: &State,
        reading: Reading<Directory>,
        effective_from: Option<Date>,
        today: Date,
    ) -> Self {
        let Reading { document: directory, mut rejections } = reading;
        let effective_from = effective_from.or(directory.source.extract_date).unwrap_or(today);
        let publication = Publication {
            name: directory.source.publication.clone(),
            date: directory.source.extract_date.unwrap_or(effective_from),
            effective_from,
        };
        let chunk = |practices, organisations, statements| {
            let read = source_kind(directory.format).map(|source| SourceRead {
                import: id.to_owned(),
                source,
                publication: publication.clone(),
                statements,
            });
            Chunk { source: publication.name.clone(), effective_from, practices, organisations, read }
        };
        let said = |row| statement(row, effective_from);
        let mut chunks = Vec::new();
        // Organisations first, so that no practice is ever seen below one that is not there.
        for organisations in organisations(&directory.organisations).chunks(CHUNK_ORGANISATIONS_MAX) {
            chunks.push(chunk(Vec::new(), organisations.to_vec(), Vec::new()));
        }
        // Cut by the file's rows, whatever is left out of them: when an import is repeated, each part of the file must
        // find itself below the same request id.
        for rows in directory.practices.chunks(CHUNK_PRACTICES_MAX) {
            let mut practices = Vec::new();
            for row in rows {
                match missing_of(state, &directory, row) {
                    Some(reference) => rejections.push(directory.unknown(row, reference)),
                    None => practices.push(entry(&directory, row, effective_from)),
                }
            }
            // Also of practices that are not known: that is what sources disagree about.
            chunks.push(chunk(practices, Vec::new(), rows.iter().map(said).collect()));
        }
        rejections.sort_by_key(|fault| fault.line);
        let mut rejected_lines: Vec<u64> = rejections.iter().map(|fault| fault.line).collect();
        rejected_lines.dedup();
        let named = (directory.format == Format::Map).then(|| {
            let organisations = organisations(&directory.organisations);
            organisations.into_iter().map(|entry| entry.code).collect()
        });
        let (id, rejected_count) = (id.to_owned(), counted(rejected_lines.len()));
        Self { id, effective_from, chunks, rejections, rejected_count, named }
    }

    /// The organisations that are there on its day and that the file, which should, does not name, by code.
    pub(crate) fn not_named<'a>(&self, state: &'a State, today: Date) -> Vec<&'a OrganisationEntry> {
        let Some(named) = &self.named else { return Vec::new() };
        let is_there = |known: &&Organisation| {
            known.as_of(self.effective_from, Timestamp::MAX).is_some() && !known.is_closed(today, Timestamp::MAX)
        };
        let there = state.organisations_after("").filter(is_there).map(Organisation::latest);
        there.filter(|entry| !named.contains(&entry.code)).collect()
    }

    /// What it would do to `state`.
    pub(crate) fn effect_on(&self, state: &State, now: Timestamp) -> Effect {
        let mut effect = Effect::default();
        for chunk in &self.chunks {
            effect.add(&Effect::of(chunk, state, now));
        }
        effect
    }
}

impl Effect {
    /// What a chunk does to `state`.
    pub(crate) fn of(chunk: &Chunk, state: &State, now: Timestamp) -> Self {
        let mut effect = Self::default();
        for entry in &chunk.practices {
            match compare(state, entry, chunk.effective_from, now) {
                Verdict::Unchanged => effect.unchanged_count += 1,
                Verdict::NotOurs => effect.ignored_count += 1,
                Verdict::Changes(change) => {
                    *effect.count_of(change.difference) += 1;
                    effect.affected.insert(entry.practice);
                    effect.tell(state, &change);
                }
            }
        }
        for entry in &chunk.organisations {
            if let Some(entry) = organisation_news(state, entry, chunk.effective_from, now) {
                let known = state.organisation(&entry.code).is_some();
                let news = if known { OrganisationNews::Changed } else { OrganisationNews::Created };
                effect.organisations.push((news, entry));
            }
        }
        effect.organisations_changed_count = counted(effect.organisations.len());
        effect
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.created_count += other.created_count;
        self.updated_count += other.updated_count;
        self.closed_count += other.closed_count;
        self.moved_count += other.moved_count;
        self.unchanged_count += other.unchanged_count;
        self.ignored_count += other.ignored_count;
        self.organisations_changed_count += other.organisations_changed_count;
        self.affected.extend(&other.affected);
        let room = CHANGES_MAX.saturating_sub(self.changes.len());
        self.changes.extend(other.changes.iter().take(room).cloned());
        for (way, count) in &other.moves {
            *self.moves.entry(way.clone()).or_default() += count;
        }
        self.organisations.extend(other.organisations.iter().cloned());
    }

    fn tell(&mut self, state: &State, change: &DirectoryChange) {
        let practice = change.entry.practice;
        let values = values(change);
        for value in values.iter().filter(|value| value.is_move()) {
            let way = Way { field: value.field.clone(), from: value.from.clone(), to: value.to.clone() };
            *self.moves.entry(way).or_default() += 1;
        }
        let known = || state.practice(practice).map(|known| known.name.latest().value.clone());
        let name = change.entry.name.clone().or_else(known).unwrap_or_default();
        self.changes.push(Change { practice, name, difference: change.difference, values });
    }

    fn count_of(&mut self, difference: Difference) -> &mut u32 {
        match difference {
            Difference::Created => &mut self.created_count,
            Difference::Updated => &mut self.updated_count,
            Difference::Closed => &mut self.closed_count,
            Difference::Moved => &mut self.moved_count,
        }
    }
}

/// The first thing that the row refers to and neither the register knows nor its own file brings.
fn missing_of(state: &State, directory: &Directory, row: &PracticeRow) -> Option<Reference> {
    // A file without names is about practices that are known; one with names brings them.
    if row.name.is_none() && state.practice(row.code).is_none() {
        return Some(Reference::Practice);
    }
    // That it closed counts, wherever it was last.
    if row.closed.is_some() {
        return None;
    }
    let (named, in_register) = (&directory.organisations, |code: &str| state.organisation(code).is_some());
    if row.icb.is_some_and(|code| !named.icbs.contains_key(&code) && !in_register(code.as_str())) {
        return Some(Reference::Icb);
    }
    if row.region.is_some_and(|code| !named.regions.contains_key(&code) && !in_register(code.as_str())) {
        return Some(Reference::Region);
    }
    None
}

fn entry(directory: &Directory, row: &PracticeRow, effective_from: Date) -> DirectoryEntry {
    let list_size = row.list_size.map(|patients| ListSize {
        patients,
        source: directory.source.publication.clone(),
        // The count is of the day of the extract, from whenever it is taken to hold.
        date: directory.source.extract_date.unwrap_or(effective_from),
        carried_over: false,
    });
    let (icb, region) = above(directory, row);
    DirectoryEntry {
        practice: row.code,
        name: row.name.clone(),
        postcode: row.postcode.clone(),
        lifetime: lifetime(row, effective_from),
        supplier: row.supplier.clone(),
        pcn: row.pcn,
        sub_icb: row.sub_icb,
        icb,
        region,
        list_size,
    }
}

/// What the row itself says, before anything is concluded from it.
fn statement(row: &PracticeRow, effective_from: Date) -> Statement {
    Statement {
        lifetime: lifetime(row, effective_from),
        sub_icb: row.sub_icb,
        icb: row.icb,
        region: row.region,
        patients: row.list_size,
        has_supplier: row.supplier.is_some(),
        ..Statement::new(row.code)
    }
}

fn source_kind(format: Format) -> Option<SourceKind> {
    match format {
        Format::Map => Some(SourceKind::Map),
        Format::ListSizes => Some(SourceKind::ListSizes),
        Format::Epraccur => Some(SourceKind::Epraccur),
        Format::BankHolidays | Format::PomiWide | Format::PomiLong | Format::Totals => None,
    }
}

/// A practice's ICB and region are those of its sub-ICB, as in the publishers' own figures. What epraccur says of them is
/// where its surgery stands, which for a few is beyond the border of their commissioner.
fn above(directory: &Directory, row: &PracticeRow) -> (Option<IcbCode>, Option<RegionCode>) {
    let icb = row.sub_icb.and_then(|code| directory.organisations.icb_of(code));
    icb.map_or((row.icb, row.region), |icb| (Some(icb.code), Some(icb.region)))
}

/// From when to when it is open; None where the file says nothing of that.
fn lifetime(row: &PracticeRow, effective_from: Date) -> Option<Lifetime> {
    let status = row.status?;
    let close = match status {
        // Closed on an unknown day: by the day of the file at the latest.
        ods::Status::Closed => Some(row.closed.unwrap_or(effective_from)),
        ods::Status::Active | ods::Status::Dormant | ods::Status::Proposed => row.closed,
    };
    // Proposed beyond its open date is as little open as dormant.
    let dormant = matches!(status, ods::Status::Dormant | ods::Status::Proposed);
    Some(Lifetime { open: row.opened, close, dormant })
}

fn organisations(named: &Organisations) -> Vec<OrganisationEntry> {
    let entry = |code: &str, kind, name: &str, parent: &str| OrganisationEntry {
        code: code.to_owned(),
        kind,
        name: name.to_owned(),
        parent: parent.to_owned(),
    };
    let mut entries = Vec::new();
    for region in named.regions.values() {
        entries.push(entry(region.code.as_str(), OrganisationKind::Region, &region.name, ""));
    }
    for icb in named.icbs.values() {
        entries.push(entry(icb.code.as_str(), OrganisationKind::Icb, &icb.name, icb.region.as_str()));
    }
    for sub_icb in named.sub_icbs.values() {
        entries.push(entry(sub_icb.code.as_str(), OrganisationKind::SubIcb, &sub_icb.name, sub_icb.icb.as_str()));
    }
    for pcn in named.pcns.values() {
        // A network may lie in two ICBs; then it has no parent.
        let icbs: BTreeSet<&str> =
            pcn.sub_icbs.iter().filter_map(|sub_icb| Some(named.icb_of(*sub_icb)?.code.as_str())).collect();
        let parent = if icbs.len() == 1 { icbs.first().copied().unwrap_or_default() } else { "" };
        entries.push(entry(pcn.code.as_str(), OrganisationKind::Pcn, &pcn.name, parent));
    }
    entries
}

fn counted(number: usize) -> u32 {
    u32::try_from(number).expect("a file is bounded far below four thousand million rows")
}
