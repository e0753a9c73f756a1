//! Practices that a caller names, one by one or in sets.

use std::collections::BTreeSet;

use api::Error;
use ods::PracticeCode;
use proto::statistics::v1 as wire;
use sha2::{Digest, Sha256};
use tally::PracticeSet;

use super::statistics::count;

/// Sets in one question.
const SETS_MAX: usize = 20;

/// Practices in all sets of one question: a nation and a half twice, and some hundred kilobytes.
const SET_PRACTICES_MAX: usize = 20_000;

/// Longest name of a set, in characters.
const NAME_CHARS_MAX: usize = 200;

/// Practices by their resource names, at least one and at most `most`, none twice.
pub(super) fn practices(path: &str, names: &[String], most: usize) -> Result<BTreeSet<PracticeCode>, Error> {
    api::validate::count(path, names.len(), most)?;
    let mut practices = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let path = || format!("{path}[{index}]");
        let code = name.strip_prefix("practices/").unwrap_or(name).parse().map_err(|_| {
            Error::invalid(path(), "PRACTICE_INVALID", "{field} is not a practice, such as practices/A81001")
        })?;
        if !practices.insert(code) {
            return Err(Error::invalid(path(), "PRACTICE_DUPLICATE", "{field} is there twice"));
        }
    }
    Ok(practices)
}

/// Sets by name.
pub(super) fn sets(sets: &[wire::PracticeSet]) -> Result<Vec<PracticeSet>, Error> {
    api::validate::count("sets", sets.len(), SETS_MAX)?;
    let mut left = SET_PRACTICES_MAX;
    let mut read: Vec<PracticeSet> = Vec::with_capacity(sets.len());
    for (index, set) in sets.iter().enumerate() {
        let path = |field: &str| format!("sets[{index}].{field}");
        let chars = set.name.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX {
            let message = "{field} has {chars} characters; it must have 1 to {max}";
            let error = Error::invalid(path("name"), "SET_NAME_INVALID", message);
            return Err(error.with("chars", chars).with("max", NAME_CHARS_MAX));
        }
        if read.iter().any(|other| other.name == set.name) {
            return Err(Error::invalid(path("name"), "SET_DUPLICATE", "{field} is the name of another set, too"));
        }
        let practices = practices(&path("practices"), &set.practices, left)?;
        left -= practices.len();
        read.push(PracticeSet { name: set.name.clone(), practices });
    }
    read.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(read)
}

/// What a set holds, for whoever wants to be sure.
pub(super) fn counted(set: &PracticeSet) -> wire::CountedSet {
    let mut hash = Sha256::new();
    for practice in &set.practices {
        hash.update(format!("practices/{practice}\n"));
    }
    wire::CountedSet {
        name: set.name.clone(),
        practices_count: count(set.practices.len() as u64),
        practices_hash: hex::encode(hash.finalize()),
    }
}
