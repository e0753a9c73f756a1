//! What is known of single practices: what their suppliers returned last, and whose they are.
//!
//! Views are the store's to look up; here is only of whom.

use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use crate::day::Day;
use crate::directory::{Directory, Viewpoint};
use crate::returns::{Returns, Revision};

/// A practice as at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PracticeFigures<'a> {
    /// Which.
    pub practice: PracticeCode,
    /// Its supplier, where the registry told of one.
    pub supplier: Option<&'a Supplier>,
    /// Its latest return, with the last day of its period, whether or not it is live.
    pub latest_return: Option<(Date, &'a Revision)>,
}

impl<'a> PracticeFigures<'a> {
    /// What is known of a practice.
    #[must_use]
    pub fn of(practice: PracticeCode, from: &Viewpoint, directory: &'a Directory, returns: &'a Returns) -> Self {
        let place = directory.record(practice).and_then(|record| record.place_at(from.as_at, from.known_at));
        Self {
            practice,
            supplier: place.and_then(|place| place.supplier.as_ref()),
            latest_return: returns.latest(&from.capability, practice, Day::of(from.as_at), from.known_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use ods::Capability;

    use super::*;
    use crate::directory::Told;
    use crate::fact::Fact;
    use crate::returns::{Figures, ReturnsEvent};
    use crate::testing::{code, date, moment, place, submission};

    #[test]
    fn a_practice_is_seen_as_at_its_moment_and_as_it_was_known() {
        let mut directory = Directory::default();
        for (hours, supplier) in [(0, "EMIS"), (24 * 20, "TPP")] {
            let value = Told::Place(place("QHM", supplier));
            directory.tell(code(1), Fact { effective_from: moment(hours), recorded_at: moment(hours), value });
        }
        let mut returns = Returns::default();
        for (day, excluded_by_review_code) in [(10, 7), (15, 9)] {
            let figures = Figures { excluded_by_review_code, ..Figures::default() };
            let submission = submission(date(day));
            let event = ReturnsEvent::ReturnsSubmitted { submission, returns: vec![(code(1), figures)] };
            returns.apply(&event, moment(i64::from(day + 1) * 24));
        }
        let seen = |practice, day: i64, known_day: i64| {
            let (as_at, known_at) = (moment(24 * day), moment(24 * known_day));
            let from = Viewpoint { as_at, known_at, capability: Capability::default() };
            let figures = PracticeFigures::of(code(practice), &from, &directory, &returns);
            let latest = figures.latest_return;
            let excluded = latest.map(|(end, revision)| (end, revision.figures.excluded_by_review_code));
            (figures.supplier.map(ToString::to_string), excluded)
        };
        let emis = || Some("EMIS".to_owned());
        assert_eq!(seen(1, 9, 99), (emis(), None));
        assert_eq!(seen(1, 12, 99), (emis(), Some((date(10), 7))));
        assert_eq!(seen(1, 16, 15), (emis(), Some((date(10), 7))));
        assert_eq!(seen(1, 21, 99), (Some("TPP".to_owned()), Some((date(15), 9))));
        assert_eq!(seen(2, 21, 99), (None, None));
    }
}
