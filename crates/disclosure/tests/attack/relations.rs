//! Each kind of relation by which something can be found out: the attacker finds it where a publication is only rounded, and
//! does not where it is protected. Without any one of them in the check, its test fails.

use disclosure::{Issue, Table, protect};

use crate::exhaustive::disclosed;
use crate::knowledge::Knowledge;
use crate::world::{Practice, icbs, naive, networks, practice, rows, table, text, total, waves};

/// Publishes the tables one after the other, only rounded and protected. The first must disclose, the second must not.
fn only_protected_keeps_the_secret(tables: Vec<Table>) -> Vec<Issue> {
    let rounded: Vec<Issue> = tables.iter().cloned().map(naive).collect();
    assert!(!disclosed(&Knowledge::of(&rounded)).is_empty(), "there is nothing to protect here");
    let mut issues: Vec<Issue> = Vec::new();
    for table in tables {
        let history: Vec<&Issue> = issues.iter().collect();
        issues.push(protect(table, &history).expect("it can be published"));
    }
    assert_eq!(disclosed(&Knowledge::of(&issues)), Default::default());
    issues
}

#[test]
fn i30_a_total_tells_nothing_of_rounded_parts() {
    only_protected_keeps_the_secret(vec![rows(&[practice("A", 1, 12), practice("B", 2, 12)])]);
}

#[test]
fn i30_a_total_tells_nothing_of_a_star() {
    only_protected_keeps_the_secret(vec![rows(&[practice("A", 1, 1), practice("B", 2, 8)])]);
}

#[test]
fn i30_rounded_parts_tell_nothing_of_their_rounded_sum() {
    // 17 + 12 is shown as 30, which the parts' rounding leaves two values.
    let practices = [practice("A", 1, 17), practice("B", 1, 12), practice("C", 2, 200), practice("D", 2, 300)];
    only_protected_keeps_the_secret(vec![icbs(&practices)]);
}

#[test]
fn i30_several_breakdowns_of_one_total_tell_nothing_of_each_other() {
    let pairs = |practices: &[Practice], breakdowns: &[&str]| {
        breakdowns.iter().fold(total(practices), |table, with_first| {
            table.by(with_first, None, |part| {
                Some(if part.name == "A" || part.name == *with_first { "one" } else { "other" }.into())
            })
        })
    };
    // Three ways to pair them: A, of which no pair has a patient, cannot have fewer than none.
    let world = [practice("A", 1, 0), practice("B", 1, 12), practice("C", 1, 12), practice("D", 1, 17)];
    for one in ["B", "C", "D"] {
        assert_eq!(disclosed(&Knowledge::of([&naive(pairs(&world, &[one]))])), Default::default());
    }
    only_protected_keeps_the_secret(vec![pairs(&world, &["B", "C", "D"])]);
}

#[test]
fn i30_a_network_tells_nothing_of_the_practices_of_an_icb() {
    // The PCN of A and B has 38 to 42, its ICB 53 to 57: so C, shown as 10, has 11 at the least.
    let in_pcn = |name: &str, pcn: &str, count| Practice { pcn: Some(pcn.into()), ..practice(name, 1, count) };
    let mut practices = vec![in_pcn("A", "U1", 20), in_pcn("B", "U1", 22), in_pcn("C", "U2", 12)];
    practices.extend([practice("D", 2, 300), practice("E", 2, 412), practice("F", 2, 533)]);
    only_protected_keeps_the_secret(vec![networks(&practices)]);
}

#[test]
fn i30_a_wave_tells_nothing_by_what_it_shares_with_an_icb() {
    // All of the ICB but B is of the wave: so B has 11 at the least, by the same numbers.
    let of_wave = |name: &str, count| Practice { wave: Some("wave 1".into()), ..practice(name, 1, count) };
    let mut practices = vec![of_wave("A", 20), of_wave("C", 22), practice("B", 1, 12)];
    practices.extend([practice("D", 2, 300), practice("E", 2, 412)]);
    only_protected_keeps_the_secret(vec![waves(&practices)]);
}

#[test]
fn i30_a_list_tells_nothing_of_a_count() {
    // Shown as 105, which is 103 to 107: but there are only 104 patients.
    let mut full = practice("A", 1, 103);
    full.list = Some(104);
    only_protected_keeps_the_secret(vec![rows(&[full, practice("C", 1, 500), practice("D", 1, 700)])]);
}

#[test]
fn i30_two_issues_subtracted_tell_nothing() {
    // B goes live alone: what England gained is B's.
    let before = [practice("A", 1, 400), practice("C", 2, 300), practice("D", 2, 350)];
    let mut after = before.to_vec();
    after.push(practice("B", 1, 23));
    only_protected_keeps_the_secret(vec![table(&before), table(&after)]);
}

#[test]
fn i30_a_reissue_that_flips_a_rounding_tells_nothing() {
    // A's return is corrected by one, and its ICB flips from 45 to 50.
    let before = [practice("A", 1, 7), practice("B", 1, 40), practice("C", 2, 300), practice("D", 2, 350)];
    let mut after = before.to_vec();
    after[0].count = 8;
    after[0].source = "2023-01, corrected".into();
    only_protected_keeps_the_secret(vec![table(&before), table(&after)]);
}

#[test]
fn i30_a_practice_that_moves_tells_nothing() {
    // The ICBs without and with B, whose return is the same: 22 and 28 is shown as 20 and 30, so B has 6 at the least.
    let before = [practice("A", 1, 22), practice("B", 1, 6), practice("C", 2, 32), practice("D", 2, 36)];
    let mut after = before.to_vec();
    after[1].icb = "Q2".into();
    only_protected_keeps_the_secret(vec![icbs(&before), icbs(&after)]);
}

#[test]
fn i30_the_order_of_withholding_tells_nothing() {
    // With the smallest withheld, what is left of the total is at least as much as the other, which is shown.
    let issues = only_protected_keeps_the_secret(vec![rows(&[practice("A", 1, 12), practice("B", 2, 12)])]);
    assert_eq!(text(&issues[0]), ["practice A *", "practice B *"]);
}
