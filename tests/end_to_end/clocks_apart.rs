//! Schedulers on one PostgreSQL whose clocks are ten minutes apart: one that is off its database's records nothing, performs
//! nothing, and keeps nobody else from it (rule 18).

use clock::Clock;
use database::{Db, Store};
use jiff::SignedDuration;
use supplier_simulator::read_log;

use crate::harness::installation::{Installation, PATIENCE, Wanted, clock_offset, programme_of_today, until_live};
use crate::harness::journals::{self, found_at_rest};
use crate::harness::server::Server;
use crate::harness::supplier::SupplierServer;

/// One more scheduler on the same store, beside those that run.
fn start(installation: &Installation, supplier: &SupplierServer, folder: &str, more: &[&str]) -> Server {
    let arguments = installation.scheduler_beside(folder, supplier);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Server::start("scheduler", &arguments)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_18_a_scheduler_whose_clock_is_ten_minutes_off_neither_performs_nor_keeps_others_from_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("suppliers.jsonl");
    let offset = clock_offset();
    let mut supplier = SupplierServer::start(&log, offset).await;
    let wanted = Wanted { practices_count: 3, supplier: Some(&supplier), ..Wanted::default() };
    let Some(mut installation) = Installation::separate(&wanted).await else { return };
    let ahead = start(&installation, &supplier, "ahead", &["--clock-skew-ms", "600000"]);
    let behind = start(&installation, &supplier, "behind", &["--clock-skew-ms", "-600000"]);
    installation.import();
    let lead = installation.accessctl("leo");
    let file = installation.programme("summer.yaml", &programme_of_today(""));
    lead.say(&["programme", "apply", &file]);
    let store: Store = installation.store().url().parse().expect("a store");
    let db = Db::open(&store, "scheduler").await.expect("the journal's database opens");
    let first = journals::leases(&db).await;

    // The one that performs dies amid the wave, and those whose clocks are off have watched for longer than the one that comes.
    let door = supplier.shut_the_door();
    lead.as_account("ada").say(&["programme", "approve", "summer-opening"]);
    supplier.arrival(PATIENCE).await;
    installation.scheduler_mut().kill();
    door.open();
    let right = start(&installation, &supplier, "right", &[]);
    let practices: Vec<String> = (0..3).map(|index| installation.england.practice(index)).collect();
    until_live(installation.registry(), &practices).await;

    let leases = journals::leases(&db).await;
    db.close().await;
    assert_eq!(first.len(), 1, "the first one performed: {first:?}");
    let later: Vec<&str> = leases.iter().skip(1).map(|lease| lease.replica.as_str()).collect();
    assert_eq!(later, [right.address()], "whose clock is right takes over, and nobody else");
    let latest = Clock::system().now().saturating_add(offset).expect("a moment");
    for name in ["registry", "scheduler"] {
        let records = journals::read(&store, name).await;
        let last = records.last().expect("it has records").recorded_at;
        assert!(last <= latest.saturating_add(SignedDuration::from_secs(2)).expect("a moment"), "{name} at {last}");
    }
    for off in [ahead, behind] {
        let ended = off.stop();
        assert!(ended.status.success() && ended.stderr.contains("CLOCK_OFF"), "{}", ended.said());
    }
    let ended = right.stop();
    assert!(ended.status.success(), "{}", ended.said());
    // What is left of the one that was killed cannot end well.
    *installation.scheduler_mut() = start(&installation, &supplier, "scheduler", &[]);
    let kept = installation.stop();
    assert!(kept.is_some(), "separate servers have a store");
    let entries = read_log(&log).expect("the supplier's log is whole");
    let evidence = journals::evidence(&store, &entries).await;
    assert_eq!(found_at_rest(&evidence), Vec::<String>::new());
    assert_eq!(evidence.cases().enables, 3);
}
