//! What one practice adds to its areas, from when on.

use std::collections::BTreeMap;

use imbl::OrdMap;
use jiff::Timestamp;
use jiff::civil::Date;

use super::sums::{Addend, By};
use crate::area::{Area, Keeping};
use crate::area_index::AREAS_PER_PRACTICE_MAX;
use crate::day::Day;
use crate::directory::ByAllTold;
use crate::place::Place;
use crate::returns::Revision;

/// From a moment on, until the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) from: Timestamp,
    /// None while it is not open.
    pub(super) adds: Option<Adds>,
}

/// What an open practice adds to each of its areas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Adds {
    pub(super) areas: AreaNumbers,
    registered: Counted,
    /// Of a live one.
    with_access: Option<Counted>,
}

/// What somebody counted at a practice; nothing by nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    by: Option<By>,
    value: i64,
}

/// The areas in which a practice lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AreaNumbers {
    numbers: [usize; AREAS_PER_PRACTICE_MAX],
    len: usize,
}

/// Numbers for areas and for those who counted, in the order in which they came. They are few, and none is forgotten.
#[derive(Debug, Default)]
pub(super) struct Names {
    areas: BTreeMap<Area, usize>,
    numbers: BTreeMap<String, usize>,
    sources: Vec<String>,
}

/// The steps of a practice, in order; and when the last of what they rest on was recorded.
pub(super) fn steps(
    told: &ByAllTold<'_>,
    returns: Option<&OrdMap<Date, Vec<Revision>>>,
    names: &mut Names,
) -> (Vec<Step>, Option<Timestamp>) {
    let revisions = returns.into_iter().flat_map(OrdMap::iter);
    let last_revisions = revisions.filter_map(|(end, revisions)| Some((*end, revisions.last()?)));
    // A return holds from the beginning of its period's last day, as dates are compared with the day of a moment.
    let returned: Vec<(Timestamp, (Date, &Revision))> =
        last_revisions.map(|returned| (Day::from(returned.0).start(), returned)).collect();
    let areas: Vec<AreaNumbers> = told.places.iter().map(|(_, place)| names.areas_of(place)).collect();

    let mut steps: Vec<Step> = Vec::new();
    for from in moments(told, &returned) {
        let place = index_at(&told.places, from).filter(|place| told.places[*place].1.is_open_on(Day::of(from)));
        let adds = place.map(|place| {
            let registered = at(&told.list_sizes, from)
                .map(|list| names.counted(list.patients, &list.source, list.as_at))
                .unwrap_or_default();
            // As in `Stocks::of`: accounts of others show nobody a prospective record.
            let is_live = at(&told.observed, from).is_some_and(|observed| observed.live);
            let latest = at(&returned, from).map(|(end, revision)| {
                names.counted(revision.figures.accounts_with_access, revision.supplier.as_str(), Some(end))
            });
            Adds { areas: areas[place], registered, with_access: is_live.then(|| latest.unwrap_or_default()) }
        });
        if steps.last().map(|last| &last.adds) != Some(&adds) {
            steps.push(Step { from, adds });
        }
    }
    let returned_last = returns.into_iter().flat_map(OrdMap::values).flatten().map(|revision| revision.recorded_at);
    (steps, told.recorded_last.into_iter().chain(returned_last).max())
}

/// The moments at which anything may change.
fn moments<R>(told: &ByAllTold<'_>, returned: &[(Timestamp, R)]) -> Vec<Timestamp> {
    let mut moments: Vec<Timestamp> = told.places.iter().map(|(from, _)| *from).collect();
    moments.extend(told.list_sizes.iter().map(|(from, _)| *from));
    moments.extend(told.observed.iter().map(|(from, _)| *from));
    moments.extend(returned.iter().map(|(from, _)| *from));
    // Doors open and close by the calendar, without a new fact.
    let doors = told.places.iter().flat_map(|(_, place)| [place.open_date, place.close_date]).flatten();
    moments.extend(doors.map(|date| Day::from(date).start()));
    moments.sort_unstable();
    moments.dedup();
    moments
}

fn index_at<T>(standing: &[(Timestamp, T)], moment: Timestamp) -> Option<usize> {
    standing.partition_point(|(from, _)| *from <= moment).checked_sub(1)
}

fn at<T: Copy>(standing: &[(Timestamp, T)], moment: Timestamp) -> Option<T> {
    index_at(standing, moment).map(|index| standing[index].1)
}

impl Adds {
    /// What it adds to the sums of each area.
    pub(super) fn addends(&self) -> impl Iterator<Item = (Addend, i64)> {
        let registered = (Addend::Registered(self.registered.by), self.registered.value);
        let with_access = self.with_access.map(|counted| (Addend::WithAccess(counted.by), counted.value));
        std::iter::once(registered).chain(with_access)
    }

    pub(super) fn has(&self, addend: &(Addend, i64)) -> bool {
        self.addends().any(|own| own == *addend)
    }
}

impl AreaNumbers {
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.numbers[..self.len].iter().copied()
    }
}

impl Names {
    /// The area's number, if a practice was ever in it.
    pub(super) fn area(&self, area: &Area) -> Option<usize> {
        self.areas.get(area).copied()
    }

    pub(super) fn areas_len(&self) -> usize {
        self.areas.len()
    }

    /// Who has this number.
    pub(super) fn source(&self, number: usize) -> &str {
        &self.sources[number]
    }

    /// England, and those of a place of which sums are kept.
    fn areas_of(&mut self, place: &Place) -> AreaNumbers {
        let mut of_place = AreaNumbers { numbers: [0; AREAS_PER_PRACTICE_MAX], len: 0 };
        let kept = place.areas().filter(|area| area.keeping() == Keeping::CountsAndPeople);
        for area in std::iter::once(Area::England).chain(kept).take(AREAS_PER_PRACTICE_MAX) {
            let next = self.areas.len();
            of_place.numbers[of_place.len] = *self.areas.entry(area).or_insert(next);
            of_place.len += 1;
        }
        of_place
    }

    fn counted(&mut self, value: u64, source: &str, as_at: Option<Date>) -> Counted {
        let source = self.numbers.get(source).copied().unwrap_or_else(|| {
            self.sources.push(source.to_owned());
            self.numbers.insert(source.to_owned(), self.sources.len() - 1);
            self.sources.len() - 1
        });
        let value = i64::try_from(value).expect("a count of patients is far below 2^63");
        Counted { by: Some(By { source, as_at }), value }
    }
}
