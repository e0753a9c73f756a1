//! Where suppliers' returns contradict the registry at the end of a period, or the events on its days.
//!
//! It says what differs and judges nobody: which of the two is wrong, somebody has to find out.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use crate::area::Area;
use crate::day::Day;
use crate::directory::{Directory, PracticeView, Viewpoint};
use crate::listing::{self, ReturnsQuery};
use crate::returns::{Returns, Revision};

/// What can differ. Ordered as differences are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// Accounts with access at a practice that is open and not live: they show nobody a record.
    NotLive,
    /// A live practice without a return.
    NoReturn,
    /// A return of another supplier than the registry names.
    OtherSupplier,
    /// A return for a practice that the registry does not know, or that was not open.
    NotOpen,
    /// More accounts with access than patients on the registry's list.
    AboveList,
    /// The accounts changed by another count than events tell of.
    EventsDiffer,
}

/// One contradiction, with both sides of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub practice: PracticeCode,
    /// Which.
    pub kind: DifferenceKind,
    /// Its supplier, by the registry.
    pub registry_supplier: Option<Supplier>,
    /// Patients on its list, by the registry's source.
    pub patients_registered: Option<u64>,
    /// Who returned, the last day of the returned period, and the accounts with access.
    pub returned: Option<(Supplier, Date, u64)>,
    /// By how much the accounts changed since the return before, and by how much by events; where they differ.
    pub changes: Option<(i64, i64)>,
}

/// Access granted less access withdrawn, by practice and day; days without either are not there.
pub type AccessChanges = BTreeMap<PracticeCode, BTreeMap<Day, i64>>;

/// How far back the return before is looked for: a supplier returns monthly, and one may be missed.
pub const RETURN_BEFORE_DAYS_MAX: i32 = 62;

/// What differs in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// By practice and kind.
    pub differences: Vec<Difference>,
    /// Practices with a return of a period that ends in this one.
    pub returned_count: u64,
    /// Practices live at its end.
    pub live_count: u64,
}

/// Compares the returns of periods that end on these days with the registry as at `from`, the end of the last of them, in one
/// area, and with events of these days and the [`RETURN_BEFORE_DAYS_MAX`] before. Practices that were not open lie in England only.
#[must_use]
pub fn reconcile(
    days: &RangeInclusive<Day>,
    area: &Area,
    from: &Viewpoint,
    directory: &Directory,
    returns: &Returns,
    events: &AccessChanges,
) -> Reconciliation {
    let query = ReturnsQuery {
        capability: from.capability.clone(),
        practice: None,
        supplier: None,
        from: days.start().date(),
        to: days.end().date(),
        known_at: from.known_at,
        all_revisions: false,
        after: None,
    };
    // Of several periods that end in this one the last counts.
    let mut returned: BTreeMap<PracticeCode, (Date, &Revision)> = BTreeMap::new();
    for listed in listing::list(returns, &query) {
        let (practice, end, _) = listed.place;
        returned.insert(practice, (end, listed.revision));
    }
    let mut found = Reconciliation::default();
    for practice in directory.open_in(area, from) {
        let latest = returned.remove(&practice.code);
        found.compare(&practice, latest);
        if let Some(changes) = latest.and_then(|latest| changes(practice.code, latest, from, returns, events)) {
            let differing = difference(practice.code, DifferenceKind::EventsDiffer, Some(&practice), latest);
            found.differences.push(Difference { changes: Some(changes), ..differing });
        }
    }
    if *area == Area::England {
        for (practice, latest) in returned {
            found.returned_count += 1;
            found.differences.push(difference(practice, DifferenceKind::NotOpen, None, Some(latest)));
        }
    }
    found.differences.sort_by_key(|difference| (difference.practice, difference.kind));
    found
}

impl Reconciliation {
    fn compare(&mut self, practice: &PracticeView<'_>, returned: Option<(Date, &Revision)>) {
        self.live_count += u64::from(practice.is_live);
        self.returned_count += u64::from(returned.is_some());
        let mut differ = |kind| self.differences.push(difference(practice.code, kind, Some(practice), returned));
        let Some((_, revision)) = returned else {
            if practice.is_live {
                differ(DifferenceKind::NoReturn);
            }
            return;
        };
        let accounts = revision.figures.accounts_with_access;
        if accounts > 0 && !practice.is_live {
            differ(DifferenceKind::NotLive);
        }
        if practice.place.supplier.as_ref().is_some_and(|supplier| *supplier != revision.supplier) {
            differ(DifferenceKind::OtherSupplier);
        }
        if practice.list_size.is_some_and(|list| accounts > list.patients) {
            differ(DifferenceKind::AboveList);
        }
    }
}

fn difference(
    code: PracticeCode,
    kind: DifferenceKind,
    practice: Option<&PracticeView<'_>>,
    returned: Option<(Date, &Revision)>,
) -> Difference {
    Difference {
        practice: code,
        kind,
        registry_supplier: practice.and_then(|practice| practice.place.supplier.clone()),
        patients_registered: practice.and_then(|practice| practice.list_size).map(|list| list.patients),
        returned: returned
            .map(|(end, revision)| (revision.supplier.clone(), end, revision.figures.accounts_with_access)),
        changes: None,
    }
}

/// By how much accounts changed since the return before, and by how much by events; None where they agree, where there is no such
/// return of the same supplier, or where no event of the days in between is known.
fn changes(
    practice: PracticeCode,
    (end, revision): (Date, &Revision),
    from: &Viewpoint,
    returns: &Returns,
    events: &AccessChanges,
) -> Option<(i64, i64)> {
    let last = Day::from(end);
    let (before, earlier) = returns.latest(&from.capability, practice, last.plus(-1), from.known_at)?;
    if earlier.supplier != revision.supplier || Day::from(before) < last.plus(-RETURN_BEFORE_DAYS_MAX) {
        return None;
    }
    let mut days = events.get(&practice)?.range(Day::from(before).plus(1)..=last).map(|(_, change)| *change).peekable();
    days.peek()?;
    let events_change: i64 = days.sum();
    // Both are far below 2^63.
    let count = |revision: &Revision| i64::try_from(revision.figures.accounts_with_access).unwrap_or(i64::MAX);
    let accounts_change = count(revision) - count(earlier);
    (accounts_change != events_change).then_some((accounts_change, events_change))
}

#[cfg(test)]
mod tests {
    use ods::Capability;

    use super::*;
    use crate::directory::Told;
    use crate::fact::Fact;
    use crate::returns::{Figures, ReturnsEvent, Submission};
    use crate::testing::{access, code, date, list_size, moment, place, submission};

    fn tell(directory: &mut Directory, practice: u32, value: Told) {
        directory.tell(code(practice), Fact { effective_from: moment(0), recorded_at: moment(0), value });
    }

    fn submit(returns: &mut Returns, supplier: &str, end: i32, accounts: &[(u32, u64)], day: i64) {
        let figures = |accounts_with_access| Figures { accounts_with_access, ..Figures::default() };
        let submission = Submission { supplier: supplier.parse().unwrap(), ..submission(date(end)) };
        let returned = accounts.iter().map(|(practice, accounts)| (code(*practice), figures(*accounts))).collect();
        returns.apply(&ReturnsEvent::ReturnsSubmitted { submission, returns: returned }, moment(24 * day));
    }

    /// 1 and 2 agree with their returns; 3 is live without one, 4 is off with accounts, 5 off without any, 6 of TPP and returned by
    /// EMIS, 7 has more accounts than patients, and 9 is not in the registry.
    fn world() -> (Directory, Returns) {
        let mut directory = Directory::default();
        for practice in 1..=7 {
            let supplier = if practice == 6 { "TPP" } else { "EMIS" };
            tell(&mut directory, practice, Told::Place(place(if practice == 4 { "QE1" } else { "QHM" }, supplier)));
            tell(&mut directory, practice, access(practice != 4 && practice != 5));
            tell(&mut directory, practice, list_size(1_000, None));
        }
        let mut returns = Returns::default();
        submit(&mut returns, "EMIS", 12, &[(1, 9), (2, 9), (4, 50), (5, 0), (6, 9), (7, 1_001), (9, 1)], 13);
        (directory, returns)
    }

    fn differences(area: &str, known_day: i64) -> Vec<(u32, DifferenceKind)> {
        let (directory, mut returns) = world();
        // A correction of the period that came later.
        submit(&mut returns, "EMIS", 12, &[(4, 0), (7, 900)], 40);
        let from = Viewpoint {
            as_at: Day::from(date(20)).end(),
            known_at: moment(24 * known_day),
            capability: Capability::default(),
        };
        let days = Day::from(date(10))..=Day::from(date(20));
        let found = reconcile(&days, &area.parse().unwrap(), &from, &directory, &returns, &AccessChanges::new());
        let number = |code: PracticeCode| code.as_str()[1..].parse().unwrap();
        found.differences.iter().map(|difference| (number(difference.practice), difference.kind)).collect()
    }

    #[test]
    fn each_contradiction_is_listed_once_and_agreement_is_not() {
        use DifferenceKind::*;
        let all = [(3, NoReturn), (4, NotLive), (6, OtherSupplier), (7, AboveList), (9, NotOpen)];
        assert_eq!(differences("england", 30), all);
        assert_eq!(differences("icbs/QHM", 30), [(3, NoReturn), (6, OtherSupplier), (7, AboveList)]);
    }

    #[test]
    fn a_correction_takes_differences_away_once_it_is_known() {
        use DifferenceKind::*;
        assert_eq!(differences("england", 40), [(3, NoReturn), (6, OtherSupplier), (9, NotOpen)]);
    }

    #[test]
    fn of_a_period_without_returns_every_live_practice_lacks_one() {
        let (directory, returns) = world();
        let from = Viewpoint { as_at: moment(24 * 60), known_at: moment(24 * 99), capability: Capability::default() };
        let days = Day::from(date(30))..=Day::from(date(59));
        let found = reconcile(&days, &Area::England, &from, &directory, &returns, &AccessChanges::new());
        assert_eq!((found.live_count, found.returned_count, found.differences.len()), (5, 0, 5));
        assert!(found.differences.iter().all(|difference| difference.kind == DifferenceKind::NoReturn));
    }

    #[test]
    fn of_several_returns_in_a_period_the_last_counts() {
        let (directory, mut returns) = world();
        submit(&mut returns, "EMIS", 19, &[(4, 0)], 20);
        let from = Viewpoint {
            as_at: Day::from(date(20)).end(),
            known_at: moment(24 * 30),
            capability: Capability::default(),
        };
        let days = Day::from(date(10))..=Day::from(date(20));
        let area = "practices/A00004".parse().unwrap();
        let found = reconcile(&days, &area, &from, &directory, &returns, &AccessChanges::new());
        assert_eq!((found.differences.len(), found.returned_count), (0, 1));
    }

    /// Practice 1 had 9 accounts on day 12; on day 40 it returns `accounts`. By how much they changed, by both sides.
    fn events_differ(accounts: u64, end: i32, events: &[(i32, i64)]) -> Option<(i64, i64)> {
        let (directory, mut returns) = world();
        submit(&mut returns, "EMIS", end, &[(1, accounts)], i64::from(end));
        let known = events.iter().map(|(day, change)| (Day::from(date(*day)), *change)).collect();
        let events = AccessChanges::from([(code(1), known)]);
        let from = Viewpoint {
            as_at: Day::from(date(end)).end(),
            known_at: moment(24 * 99),
            capability: Capability::default(),
        };
        let days = Day::from(date(end - 20))..=Day::from(date(end));
        let found = reconcile(&days, &"practices/A00001".parse().unwrap(), &from, &directory, &returns, &events);
        found.differences.first().map(|difference| {
            assert_eq!(difference.kind, DifferenceKind::EventsDiffer);
            difference.changes.unwrap()
        })
    }

    #[test]
    fn accounts_change_by_what_events_tell_since_the_return_before() {
        // Events of the day of the return before are in it; those after the day of this one are not.
        let events = [(12, 100), (13, 20), (20, -4), (40, 1), (41, 100)];
        assert_eq!(events_differ(26, 40, &events), None);
        assert_eq!(events_differ(25, 40, &events), Some((16, 17)));
        assert_eq!(events_differ(5, 40, &[(20, -3)]), Some((-4, -3)));
    }

    #[test]
    fn where_no_event_of_these_days_is_known_nothing_is_said() {
        assert_eq!(events_differ(500, 40, &[(12, 5), (41, 5)]), None);
        assert_eq!(events_differ(500, 80, &[(50, 5)]), None, "the return before is too old");
    }
}
