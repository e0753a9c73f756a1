//! A month's figures from the returns to a journalist's files, as a statistician types it.

use std::fs;
use std::time::Instant;

use clock::Clock;
use jiff::SignedDuration;
use serde_json::Value;

use crate::harness::accessctl::Accessctl;
use crate::harness::installation::{Installation, PATIENCE, Wanted, text};

/// A file of POMI, of May.
fn returns(practices: &[String], accounts: [u32; 4]) -> String {
    let header = "report_period_end,practice_code,practice_name,system_supplier,ccg_name,region_code,field,value";
    let row = |(practice, accounts): (&String, u32)| {
        format!("31/05/2031,{practice},,EMIS,,,Pat_prospective-records_Enbld,{accounts}\n")
    };
    let rows: String = practices.iter().zip(accounts).map(row).collect();
    format!("{header}\n{rows}")
}

fn wanted() -> Wanted<'static> {
    Wanted { practices_count: 5, ..Wanted::default() }
}

/// So many seconds from the installation's now, as people write it.
fn in_seconds(installation: &Installation, seconds: i64) -> String {
    let offset_s: i64 = installation.clock_offset_s.parse().expect("seconds");
    (Clock::system().now() + SignedDuration::from_secs(offset_s + seconds)).to_string()
}

/// Says it until it is accepted.
fn until(patient: &Accessctl, words: &[&str]) -> String {
    let began = Instant::now();
    loop {
        let said = patient.run(words);
        if said.code == 0 {
            return said.stdout;
        }
        assert!(began.elapsed() < PATIENCE, "{words:?}: {}", said.stderr);
        std::thread::yield_now();
    }
}

fn publishes_may(installation: &Installation) {
    installation.import();
    let nora = installation.accessctl("nora;roles=statistician");
    let joe = installation.accessctl("joe;roles=icb");
    let lead = installation.accessctl("olga");
    let known = lead.json(&["practice", "list"]);
    let known = known["practices"].as_array().expect("practices");
    let mut practices: Vec<String> =
        known.iter().map(|practice| practice["ods_code"].as_str().expect("a code").to_owned()).collect();
    practices.truncate(4);
    for practice in &practices {
        lead.say(&["practice", "observe", practice, "on", "--as-at", "2031-05-20T10:00"]);
    }
    let file = installation.england.folder().join("may.csv");
    fs::write(&file, returns(&practices, [412, 77, 5, 0])).expect("a temporary folder can be written to");
    nora.say(&["returns", "import", &text(file.clone()), "--layout", "long"]);
    // The registry's news are followed in their own time.
    let began = Instant::now();
    loop {
        let summary = nora.say(&["stats", "summary", "--as-at", "2031-05-31", "--output", "csv"]);
        if summary.contains("practices live,4,") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the statistics do not hear of it: {summary}");
    }

    let create = ["publication", "create", "2031-05", "--by", "sub-icb", "--by", "pcn"];
    assert!(nora.refused(4, &create).contains("RELEASE_NOT_ANNOUNCED"));
    let far = ["publication", "calendar", "set", "2031-05", "--release", "2031-06-12T09:30"];
    assert!(nora.say(&far).contains("2031-06-12 09:30:00 BST"));
    let tried = nora.say(&[&create[..], &["--dry-run"]].concat());
    assert!(tried.contains("dry run: nothing was recorded") && tried.contains("remedy"), "{tried}");
    let created = nora.json(&[&create[..], &["--request-id", "may"]].concat());
    assert_eq!(created["publication"]["state"], "PUBLICATION_STATE_EMBARGOED");
    assert_eq!(nora.json(&[&create[..], &["--request-id", "may"]].concat()), created);

    // Under embargo it is there for nobody but her.
    let download = ["publication", "download", "2031-05"];
    assert!(joe.refused(3, &download).contains("PUBLICATION_NOT_FOUND"));
    assert!(joe.say(&["publication", "list"]).contains("none"));
    assert!(joe.say(&["publication", "calendar", "list"]).contains("2031-06-12 09:30:00 BST"));
    assert!(nora.say(&["publication", "list"]).contains("EMBARGOED"));
    nora.say(&["publication", "calendar", "set", "2031-05", "--release", &in_seconds(installation, 3)]);
    let shown = until(&joe, &["publication", "get", "2031-05"]);
    assert!(shown.contains("patients-with-access") && shown.contains("494"), "{shown}");

    let folder = installation.england.folder().join("published");
    fs::create_dir(&folder).expect("a temporary folder can be written to");
    joe.say(&[&download[..], &["--to", &text(folder.clone())]].concat());
    let read = |ending: &str| fs::read_to_string(folder.join(format!("access-2031-05-issue-1{ending}"))).expect(ending);
    // What a command says is read without its lines' CR.
    let csv = read(".csv").replace("\r\n", "\n");
    assert_eq!(csv, joe.say(&download), "also to standard output");
    assert!(csv.contains("england,,definitions/patients-with-access,494,exact"), "{csv}");
    for kind in ["region", "icb", "sub-icb", "pcn", "supplier", "practice"] {
        assert!(csv.contains(&format!("Z,{kind},")), "no row of a {kind}: {csv}");
    }
    for exact in [",412,", ",77,"] {
        assert!(!csv.contains(exact), "{exact} is nobody's to know: {csv}");
    }
    let metadata: Value = serde_json::from_str(&read(".csv-metadata.json")).expect("JSON");
    assert_eq!(metadata["url"], "access-2031-05-issue-1.csv");
    let json: Value = serde_json::from_str(&read(".json")).expect("JSON");
    assert_eq!(json["figures"].as_array().expect("figures").len() + 1, csv.lines().count());
    assert!(read(".md").contains("Practices live: 4 of 5 practices"), "{}", read(".md"));

    // A correction is the next issue, at once.
    fs::write(&file, returns(&practices, [512, 133, 5, 0])).expect("it can be written to");
    nora.say(&["returns", "import", &text(file.clone()), "--layout", "long", "--reason-code", "SUPPLIER_CORRECTION"]);
    let correct = ["publication", "reissue", "2031-05", "--correction", "EMIS returned too few.", "--reason-code"];
    nora.say(&[&correct[..], &["SUPPLIER_CORRECTION"]].concat());
    let latest = until(&joe, &["publication", "get", "2031-05", "--issue", "2"]);
    assert!(latest.contains("650") && latest.contains("EMIS returned too few."), "{latest}");
    assert_eq!(joe.say(&[&download[..], &["--issue", "1"]].concat()), csv, "the first issue stays as it was");
    let words = joe.say(&[&download[..], &["--format", "summary"]].concat());
    assert!(words.contains("Patients with access in England: 494 in issue 1, now 650."), "{words}");
    assert_eq!(joe.json(&["publication", "list", "--all-issues"])["publications"].as_array().map(Vec::len), Some(2));
    let forbidden = joe.refused(4, &["publication", "create", "2031-04"]);
    assert!(forbidden.contains("ROLE") || forbidden.contains("role"), "{forbidden}");
}

#[test]
fn a_month_is_announced_frozen_released_and_corrected_all_in_one() {
    publishes_may(&Installation::all_in_one(&wanted()));
}

#[tokio::test]
async fn a_month_is_announced_frozen_released_and_corrected_by_three_processes_on_postgresql() {
    let Some(installation) = Installation::separate(&wanted()).await else { return };
    publishes_may(&installation);
}
