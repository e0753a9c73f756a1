//! The remedies, in their order, each where the one before does not help.

use std::cell::Cell;

use disclosure::{Issue, Remedy, protect, protect_while};

use crate::world::{practice, rows, table, text, total};

fn withheld(breakdown: &str, area: &str) -> Remedy {
    Remedy::Withheld { breakdown: breakdown.into(), area: area.into() }
}

#[test]
fn what_is_safe_is_only_rounded() {
    let practices = [practice("A", 1, 5), practice("B", 1, 400), practice("C", 1, 0), practice("D", 11, 775)];
    let issue = protect(table(&practices), &[]).unwrap();
    assert_eq!(issue.remedies.len(), 0);
    assert_eq!(
        text(&issue),
        [
            "region Y0 405",
            "region Y1 775",
            "supplier EMIS 1175",
            "supplier TPP *",
            "icb Q1 405",
            "icb Q11 775",
            "practice A *",
            "practice B 400",
            "practice C 0",
            "practice D 775",
        ]
    );
}

#[test]
fn first_the_smallest_further_cell_is_withheld() {
    let practices = [practice("A", 1, 12), practice("B", 2, 17), practice("C", 3, 22), practice("D", 4, 27)];
    let issue = protect(rows(&practices), &[]).unwrap();
    assert_eq!(text(&issue), ["practice A *", "practice B 15", "practice C 20", "practice D 25"]);
    assert_eq!(issue.remedies, [withheld("practice", "A")].into());
}

#[test]
fn then_the_group_is_merged_upwards() {
    let before = [practice("A", 1, 400), practice("C", 11, 300), practice("D", 11, 350)];
    let first = protect(table(&before), &[]).unwrap();
    let mut after = before.to_vec();
    after.push(practice("B", 1, 23));
    let second = protect(table(&after), &[&first]).unwrap();
    assert_eq!(second.remedies, [Remedy::Merged { breakdown: "practice".into(), into: "Q1".into() }].into());
    assert!(!text(&second).iter().any(|row| row.starts_with("practice A") || row.starts_with("practice B")));
    assert!(text(&second).contains(&"practice C 300".to_owned()));
}

#[test]
fn then_the_breakdown_is_left_out() {
    let before = [practice("A", 1, 400), practice("C", 11, 300), practice("D", 11, 350)];
    let first = protect(rows(&before), &[]).unwrap();
    let mut after = before.to_vec();
    after.push(practice("B", 1, 23));
    let second = protect(rows(&after), &[&first]).unwrap();
    assert_eq!(second.remedies, [Remedy::LeftOut { breakdown: "practice".into() }].into());
    assert_eq!(second.rows(), []);
}

#[test]
fn and_then_it_is_refused() {
    let before = [practice("A", 1, 23), practice("C", 2, 300)];
    let first = protect(rows(&before), &[]).unwrap();
    let refused = protect(total(&before[..1]), &[&first]).unwrap_err();
    assert_eq!(refused.to_string(), "practice A of issue 1 could be found out, by England's total alone");
}

#[test]
fn an_issue_stays_as_it_was_when_it_is_stored() {
    let practices = [practice("A", 1, 12), practice("B", 2, 17), practice("C", 3, 22), practice("D", 4, 27)];
    let issue = protect(rows(&practices), &[]).unwrap();
    let stored = serde_json::to_string(&issue).unwrap();
    assert_eq!(serde_json::from_str::<Issue>(&stored).unwrap(), issue);
}

#[test]
fn what_nobody_waits_for_any_more_is_given_up_between_two_cells() {
    let practices = [practice("A", 1, 12), practice("B", 2, 17), practice("C", 3, 22), practice("D", 4, 27)];
    let asked = Cell::new(0);
    let wanted_for = |times: usize| {
        asked.set(0);
        protect_while(rows(&practices), &[], &|| {
            asked.set(asked.get() + 1);
            asked.get() <= times
        })
    };
    assert_eq!(wanted_for(usize::MAX), Some(protect(rows(&practices), &[])));
    let cells = asked.get();
    assert!(cells > 2);
    for times in [0, 1, cells - 1] {
        assert_eq!(wanted_for(times), None);
        assert_eq!(asked.get(), times + 1, "it goes no further");
    }
}
