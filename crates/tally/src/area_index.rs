//! Which areas each practice's events are counted in, by ordinals, for the fold.
//!
//! A picture of the directory at one moment. An event belongs to the areas that its practice is in when it is folded;
//! England has every event, the other areas those of practices that the registry has told of.

use std::collections::BTreeMap;

use crate::area::{Area, Keeping};
use crate::dictionary::PracticeOrdinal;

/// An area in one [`AreaIndex`]. England is always [`AreaOrdinal::ENGLAND`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaOrdinal(u16);

impl AreaOrdinal {
    /// The whole country.
    pub const ENGLAND: Self = Self(0);

    /// As an index into a list of all areas.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn from_index(index: usize) -> Self {
        Self(u16::try_from(index).expect("an index made from an ordinal"))
    }
}

/// A practice is in England, a region, an ICB and with a supplier: areas that keep people.
pub const AREAS_PER_PRACTICE_MAX: usize = 4;

/// Areas by practice.
#[derive(Clone, Debug)]
pub struct AreaIndex {
    areas: Vec<Area>,
    ordinals: BTreeMap<Area, AreaOrdinal>,
    /// By practice ordinal; its first is England, and England fills the places that are not used.
    of_practice: Vec<[AreaOrdinal; AREAS_PER_PRACTICE_MAX]>,
    /// By practice ordinal, the area that keeps counts only, if it is in one; a list that ends early goes on with none.
    counts_only: Vec<Option<AreaOrdinal>>,
}

impl Default for AreaIndex {
    fn default() -> Self {
        Self {
            areas: vec![Area::England],
            ordinals: BTreeMap::from([(Area::England, AreaOrdinal::ENGLAND)]),
            of_practice: Vec::new(),
            counts_only: Vec::new(),
        }
    }
}

impl AreaIndex {
    /// All areas, by ordinal.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The area's ordinal, if any practice was ever in it.
    #[must_use]
    pub fn ordinal(&self, area: &Area) -> Option<AreaOrdinal> {
        self.ordinals.get(area).copied()
    }

    /// The areas that keep people and that a practice is in, England first; a practice not placed is in England alone.
    #[must_use]
    pub fn of_practice(&self, practice: PracticeOrdinal) -> &[AreaOrdinal] {
        let Some(areas) = self.of_practice.get(practice.0 as usize) else { return &[AreaOrdinal::ENGLAND] };
        let unused = areas[1..].iter().position(|area| *area == AreaOrdinal::ENGLAND);
        &areas[..unused.map_or(AREAS_PER_PRACTICE_MAX, |position| position + 1)]
    }

    /// The areas that keep counts and that a practice is in: those that keep people, and one that does not.
    pub fn counted_for(&self, practice: PracticeOrdinal) -> impl Iterator<Item = AreaOrdinal> + '_ {
        let counts_only = self.counts_only.get(practice.0 as usize).copied().flatten();
        self.of_practice(practice).iter().copied().chain(counts_only)
    }

    /// Places a practice in those of these areas of which anything is kept, besides England, in place of those it was in. At
    /// most [`AREAS_PER_PRACTICE_MAX`] − 1 that keep people are taken, and one that keeps counts only.
    pub fn place(&mut self, practice: PracticeOrdinal, areas: impl IntoIterator<Item = Area>) {
        let mut placed = [AreaOrdinal::ENGLAND; AREAS_PER_PRACTICE_MAX];
        let mut slots = placed[1..].iter_mut();
        let mut counts_only = None;
        for area in areas {
            match area.keeping() {
                Keeping::CountsAndPeople => {
                    let Some(slot) = slots.next() else { continue };
                    *slot = self.ordinal_or_add(area);
                }
                Keeping::Counts => counts_only = Some(self.ordinal_or_add(area)),
                Keeping::Nothing => {}
            }
        }
        let index = practice.0 as usize;
        if self.counts_only.len() <= index {
            self.counts_only.resize(index + 1, None);
        }
        self.counts_only[index] = counts_only;
        if self.of_practice.len() <= index {
            self.of_practice.resize(index + 1, [AreaOrdinal::ENGLAND; AREAS_PER_PRACTICE_MAX]);
        }
        self.of_practice[index] = placed;
    }

    fn ordinal_or_add(&mut self, area: Area) -> AreaOrdinal {
        if let Some(known) = self.ordinal(&area) {
            return known;
        }
        let ordinal = AreaOrdinal(u16::try_from(self.areas.len()).expect("there are far fewer than 65,536 areas"));
        self.ordinals.insert(area.clone(), ordinal);
        self.areas.push(area);
        ordinal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_practice_is_in_england_and_where_it_was_placed_last() {
        let mut index = AreaIndex::default();
        let practice = PracticeOrdinal(5);
        let names = |index: &AreaIndex| -> Vec<String> {
            index.of_practice(practice).iter().map(|area| index.areas()[area.index()].to_string()).collect()
        };
        assert_eq!(names(&index), ["england"]);
        index.place(practice, ["icbs/QHM", "regions/Y63"].map(|area| area.parse().unwrap()));
        assert_eq!(names(&index), ["england", "icbs/QHM", "regions/Y63"]);
        index.place(practice, ["icbs/QE1".parse().unwrap()]);
        assert_eq!(names(&index), ["england", "icbs/QE1"]);
    }

    #[test]
    fn a_sub_icb_is_counted_and_keeps_nobody_and_of_a_pcn_nothing_is_kept() {
        let mut index = AreaIndex::default();
        let practice = PracticeOrdinal(2);
        let areas = ["sub-icbs/16C", "pcns/U12345", "icbs/QHM"].map(|area| area.parse::<Area>().unwrap());
        index.place(practice, areas);
        let named = |area: AreaOrdinal| index.areas()[area.index()].to_string();
        let counted: Vec<String> = index.counted_for(practice).map(named).collect();
        let people: Vec<String> = index.of_practice(practice).iter().copied().map(named).collect();
        assert_eq!((counted, people.len()), (["england", "icbs/QHM", "sub-icbs/16C"].map(str::to_owned).into(), 2));
        index.place(practice, []);
        assert_eq!(index.counted_for(practice).count(), 1, "a practice that moved is where it was placed last");
    }
}
