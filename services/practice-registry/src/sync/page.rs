//! What a page of an interface becomes before it is decided: entries by the day from which they hold, and the records
//! that are left out.
//!
//! Nothing here changes anything or talks to anybody; [`practice::sync`] judges what is news.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use ods::record::PracticeFacts;
use ods::{IcbCode, OrganisationRecord, PcnCode, PracticeCode, RegionCode, Status, SubIcbCode};
use practice::directory::{CHUNK_PRACTICES_MAX, Chunk, DirectoryEntry, Lifetime, ListSize};
use practice::facts::Facts;
use practice::sync::{AdvanceSync, FoundSuccession, Sync, SyncRejection, Then};
use practice::{Practice, State};

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct PageRead {
    /// The organisations that could be read.
    pub(crate) records: Vec<OrganisationRecord>,
    /// Those that could not.
    pub(crate) rejections: Vec<SyncRejection>,
    /// The practices that were come back to, given or not.
    pub(crate) came_back: Vec<PracticeCode>,
    /// How many there are, where the interface says it.
    pub(crate) total: Option<u32>,
}

/// The days between which a fact's own first day counts. A change before them was told of before, by a file or a sync.
#[derive(Clone, Copy)]
struct Window {
    first: Date,
    today: Date,
}

impl Window {
    /// From which day a fact holds that began on `begun`, where the register may have later ones: from its own day, if
    /// it is new and comes last; else from the day on which it was read.
    fn effective<T>(&self, begun: Option<Date>, known: Option<&Facts<T>>) -> Date {
        let last = known.map(|facts| facts.latest().effective_from);
        let own = begun.filter(|begun| (self.first..=self.today).contains(begun));
        own.filter(|begun| last.is_none_or(|last| last <= *begun)).unwrap_or(self.today)
    }
}

/// The commands that take the page in: one, or several where the interface gave more than a chunk holds. All but the
/// last leave the run where it is, so that a run that was broken off between them reads the page again.
pub(crate) fn commands(
    state: &State,
    sync: &Sync,
    worker: &str,
    today: Date,
    page: PageRead,
    then: Then,
) -> Vec<AdvanceSync> {
    let PageRead { records, mut rejections, mut came_back, total } = page;
    let first = sync.since.or_else(|| state.syncs().last_completed(sync.source).map(|last| last.through));
    let window = Window { first: first.unwrap_or(today), today };
    let mut commands = Vec::new();
    let mut parts = records.chunks(CHUNK_PRACTICES_MAX).peekable();
    loop {
        let records = parts.next().unwrap_or_default();
        let is_last = parts.peek().is_none();
        let mut draft = Draft::new(state, sync, window);
        for record in records {
            draft.take(record);
        }
        let mut command = draft.finish(sync.page + u32::try_from(commands.len()).unwrap_or(u32::MAX), worker);
        if is_last {
            // What is asked for by code is not among those that the interface counts.
            if !came_back.is_empty() {
                command.read.clear();
            }
            command.came_back = std::mem::take(&mut came_back);
            command.read.extend(rejections.iter().map(|rejection| rejection.code.clone()).filter(|_| total.is_some()));
            command.rejections.append(&mut rejections);
            (command.total, command.then) = (total, then);
            commands.push(command);
            return commands;
        }
        commands.push(command);
    }
}

/// A command in the making.
struct Draft<'a> {
    state: &'a State,
    sync: &'a Sync,
    window: Window,
    entries: BTreeMap<(Date, PracticeCode), DirectoryEntry>,
    read: Vec<String>,
    ignored: u32,
    rejections: Vec<SyncRejection>,
    successions: BTreeSet<FoundSuccession>,
    returns: BTreeMap<PracticeCode, Date>,
}

impl<'a> Draft<'a> {
    fn new(state: &'a State, sync: &'a Sync, window: Window) -> Self {
        Self {
            state,
            sync,
            window,
            entries: BTreeMap::new(),
            read: Vec::new(),
            ignored: 0,
            rejections: Vec::new(),
            successions: BTreeSet::new(),
            returns: BTreeMap::new(),
        }
    }

    fn take(&mut self, record: &OrganisationRecord) {
        self.read.push(record.code.clone());
        let known = record.code.parse().ok().and_then(|code| self.state.practice(code));
        if !record.is_gp_practice() || (known.is_none() && !record.is_english()) {
            self.ignored += 1;
            return;
        }
        let reject = |reason: String| SyncRejection { code: record.code.clone(), reason };
        let facts = match record.practice_facts(self.window.today) {
            Ok(facts) => facts,
            Err(error) => return self.rejections.push(reject(error.to_string())),
        };
        let parents = match Parents::of(self.state, &facts) {
            Ok(parents) => parents,
            // Who closed before we knew them is ignored by the decision, wherever they were.
            Err(_) if known.is_none() && facts.row.closed.is_some() => Parents::default(),
            Err(sub_icb) => {
                let reason = format!("sub-ICB {sub_icb} is not known; import the practice map that names it first");
                return self.rejections.push(reject(reason));
            }
        };
        let code = facts.row.code;
        self.successions.extend(facts.successions.iter().map(|succession| FoundSuccession::at(code, succession)));
        self.returns.extend(facts.changes_on.map(|day| (code, day)));
        let known = known.map(AsRef::as_ref);
        self.place(code, known, &facts, parents);
        let lifetime = lifetime(&facts, known, self.window.today);
        fill(self.entry(self.window.today, code), &facts, lifetime, record);
    }

    /// Where the practice is, each from the day on which it came there. All of a new practice holds from one day, since
    /// it is created once.
    fn place(&mut self, code: PracticeCode, known: Option<&Practice>, facts: &PracticeFacts, parents: Parents) {
        let today = self.window.today;
        let moved_on = known.map_or(today, |known| self.window.effective(facts.sub_icb_since, known.sub_icb.as_ref()));
        let joined_on = known.map_or(today, |known| self.window.effective(facts.pcn_since, known.pcn.as_ref()));
        let entry = self.entry(moved_on, code);
        (entry.sub_icb, entry.icb, entry.region) = (facts.row.sub_icb, parents.icb, parents.region);
        self.entry(joined_on, code).pcn = said_of_pcn(known, facts.row.pcn);
    }

    fn entry(&mut self, day: Date, code: PracticeCode) -> &mut DirectoryEntry {
        self.entries.entry((day, code)).or_insert_with(|| DirectoryEntry::new(code))
    }

    fn finish(self, page: u32, worker: &str) -> AdvanceSync {
        let mut by_day: BTreeMap<Date, Vec<DirectoryEntry>> = BTreeMap::new();
        for ((day, _), entry) in self.entries {
            by_day.entry(day).or_default().push(entry);
        }
        let source = self.sync.source.publication().to_owned();
        let chunk = |(effective_from, practices)| Chunk {
            source: source.clone(),
            effective_from,
            practices,
            organisations: Vec::new(),
            // What ODS says of each practice is in the record of the page, and it is no list that others are held against.
            read: None,
        };
        AdvanceSync {
            sync: self.sync.number,
            page,
            worker: worker.to_owned(),
            read: self.read,
            came_back: Vec::new(),
            chunks: by_day.into_iter().map(chunk).collect(),
            ignored: self.ignored,
            rejections: self.rejections,
            successions: self.successions,
            returns: self.returns,
            total: None,
            then: Then::Page(None),
        }
    }
}

/// The organisations above a practice's sub-ICB, as the register has them: the interfaces do not say them of a
/// practice.
#[derive(Clone, Copy, Default)]
struct Parents {
    icb: Option<IcbCode>,
    region: Option<RegionCode>,
}

impl Parents {
    /// Fails with the sub-ICB where the register does not know it.
    fn of(state: &State, facts: &PracticeFacts) -> Result<Self, SubIcbCode> {
        let Some(sub_icb) = facts.row.sub_icb else { return Ok(Self::default()) };
        let above = state.organisation(sub_icb.as_str()).ok_or(sub_icb)?.latest().parent.clone();
        let region = state.organisation(&above).map(|icb| icb.latest().parent.clone());
        Ok(Self { icb: above.parse().ok(), region: region.and_then(|region| region.parse().ok()) })
    }
}

fn fill(entry: &mut DirectoryEntry, facts: &PracticeFacts, lifetime: Lifetime, record: &OrganisationRecord) {
    let row = &facts.row;
    entry.name.clone_from(&row.name);
    entry.postcode.clone_from(&row.postcode);
    entry.lifetime = Some(lifetime);
    entry.supplier.clone_from(&row.supplier);
    entry.list_size = record.list_size.as_ref().map(|counted| ListSize {
        patients: counted.patients,
        source: counted.source.clone(),
        date: counted.date,
        carried_over: false,
    });
}

/// From when to when it is open. The interfaces do not know whether a practice is dormant, which epraccur does.
fn lifetime(facts: &PracticeFacts, known: Option<&Practice>, today: Date) -> Lifetime {
    let row = &facts.row;
    let before = known.map(Practice::present_lifetime).unwrap_or_default();
    let is_closed = row.status == Some(Status::Closed);
    // Closed on a day that nobody says: on the day that is known already, else by today at the latest.
    let unsaid = is_closed.then(|| before.close.unwrap_or(today));
    Lifetime { open: row.opened.or(before.open), close: row.closed.or(unsaid), dormant: before.dormant && !is_closed }
}

/// "In no network" is news only of a practice that is known to be in one: else a sync would say it of practices of
/// whose network nothing was ever said.
fn said_of_pcn(known: Option<&Practice>, pcn: Option<PcnCode>) -> Option<PcnCode> {
    let has_been_told = known.is_some_and(|known| known.pcn.is_some());
    pcn.filter(|pcn| !pcn.is_unallocated() || has_been_told)
}
