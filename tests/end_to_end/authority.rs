//! An installation's own policies: checked before anything is served, replaced while it serves, and recorded.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::accessctl::Accessctl;
use crate::harness::binary;
use crate::harness::running::Running;
use crate::harness::server::Server;

/// Files are looked at every five seconds, and at once when told to.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everybody may look, and an operator may do all there is.
const HOUSE: &str = "permit (principal, action in Action::\"look\", resource);\n\
                     permit (principal in Role::\"operator\", action, resource);\n";
/// An auditor reads journals as well.
const AUDITED: &str =
    "permit (principal in Role::\"auditor\", action == Action::\"JournalService/ListRecords\", resource);\n";

fn project_policies() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies").display().to_string()
}

fn check(data: &str, policies: &[&str]) -> crate::harness::running::Ended {
    let words = [&["check-config", "all", "--insecure", "--data", data][..], policies].concat();
    Running::start(binary::citizens_access().args(words)).wait(PATIENCE)
}

/// The SHA-256 that `check-config` prints.
fn sha256(said: &str) -> &str {
    let (_, rest) = said.split_once("sha256 ").expect("it prints the hash");
    rest.split_whitespace().next().expect("the hash")
}

fn loaded(journal: &Value) -> Vec<String> {
    let records = journal["records"].as_array().cloned().unwrap_or_default();
    let of_policies = records.iter().filter(|record| record["kind"] == "journal.policies-loaded");
    of_policies.map(|record| record["payload_json"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn check_config_prints_the_hash_and_says_where_a_policy_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data").display().to_string();
    let migrated = Running::start(binary::citizens_access().args(["migrate", "--data", &data])).wait(PATIENCE);
    assert!(migrated.status.success(), "{}", migrated.said());
    let own = check(&data, &[]);
    assert!(own.status.success() && own.stdout.contains("of the program's own, sha256 "), "{}", own.said());
    let copy = check(&data, &["--policies", &project_policies()]);
    assert_eq!(sha256(&copy.stdout), sha256(&own.stdout), "{}", copy.said());
    let house = folder.path().join("house");
    fs::create_dir(&house).expect("a folder");
    fs::write(house.join("house.cedar"), format!("{HOUSE}permit (principal in Role::\"king\", action, resource);\n"))
        .expect("a file");
    let policies = house.display().to_string();
    for words in [check(&data, &["--policies", &policies]), {
        let mut serve = Server::command("all", "127.0.0.1:0", &["--data", &data, "--policies", &policies]);
        Running::start(&mut serve).wait(PATIENCE)
    }] {
        let wrong = words.stderr.contains("house.cedar, line 3: ") && words.stderr.contains("king");
        assert!(!words.status.success() && wrong, "{}", words.said());
    }
}

#[test]
fn policies_are_replaced_while_it_serves_and_the_journals_say_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let house = folder.path().join("house");
    fs::create_dir(&house).expect("a folder");
    let file = house.join("house.cedar");
    fs::write(&file, HOUSE).expect("a file");
    let data = folder.path().join("data").display().to_string();
    let arguments = ["--data", data.as_str(), "--policies", &house.display().to_string()];
    let server = Server::start("all", &arguments);
    let operator = Accessctl::all_in_one(&server, "olga;roles=operator");
    let auditor = operator.as_account("audrey;roles=auditor");
    let list = ["journal", "list", "registry"];
    let refused = auditor.refused(4, &list);
    assert!(
        refused.contains("ROLE_MISSING") && refused.contains("audrey") && refused.contains("operator"),
        "{refused}"
    );

    // A set that is wrong changes nothing.
    fs::write(&file, "permit (principal, action").expect("a file");
    server.signal(Signal::HUP);
    operator.say(&["practice", "list"]);
    auditor.refused(4, &list);

    fs::write(&file, format!("{HOUSE}{AUDITED}")).expect("a file");
    server.signal(Signal::HUP);
    let begun = Instant::now();
    while auditor.run(&list).code != 0 {
        assert!(begun.elapsed() < PATIENCE, "the new policies are in force");
    }
    let begun = Instant::now();
    let sets = loop {
        let sets = loaded(&operator.json(&list));
        if sets.len() > 1 {
            break sets;
        }
        assert!(begun.elapsed() < PATIENCE, "both sets are recorded: {sets:?}");
    };
    assert_eq!(sets.len(), 2, "{sets:?}");
    assert_ne!(sets[0], sets[1]);
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
    assert!(ended.stderr.contains("those in force stay"), "{}", ended.said());

    // What is in force already is not recorded again, and the program's own after others are.
    let server = Server::start("all", &arguments);
    let operator = Accessctl::all_in_one(&server, "olga;roles=operator");
    assert_eq!(loaded(&operator.json(&list)).len(), 2);
    server.stop();
    let server = Server::start("all", &arguments[..2]);
    let operator = Accessctl::all_in_one(&server, "olga;roles=operator");
    let begun = Instant::now();
    while loaded(&operator.json(&list)).len() < 3 {
        assert!(begun.elapsed() < PATIENCE, "the program's own are recorded");
    }
    server.stop();
}
