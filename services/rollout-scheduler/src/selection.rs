//! Selections of practices, and the hash by which a caller confirms one (I23).

use std::collections::BTreeSet;

use filter::FilterError;
use ods::PracticeCode;
use rollout::{Cohort, RegistryView};
use sha2::{Digest, Sha256};

/// SHA-256, in hexadecimal, over the codes in order, a line each.
pub(crate) fn hash(practices: &BTreeSet<PracticeCode>) -> String {
    hash_of_lines(practices.iter().map(ToString::to_string))
}

/// SHA-256, in hexadecimal, over lines, each with its end.
pub(crate) fn hash_of_lines(lines: impl Iterator<Item = String>) -> String {
    let mut sha = Sha256::new();
    for line in lines {
        sha.update(line);
        sha.update("\n");
    }
    hex::encode(sha.finalize())
}

/// The practices for which CEL holds now.
///
/// # Errors
/// The first thing that is wrong with the text.
pub(crate) fn members(text: &str, view: &RegistryView) -> Result<BTreeSet<PracticeCode>, FilterError> {
    let cohort = Cohort::parse(text)?;
    Ok(view.iter().filter(|practice| cohort.has(practice)).map(|practice| practice.code).collect())
}
