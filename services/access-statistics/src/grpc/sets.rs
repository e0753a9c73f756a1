//! Practices that a caller names, one by one or in sets.

use std::collections::{BTreeMap, BTreeSet};

use api::Error;
use ods::PracticeCode;
use proto::statistics::v1 as wire;
use sha2::{Digest, Sha256};
use tally::{PracticeSet, WaveName};

use super::statistics::count;

/// Sets in one question.
const SETS_MAX: usize = 20;

/// Waves in one publication: more than any programme had.
const WAVES_MAX: usize = 100;

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

/// The sets of a question, by name.
pub(super) fn sets(sets: &[wire::PracticeSet]) -> Result<Vec<PracticeSet>, Error> {
    read("sets", sets, SETS_MAX)
}

/// The waves of a publication. Its rows are to add up, so that no practice is in two.
pub(super) fn waves(sets: &[wire::PracticeSet]) -> Result<BTreeMap<WaveName, BTreeSet<PracticeCode>>, Error> {
    let mut waves = BTreeMap::new();
    if sets.is_empty() {
        return Ok(waves);
    }
    let mut placed: BTreeMap<PracticeCode, WaveName> = BTreeMap::new();
    for set in read("waves", sets, WAVES_MAX)? {
        let field = |field: &str| {
            let index = sets.iter().position(|given| given.name == set.name).unwrap_or_default();
            format!("waves[{index}].{field}")
        };
        let wave: WaveName = set.name.parse().map_err(|_| {
            let message = "{field} is `{wave}`; it must be a wave, such as programmes/spring-opening/waves/3";
            Error::invalid(field("name"), "WAVE_INVALID", message).with("wave", &set.name)
        })?;
        api::validate::free_text(&field("name"), &set.name, NAME_CHARS_MAX)?;
        for practice in &set.practices {
            if let Some(other) = placed.insert(*practice, wave.clone()) {
                let message = "{field} has {practice}, which is in {other}, too";
                let refused = Error::invalid(field("practices"), "PRACTICE_DUPLICATE", message);
                return Err(refused.with("practice", format!("practices/{practice}")).with("other", other));
            }
        }
        waves.insert(wave, set.practices);
    }
    Ok(waves)
}

fn read(field: &str, sets: &[wire::PracticeSet], sets_max: usize) -> Result<Vec<PracticeSet>, Error> {
    api::validate::count(field, sets.len(), sets_max)?;
    let mut left = SET_PRACTICES_MAX;
    let mut read: Vec<PracticeSet> = Vec::with_capacity(sets.len());
    for (index, set) in sets.iter().enumerate() {
        let path = |part: &str| format!("{field}[{index}].{part}");
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
