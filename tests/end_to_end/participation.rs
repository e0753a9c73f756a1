//! What a practice has prepared, what is advised about it and where notices reach it, as people type it.

use serde_json::Value;

use crate::harness::installation::{Installation, Wanted};

fn installation() -> Installation {
    let installation = Installation::all_in_one(&Wanted { practices_count: 5, ..Wanted::default() });
    installation.import();
    installation
}

fn states(checklist: &Value) -> Vec<(String, String)> {
    let items = checklist["checklist"].as_array().expect("a checklist");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items.iter().map(|item| (text(&item["item"]), text(&item["state"]))).collect()
}

#[test]
fn a_practice_keeps_its_checklist_and_a_misspelt_item_is_refused() {
    let installation = installation();
    let practice = installation.accessctl("paula;roles=practice;organisation=practices/A81001");
    let list = ["practice", "readiness", "list", "A81001"];
    assert!(practice.say(&["practice", "readiness", "items"]).contains("Everybody who writes into records"));
    let untouched = states(&practice.json(&list));
    assert_eq!(untouched.len(), 10);
    assert!(untouched.iter().all(|(_, state)| state == "READINESS_STATE_NOT_STARTED"), "{untouched:?}");
    let set = |item| ["practice", "readiness", "set", "A81001", item, "complete", "--evidence", "minutes of May"];
    practice.say(&set("staff-training"));
    let refused = practice.refused(2, &set("staff-trianing"));
    assert!(refused.contains("READINESS_ITEM_UNKNOWN"), "{refused}");
    let done = ("staff-training".to_owned(), "READINESS_STATE_COMPLETE".to_owned());
    assert!(states(&practice.json(&list)).contains(&done));
    let all = practice.say(&["practice", "get", "A81001"]);
    assert!(all.contains("staff-training: COMPLETE") && all.contains("NOT STARTED: at-risk-review, "), "{all}");
}

#[test]
fn an_icbs_advice_is_told_where_the_practice_is_explained_until_it_is_withdrawn() {
    let installation = installation();
    let practice = installation.accessctl("olga").json(&["practice", "get", "A81001"]);
    let board = practice["practice"]["icb_code"].as_str().expect("a practice lies in an ICB").to_owned();
    let icb = installation.accessctl(&format!("bo;roles=icb;organisation=icbs/{board}"));
    let wait =
        ["practice", "advice", "wait", "A81001", "--source", "organisations/QHM", "--evidence", "minutes of May"];
    icb.refused(2, &wait);
    icb.say(&[&wait[..], &["--review", "2031-07-01"]].concat());
    let explained = icb.say(&["practice", "explain", "A81001"]);
    assert!(explained.contains("For information: organisations/QHM advises to wait"), "{explained}");
    assert!(icb.say(&["practice", "get", "A81001"]).contains("advises to wait"));
    icb.say(&["practice", "advice", "end", "practices/A81001/advice/1"]);
    assert!(icb.say(&["practice", "advice", "list", "A81001"]).contains("none"));
    assert!(icb.say(&["practice", "advice", "list", "A81001", "--ended"]).contains("ENDED"));
}

#[test]
fn a_contact_is_set_from_a_file_listed_and_erased() {
    let installation = installation();
    let practice = installation.accessctl("paula;roles=practice;organisation=practices/A81001");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("address");
    std::fs::write(&file, "manager@hill.example\n").expect("a file can be written");
    let file = file.to_str().expect("a temporary folder's name is text");
    let set = ["practice", "contact", "set", "A81001", "practice-manager", "email", "--address-file", file];
    let said = practice.say(&[&set[..], &["--keep-until", "2031-12-01"]].concat());
    assert!(!said.contains("hill.example"), "{said}");
    let list = ["practice", "contact", "list", "A81001"];
    assert!(practice.say(&list).contains("manager@hill.example"));
    let history = practice.say(&["practice", "history", "A81001"]);
    assert!(history.contains("contact 1 set: practice-manager") && !history.contains("hill.example"), "{history}");
    practice.say(&["practice", "contact", "delete", "practices/A81001/contacts/1"]);
    assert!(practice.say(&list).contains("none"));
}
