//! A scheduler that freezes at the worst moment: after a seal, with the supplier's call on its way.
//!
//! Separate processes on the system clock. While the first scheduler is frozen a second one takes over, the practice
//! pauses, and then the first one wakes, and its call arrives after all (I3, I4).

use database::Store;
use proto::registry::v1 as registry;
use rustix::process::Signal;
use supplier_simulator::{Direction, read_log};

use crate::harness::installation::{Installation, PATIENCE, Wanted, clock_offset, programme_of_today, until};
use crate::harness::journals::{self, found_at_rest};
use crate::harness::supplier::SupplierServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_a_scheduler_frozen_after_a_seal_leaves_no_practice_on_over_its_pause() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("suppliers.jsonl");
    let mut supplier = SupplierServer::start(&log, clock_offset()).await;
    let wanted = Wanted { practices_count: 5, supplier: Some(&supplier), ..Wanted::default() };
    let Some(installation) = Installation::separate(&wanted).await else { return };
    let lead = installation.accessctl("leo");
    let practice = installation.england.practice(1);
    installation.import();
    let first_door = supplier.shut_the_door();
    let file = installation.programme("summer.yaml", &programme_of_today(&format!("    practices: [{practice}]\n")));
    lead.say(&["programme", "apply", &file]);
    lead.as_account("ada").say(&["programme", "approve", "summer-opening"]);

    // Sealed and sent, and at the supplier's door.
    let sent = supplier.arrival(PATIENCE).await;
    assert_eq!(sent.practice, format!("practices/{practice}"));
    installation.scheduler().signal(Signal::STOP);

    // The second one takes over and sends the same key again.
    let second_door = supplier.shut_the_door();
    let second = installation.second_scheduler(&supplier);
    let resent = supplier.arrival(PATIENCE * 3).await;
    assert_eq!(
        (&resent.practice, resent.generation),
        (&sent.practice, sent.generation),
        "a resend uses the same key (I2)"
    );

    let paused = lead.as_account("paula").say(&["practice", "pause", &practice, "--reason", "not ready"]);
    assert!(paused.contains("PENDING"), "a permit is open: {paused}");
    second_door.open();
    let is_final = |practice: &registry::Practice| {
        practice.pauses.iter().all(|pause| {
            matches!(pause.receipt_state(), registry::ReceiptState::Prevented | registry::ReceiptState::Reversed)
        })
    };
    until(installation.registry(), |known| {
        known.get(&practice).is_some_and(|practice| !practice.pauses.is_empty() && is_final(practice))
    })
    .await;

    // The first one wakes, and what it had sent arrives.
    supplier.answered(PATIENCE).await;
    installation.scheduler().signal(Signal::CONT);
    first_door.open();
    assert_eq!(supplier.answered(PATIENCE).await, sent);
    let status = lead.say(&["programme", "status", "summer-opening"]);
    assert!(status.contains("summer-opening"), "the first scheduler serves again: {status}");

    let ended = second.stop();
    assert!(ended.status.success(), "{}", ended.said());
    let store = installation.stop().expect("separate servers have a store");
    let entries = read_log(&log).expect("the supplier's log is whole");
    let last = entries.iter().filter_map(supplier_simulator::Entry::effect).rfind(|effect| effect.changed);
    assert!(
        last.is_none_or(|effect| effect.direction == Direction::Disable),
        "the supplier's log ends ON: {entries:#?}"
    );
    let store: Store = store.url().parse().expect("a store");
    let evidence = journals::evidence(&store, &entries).await;
    assert_eq!(found_at_rest(&evidence), Vec::<String>::new());
    assert_eq!(evidence.cases().pauses_with_open_permit, 1, "the pause came while the permit was open");
}
