//! The committee's four questions about three days of the golden replay, asked long afterwards: how many practices are live, how
//! many patients have access, how many more are coming and when, whether there is a single deadline.
//!
//! That they are answered as they were on the day, in words with what each figure is, and as a naive program answers them out
//! of the journals alone.

use std::collections::{BTreeMap, BTreeSet};

use evidence::Recorded;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::harness::accessctl::Accessctl;
use crate::harness::demo::Demo;
use crate::harness::offer;
use crate::whole_history::{History, UNTIL, history, of_size, payload};

/// The committee's day, the end of the quarter, the end of the history.
const DATES: [&str; 3] = ["2023-01-11", "2023-03-31", UNTIL];

/// What the four answers rest on, out of what `stats answers` says.
fn answered(clerk: &Accessctl, date: &str) -> Value {
    let said = clerk.json(&["stats", "answers", "--as-at", date]);
    let months = said["signed_up_next_three_months"]["by_month"].as_array().expect("months").iter();
    let months: BTreeMap<&str, &Value> =
        months.map(|month| (month["month"].as_str().expect("a month"), &month["practices"])).collect();
    json!({
        "practices_live": said["practices_live"]["value"],
        "practices_total": said["practices_live"]["out_of"]["value"],
        "patients_with_access": said["patients_with_access"]["value"],
        "patients_registered": said["patients_with_access"]["out_of"]["value"],
        "viewers": said["viewers"]["value"],
        "signed_up_next_three_months": said["signed_up_next_three_months"]["practices"],
        "signed_up_patients": said["signed_up_next_three_months"]["patients"],
        "signed_up_by_month": months,
        "single_deadline": said["single_deadline"],
    })
}

/// The answers are those that a run which ends on the day gives on it.
#[tokio::test]
async fn the_four_answers_of_a_past_date_are_those_that_were_given_on_it() {
    let history = history().await;
    let server = history.served();
    let clerk = Accessctl::all_in_one(&server, "committee-clerk;roles=statistician");
    let mut live = Vec::new();
    for date in DATES {
        let report = if date == UNTIL { history.report.clone() } else { of_size(Demo::until(date)).report() };
        let answers = answered(&clerk, date);
        for (figure, value) in answers.as_object().expect("figures") {
            assert_eq!(*value, report[figure], "{figure} at the end of {date}");
        }
        live.push(answers["practices_live"].as_i64().expect("a count"));
        offer::tell(&format!("{date}: {answers}"));
    }
    assert!(live.is_sorted() && live[0] > 0, "{live:?}");
    let before = clerk.say(&["stats", "answers", "--as-at", "2022-06-30"]);
    assert!(before.contains("no programme was known"), "{before}");
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
}

/// Every figure with its definition, what it is a part of, who counted that, and when; and exactly as many as ever.
///
/// Practices and patients are those of the synthetic England with seed 1, accounts and views those of the replay's world
/// (`uptake`, `viewing`), who is live and who is coming what its programme and its people made of that. Whoever changes one of
/// these takes the new answers over (`cargo insta review`); the naive program below says whether they may. Not of the nation, in
/// the long tier: there that program alone says how many they are.
#[tokio::test]
async fn the_four_answers_are_exactly_these() {
    let history = history().await;
    let server = history.served();
    let clerk = Accessctl::all_in_one(&server, "committee-clerk;roles=statistician");
    let answers: Vec<String> =
        DATES.iter().map(|date| without_columns(&clerk.say(&["stats", "answers", "--as-at", date]))).collect();
    if !offer::is_long() {
        insta::assert_snapshot!(answers.join("\n"));
    }
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
}

/// A table as text that does not widen where one of its cells does; without the registry's position, which is another one where two
/// records were one.
fn without_columns(table: &str) -> String {
    let is_shown = |cell: &&str| !cell.is_empty() && !cell.starts_with("registry position");
    let cells = |line: &str| line.split("  ").map(str::trim).filter(is_shown).collect::<Vec<_>>().join(" | ");
    table.lines().skip(1).map(|line| cells(line) + "\n").collect()
}

/// Viewers are left out: of them nothing is kept but sketches.
#[tokio::test]
async fn the_four_answers_are_what_a_naive_program_makes_of_the_journals() {
    let history = history().await;
    let server = history.served();
    let clerk = Accessctl::all_in_one(&server, "committee-clerk;roles=statistician");
    for date in DATES {
        let mut answers = answered(&clerk, date);
        answers.as_object_mut().expect("figures").remove("viewers");
        assert_eq!(answers, naive(history, date.parse().expect("a date")), "at the end of {date}");
    }
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
}

fn naive(history: &History, date: Date) -> Value {
    let (live, lists) = practices(&known_on(&history.registry, date));
    let accounts = accounts(&known_on(&history.statistics, date), date);
    let Coming { by_month, practices, patients, deadline } = coming(&known_on(&history.scheduler, date), date);
    json!({
        "practices_live": live.len(),
        "practices_total": lists.len(),
        "patients_with_access": live.iter().filter_map(|code| accounts.get(code)).sum::<i64>(),
        "patients_registered": lists.values().sum::<i64>(),
        "signed_up_next_three_months": practices,
        "signed_up_patients": patients,
        "signed_up_by_month": by_month,
        "single_deadline": deadline,
    })
}

/// What a journal had at the end of a day in London, by kind.
fn known_on(records: &[Recorded], date: Date) -> Vec<(String, Value)> {
    let end = date.tomorrow().and_then(|next| next.in_tz("Europe/London")).expect("a day that ends").timestamp();
    let before = records.iter().take_while(|record| record.recorded_at < end);
    before.map(|record| (record.kind.clone(), payload(record))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Who was on when somebody looked last, and how long the list of each is, by the registry's journal.
fn practices(known: &[(String, Value)]) -> (BTreeSet<String>, BTreeMap<String, i64>) {
    let (mut live, mut lists) = (BTreeSet::new(), BTreeMap::new());
    for (kind, payload) in known {
        let inside = &payload[kind];
        let mut seen: Vec<(&Value, &Value)> = Vec::new();
        match kind.as_str() {
            "access-observed" => {
                seen.extend(rows(&inside["observations"]).map(|one| (&one["practice"], &one["state"])));
            }
            "permits-settled" => {
                let settled = rows(&inside["settlements"]).filter(|one| one["observed"].is_object());
                seen.extend(settled.map(|one| (&one["key"]["practice"], &one["observed"]["state"])));
            }
            "source-read" => {
                let counted = rows(&inside["statements"]).filter(|one| one["patients"].is_number());
                lists.extend(counted.map(|one| (text(&one["practice"]), one["patients"].as_i64().expect("a count"))));
            }
            _ => {}
        }
        for (practice, state) in seen {
            if state == "on" {
                live.insert(text(practice));
            } else {
                live.remove(&text(practice));
            }
        }
    }
    (live, lists)
}

/// Accounts with access, by each practice's latest return of a period that was over, by the statistics' journal.
fn accounts(known: &[(String, Value)], date: Date) -> BTreeMap<String, i64> {
    let mut latest: BTreeMap<String, (Date, i64)> = BTreeMap::new();
    for (_, payload) in known.iter().filter(|(kind, _)| kind == "returns-submitted") {
        let over: Date = text(&payload["submission"]["period_end"]).parse().expect("a date");
        for row in rows(&payload["returns"]).filter(|_| over <= date) {
            let (code, count) = (text(&row[0]), row[1]["accounts_with_access"].as_i64().expect("a count"));
            let known = latest.entry(code).or_insert((over, count));
            if over >= known.0 {
                *known = (over, count);
            }
        }
    }
    latest.into_iter().map(|(code, (_, count))| (code, count)).collect()
}

/// Who has a place in the plan in force on a day of the next three months.
struct Coming {
    by_month: BTreeMap<String, i64>,
    practices: i64,
    patients: i64,
    deadline: Option<String>,
}

/// By the scheduler's journal: a plan in force has its own waves in place of all that have not opened.
fn coming(known: &[(String, Value)], date: Date) -> Coming {
    let mut submitted = BTreeMap::new();
    let (mut waves, mut opened, mut gone) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    let mut deadline = None;
    for (kind, payload) in known {
        match kind.as_str() {
            "plan-submitted" => {
                submitted.insert(payload["plan"]["version"].as_i64(), &payload["plan"]);
            }
            "plan-in-force" => {
                let plan = submitted[&payload["version"].as_i64()];
                waves.retain(|wave, _| opened.contains(wave));
                waves.extend(rows(&plan["waves"]).map(|wave| (wave["id"].as_i64(), wave)));
                deadline = plan["spec"]["deadline"]["date"].as_str().map(ToOwned::to_owned);
            }
            "wave-opened" => {
                opened.insert(payload["wave"]["wave"].as_i64());
            }
            "enrolments-moved" => {
                let ended = |moved: &&Value| {
                    !["NOTIFIED", "ENROLLED", "INVITED"].contains(&moved["to"]["stage"].as_str().expect("a stage"))
                };
                let codes = rows(&payload["moves"]).filter(ended).flat_map(|moved| rows(&moved["practices"]));
                gone.extend(codes.map(|code| (payload["wave"]["wave"].as_i64(), text(code))));
            }
            _ => {}
        }
    }
    let horizon = date.checked_add(3.months()).expect("a date").to_string();
    let mut coming = Coming { by_month: BTreeMap::new(), practices: 0, patients: 0, deadline };
    for (id, wave) in waves {
        let (members, from) = (&wave["members"], text(&wave["rules"]["from"]));
        for (place, code) in rows(&members["practice"]).enumerate() {
            let day = members["day"][place].as_u64().map(|day| &members["days"][day as usize]);
            // A practice without a day of its own is dated by its wave.
            let on = day.and_then(Value::as_str).map_or(from.clone(), |day| from.clone().max(day.to_owned()));
            if on > date.to_string() && on <= horizon && !gone.contains(&(id, text(code))) {
                *coming.by_month.entry(on[..7].to_owned()).or_default() += 1;
                coming.practices += 1;
                coming.patients += members["list_size"][place].as_i64().expect("a count");
            }
        }
    }
    coming
}
