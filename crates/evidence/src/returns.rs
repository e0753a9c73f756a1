//! Returns, held against what their senders remember: acknowledged ⊆ recorded ⊆ sent, none twice, and in the order in which they were
//! sent, so that no correction is undone by what it corrected.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::record::{Recorded, Unreadable};

const JOURNAL: &str = "statistics";

/// The kind of a record of returns.
const RETURNS: &str = "returns-submitted";

/// A submission as its sender remembers it. No two of a sender say the same of a practice: what is no news is not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentReturns {
    /// Who sent it, one after the other.
    pub sender: String,
    /// Its id.
    pub request_id: String,
    /// Accounts with access, by practice.
    pub accounts: BTreeMap<String, u64>,
    /// The position that the answer said; None where there was no answer.
    pub acknowledged: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Submitted {
    returns: Vec<(String, Figures)>,
}

#[derive(Debug, Deserialize)]
struct Figures {
    accounts_with_access: u64,
}

/// What is wrong with the journal of statistics, in words. `sent` is in the order in which it was sent.
///
/// # Errors
/// Where a record of returns cannot be read.
pub fn returns_breaches(sent: &[SentReturns], journal: &[Recorded]) -> Result<Vec<String>, Unreadable> {
    let mut breaches = Vec::new();
    let mut positions: BTreeMap<&str, u64> = BTreeMap::new();
    for record in journal.iter().filter(|record| record.kind == RETURNS) {
        let (id, position) = (record.request_id.as_str(), record.position);
        let Some(Submitted { returns }) = record.event(JOURNAL)? else { continue };
        if let Some(before) = positions.insert(id, position) {
            breaches.push(format!("returns {id} are recorded twice, at {before} and {position}"));
        }
        let accounts =
            returns.into_iter().map(|(practice, figures)| (practice, figures.accounts_with_access)).collect();
        match sent.iter().find(|one| one.request_id == id) {
            None => breaches.push(format!("returns {id} at {position} were sent by nobody")),
            Some(one) if one.accounts != accounts => {
                breaches.push(format!("returns {id} at {position} are not as they were sent: {accounts:?}"));
            }
            Some(_) => {}
        }
    }
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for one in sent {
        let id = one.request_id.as_str();
        let recorded = positions.get(id).copied();
        if let Some(said) = one.acknowledged.filter(|said| recorded != Some(*said)) {
            breaches.push(format!("returns {id} were acknowledged at {said} and are at {recorded:?}"));
        }
        if let Some(position) = recorded {
            let before = last.insert(&one.sender, position).unwrap_or(0);
            if position < before {
                breaches.push(format!("returns {id} at {position} were sent after those at {before}"));
            }
        }
    }
    Ok(breaches)
}

/// What is wrong with the revisions of practices' returns, in words: nothing, where of each practice all that was acknowledged is there, in
/// the order in which it was sent, so that the first is kept, and nothing else but what was sent. `sent` is in that order; `told` has
/// the accounts with access of each revision. Returns of one practice are told apart by their accounts: no two have as many.
pub fn revisions_breaches(sent: &[SentReturns], told: &BTreeMap<String, Vec<u64>>) -> Vec<String> {
    let mut expected: BTreeMap<&str, Vec<(u64, bool)>> = told.keys().map(|code| (code.as_str(), Vec::new())).collect();
    for one in sent {
        for (practice, accounts) in &one.accounts {
            expected.entry(practice).or_default().push((*accounts, one.acknowledged.is_some()));
        }
    }
    let mut breaches = Vec::new();
    for (practice, expected) in expected {
        let told = told.get(practice).map_or(&[][..], Vec::as_slice);
        let mut rest = told;
        let mut is_lost = false;
        for (accounts, is_acknowledged) in &expected {
            match rest.split_first() {
                Some((first, others)) if first == accounts => rest = others,
                _ => is_lost |= is_acknowledged,
            }
        }
        if is_lost || !rest.is_empty() {
            breaches.push(format!("{practice} has the revisions {told:?}, of {expected:?} that were sent"));
        }
    }
    breaches
}

/// What is wrong with the accounts with access that a gate is told, by practice, in words: nothing, where each is the last of the
/// practice's `revisions`, and none where it has none. A practice of which a gate is told nothing at all has lost its returns.
pub fn latest_returns_breaches(
    revisions: &BTreeMap<String, Vec<u64>>,
    told: &BTreeMap<String, Option<u64>>,
) -> Vec<String> {
    let mut breaches = Vec::new();
    let practices: BTreeSet<&String> = revisions.keys().chain(told.keys()).collect();
    for practice in practices {
        let accounts = told.get(practice).copied().flatten();
        let last = revisions.get(practice).and_then(|revisions| revisions.last()).copied();
        if last != accounts {
            breaches
                .push(format!("a gate is told of {accounts:?} accounts at {practice}, and its returns say {last:?}"));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: u64, acknowledged: Option<u64>) -> SentReturns {
        SentReturns {
            sender: "EMIS".to_owned(),
            request_id: format!("return-{number}"),
            accounts: BTreeMap::from([("A81001".to_owned(), 100 + number)]),
            acknowledged,
        }
    }

    fn record(position: u64, number: u64) -> Recorded {
        Recorded {
            position,
            recorded_at: jiff::Timestamp::UNIX_EPOCH,
            request_id: format!("return-{number}"),
            kind: RETURNS.to_owned(),
            payload: format!(r#"{{"returns":[["A81001",{{"accounts_with_access":{}}}]]}}"#, 100 + number),
        }
    }

    #[test]
    fn what_is_recorded_lies_between_what_was_acknowledged_and_what_was_sent() {
        let sent = [sent(1, Some(1)), sent(2, None), sent(3, Some(2))];
        assert_eq!(returns_breaches(&sent, &[record(1, 1), record(2, 3)]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_lost_doubled_changed_or_made_up_is_found() {
        let sent = [sent(1, Some(1)), sent(2, None)];
        let found = |journal: &[Recorded]| returns_breaches(&sent, journal).unwrap().len();
        assert_eq!(found(&[record(1, 1), record(2, 2)]), 0);
        assert_eq!(found(&[record(1, 2)]), 1, "one is lost");
        assert_eq!(found(&[record(1, 1), record(2, 2), record(3, 2)]), 1, "one is there twice");
        assert_eq!(found(&[record(1, 1), record(2, 3)]), 1, "nobody sent it");
        let changed = Recorded { payload: record(2, 7).payload, ..record(2, 2) };
        assert_eq!(found(&[record(1, 1), changed]), 1, "it says something else");
    }

    #[test]
    fn a_correction_that_what_it_corrects_overtakes_is_found() {
        let sent = [sent(1, Some(2)), sent(2, Some(1))];
        assert_eq!(returns_breaches(&sent, &[record(1, 2), record(2, 1)]).unwrap().len(), 1);
    }

    #[test]
    fn a_revision_that_is_lost_replaced_or_out_of_order_is_found() {
        let sent = [sent(1, Some(1)), sent(2, None), sent(3, Some(2))];
        let found = |revisions: &[u64]| {
            revisions_breaches(&sent, &BTreeMap::from([("A81001".to_owned(), revisions.to_vec())])).len()
        };
        assert_eq!((found(&[101, 102, 103]), found(&[101, 103])), (0, 0));
        assert_eq!(found(&[103]), 1, "the first is not kept");
        assert_eq!(found(&[101, 102]), 1, "the last is lost");
        assert_eq!(found(&[101, 103, 102]), 1, "what was corrected came last");
        assert_eq!(found(&[101, 101, 103]), 1, "one is there twice");
        assert_eq!(revisions_breaches(&sent, &BTreeMap::new()).len(), 1, "all are lost");
    }

    #[test]
    fn a_gate_that_is_told_an_older_return_or_one_that_nobody_sent_is_found() {
        let revisions = BTreeMap::from([("A81001".to_owned(), vec![101, 103])]);
        let found = |practice: &str, accounts| {
            let mut told = BTreeMap::from([("A81001".to_owned(), Some(103))]);
            told.insert(practice.to_owned(), accounts);
            latest_returns_breaches(&revisions, &told).len()
        };
        assert_eq!((found("A81001", Some(103)), found("A81002", None)), (0, 0));
        assert_eq!(latest_returns_breaches(&revisions, &BTreeMap::new()).len(), 1, "it is told of nobody");
        assert_eq!(found("A81001", Some(101)), 1, "the correction did not reach it");
        assert_eq!(found("A81001", None), 1, "it is told of none");
        assert_eq!(found("A81002", Some(7)), 1, "nobody returned that");
    }
}
