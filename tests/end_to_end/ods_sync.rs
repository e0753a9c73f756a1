//! The directory follows its publisher, by the real binary: killed with -9 in the middle of a sync it goes on where it
//! was. And what it then knows is exported.

use std::fs;

use jiff::civil::Date;
use ods::Format;
use ods::record::OrganisationRecord;
use ods_api::testing::{Fault, Publisher, practice};
use rustix::process::Signal;
use serde_json::json;

use crate::harness::accessctl::Accessctl;
use crate::harness::england::EnglandFiles;
use crate::harness::installation::{TODAY, clock_offset, text};
use crate::harness::server::Server;

/// Beyond one page, of which the first is recorded.
const PRACTICES_COUNT: u32 = 80;
/// The organisations of ORD that are read between two records.
const PAGE: usize = 50;
const KEY: &str = "a-key-that-nobody-may-read";

/// The practices of the map as the publisher has them, each with another name.
fn renamed(england: &EnglandFiles, changed: Date) -> Vec<OrganisationRecord> {
    let map = fs::read(england.map()).expect("the sample wrote it");
    let read = ods::read_directory(Format::Map, &map).expect("the sample writes sound files");
    let record = |row: &ods::PracticeRow| {
        let pcn = row.pcn.map(|code| code.to_string()).expect("a map names it");
        let sub_icb = row.sub_icb.map(|code| code.to_string()).expect("a map names it");
        let mut record = practice(row.code.as_str(), "RENAMED SURGERY", &sub_icb, &pcn, changed);
        // The sample has practices in no network, of which ODS has no relationship.
        record.relationships.as_mut().expect("it was made with some").retain(|held| held.target != "U");
        record
    };
    read.document.practices.iter().map(record).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_killed_in_a_sync_goes_on_where_it_was_and_exports_what_it_knows() {
    let england = EnglandFiles::of_emis(PRACTICES_COUNT, TODAY);
    let publisher = Publisher::open(TODAY).await;
    publisher.world().key = Some(KEY.to_owned());
    publisher.knows(renamed(&england, TODAY));
    let key_file = england.folder().join("ods-key");
    fs::write(&key_file, format!("{KEY}\n")).expect("a temporary folder can be written to");

    let (data, url, key_file) = (text(england.folder().join("data")), publisher.ord().to_string(), text(key_file));
    let clock_offset_s = clock_offset().as_secs().to_string();
    let start = || {
        let follow = ["--ods-sync", "ord", "--ods-url", &url, "--ods-api-key-file", &key_file, "--ods-every", "never"];
        let quick = ["--ods-requests-per-second", "500", "--replica", "registry-1"];
        let ground = ["--data", &data, "--clock-offset-s", &clock_offset_s];
        Server::start("registry", &[&follow[..], &quick, &ground].concat())
    };
    let server = start();
    let operator = Accessctl::all_in_one(&server, "olga");
    operator.say(&["import", "map", &text(england.map())]);

    // The list and a page and some more come; then the publisher falls silent.
    publisher.world().faults.extend(vec![Fault::Nothing; 1 + PAGE + 10]);
    publisher.world().faults.push_back(Fault::Silence(std::time::Duration::from_secs(60)));
    operator.say(&["directory", "sync"]);
    while publisher.asked().len() < 1 + PAGE + 11 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.signal(Signal::KILL);
    drop(server);

    let server = start();
    let operator = Accessctl::all_in_one(&server, "olga");
    let said = operator.json(&["directory", "sync", "--wait"]);
    assert_eq!(said["sync"]["name"], "syncs/1", "the same run");
    assert_eq!(said["sync"]["state"], json!("SYNC_STATE_COMPLETED"));
    assert_eq!(said["sync"]["updated_count"], json!(PRACTICES_COUNT));
    let asked = publisher.asked();
    let twice: Vec<_> = asked.iter().filter(|path| asked.iter().filter(|other| other == path).count() > 1).collect();
    // The list, and what was read since the last record.
    assert!(twice.len() <= 2 * (1 + 11), "{twice:?}");
    assert!(publisher.world().asked.iter().all(|asked| asked.key.as_deref() == Some(KEY)));

    let status = operator.say(&["directory", "status"]);
    assert!(status.contains("syncs/1") && status.contains("COMPLETED"), "{status}");
    let bundle = england.folder().join("practices.json");
    operator.say(&["practice", "export", "--format", "fhir", "--to", &text(bundle.clone())]);
    let page = ods::fhir::page(&fs::read(bundle).expect("it was written")).expect("it is a bundle");
    assert_eq!(page.records.len(), 80);
    assert!(page.records.iter().all(|record| record.name == "RENAMED SURGERY"));
    let csv = operator.say(&["practice", "export", "--history", "--filter", "practice.ods_code == \"A81001\""]);
    let names = csv.lines().filter(|line| line.starts_with("A81001,name,")).count();
    assert_eq!(names, 2, "the map's and the publisher's: {csv}");

    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
    assert!(!ended.stderr.contains(KEY) && !ended.stdout.contains(KEY), "the key is printed nowhere");
}

#[test]
fn what_cannot_be_followed_is_refused_before_anything_is_served() {
    let refused = |arguments: &[&str]| {
        let mut command = crate::harness::binary::citizens_access();
        command.args(["check-config", "--insecure"]).args(arguments);
        let ended = command.output().expect("the binary starts");
        assert!(!ended.status.success());
        String::from_utf8_lossy(&ended.stderr).into_owned()
    };
    let said = refused(&["--ods-sync", "fhir", "--ods-url", "http://ods.example/fhir"]);
    assert!(said.contains("only https is spoken"), "{said}");
    let said = refused(&["--ods-sync", "fhir", "--ods-api-key-file", "/nowhere/key"]);
    assert!(said.contains("/nowhere/key cannot be read"), "{said}");
    let said = refused(&["scheduler", "--registry", "http://127.0.0.1:1", "--ods-sync", "ord"]);
    assert!(said.contains("registry's"), "{said}");
    let said = refused(&["--ods-sync", "ord", "--ods-every", "1s"]);
    assert!(said.contains("ten minutes"), "{said}");
}
