//! What a directory's file becomes before it is decided: chunks of entries, and the rows that are left out.
//!
//! Nothing here changes anything or talks to anybody; [`practice::directory`] judges what is news.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Directory, Fault, IcbCode, Organisations, PracticeRow, Reading, RegionCode};
use practice::directory::{
    CHUNK_PRACTICES_MAX, Chunk, Difference, DirectoryEntry, Lifetime, ListSize, Verdict, compare, organisation_news,
};
use practice::{OrganisationEntry, OrganisationKind, State};
use serde::{Deserialize, Serialize};

/// Most organisations in one chunk: with the practices it stays well below the size of a record.
const CHUNK_ORGANISATIONS_MAX: usize = 1_000;

/// A file that is ready to be imported.
pub(crate) struct Import {
    /// From when its facts hold.
    pub(crate) effective_from: Date,
    /// In the order in which they are to be applied.
    pub(crate) chunks: Vec<Chunk>,
    /// What is wrong with the rows that are left out.
    pub(crate) rejections: Vec<Fault>,
    /// How many rows are left out.
    pub(crate) rejected_count: u32,
}

/// What an import does, by practice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Import {
    /// Prepares what was read. `today` is from when the facts hold, where neither `effective_from` nor the file says.
    pub(crate) fn new(state: &State, reading: Reading<Directory>, effective_from: Option<Date>, today: Date) -> Self {
        let Reading { document: directory, mut rejections } = reading;
        let effective_from = effective_from.or(directory.source.extract_date).unwrap_or(today);
        let chunk = |practices, organisations| {
            let source = directory.source.publication.clone();
            Chunk { source, effective_from, practices, organisations }
        };
        let mut chunks = Vec::new();
        // Organisations first, so that no practice is ever seen below one that is not there.
        for organisations in organisations(&directory.organisations).chunks(CHUNK_ORGANISATIONS_MAX) {
            chunks.push(chunk(Vec::new(), organisations.to_vec()));
        }
        // Cut by the file's rows, whatever is left out of them: when an import is repeated, each part of the file must
        // find itself below the same request id.
        for rows in directory.practices.chunks(CHUNK_PRACTICES_MAX) {
            let mut practices = Vec::new();
            for row in rows {
                if is_unknown(state, row) {
                    rejections.push(directory.unknown(row));
                } else {
                    practices.push(entry(&directory, row, effective_from));
                }
            }
            chunks.push(chunk(practices, Vec::new()));
        }
        rejections.sort_by_key(|fault| fault.line);
        let mut rejected_lines: Vec<u64> = rejections.iter().map(|fault| fault.line).collect();
        rejected_lines.dedup();
        Self { effective_from, chunks, rejections, rejected_count: counted(rejected_lines.len()) }
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
                }
            }
        }
        let news = |entry: &&OrganisationEntry| organisation_news(state, entry, chunk.effective_from, now).is_some();
        effect.organisations_changed_count = counted(chunk.organisations.iter().filter(news).count());
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

/// A file without names is about practices that are known; one with names brings them. Organisations are brought by the
/// files that name them, also by code alone.
fn is_unknown(state: &State, row: &PracticeRow) -> bool {
    row.name.is_none() && state.practice(row.code).is_none()
}

fn entry(directory: &Directory, row: &PracticeRow, effective_from: Date) -> DirectoryEntry {
    let list_size = row.list_size.map(|patients| ListSize {
        patients,
        source: directory.source.publication.clone(),
        // The count is of the day of the extract, from whenever it is taken to hold.
        date: directory.source.extract_date.unwrap_or(effective_from),
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
