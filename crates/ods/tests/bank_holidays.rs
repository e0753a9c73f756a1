//! The bank holidays file: what is known of which day, and that one bad date refuses all.

use jiff::civil::date;
use ods::bank_holidays::{Day, parse};

fn file(events: &str) -> String {
    format!("{{\n  \"scotland\": 1,\n  \"england-and-wales\": {{\"events\": [\n{events}\n  ]}}\n}}\n")
}

fn event(title: &str, date: &str) -> String {
    format!("    {{\"title\": \"{title}\", \"date\": \"{date}\", \"notes\": \"\", \"bunting\": true}}")
}

fn faults(text: &str) -> Vec<(u64, u64, &'static str, &'static str)> {
    let refusal = parse(text.as_bytes()).expect_err("the file is not sound");
    refusal.faults.iter().map(|fault| (fault.line, fault.column, fault.column_name, fault.reason.code())).collect()
}

#[test]
fn nothing_is_known_beyond_the_last_bank_holiday() {
    let text = file(&[event("Good Friday", "2031-04-11"), event("Boxing Day", "2032-12-27")].join(",\n"));
    let holidays = parse(text.as_bytes()).unwrap().document;
    assert_eq!(holidays.last_known(), date(2032, 12, 27));
    assert!(matches!(holidays.on(date(2031, 4, 11)), Day::Holiday(holiday) if holiday.title == "Good Friday"));
    assert_eq!(holidays.on(date(2031, 1, 1)), Day::Ordinary, "the file covers whole years from its first");
    assert_eq!(holidays.on(date(2032, 12, 26)), Day::Ordinary);
    assert_eq!(holidays.on(date(2032, 12, 28)), Day::Unknown);
    assert_eq!(holidays.on(date(2030, 12, 31)), Day::Unknown);
}

#[test]
fn every_bad_date_is_named_and_refuses_the_file() {
    let text = file(
        &[
            event("Good Friday", "2031-04-31"),
            event("May", "2031-05-05"),
            event("", "2031-05-26"),
            event("May", "2031-05-05"),
        ]
        .join(",\n"),
    );
    assert_eq!(
        faults(&text),
        [(4, 38, "date", "IMPOSSIBLE_DATE"), (6, 15, "title", "MISSING"), (7, 5, "date", "DUPLICATE")]
    );
}

#[test]
fn broken_json_is_refused_where_it_breaks() {
    let text = file(&event("Good Friday", "2031-04-11"));
    assert_eq!(faults(&text.replace("\"notes\": ", "\"notes\" ")), [(4, 60, "", "BROKEN_JSON")]);
    assert_eq!(faults(&text.replace("\"2031-04-11\"", "5")), [(4, 38, "", "BROKEN_JSON")]);
    assert_eq!(faults(&text.replace("\"notes\": \"\"", "\"notes\": 7")), [(4, 61, "", "BROKEN_JSON")]);
}

#[test]
fn control_characters_in_a_title_refuse_the_file() {
    assert_eq!(faults(&file(&event("Good\\u0000Friday", "2031-04-11"))), [(4, 15, "title", "NOT_PLAIN_TEXT")]);
}

#[test]
fn a_truncated_file_is_refused_as_such() {
    let text = file(&event("Good Friday", "2031-04-11"));
    let end = text.len() - 10;
    assert_eq!(faults(&text[..end])[0].3, "TRUNCATED");
}

#[test]
fn a_file_without_england_and_wales_or_without_days_is_refused() {
    assert_eq!(faults("{\"scotland\": {\"events\": []}}"), [(1, 1, "", "NO_DIVISION")]);
    assert_eq!(faults("{\"england-and-wales\": {\"events\": []}}"), [(1, 23, "events", "NO_ROWS")]);
    assert_eq!(faults("PUBLICATION,EXTRACT_DATE,TYPE,X\n"), [(1, 1, "", "OTHER_FORMAT")]);
}

#[test]
fn many_faults_on_one_line_are_placed_in_reasonable_time() {
    // As large as a message may be. Walking the text anew for each fault would take minutes.
    let count = 40_000;
    let events = vec![event("x", "2031-02-30").trim().to_owned(); count].join(",");
    let refusal = parse(file(&events).as_bytes()).expect_err("none of the dates exists");
    assert_eq!(refusal.faults_total, count as u64);
}
