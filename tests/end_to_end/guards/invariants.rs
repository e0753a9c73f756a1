//! Each invariant of `docs/domain.md` has a test that is named after it.

use std::collections::BTreeSet;
use std::fs;

use super::history::source_files;
use super::root;

/// The numbers at the beginning of `- **I7** …`.
fn invariants(domain: &str) -> BTreeSet<u32> {
    let numbers = domain.lines().filter_map(|line| line.strip_prefix("- **I")?.split_once("**")?.0.parse().ok());
    numbers.collect()
}

/// The numbers in names such as `fn i01_i04_i10_one_practice_…`.
fn named_in(text: &str) -> BTreeSet<u32> {
    let names = text.split("fn i").skip(1);
    let of_name = |name: &str| -> Vec<u32> {
        let numbers = name.split('_').map_while(|part| part.strip_prefix('i').unwrap_or(part).parse().ok());
        numbers.collect()
    };
    names.flat_map(of_name).collect()
}

#[test]
fn each_invariant_has_a_test_named_after_it() {
    let domain = fs::read_to_string(root().join("docs/domain.md")).expect("the domain is described");
    let invariants = invariants(&domain);
    assert!(invariants.len() > 28, "{invariants:?}");
    let mut files = Vec::new();
    for folder in ["crates", "services", "tests"] {
        source_files(&root().join(folder), &mut files);
    }
    let named: BTreeSet<u32> =
        files.iter().flat_map(|file| named_in(&fs::read_to_string(file).expect("a source file"))).collect();
    let missing: Vec<u32> = invariants.iter().copied().filter(|number| !named.contains(number)).collect();
    assert!(missing.is_empty(), "invariants without a test: {missing:?}");
}

#[test]
fn names_are_read_with_all_their_numbers() {
    assert_eq!(named_in("fn i01_i04_no_two() {} fn is_open() {} fn i17_a_key() {}"), BTreeSet::from([1, 4, 17]));
    assert_eq!(invariants("- **I7** members\n- **Identity** is\n"), BTreeSet::from([7]));
}
