//! The registry's state: a fold of its journal. Cheap to clone, so that readers keep a consistent one without locks.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

use crate::dense;
use crate::derived::Derived;
use crate::lapse::{Due, dues_of};
use crate::organisation::Organisation;
use crate::practice::Practice;
use crate::readiness::{DeclaredItem, catalogue_item};
use crate::source::Sources;
use crate::sync::Syncs;

/// No code comes before it: where a range over (position, code) begins.
static PRACTICE_CODE_FIRST: LazyLock<PracticeCode> =
    LazyLock::new(|| "A00000".parse().expect("it is a capital letter and five digits"));

/// All practices and organisations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    #[serde(deserialize_with = "dense::map")]
    pub(crate) practices: OrdMap<PracticeCode, Arc<Practice>>,
    organisations: OrdMap<String, Organisation>,
    #[serde(default)]
    sources: Arc<Sources>,
    #[serde(default, skip_serializing_if = "Syncs::is_empty")]
    syncs: Syncs,
    /// Readiness items that programmes have declared besides the catalogue, by name.
    #[serde(default, skip_serializing_if = "OrdMap::is_empty")]
    declared_items: OrdMap<String, DeclaredItem>,
    /// Position of the last record by which a contact was taken away; 0 where none was.
    #[serde(default, skip_serializing_if = "is_zero")]
    contacts_erased_position: u64,
    // Indexes over the practices, kept in step by `change`.
    dues: OrdSet<Due>,
    #[serde(deserialize_with = "dense::set")]
    by_position: OrdSet<(u64, PracticeCode)>,
}

impl State {
    /// The practice of this code.
    #[must_use]
    pub fn practice(&self, code: PracticeCode) -> Option<&Arc<Practice>> {
        self.practices.get(&code)
    }

    /// All practices, by code.
    pub fn practices(&self) -> impl DoubleEndedIterator<Item = &Arc<Practice>> {
        self.practices.values()
    }

    /// The practices whose codes come after this one, by code; all where it is None.
    pub fn practices_after(&self, code: Option<PracticeCode>) -> impl Iterator<Item = &Arc<Practice>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = code.map_or(Unbounded, Excluded);
        self.practices.range((from, Unbounded)).map(|(_, practice)| practice)
    }

    /// How many practices there are.
    #[must_use]
    pub fn practices_count(&self) -> usize {
        self.practices.len()
    }

    /// The practices whose last change is after `position`, by the position of that change, then by code. However long
    /// ago that was, nothing is missed: whatever changed since is among them, each once.
    pub fn changed_after(&self, position: u64) -> impl Iterator<Item = &Arc<Practice>> {
        self.changed_from((position.saturating_add(1), *PRACTICE_CODE_FIRST))
    }

    /// The rest of [`changed_after`](Self::changed_after) beyond a practice that it gave.
    pub fn changed_beyond(&self, practice: &Practice) -> impl Iterator<Item = &Arc<Practice>> {
        self.changed_from((practice.position(), practice.code)).skip(1)
    }

    fn changed_from(&self, place: (u64, PracticeCode)) -> impl Iterator<Item = &Arc<Practice>> {
        self.by_position.range(place..).filter_map(|(_, code)| self.practices.get(code))
    }

    /// The organisation of this code.
    #[must_use]
    pub fn organisation(&self, code: &str) -> Option<&Organisation> {
        self.organisations.get(code)
    }

    /// The organisations whose codes come after this one, by code.
    pub fn organisations_after(&self, code: &str) -> impl Iterator<Item = &Organisation> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.organisations.range::<_, str>((Excluded(code), Unbounded)).map(|(_, organisation)| organisation)
    }

    /// The syncs of the directory with its publisher's interfaces.
    #[must_use]
    pub fn syncs(&self) -> &Syncs {
        &self.syncs
    }

    /// Is this the name of an item that a checklist can have?
    #[must_use]
    pub fn knows_item(&self, item: &str) -> bool {
        catalogue_item(item).is_some() || self.declared_items.contains_key(item)
    }

    /// The readiness items that programmes have declared besides the catalogue, by name.
    pub fn declared_items(&self) -> impl Iterator<Item = &DeclaredItem> {
        self.declared_items.values()
    }

    /// The declared item of this name.
    #[must_use]
    pub fn declared_item(&self, item: &str) -> Option<&DeclaredItem> {
        self.declared_items.get(item)
    }

    /// Position of the last record by which a contact was taken away: addresses have to be erased where it has moved.
    #[must_use]
    pub fn contacts_erased_position(&self) -> u64 {
        self.contacts_erased_position
    }

    /// The earliest moment at which something lapses; None where nothing is to.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.dues.get_min().map(|due| due.moment)
    }

    /// What is due at `now`, earliest first.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &Due> {
        self.dues.iter().take_while(move |due| due.moment <= now)
    }

    /// Changes a practice and keeps the indexes in step with it. Does nothing where there is no such practice, which
    /// only a journal that was not written by `decide` can bring about.
    pub(crate) fn change(
        &mut self,
        code: PracticeCode,
        position: u64,
        recorded_at: Timestamp,
        change: impl FnOnce(&mut Practice),
    ) {
        let Some(shared) = self.practices.get_mut(&code) else { return };
        let practice = Arc::make_mut(shared);
        let dues_before = dues_of(practice);
        let position_before = practice.position();
        change(practice);
        practice.changed_at = recorded_at;
        practice.derived = Derived::default();
        if practice.position() != position {
            practice.positions.push(position);
        }
        let dues_after = dues_of(practice);
        self.by_position.remove(&(position_before, code));
        self.by_position.insert((position, code));
        self.replace_dues(&dues_before, &dues_after);
    }

    pub(crate) fn insert(&mut self, mut practice: Practice, position: u64) {
        practice.positions.push(position);
        self.replace_dues(&BTreeSet::new(), &dues_of(&practice));
        self.by_position.insert((position, practice.code));
        self.practices.insert(practice.code, Arc::new(practice));
    }

    /// What each source said last, and the imports.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(crate) fn sources_mut(&mut self) -> &mut Sources {
        Arc::make_mut(&mut self.sources)
    }

    pub(crate) fn syncs_mut(&mut self) -> &mut Syncs {
        &mut self.syncs
    }

    pub(crate) fn declare(&mut self, item: DeclaredItem) {
        self.declared_items.insert(item.item.clone(), item);
    }

    pub(crate) fn contact_was_erased(&mut self, position: u64) {
        self.contacts_erased_position = position;
    }

    pub(crate) fn organisations_mut(&mut self) -> &mut OrdMap<String, Organisation> {
        &mut self.organisations
    }

    fn replace_dues(&mut self, before: &BTreeSet<Due>, after: &BTreeSet<Due>) {
        for gone in before.difference(after) {
            self.dues.remove(gone);
        }
        for new in after.difference(before) {
            self.dues.insert(new.clone());
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
