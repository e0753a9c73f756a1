//! Syncs with the publisher's interfaces, against one on this machine that behaves as documented.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::date;
use journal::{Journal, MemoryFault};
use ods::record::{OrganisationRecord, Period, Relationship, Succession, SuccessionKind};
use ods_api::testing::{Fault, Publisher, practice};
use practice::directory::Status;
use practice::sync::{SyncEnd, SyncSource};
use practice_registry::SyncConfig;
use proto::registry::v1 as wire;
use tonic::Code;

use crate::bench::{Bench, reason};
use crate::following::{Following, TODAY, config, publisher, six};

const BOTH: [SyncSource; 2] = [SyncSource::Fhir, SyncSource::Ord];

#[tokio::test]
async fn the_first_sync_reads_everything_and_the_same_answers_again_change_nothing() {
    for source in BOTH {
        let closed = OrganisationRecord {
            is_active: false,
            operational: Period { start: Some(date(1974, 4, 1)), end: Some(date(2001, 3, 31)) },
            ..practice("A81090", "OLD SURGERY", "16C", "U12345", date(2031, 5, 7))
        };
        let welsh = practice("W90001", "CWM SURGERY", "7A1", "U12345", date(2031, 5, 8));
        let nowhere = practice("A81091", "NOWHERE SURGERY", "97Z", "U12345", date(2031, 5, 9));
        let odd = practice("A81092", "ODD SURGERY", "16C", "RWR", date(2031, 5, 10));
        let publisher = publisher(six().into_iter().chain([closed, welsh, nowhere, odd])).await;
        let mut following = Following::open(config(&publisher, source)).await;
        following.run();
        let sync = following.until_completed(1).await;
        assert_eq!((sync.since, sync.read_count, sync.total), (None, 10, Some(10)), "{source:?}");
        assert_eq!((sync.tally.created, sync.tally.ignored, sync.tally.rejected), (6, 2, 2));
        let reasons: Vec<_> = sync.rejections.iter().map(|rejection| rejection.reason.as_str()).collect();
        assert!(reasons[0].starts_with("sub-ICB 97Z is not known; import"), "{reasons:?}");
        assert!(reasons[1].contains("`RWR` is not a PCN code"), "{reasons:?}");

        let known = following.practice("A81003").unwrap();
        assert_eq!((known.name.latest().value.as_str(), known.status), ("SURGERY", Status::Active));
        let above = |facts: Option<&practice::facts::Facts<ods::IcbCode>>| facts.map(|facts| facts.latest().value);
        assert_eq!(above(known.icb.as_ref()), Some("QHM".parse().unwrap()), "by its sub-ICB");
        assert_eq!(known.present_lifetime().open, Some(date(1974, 4, 1)));

        let imported = following.kinds().await.iter().filter(|kind| *kind == "directory-imported").count();
        following.ask(true).await;
        let sync = following.until_completed(2).await;
        assert_eq!((sync.tally.unchanged, sync.tally.created + sync.tally.updated + sync.tally.moved), (6, 0));
        let again = following.kinds().await.iter().filter(|kind| *kind == "directory-imported").count();
        assert_eq!(again, imported, "{source:?}");
    }
}

#[tokio::test]
async fn a_day_later_it_reads_what_changed_and_moves_hold_from_their_own_day() {
    for source in BOTH {
        let publisher = publisher(six()).await;
        let mut following = Following::open(config(&publisher, source)).await;
        following.run();
        following.until_completed(1).await;
        let mut moved = practice("A81002", "NEW NAME", "01A", "U54321", date(2031, 6, 1));
        for held in moved.relationships.iter_mut().flatten() {
            held.operational.start = Some(date(2031, 6, 1));
        }
        moved.successions = vec![Succession {
            kind: SuccessionKind::Predecessor,
            other: "A81006".to_owned(),
            date: Some(date(2031, 6, 1)),
        }];
        let gone = OrganisationRecord {
            is_active: false,
            operational: Period { start: Some(date(1974, 4, 1)), end: Some(date(2031, 6, 2)) },
            ..practice("A81006", "SURGERY", "16C", "U12345", date(2031, 6, 2))
        };
        publisher.knows([moved, gone]);
        publisher.world().asked.clear();
        following.time.advance(SignedDuration::from_hours(24));
        let sync = following.until_completed(2).await;
        assert_eq!((sync.since, sync.read_count), (Some(date(2031, 5, 30)), 2), "{source:?}");
        assert_eq!((sync.tally.moved, sync.tally.closed), (1, 1));
        let known = following.practice("A81002").unwrap();
        // The map's sub-ICB was recorded on the day of the first sync, which a fact of the day before does not hide.
        let sub_icb = known.sub_icb.as_ref().unwrap();
        assert_eq!(sub_icb.latest().value.as_str(), "01A");
        assert_eq!(known.icb.as_ref().unwrap().latest().value.as_str(), "QE1");
        assert_eq!(following.practice("A81006").unwrap().status, Status::Closed);
        let found: Vec<_> = sync.successions.iter().map(|found| (&*found.predecessor, &*found.successor)).collect();
        assert_eq!(found, [("A81006", "A81002")]);
    }
}

#[tokio::test]
async fn a_move_within_the_window_holds_from_the_day_on_which_it_began() {
    let publisher = publisher(six()).await;
    let mut following = Following::open(config(&publisher, SyncSource::Fhir)).await;
    following.run();
    following.until_completed(1).await;
    let mut moved = practice("A81002", "SURGERY", "01A", "U12345", date(2031, 6, 4));
    moved.relationships.as_mut().unwrap()[0].operational.start = Some(date(2031, 6, 3));
    publisher.knows([moved]);
    following.time.advance(SignedDuration::from_hours(72));
    following.until_completed(2).await;
    let known = following.practice("A81002").unwrap();
    assert_eq!(known.sub_icb.unwrap().latest().effective_from, date(2031, 6, 3));
    assert_eq!(known.icb.unwrap().latest().effective_from, date(2031, 6, 3));
}

#[tokio::test]
async fn what_begins_on_a_later_day_is_taken_in_on_that_day_although_nothing_changes() {
    for source in BOTH {
        let mut coming = practice("A81001", "SURGERY", "16C", "U12345", date(2031, 5, 1));
        let held = coming.relationships.as_mut().unwrap();
        held[0].operational.end = Some(date(2031, 6, 3));
        held.push(Relationship {
            target: "01A".to_owned(),
            operational: Period { start: Some(date(2031, 6, 4)), end: None },
            ..held[0].clone()
        });
        let publisher = publisher([coming]).await;
        let mut following = Following::open(config(&publisher, source)).await;
        following.run();
        following.until_completed(1).await;
        assert_eq!(following.practice("A81001").unwrap().sub_icb.unwrap().latest().value.as_str(), "16C");
        following.time.advance(SignedDuration::from_hours(24));
        following.until_completed(2).await;
        assert_eq!(following.practice("A81001").unwrap().sub_icb.unwrap().latest().value.as_str(), "16C");
        following.time.advance(SignedDuration::from_hours(24));
        following.until_completed(3).await;
        let known = following.practice("A81001").unwrap();
        assert_eq!(known.sub_icb.unwrap().latest().value.as_str(), "01A", "{source:?}");
    }
}

/// Waits until so many requests have come.
async fn asked(publisher: &Publisher, count: usize) {
    while publisher.asked().len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_run_that_was_killed_goes_on_where_it_was_and_repeats_no_page() {
    let publisher = publisher(six()).await;
    let config = config(&publisher, SyncSource::Fhir);
    let mut following = Following::open(config.clone()).await;
    publisher.world().faults.extend([Fault::Nothing, Fault::Silence(Duration::from_secs(60))]);
    following.run();
    following.until("the first page", |sync| sync.page == 1).await;
    asked(&publisher, 2).await;
    let following = following.killed_and_started(config).await;
    let sync = following.until_completed(1).await;
    assert_eq!((sync.read_count, sync.tally.created), (6, 6));
    let firsts = publisher.world().asked.iter().filter(|asked| !asked.path.contains("_offset=")).count();
    assert_eq!(firsts, 1, "the first page was asked for once");
}

#[tokio::test]
async fn ord_goes_on_with_the_organisations_that_are_left() {
    let records = (0..120).map(|n| practice(&format!("A81{n:03}"), "SURGERY", "16C", "U12345", date(2031, 5, 1)));
    let publisher = publisher(records).await;
    let config = config(&publisher, SyncSource::Ord);
    let mut following = Following::open(config.clone()).await;
    // The list and fifty organisations come.
    publisher.world().faults.extend(vec![Fault::Nothing; 51]);
    publisher.world().faults.push_back(Fault::Silence(Duration::from_secs(60)));
    following.run();
    following.until("fifty of them", |sync| sync.read_count == 50).await;
    asked(&publisher, 52).await;
    let following = following.killed_and_started(config).await;
    let sync = following.until_completed(1).await;
    assert_eq!((sync.read_count, sync.tally.created), (120, 120));
    let paths = publisher.asked();
    let first = paths.iter().filter(|path| path.ends_with("/organisations/A81000")).count();
    assert_eq!(first, 1, "what is recorded is not asked for again");
    assert_eq!(paths.iter().filter(|path| path.ends_with("/organisations")).count(), 2, "the list is, after a restart");
}

#[tokio::test]
async fn a_page_whose_commit_fails_is_recorded_once() {
    for fault in [MemoryFault::BeforeCommit, MemoryFault::AfterCommit] {
        let publisher = publisher(six()).await;
        let mut following = Following::open(config(&publisher, SyncSource::Fhir)).await;
        let Journal::Memory(journal) = following.journal.clone() else { panic!("it is in memory") };
        publisher.world().faults.extend([Fault::Nothing, Fault::Silence(Duration::from_millis(300))]);
        following.run();
        following.until("the first page", |sync| sync.page == 1).await;
        journal.fail_next_commit(fault).await;
        let sync = following.until_completed(1).await;
        assert_eq!((sync.read_count, sync.tally.created, sync.tally.unchanged), (6, 6, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn a_practice_that_changes_between_two_pages_costs_no_other_practice_its_place() {
    for source in BOTH {
        let publisher = publisher(six()).await;
        publisher.world().limit = 3;
        // It goes to the end of the list, and the third steps over the edge of the first page.
        publisher.world().changes.insert(1, practice("A81001", "SURGERY", "16C", "U12345", TODAY));
        let mut following = Following::open(config(&publisher, source)).await;
        following.run();
        let sync = following.until_completed(1).await;
        assert_eq!((sync.read_count, sync.tally.created), (6, 6), "{source:?}");
        for n in 1..=6 {
            assert!(following.practice(&format!("A8100{n}")).is_some());
        }
    }
}

#[tokio::test]
async fn a_publisher_out_of_order_is_told_of_and_asked_again_by_itself() {
    let publisher = publisher(six()).await;
    publisher.world().faults.push_back(Fault::Status(429, vec![("retry-after", "600")], ""));
    let mut following = Following::open(config(&publisher, SyncSource::Fhir)).await;
    following.run();
    let sync = following.until("the failure", |sync| sync.failure.is_some()).await;
    let failure = sync.failure.unwrap();
    assert_eq!((failure.reason.as_str(), failure.attempts), ("RATE_LIMITED", 1));
    assert!(
        failure.message.contains("600 s") && failure.message.contains("tried again by itself"),
        "{}",
        failure.message
    );

    let listed = following.client.list_syncs(wire::ListSyncsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.syncs[0].state(), wire::SyncState::StandingStill);
    let in_an_hour = following.clock.now() + SignedDuration::from_hours(1);
    assert_eq!(listed.next_time, Some(api::time::to_wire(in_an_hour)));
    following.time.advance(SignedDuration::from_hours(1));
    following.until_completed(1).await;
}

#[tokio::test]
async fn who_asks_lets_a_run_that_stands_still_go_on_at_once() {
    let publisher = publisher(six()).await;
    publisher.world().faults.push_back(Fault::Status(401, Vec::new(), ""));
    let mut following = Following::open(config(&publisher, SyncSource::Ord)).await;
    following.run();
    let sync = following.until("the failure", |sync| sync.failure.is_some()).await;
    assert_eq!(sync.failure.unwrap().reason, "API_KEY_REFUSED");
    let asked = following.ask(false).await;
    assert_eq!((asked.name.as_str(), asked.state()), ("syncs/1", wire::SyncState::Running));
    following.until_completed(1).await;
    let get = wire::GetSyncRequest { name: "syncs/1".to_owned(), ..Default::default() };
    let told = following.client.get_sync(get).await.unwrap().into_inner().sync.unwrap();
    assert_eq!(
        (told.state(), told.created_count, told.source()),
        (wire::SyncState::Completed, 6, wire::SyncSource::Ord)
    );
    assert!(told.end_time.is_some() && told.failure.is_none());
}

#[tokio::test]
async fn where_the_publisher_keeps_no_changes_of_so_long_ago_everything_is_read() {
    let publisher = publisher(six()).await;
    let mut following = Following::open(config(&publisher, SyncSource::Ord)).await;
    following.run();
    following.until_completed(1).await;
    // By the publisher's clock it is much later.
    publisher.world().today = date(2031, 12, 31);
    following.time.advance(SignedDuration::from_hours(24));
    let sync = following.until_completed(3).await;
    assert_eq!(sync.since, None);
    let published = following.registry.engine().published();
    assert_eq!(published.state.syncs().get(2).unwrap().end, Some(SyncEnd::Superseded));
}

#[tokio::test]
async fn a_page_that_the_publisher_has_forgotten_begins_the_run_anew() {
    let publisher = publisher(six()).await;
    publisher.world().forgotten = Some(2);
    let mut following = Following::open(config(&publisher, SyncSource::Fhir)).await;
    following.run();
    let sync = following.until("the failure", |sync| sync.failure.is_some()).await;
    assert_eq!((sync.failure.unwrap().reason.as_str(), sync.next, sync.read_count), ("NOT_FOUND", None, 0));
    publisher.world().forgotten = None;
    following.time.advance(SignedDuration::from_hours(1));
    following.until_completed(1).await;
}

#[tokio::test]
async fn two_replicas_take_each_page_in_once() {
    let publisher = publisher(six()).await;
    let first = config(&publisher, SyncSource::Fhir);
    let second = SyncConfig { worker: "registry-2".to_owned(), ..first.clone() };
    let mut one = Following::open(first).await;
    let mut two = Following::open_on(one.journal.clone(), one.clock.clone(), one.time.clone(), second).await;
    one.run();
    two.run();
    let sync = one.until_completed(1).await;
    assert_eq!((sync.read_count, sync.tally.created, sync.tally.unchanged), (6, 6, 0));
    let advanced = one.kinds().await.iter().filter(|kind| *kind == "sync-advanced").count();
    assert_eq!(advanced, 3, "three pages");
}

#[tokio::test]
async fn a_registry_that_follows_nobody_says_so_and_a_dry_run_begins_nothing() {
    let mut bench = Bench::with_practices().await;
    let request = wire::SyncDirectoryRequest { request_id: "ask".to_owned(), ..Default::default() };
    let refused = reason(bench.client.sync_directory(request.clone()).await);
    assert_eq!(refused, (Code::FailedPrecondition, "SYNC_NOT_CONFIGURED".to_owned()));
    let listed = bench.client.list_syncs(wire::ListSyncsRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.syncs, listed.next_time), (Vec::new(), None));
    for (name, code) in
        [("syncs/1", Code::NotFound), ("syncs/one", Code::InvalidArgument), ("1", Code::InvalidArgument)]
    {
        let get = wire::GetSyncRequest { name: name.to_owned(), ..Default::default() };
        assert_eq!(bench.client.get_sync(get).await.unwrap_err().code(), code, "{name}");
    }

    let publisher = publisher(six()).await;
    let mut following = Following::open(config(&publisher, SyncSource::Fhir)).await;
    let dry = wire::SyncDirectoryRequest { dry_run: true, ..request };
    let told = following.client.sync_directory(dry).await.unwrap().into_inner().sync.unwrap();
    assert_eq!((told.since_date.as_str(), told.state()), ("", wire::SyncState::Running));
    assert_eq!(following.latest(), None);
    assert_eq!(publisher.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn syncs_are_listed_by_pages_the_latest_first() {
    let publisher = publisher(six()).await;
    let mut following = Following::open(config(&publisher, SyncSource::Fhir)).await;
    following.run();
    following.until_completed(1).await;
    for number in 2..=3 {
        following.ask(true).await;
        following.until_completed(number).await;
    }
    let mut request = wire::ListSyncsRequest { page_size: 2, ..Default::default() };
    let page = following.client.list_syncs(request.clone()).await.unwrap().into_inner();
    let names = |page: &wire::ListSyncsResponse| page.syncs.iter().map(|sync| sync.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&page), ["syncs/3", "syncs/2"]);
    request.page_token = page.next_page_token;
    let page = following.client.list_syncs(request).await.unwrap().into_inner();
    assert_eq!((names(&page), page.next_page_token), (vec!["syncs/1".to_owned()], String::new()));
}

#[tokio::test]
async fn it_ends_when_the_server_does_even_while_the_publisher_is_silent() {
    let publisher = publisher(six()).await;
    publisher.world().faults.push_back(Fault::Silence(Duration::from_secs(60)));
    let mut following = Following::open(config(&publisher, SyncSource::Fhir)).await;
    following.run();
    following.until("the start", |sync| sync.number == 1).await;
    following.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(1), following.loops).await.unwrap().unwrap();
}
