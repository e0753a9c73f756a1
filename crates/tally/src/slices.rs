//! Slices of a fold: the parts in which it goes into the tables, so that nobody waits for all of it.
//!
//! First all areas, in one: which areas an event counts for is decided as it is folded, and a fold that is made anew, after
//! a crash, may decide otherwise, so that half of the areas would belong to one fold and half to another. Then the practices in
//! the order of their ordinals, whose counts are the same however often they are folded.

use std::ops::Range;

use crate::area_index::AreaOrdinal;
use crate::dictionary::PracticeOrdinal;
use crate::fold::{Column, Fold, People};
use crate::sketch::Sketch;

/// What writing a sketch costs, in counts: it is read, united and written, and has hundreds of bytes.
const SKETCH_COST: usize = 16;

/// How far a fold is in the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Written {
    /// Nothing of it.
    #[default]
    Nothing,
    /// All areas, and the practices whose ordinals are below this.
    Practices(u32),
}

/// A part that is written at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slice {
    /// Every area.
    Areas,
    /// Practices, by ordinal.
    Practices(Range<u32>),
}

impl Written {
    /// The number under which stores keep it.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Practices(below) => i64::from(below) + 1,
        }
    }

    /// What this number stands for, if for anything.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Nothing),
            _ => u32::try_from(number - 1).ok().map(Self::Practices),
        }
    }
}

impl Slice {
    /// What is written once this slice is.
    #[must_use]
    pub fn written(&self) -> Written {
        match self {
            Self::Areas => Written::Practices(0),
            Self::Practices(practices) => Written::Practices(practices.end),
        }
    }
}

impl Fold {
    /// The slice that comes next, of about `cost_max` counts, a sketch being as many as it takes as long as; None where everything
    /// is written.
    #[must_use]
    pub fn next_slice(&self, written: Written, cost_max: usize) -> Option<Slice> {
        let Written::Practices(first) = written else { return Some(Slice::Areas) };
        let rest = first..u32::MAX;
        let counts: Vec<&[u32]> = self.columns_of(rest.clone()).map(|column| column.counts()).collect();
        let sketches: Vec<&[Option<Sketch>]> = self.sketches_of(rest).collect();
        let counted = counts.iter().map(|counts| counts.len()).chain(sketches.iter().map(|sketches| sketches.len()));
        let practices = counted.max().filter(|practices| *practices > 0)?;
        // Practice by practice, and no further than it goes: each slice looks at its own part of the columns only.
        let cost_of = |index: usize| {
            let counts = counts.iter().filter(|counts| counts.get(index).is_some_and(|count| *count > 0));
            let sketches = sketches.iter().filter(|sketches| matches!(sketches.get(index), Some(Some(_))));
            counts.count() + SKETCH_COST * sketches.count()
        };
        let mut sum = 0;
        // One at least, whatever it costs.
        let fitting = (0..practices).take_while(|index| {
            sum += cost_of(*index);
            *index == 0 || sum <= cost_max
        });
        let count = u32::try_from(fitting.count()).expect("ordinals have 32 bits");
        Some(Slice::Practices(first..first + count))
    }

    /// What of it is not in the tables.
    #[must_use]
    pub fn rest(&self, written: Written) -> Rest<'_> {
        Rest { fold: self, written }
    }
}

/// What of a fold is not in the tables.
#[derive(Clone, Copy, Debug)]
pub struct Rest<'a> {
    fold: &'a Fold,
    written: Written,
}

impl<'a> Rest<'a> {
    /// Counts that are still to be added to those of areas.
    pub fn area_columns(self) -> impl Iterator<Item = Column<'a>> {
        self.areas().into_iter().flat_map(Fold::columns)
    }

    /// Counts that are still to be added to those of practices.
    pub fn practice_columns(self) -> impl Iterator<Item = Column<'a>> {
        self.fold.columns_of(self.practices())
    }

    /// People who are still to be added to those of areas.
    pub fn people_by_area(self) -> impl Iterator<Item = People<'a, AreaOrdinal>> {
        self.areas().into_iter().flat_map(Fold::people_by_area)
    }

    /// People who are still to be added to those of practices.
    pub fn people_by_practice(self) -> impl Iterator<Item = People<'a, PracticeOrdinal>> {
        self.fold.people_by_practice_of(self.practices())
    }

    fn areas(self) -> Option<&'a Fold> {
        (self.written == Written::Nothing).then_some(self.fold)
    }

    fn practices(self) -> Range<u32> {
        match self.written {
            Written::Nothing => 0..u32::MAX,
            Written::Practices(below) => below..u32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_survives_its_number(below in any::<u32>()) {
            for written in [Written::Nothing, Written::Practices(below)] {
                prop_assert_eq!(Written::from_number(written.number()), Some(written));
            }
            prop_assert_eq!(Written::from_number(-1 - i64::from(below)), None);
        }
    }
}
