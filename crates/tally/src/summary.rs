//! Stocks: the figures that hold at a moment, worked out from the directory and the returns.
//!
//! Flows (views, viewers) are summed by the store over its own rows; here is only what they are a part of.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::area::Area;
use crate::day::Day;
use crate::definition::Measure;
use crate::directory::{Directory, Viewpoint};
use crate::returns::Returns;

/// A count that says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Which figure.
    pub measure: Measure,
    /// The count.
    pub value: u64,
    /// What it is a part of.
    pub denominator: Option<Denominator>,
    /// Practices that should have contributed and of which nothing is known.
    pub practices_without_data: u64,
}

/// What a figure is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denominator {
    /// Which figure.
    pub measure: Measure,
    /// The whole.
    pub value: u64,
    /// Who counted it.
    pub source: String,
    /// The day of which it is, the earliest where practices differ; None where nobody counted.
    pub as_at: Option<Date>,
}

/// The figures of one area at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stocks {
    /// Practices live.
    pub practices_live: Figure,
    /// Practices open.
    pub practices_total: Figure,
    /// Patients registered.
    pub patients_registered: Figure,
    /// Patients with access.
    pub patients_with_access: Figure,
    /// What the viewers are a part of: the patients with access, by those who counted them.
    pub viewers_of: Denominator,
}

/// Who counts practices.
pub(crate) const REGISTRY: &str = "practice registry";

/// One practice's count, who counted it, and of which day it is, where that is known.
pub(crate) type Counted<'a> = (u64, &'a str, Option<Date>);

/// Most sources that a denominator names; further ones are "and others".
const SOURCES_NAMED_MAX: usize = 3;

/// Running sums over the practices of an area.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums<'a> {
    pub(crate) practices: u64,
    pub(crate) live: u64,
    pub(crate) registered: Sum<'a>,
    pub(crate) with_access: Sum<'a>,
}

/// A sum of what others counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum<'a> {
    value: u64,
    missing: u64,
    sources: BTreeSet<&'a str>,
    last_source: Option<&'a str>,
    as_at: Option<Date>,
}

impl Stocks {
    /// Works out the figures of an area.
    #[must_use]
    pub fn of(area: &Area, from: &Viewpoint, directory: &Directory, returns: &Returns) -> Self {
        let day = Day::of(from.as_at);
        let returns = returns.of_capability(&from.capability);
        let mut sums = Sums::default();
        for practice in directory.open_in(area, from) {
            sums.practices += 1;
            let list = practice.list_size.map(|list| (list.patients, list.source.as_str(), list.as_at));
            sums.registered.add(list);
            // Only from live practices: accounts elsewhere show nobody a prospective record.
            if practice.is_live {
                sums.live += 1;
                let latest = returns.and_then(|returns| returns.latest(practice.code, day, from.known_at));
                sums.with_access.add(latest.map(|(end, revision)| {
                    (revision.figures.accounts_with_access, revision.supplier.as_str(), Some(end))
                }));
            }
        }
        sums.into_stocks(day)
    }
}

impl Denominator {
    /// So many practices, open on a day.
    pub(crate) fn practices(value: u64, day: Day) -> Self {
        Self { measure: Measure::PracticesTotal, value, source: REGISTRY.to_owned(), as_at: Some(day.date()) }
    }
}

impl<'a> Sum<'a> {
    /// Adds one practice's count; None where nobody counted.
    pub(crate) fn add(&mut self, counted: Option<Counted<'a>>) {
        let Some((value, source, as_at)) = counted else {
            self.miss(1);
            return;
        };
        self.value += value;
        // Nearly always the one before's.
        if self.last_source != Some(source) {
            self.sources.insert(source);
            self.last_source = Some(source);
        }
        self.as_at = match (self.as_at, as_at) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
    }

    /// Adds practices of which nobody counted.
    pub(crate) fn miss(&mut self, practices: u64) {
        self.missing += practices;
    }

    /// How many there are.
    pub(crate) fn value(&self) -> u64 {
        self.value
    }

    /// How many did not count.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }

    pub(crate) fn denominator(&self, measure: Measure) -> Denominator {
        let mut named: Vec<&str> = self.sources.iter().copied().take(SOURCES_NAMED_MAX).collect();
        if self.sources.len() > SOURCES_NAMED_MAX {
            named.push("others");
        }
        Denominator { measure, value: self.value, source: named.join(", "), as_at: self.as_at }
    }
}

impl Sums<'_> {
    pub(crate) fn into_stocks(self, day: Day) -> Stocks {
        let total = Denominator::practices(self.practices, day);
        let figure = |measure, value, denominator, practices_without_data| Figure {
            measure,
            value,
            denominator,
            practices_without_data,
        };
        let Self { practices, live, registered, with_access } = &self;
        Stocks {
            practices_live: figure(Measure::PracticesLive, *live, Some(total), 0),
            practices_total: figure(Measure::PracticesTotal, *practices, None, 0),
            patients_registered: figure(Measure::PatientsRegistered, registered.value, None, registered.missing),
            patients_with_access: figure(
                Measure::PatientsWithAccess,
                with_access.value,
                Some(registered.denominator(Measure::PatientsRegistered)),
                with_access.missing,
            ),
            viewers_of: with_access.denominator(Measure::PatientsWithAccess),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ods::Capability;

    use super::*;
    use crate::directory::Told;
    use crate::fact::Fact;
    use crate::place::{Place, PracticeStanding};
    use crate::returns::{Figures, ReturnsEvent};
    use crate::testing::{access, code, date, list_size, moment, place, submission};

    fn tell(directory: &mut Directory, practice: u32, hours: i64, value: Told) {
        directory.tell(code(practice), Fact { effective_from: moment(hours), recorded_at: moment(hours), value });
    }

    fn return_accounts(returns: &mut Returns, practice: u32, day: i32, accounts_with_access: u64) {
        let figures = Figures { accounts_with_access, ..Figures::default() };
        let event = ReturnsEvent::ReturnsSubmitted {
            submission: submission(date(day)),
            returns: vec![(code(practice), figures)],
        };
        returns.apply(&event, moment(i64::from(day) * 24 + 12));
    }

    /// Four practices in two ICBs: 1 live from day 10 to 20, 2 live from day 15, 3 never, 4 closed from day 12 on.
    fn world() -> (Directory, Returns) {
        let mut directory = Directory::default();
        for (practice, icb, supplier, patients) in
            [(1, "QHM", "EMIS", 1_000), (2, "QHM", "TPP", 2_000), (3, "QE1", "TPP", 4_000), (4, "QE1", "TPP", 8_000)]
        {
            tell(&mut directory, practice, 0, Told::Place(place(icb, supplier)));
            tell(&mut directory, practice, 0, list_size(patients, Some(date(practice as i32))));
        }
        let closing = Place { standing: PracticeStanding::Closed, close_date: Some(date(12)), ..place("QE1", "TPP") };
        tell(&mut directory, 4, 24 * 11, Told::Place(closing));
        tell(&mut directory, 1, 24 * 10, access(true));
        tell(&mut directory, 2, 24 * 15, access(true));
        tell(&mut directory, 1, 24 * 20, access(false));

        let mut returns = Returns::default();
        // A supplier counts accounts at practices that are not live, too: nobody sees a prospective record there.
        for (practice, accounts) in [(1, 300), (2, 700), (3, 50)] {
            return_accounts(&mut returns, practice, 14, accounts);
        }
        return_accounts(&mut returns, 2, 18, 750);
        (directory, returns)
    }

    fn stocks(area: &str, day: i64, known_day: i64) -> Stocks {
        let (directory, returns) = world();
        let from =
            Viewpoint { as_at: moment(24 * day), known_at: moment(24 * known_day), capability: Capability::default() };
        Stocks::of(&area.parse().unwrap(), &from, &directory, &returns)
    }

    fn values(area: &str, day: i64) -> [u64; 4] {
        let stocks = stocks(area, day, 99);
        [&stocks.practices_live, &stocks.practices_total, &stocks.patients_registered, &stocks.patients_with_access]
            .map(|figure| figure.value)
    }

    #[test]
    fn figures_are_those_of_their_moment_and_area() {
        assert_eq!(values("england", 9), [0, 4, 15_000, 0]);
        assert_eq!(values("england", 16), [2, 3, 7_000, 1_000]);
        assert_eq!(values("england", 19), [2, 3, 7_000, 1_050]);
        assert_eq!(values("england", 21), [1, 3, 7_000, 750]);
        assert_eq!(values("icbs/QHM", 16), [2, 2, 3_000, 1_000]);
        assert_eq!(values("icbs/QE1", 16), [0, 1, 4_000, 0]);
        assert_eq!(values("suppliers/TPP", 16), [1, 2, 6_000, 700]);
        assert_eq!(values("practices/A00001", 16), [1, 1, 1_000, 300]);
        assert_eq!(values("practices/A00009", 16), [0, 0, 0, 0]);
        assert_eq!(values("regions/Y63", 16), values("england", 16));
    }

    #[test]
    fn only_what_was_known_counts() {
        let live = |known_day| stocks("england", 21, known_day).practices_live.value;
        assert_eq!([live(9), live(12), live(16), live(21)], [0, 1, 2, 1]);
        assert_eq!(stocks("england", 19, 16).patients_with_access.value, 1_000);
    }

    #[test]
    fn every_part_names_its_whole_with_source_and_date() {
        let stocks = stocks("england", 16, 99);
        let denominator = |figure: &Figure| {
            let whole = figure.denominator.as_ref().unwrap();
            (whole.measure, whole.value, whole.source.clone(), whole.as_at)
        };
        assert_eq!(
            denominator(&stocks.practices_live),
            (Measure::PracticesTotal, 3, "practice registry".to_owned(), Some(date(16)))
        );
        assert_eq!(
            denominator(&stocks.patients_with_access),
            (Measure::PatientsRegistered, 7_000, "list".to_owned(), Some(date(1)))
        );
        let whole = &stocks.viewers_of;
        assert_eq!((whole.value, whole.source.as_str(), whole.as_at), (1_000, "EMIS", Some(date(14))));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let stocks = stocks("england", 11, 99);
        assert_eq!(stocks.practices_live.value, 1);
        assert_eq!((stocks.patients_with_access.value, stocks.patients_with_access.practices_without_data), (0, 1));
        let (mut directory, returns) = world();
        let first =
            Fact { effective_from: Timestamp::MIN, recorded_at: moment(0), value: Told::Place(place("QE1", "TPP")) };
        directory.tell(code(5), first);
        let from = Viewpoint { as_at: moment(1), known_at: moment(1), capability: Capability::default() };
        let stocks = Stocks::of(&Area::England, &from, &directory, &returns);
        assert_eq!((stocks.practices_total.value, stocks.patients_registered.practices_without_data), (5, 1));
    }
}
