//! Bank holidays by rule, against dates known from elsewhere and, where there is one, against the publisher's file.

use jiff::civil::{Date, date};
use ods::bank_holidays::Day;
use ods::{BankHoliday, BankHolidays};
use proptest::prelude::*;
use sample::{Error, FIRST_YEAR, OneOff, bank_holidays};
use std::collections::BTreeMap;
use std::io::Write;

fn by_rule(from: i16, to: i16) -> BankHolidays {
    bank_holidays(from..=to, &[]).expect("the rules hold for these years")
}

fn of_year(year: i16) -> Vec<(String, String, String)> {
    let row = |(date, holiday): (Date, &BankHoliday)| (date.to_string(), holiday.title.clone(), holiday.notes.clone());
    by_rule(year, year).iter().map(row).collect()
}

fn kept(year: i16, title: &str) -> String {
    of_year(year).into_iter().find(|(_, name, _)| name == title).map(|(date, _, _)| date).unwrap_or_default()
}

#[test]
fn a_plain_year_has_its_eight_days() {
    let days = of_year(2031);
    let expected = [
        ("2031-01-01", "New Year’s Day"),
        ("2031-04-11", "Good Friday"),
        ("2031-04-14", "Easter Monday"),
        ("2031-05-05", "Early May bank holiday"),
        ("2031-05-26", "Spring bank holiday"),
        ("2031-08-25", "Summer bank holiday"),
        ("2031-12-25", "Christmas Day"),
        ("2031-12-26", "Boxing Day"),
    ];
    assert_eq!(days, expected.map(|(date, title)| (date.to_owned(), title.to_owned(), String::new())));
}

#[test]
fn days_on_a_weekend_are_kept_on_substitute_days() {
    // Christmas on a Saturday, on a Sunday, on a Friday.
    for (year, christmas, boxing) in [(2032, "12-27", "12-28"), (2033, "12-27", "12-26"), (2037, "12-25", "12-28")] {
        assert_eq!(kept(year, "Christmas Day"), format!("{year}-{christmas}"));
        assert_eq!(kept(year, "Boxing Day"), format!("{year}-{boxing}"));
    }
    // New Year's Day on a Saturday and on a Sunday.
    assert_eq!(kept(2033, "New Year’s Day"), "2033-01-03");
    assert_eq!(kept(2034, "New Year’s Day"), "2034-01-02");
    assert_eq!(of_year(2034)[0].2, "Substitute day");
}

#[test]
fn easter_is_right_in_its_extremes() {
    // The earliest and the latest that there can be, and two known ones.
    for (year, monday) in [(2285, "2285-03-23"), (2038, "2038-04-26"), (2025, "2025-04-21"), (2049, "2049-04-19")] {
        assert_eq!(kept(year, "Easter Monday"), monday);
    }
}

#[test]
fn one_offs_are_added_or_take_the_place_of_another() {
    let jubilee = OneOff { date: date(2031, 6, 3), title: "Jubilee".into(), replaces: None };
    let moved =
        OneOff { date: date(2031, 6, 2), title: "Spring bank holiday".into(), replaces: Some(date(2031, 5, 26)) };
    let holidays = bank_holidays(2031..=2031, &[jubilee, moved]).unwrap();
    assert_eq!(holidays.iter().count(), 9);
    assert_eq!(holidays.on(date(2031, 5, 26)), Day::Ordinary);
    assert!(matches!(holidays.on(date(2031, 6, 2)), Day::Holiday(_)));
    assert!(matches!(holidays.on(date(2031, 6, 3)), Day::Holiday(_)));
}

#[test]
fn one_offs_that_do_not_fit_are_refused() {
    let error = |date, replaces| {
        bank_holidays(2031..=2031, &[OneOff { date, title: "Jubilee".into(), replaces }]).unwrap_err().to_string()
    };
    assert_eq!(error(date(2031, 12, 25), None), "`Jubilee` falls on 2031-12-25, which is a bank holiday already");
    assert_eq!(
        error(date(2031, 6, 3), Some(date(2031, 5, 27))),
        "`Jubilee` cannot replace 2031-05-27, which is no bank holiday"
    );
    assert_eq!(error(date(2032, 6, 3), None), "`Jubilee` falls on 2032-06-03, outside the years asked for");
}

#[test]
fn years_without_rules_are_refused() {
    let years = |from: i16, to: i16| bank_holidays(from..=to, &[]).unwrap_err();
    assert_eq!(years(FIRST_YEAR - 1, 2031), Error::Years { from: FIRST_YEAR - 1, to: 2031 });
    assert_eq!(years(2032, 2031), Error::Years { from: 2032, to: 2031 });
    assert_eq!(years(9_999, i16::MAX), Error::Years { from: 9_999, to: i16::MAX });
}

#[test]
fn one_offs_are_read_from_a_world_file() {
    let one_off: OneOff = serde_json::from_str(r#"{"date": "2031-06-03", "title": "Jubilee"}"#).unwrap();
    assert_eq!(one_off, OneOff { date: date(2031, 6, 3), title: "Jubilee".into(), replaces: None });
    assert!(serde_json::from_str::<OneOff>(r#"{"date": "2031-06-03", "title": "Jubilee", "replace": "x"}"#).is_err());
}

proptest! {
    #[test]
    fn every_year_has_eight_bank_holidays_on_working_days(year in FIRST_YEAR..=2199) {
        let holidays = by_rule(year, year);
        prop_assert_eq!(holidays.iter().count(), 8);
        for (date, _) in holidays.iter() {
            prop_assert!(date.weekday().to_monday_one_offset() <= 5, "{} is on a weekend", date);
        }
        prop_assert_eq!(ods::bank_holidays::parse(&holidays.encode()).unwrap().document, holidays);
    }
}

/// The publisher's bank holidays; None, said loudly, without the reference data.
fn published() -> Option<BankHolidays> {
    let Some(folder) = std::env::var_os("CITIZENS_ACCESS_REFERENCE_DATA") else {
        // Not by eprintln, which the test harness keeps to itself while a test passes.
        let message = "SKIPPED: CITIZENS_ACCESS_REFERENCE_DATA is not set; the real bank holidays were NOT compared";
        writeln!(std::io::stderr(), "{message}").expect("stderr can be written to");
        return None;
    };
    let path = std::path::Path::new(&folder).join("bank-holidays.json");
    let bytes = std::fs::read(path).expect("the folder has the bank holidays");
    Some(ods::bank_holidays::parse(&bytes).expect("the real file is sound").document)
}

#[test]
fn the_rules_give_the_published_days_but_for_named_one_offs() {
    let Some(published) = published() else { return };
    let years = published.iter().map(|(date, _)| date.year()).collect::<std::collections::BTreeSet<_>>();
    let years = *years.first().unwrap()..=*years.last().unwrap();
    let by_rule: BTreeMap<Date, BankHoliday> =
        by_rule(*years.start(), *years.end()).iter().map(|(date, holiday)| (date, holiday.clone())).collect();
    let published: BTreeMap<Date, BankHoliday> =
        published.iter().map(|(date, holiday)| (date, holiday.clone())).collect();

    // Only two kinds of difference: a proclaimed day, and a May bank holiday moved for the sake of one.
    let only_published: Vec<_> = published.iter().filter(|(date, _)| !by_rule.contains_key(date)).collect();
    let only_by_rule: Vec<_> = by_rule.iter().filter(|(date, _)| !published.contains_key(date)).collect();
    let proclaimed =
        |title: &str| ["Jubilee", "State Funeral", "coronation", "VE day"].iter().any(|word| title.contains(word));
    for (date, holiday) in &only_published {
        let moved = only_by_rule.iter().any(|(other, _)| other.year() == date.year());
        assert!(proclaimed(&holiday.title) || (moved && holiday.title == "Spring bank holiday"), "{date} {holiday:?}");
    }
    assert_eq!(only_published.len(), 7);
    for (date, holiday) in &only_by_rule {
        assert!(
            ["Spring bank holiday", "Early May bank holiday"].contains(&holiday.title.as_str()),
            "{date} {holiday:?}"
        );
    }
    assert_eq!(only_by_rule.len(), 3);

    // With the differences given as one-offs the whole is the published list, notes of ordinary days included.
    let one_offs: Vec<OneOff> = only_published
        .iter()
        .map(|(date, holiday)| {
            let replaces = only_by_rule
                .iter()
                .find(|(other, rule)| other.year() == date.year() && holiday.title.starts_with(&rule.title));
            OneOff { date: **date, title: holiday.title.clone(), replaces: replaces.map(|(other, _)| **other) }
        })
        .collect();
    let composed = bank_holidays(years, &one_offs).unwrap();
    assert_eq!(composed.iter().count(), published.len());
    for (date, holiday) in composed.iter() {
        assert_eq!(published[&date].title, holiday.title, "{date}");
        if by_rule.contains_key(&date) {
            // Not the flags: in one grave spring the publisher advised against them.
            assert_eq!(published[&date].notes, holiday.notes, "{date}");
        }
    }
}
