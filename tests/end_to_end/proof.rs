//! The record and its proof as an auditor and two officers meet them: a note is taken away, and a copy of the database is
//! verified without any server.

use std::fs;
use std::path::Path;

use database::{Db, Store, sql};
use serde_json::Value;

use crate::harness::accessctl::Accessctl;
use crate::harness::england::EnglandFiles;
use crate::harness::installation::{TODAY, clock_offset, text};
use crate::harness::server::Server;

/// What must not stay.
const NAME: &str = "Mrs Arbuthnot of Lowestoft asked for this herself";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_goes_by_two_people_and_a_copy_of_the_journal_is_verified_without_a_server() {
    let england = EnglandFiles::of_emis(3, TODAY);
    let data = text(england.folder().join("data"));
    let offset = clock_offset().as_secs().to_string();
    let server = Server::start("all", &["--data", &data, "--clock-offset-s", &offset]);
    let auditor = Accessctl::all_in_one(&server, "audrey");
    auditor.as_account("olga").say(&["import", "map", &text(england.map())]);
    let practice = england.practice(0);
    auditor.as_account("paula").say(&["practice", "pause", &practice, "--reason", NAME]);
    let hers = auditor.json(&["journal", "list", "registry", "--practice", &practice, "--by", "paula"]);
    assert_eq!(hers["records"].as_array().map(Vec::len), Some(1), "{hers}");
    let position = position_of_note(&auditor);

    redacts(&auditor, &position);
    let checkpoint = text(england.folder().join("registry.checkpoint"));
    auditor.say(&["journal", "checkpoint", "registry", &checkpoint]);
    auditor.say(&["journal", "verify", "--journal", "registry", "--checkpoint", &checkpoint]);
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());

    let copy = england.folder().join("copy");
    fs::create_dir(&copy).expect("a folder");
    let file = copy.join("registry.db");
    fs::copy(Path::new(&data).join("registry.db"), &file).expect("a copy");
    let bytes = fs::read(&file).expect("the copy");
    assert!(!bytes.windows(NAME.len()).any(|window| window == NAME.as_bytes()), "rule 16: nothing of it is left");
    verifies_and_finds(&auditor, &text(file), &checkpoint).await;
}

fn position_of_note(auditor: &Accessctl) -> String {
    let tail = auditor.json(&["journal", "tail", "registry"]);
    let records = tail["records"].as_array().expect("records");
    let noted = records.iter().find(|record| record["note"] == NAME).expect("the pause has a note");
    noted["position"].as_str().expect("a position").to_owned()
}

fn redacts(auditor: &Accessctl, position: &str) {
    let words = ["journal", "redact", "registry", position, "--reason-code", "NAMES_A_PATIENT"];
    let reader = auditor.as_account("rita;roles=auditor").refused(4, &words);
    assert!(reader.contains("ROLE"), "who only reads may not: {reader}");
    let first = auditor.as_account("sofia").json(&words);
    assert_eq!(first["redaction"]["state"], "STATE_AWAITING_SECOND_PERSON", "{first}");
    let same = auditor.as_account("sofia").refused(4, &words);
    assert!(same.contains("SECOND_PERSON_REQUIRED"), "{same}");
    let second: Value = auditor.as_account("samir").json(&words);
    assert_eq!(second["redaction"]["state"], "STATE_REDACTED", "{second}");
    let tail = auditor.say(&["journal", "tail", "registry"]);
    assert!(!tail.contains(NAME) && tail.contains("redacted by sofia and samir"), "{tail}");
}

/// The server has ended; the auditor's words are the same but for where the journal lies.
async fn verifies_and_finds(auditor: &Accessctl, copy: &str, checkpoint: &str) {
    let words = ["journal", "verify", "--journal", "registry", "--store", copy, "--checkpoint", checkpoint];
    let whole = auditor.say(&words);
    assert!(whole.contains("whole") && whole.contains("redacted by sofia and samir"), "{whole}");
    let without = auditor.say(&["journal", "verify", "--journal", "registry", "--store", copy]);
    assert!(without.contains("no checkpoint"), "it says what it cannot see: {without}");
    let nowhere =
        auditor.refused(2, &["journal", "verify", "--journal", "registry", "--store", "/nowhere/registry.db"]);
    assert!(nowhere.contains("there is no database"), "{nowhere}");
    let other_key = "00".repeat(32);
    let forged = auditor.run(&[&words[..], &["--key", &other_key]].concat());
    assert!(forged.code == 7 && forged.stdout.contains("expected key"), "{forged:?}");

    let folder = Path::new(copy).parent().expect("a folder");
    let db = Db::open(&Store::sqlite(folder), "registry").await.expect("the copy opens");
    for tampering in [
        "drop trigger journal_records_are_never_updated",
        "update journal_records set actor = 'mallory' where position = 2",
    ] {
        db.execute(sql(tampering)).await.expect("the tampering works");
    }
    db.close().await;
    let found = auditor.run(&words);
    assert_eq!(found.code, 7, "{found:?}");
    for said in ["ALTERED", "record 2", "what to do", "backup that verifies"] {
        assert!(found.stdout.to_uppercase().contains(&said.to_uppercase()), "{said}: {}", found.stdout);
    }
}
