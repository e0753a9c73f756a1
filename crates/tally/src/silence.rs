//! Practices that are live and where nobody looks at a record: perhaps nobody can.
//!
//! That nothing was heard of a practice says something only where it would have been heard: its supplier has told of views
//! at other practices to the end. What follows from silence is the registry's, and a person's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};

use crate::area::Area;
use crate::day::Day;
use crate::directory::{Directory, Viewpoint};
use crate::period::Period;

/// A supplier of which nothing was heard on these last days is not heard at present: a weekend and a day, since few look
/// at their records on a Sunday, and none of a small supplier's patients perhaps.
const HEARD_DAYS: i32 = 3;

/// What is news about silence, by practice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Live at both ends of the period, heard of not once in it, and not signalled yet.
    pub begun: Vec<PracticeCode>,
    /// Signalled, and heard of again or no longer live.
    pub over: Vec<PracticeCode>,
}

impl Silence {
    /// By what was known at `known_at`. `viewed_last` has the last day of the period on which a record was viewed, by
    /// practice; whoever is not in it was not heard of.
    #[must_use]
    pub fn of(
        directory: &Directory,
        capability: &Capability,
        period: Period,
        known_at: Timestamp,
        viewed_last: &BTreeMap<PracticeCode, Day>,
    ) -> Self {
        let at = |as_at| Viewpoint { as_at, known_at, capability: capability.clone() };
        let (start, end) = (at(period.start().start()), at(period.end().end()));
        let live: BTreeMap<PracticeCode, Option<&Supplier>> = directory
            .open_in(&Area::England, &end)
            .filter(|practice| practice.is_live)
            .map(|practice| (practice.code, practice.place.supplier.as_ref()))
            .collect();
        let heard_from = period.end().plus(1 - HEARD_DAYS);
        let heard: BTreeSet<&Supplier> = viewed_last
            .iter()
            .filter(|(_, day)| **day >= heard_from)
            .filter_map(|(practice, _)| *live.get(practice)?)
            .collect();
        let mut silence = Self::default();
        for (code, record) in directory.records() {
            let viewed = viewed_last.contains_key(&code);
            if record.is_signalled(capability) {
                if viewed || !live.contains_key(&code) {
                    silence.over.push(code);
                }
                continue;
            }
            let supplier_is_heard = live.get(&code).copied().flatten().is_some_and(|supplier| heard.contains(supplier));
            let was_live = || record.view(code, &start).is_some_and(|practice| practice.is_live);
            if supplier_is_heard && !viewed && was_live() {
                silence.begun.push(code);
            }
        }
        silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Told;
    use crate::fact::Fact;
    use crate::testing::{access, code, date, moment, place};

    fn tell(directory: &mut Directory, practice: u32, hours: i64, value: Told) {
        directory.tell(code(practice), Fact { effective_from: moment(hours), recorded_at: moment(hours), value });
    }

    fn signal(is_raised: bool) -> Told {
        Told::NoViewers { capability: Capability::default(), is_raised }
    }

    /// The first three of EMIS and the fourth of TPP, all live from the first day on; the period is that of days 10 to 40.
    fn four() -> Directory {
        let mut directory = Directory::default();
        for practice in 1..=4 {
            tell(&mut directory, practice, 0, Told::Place(place("QHM", if practice == 4 { "TPP" } else { "EMIS" })));
            tell(&mut directory, practice, 1, access(true));
        }
        directory
    }

    fn silence(directory: &Directory, viewed: &[(u32, i32)]) -> (Vec<u32>, Vec<u32>) {
        let period = Period::new(date(10).into(), date(40).into()).unwrap();
        let viewed_last = viewed.iter().map(|(practice, day)| (code(*practice), Day::from(date(*day)))).collect();
        let news = Silence::of(directory, &Capability::default(), period, moment(24 * 42), &viewed_last);
        let numbers = |codes: &[PracticeCode]| -> Vec<u32> {
            codes.iter().map(|code| code.as_str()[1..].parse().unwrap()).collect()
        };
        (numbers(&news.begun), numbers(&news.over))
    }

    #[test]
    fn who_is_live_and_not_heard_of_is_silent_where_the_supplier_is_heard() {
        assert_eq!(silence(&four(), &[(1, 40)]), (vec![2, 3], vec![]), "nothing is heard of TPP at all");
        assert_eq!(silence(&four(), &[(1, 37)]), (vec![], vec![]), "EMIS has told of nothing for three days");
        assert_eq!(silence(&four(), &[(1, 38), (2, 10)]), (vec![3], vec![]), "one view is enough");
        assert_eq!(silence(&four(), &[]), (vec![], vec![]));
    }

    #[test]
    fn who_was_not_live_all_along_is_not_silent() {
        let mut directory = four();
        tell(&mut directory, 5, 0, Told::Place(place("QHM", "EMIS")));
        tell(&mut directory, 5, 24 * 20, access(true));
        tell(&mut directory, 2, 24 * 30, access(false));
        assert_eq!(silence(&directory, &[(1, 40)]), (vec![3], vec![]));
    }

    #[test]
    fn silence_is_signalled_once_and_is_over_when_somebody_looks_or_it_is_no_longer_live() {
        let mut directory = four();
        for practice in 2..=4 {
            tell(&mut directory, practice, 24 * 35, signal(true));
        }
        assert_eq!(silence(&directory, &[(1, 40)]), (vec![], vec![]), "nor over because a supplier is not heard");
        assert_eq!(silence(&directory, &[(1, 40), (3, 39)]), (vec![], vec![3]));
        tell(&mut directory, 2, 24 * 36, access(false));
        assert_eq!(silence(&directory, &[(1, 40)]), (vec![], vec![2]));
        tell(&mut directory, 3, 24 * 37, signal(false));
        assert_eq!(silence(&directory, &[(1, 40)]), (vec![3], vec![2]));
    }
}
