//! Programmes that cannot be: refused when they are written, each with the field and the reason (I8).

use crate::harness::installation::{Installation, TODAY, Wanted, programme_of_today};

/// Exit code of accessctl: what it was given is wrong.
const WRONG_INPUT: i32 = 2;

/// What is said of a programme that is refused; it must leave nothing behind.
fn refused(document: &str) -> String {
    let installation = Installation::all_in_one(&Wanted { practices_count: 20, ..Wanted::default() });
    installation.import();
    let lead = installation.accessctl("leo");
    let file = installation.programme("bad.yaml", document);
    let said = lead.refused(WRONG_INPUT, &["programme", "apply", &file]);
    let left = lead.json(&["programme", "list"]);
    assert!(left["programmes"].as_array().is_some_and(Vec::is_empty), "a refused programme was kept: {left}");
    said
}

fn changed(from: &str, to: &str) -> String {
    let document = programme_of_today("");
    assert!(document.contains(from), "{from}");
    document.replace(from, to)
}

#[test]
fn a_programme_with_an_empty_cohort_is_refused() {
    let said = refused(&changed("practice.list_size > 0", "practice.list_size > 99999999"));
    assert!(said.contains("cohort") && said.contains("no practice matches"), "{said}");
}

#[test]
fn a_window_that_never_opens_is_refused() {
    // The Saturday after; the windows are of working days.
    let saturday = TODAY.saturating_add(jiff::Span::new().days(4));
    let said = refused(&changed(&format!("from: {TODAY}"), &format!("from: {saturday}")));
    assert!(said.contains("waves[0].from") && said.contains("no window opens"), "{said}");
}

#[test]
fn a_wave_before_its_notice_can_be_given_is_refused_with_the_earliest_date() {
    let said = refused(&changed("notice_working_days: 0", "notice_working_days: 10"));
    assert!(said.contains("waves[0].from") && said.contains("10 working days' notice"), "{said}");
    assert!(
        said.contains("2031-06-17"),
        "ten working days after a Tuesday is the Tuesday of the week after next: {said}"
    );
}

#[test]
fn an_unknown_field_is_refused_with_line_and_column() {
    let said = refused(&changed("    title: Today", "    titel: Today"));
    assert!(said.contains("line 12, column 5") && said.contains("titel"), "{said}");
}

#[test]
fn a_wave_beyond_the_last_known_bank_holiday_is_refused() {
    let said = refused(&changed(&format!("from: {TODAY}"), "from: 2039-06-07"));
    assert!(said.contains("beyond the last known bank holiday"), "{said}");
}
