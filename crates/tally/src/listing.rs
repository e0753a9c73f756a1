//! Returns one by one, as they were recorded: which revision, by whom, and until when it was the last known.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, PracticeCode, Supplier};

use crate::returns::{Returns, Revision};

/// Which returns are listed.
#[derive(Clone, Debug)]
pub struct ReturnsQuery {
    /// Of which capability.
    pub capability: Capability,
    /// Only of this practice.
    pub practice: Option<PracticeCode>,
    /// Only of this supplier.
    pub supplier: Option<Supplier>,
    /// Only of periods that end on this day or later.
    pub from: Date,
    /// Only of periods that end on this day or earlier.
    pub to: Date,
    /// By what had been recorded at this moment.
    pub known_at: Timestamp,
    /// Also what a later one took the place of.
    pub all_revisions: bool,
    /// Only after this one.
    pub after: Option<ReturnPlace>,
}

/// Where a return stands in a list: practice, last day of the period, revision from 1.
pub type ReturnPlace = (PracticeCode, Date, usize);

/// A return in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedReturn<'a> {
    /// Which.
    pub place: ReturnPlace,
    /// What was recorded.
    pub revision: &'a Revision,
    /// When another took its place, as far as was known.
    pub superseded_at: Option<Timestamp>,
}

/// The returns that a query asks for, by practice, period and revision.
pub fn list<'a>(returns: &'a Returns, query: &'a ReturnsQuery) -> impl Iterator<Item = ListedReturn<'a>> {
    let first = query.practice.or(query.after.map(|(practice, _, _)| practice));
    let periods = returns.periods(&query.capability, first);
    let periods = periods.take_while(|(practice, _, _)| query.practice.is_none_or(|only| *practice == only));
    let periods = periods.filter(|(_, end, _)| (query.from..=query.to).contains(end));
    let listed = periods.flat_map(|(practice, end, revisions)| {
        let known = revisions.partition_point(|revision| revision.recorded_at <= query.known_at);
        let first = if query.all_revisions { 0 } else { known.saturating_sub(1) };
        (first..known).map(move |index| ListedReturn {
            place: (practice, end, index + 1),
            revision: &revisions[index],
            superseded_at: revisions[..known].get(index + 1).map(|next| next.recorded_at),
        })
    });
    let is_wanted = |listed: &ListedReturn<'_>| {
        query.after.is_none_or(|after| after < listed.place)
            && query.supplier.as_ref().is_none_or(|only| *only == listed.revision.supplier)
    };
    listed.filter(is_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::returns::{Figures, Sender, SubmitReturns};
    use crate::testing::{code, date, moment, submission};

    fn submit(returns: &mut Returns, end: i32, accounts: &[(u32, u64)], hours: i64, by: &str) {
        let sender = Sender { account: by.to_owned(), reason_code: "CORRECTION".to_owned() };
        let figures = |accounts_with_access| Figures { accounts_with_access, ..Figures::default() };
        let command = SubmitReturns {
            submission: crate::Submission { sender: Some(sender), ..submission(date(end)) },
            returns: accounts.iter().map(|(practice, accounts)| (code(*practice), figures(*accounts))).collect(),
        };
        for event in returns.decide(&command, moment(hours)).unwrap() {
            returns.apply(&event, moment(hours));
        }
    }

    fn world() -> Returns {
        let mut returns = Returns::default();
        submit(&mut returns, 10, &[(1, 100), (2, 50)], 24 * 11, "emis");
        submit(&mut returns, 20, &[(1, 200)], 24 * 21, "emis");
        submit(&mut returns, 10, &[(1, 90), (2, 50)], 24 * 40, "nora");
        returns
    }

    fn everything(known_days: i64) -> ReturnsQuery {
        ReturnsQuery {
            capability: Capability::default(),
            practice: None,
            supplier: None,
            from: Date::MIN,
            to: Date::MAX,
            known_at: moment(24 * known_days),
            all_revisions: true,
            after: None,
        }
    }

    /// Practice, day of the period's end, revision, accounts, by whom, and whether it was superseded.
    fn told(returns: &Returns, query: &ReturnsQuery) -> Vec<(u32, usize, u64, String, bool)> {
        let row = |listed: ListedReturn<'_>| {
            let (practice, _, revision) = listed.place;
            let number = practice.as_str()[1..].parse().unwrap();
            let by = listed.revision.sender.as_ref().unwrap().account.clone();
            let accounts = listed.revision.figures.accounts_with_access;
            (number, revision, accounts, by, listed.superseded_at.is_some())
        };
        list(returns, query).map(row).collect()
    }

    #[test]
    fn every_revision_says_who_sent_it_and_whether_another_took_its_place() {
        let (emis, nora) = ("emis".to_owned(), "nora".to_owned());
        let all = [(1, 1, 100, emis.clone(), true), (1, 2, 90, nora, false), (1, 1, 200, emis.clone(), false)];
        let told_all = told(&world(), &everything(99));
        assert_eq!(told_all[..3], all);
        assert_eq!(told_all[3..], [(2, 1, 50, emis, false)], "what said the same again is no revision");
    }

    #[test]
    fn what_was_known_before_a_correction_is_listed_as_it_was() {
        let accounts = |query: &ReturnsQuery| -> Vec<u64> { told(&world(), query).iter().map(|row| row.2).collect() };
        let latest = |known| ReturnsQuery { all_revisions: false, ..everything(known) };
        assert_eq!(accounts(&latest(10)), [0_u64; 0]);
        assert_eq!(accounts(&latest(39)), [100, 200, 50]);
        assert_eq!(accounts(&latest(40)), [90, 200, 50]);
        assert_eq!(accounts(&everything(39)), [100, 200, 50]);
        assert!(!told(&world(), &everything(39))[0].4, "nobody knew of the correction");
    }

    #[test]
    fn a_list_goes_on_after_any_of_its_rows_and_keeps_to_its_filters() {
        let world = world();
        let all: Vec<ReturnPlace> = list(&world, &everything(99)).map(|listed| listed.place).collect();
        for (index, after) in all.iter().enumerate() {
            let query = ReturnsQuery { after: Some(*after), ..everything(99) };
            let rest: Vec<ReturnPlace> = list(&world, &query).map(|listed| listed.place).collect();
            assert_eq!(rest, all[index + 1..]);
        }
        let of_second = ReturnsQuery { practice: Some(code(2)), ..everything(99) };
        assert_eq!(told(&world, &of_second).len(), 1);
        let later = ReturnsQuery { from: date(11), ..everything(99) };
        assert_eq!(told(&world, &later).len(), 1);
        let of_others = ReturnsQuery { supplier: Some("TPP".parse().unwrap()), ..everything(99) };
        assert_eq!(told(&world, &of_others).len(), 0);
    }
}
