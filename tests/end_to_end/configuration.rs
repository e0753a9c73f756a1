//! Servers that must not start as asked, and stores that are not ready: said before anything is served.

use std::time::Duration;

use crate::harness::binary;
use crate::harness::postgres::PostgresStore;
use crate::harness::running::{Ended, Running};

fn run(words: &[&str]) -> Ended {
    Running::start(binary::citizens_access().args(words)).wait(Duration::from_secs(60))
}

#[test]
fn a_server_that_believes_callers_listens_on_loopback_only_and_only_when_told_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().display().to_string();
    let without = run(&["serve", "all", "--listen", "127.0.0.1:0", "--data", &data]);
    assert!(!without.status.success() && without.stderr.contains("--insecure"), "{}", without.said());
    let everywhere = run(&["serve", "all", "--listen", "0.0.0.0:0", "--data", &data, "--insecure"]);
    assert!(!everywhere.status.success() && everywhere.stderr.contains("loopback"), "{}", everywhere.said());
    assert!(!everywhere.stdout.contains("listening"), "{}", everywhere.stdout);
}

#[tokio::test]
async fn a_postgresql_that_was_never_migrated_is_found_by_check_config_and_mended_by_migrate() {
    let Some(store) = PostgresStore::fresh().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().display().to_string();
    let place = ["--store", store.url(), "--data", &data];
    let check = [&["check-config", "all", "--insecure"][..], &place].concat();
    let before = run(&check);
    assert!(!before.status.success() && before.stderr.contains("migrate"), "{}", before.said());
    let migrated = run(&[&["migrate"][..], &place].concat());
    assert!(migrated.status.success(), "{}", migrated.said());
    let after = run(&check);
    assert!(after.status.success() && after.stdout.contains("ready to serve"), "{}{}", after.stdout, after.said());
}

#[test]
fn a_postgresql_on_another_machine_that_is_not_verified_is_not_even_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().display().to_string();
    for options in ["", "?sslmode=prefer", "?sslmode=require"] {
        // An address of those for documentation: nothing would answer there.
        let store = format!("postgres://access:s3cret@192.0.2.1/access{options}");
        let place = ["--store", &store, "--data", &data];
        for command in [
            &["serve", "all", "--listen", "127.0.0.1:0", "--insecure"][..],
            &["check-config", "all", "--insecure"],
            &["migrate"],
        ] {
            let refused = run(&[command, &place].concat());
            assert!(!refused.status.success(), "{command:?} {options}: {}", refused.said());
            assert!(refused.stderr.contains("sslmode=verify-full&sslrootcert=FILE"), "{}", refused.said());
            assert!(!refused.stderr.contains("s3cret"), "{}", refused.said());
        }
    }
}

#[test]
fn what_is_wrong_with_a_suppliers_limits_is_said_before_anything_is_served() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().display().to_string();
    let check = |limits: &[&str]| {
        let words = ["check-config", "scheduler", "--insecure", "--data", &data, "--registry", "http://127.0.0.1:1"];
        run(&[&words[..], &["--supplier", "EMIS=http://127.0.0.1:1"], limits].concat())
    };
    for (limits, wrong) in [
        (&["--supplier-limits", "EMIS"][..], "EMIS=50,600"),
        (&["--supplier-limits", "EMIS=0"], "no count from 1 on"),
        (&["--supplier-limits", "EMIS=5,many"], "no count from 1 on"),
        (&["--supplier-limits", "TPP=5"], "add --supplier"),
        (&["--supplier-limits", "EMIS=5", "--supplier-limits", "EMIS=6"], "given twice"),
    ] {
        let ended = check(limits);
        assert!(!ended.status.success() && ended.stderr.contains(wrong), "{limits:?}: {}", ended.said());
    }
    let migrated = run(&["migrate", "--data", &data]);
    assert!(migrated.status.success(), "{}", migrated.said());
    let ended = check(&["--supplier-limits", "EMIS=5,600"]);
    assert!(ended.status.success(), "{}", ended.said());
}

#[test]
fn a_store_that_nobody_knows_is_refused_without_repeating_a_password() {
    let ended = run(&["migrate", "--store", "mysql://keeper:s3cret@127.0.0.1/access"]);
    assert!(!ended.status.success() && ended.stderr.contains("postgres://"), "{}", ended.said());
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.said());
}
