//! Sets of practices that whoever asks has chosen: the members of a wave, those that one trust runs, a sample.
//!
//! Nothing here knows how they were chosen: statistics ask nobody for the members of a wave.

use std::collections::{BTreeMap, BTreeSet};

use ods::PracticeCode;

/// Practices under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeSet {
    /// What its series is called: `programmes/spring-opening/waves/3`.
    pub name: String,
    /// Its members; others than the registry has told of count for nothing.
    pub practices: BTreeSet<PracticeCode>,
}

/// By practice, the numbers of the sets that it is in: a practice may be in several.
#[must_use]
pub fn memberships(sets: &[PracticeSet]) -> BTreeMap<PracticeCode, Vec<usize>> {
    let mut memberships: BTreeMap<PracticeCode, Vec<usize>> = BTreeMap::new();
    for (number, set) in sets.iter().enumerate() {
        for practice in &set.practices {
            memberships.entry(*practice).or_default().push(number);
        }
    }
    memberships
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::code;

    #[test]
    fn a_practice_may_be_in_several_sets() {
        let set = |members: &[u32]| PracticeSet {
            name: String::new(),
            practices: members.iter().map(|number| code(*number)).collect(),
        };
        let found = memberships(&[set(&[1, 2]), set(&[]), set(&[2, 3])]);
        assert_eq!(found, BTreeMap::from([(code(1), vec![0]), (code(2), vec![0, 2]), (code(3), vec![2])]));
    }
}
