//! Selections of practices, and the hash by which a caller confirms one (I23).

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fmt::Write as _;

use filter::FilterError;
use ods::PracticeCode;
use rollout::{Cohort, RegistryView};
use sha2::{Digest, Sha256};

/// SHA-256, in hexadecimal, over the codes, which must come in order, a line each.
pub(crate) fn hash<'a>(practices: impl IntoIterator<Item = &'a PracticeCode>) -> String {
    let mut text = String::new();
    for practice in practices {
        text.push_str(practice.as_str());
        text.push('\n');
    }
    digest(&text)
}

/// SHA-256, in hexadecimal, over lines, each with its end.
pub(crate) fn hash_of_lines(lines: impl IntoIterator<Item = impl Display>) -> String {
    let mut text = String::new();
    for line in lines {
        // A text takes whatever is written into it.
        let _ = writeln!(text, "{line}");
    }
    digest(&text)
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The practices for which CEL holds now.
///
/// # Errors
/// The first thing that is wrong with the text.
pub(crate) fn members(text: &str, view: &RegistryView) -> Result<BTreeSet<PracticeCode>, FilterError> {
    let cohort = Cohort::parse(text)?;
    Ok(view.iter().filter(|practice| cohort.has(practice)).map(|practice| practice.code).collect())
}
