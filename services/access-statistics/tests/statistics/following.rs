//! Following the registry: from where it was left, with the position that figures name, and never into another journal.

use std::time::Duration;

use access_statistics::StatisticsConfig;
use api::Explained;
use database::testing::TestStore;
use proto::statistics::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{START, World, moment, value};

fn at_least(position: u64) -> wire::GetSummaryRequest {
    wire::GetSummaryRequest { min_position: position, ..Default::default() }
}

#[tokio::test]
async fn a_restart_goes_on_from_the_last_bookmark_and_forgets_nothing() {
    for world in World::each().await {
        let process = world.start().await;
        let a1 = practice("A81001", "QHM", "EMIS", 1_000, moment("2031-03-01T10:00:00Z"));
        world.registry.tell([a1.clone()]);
        let position = world.registry.tell([observed(a1.clone(), true, moment("2031-03-05T08:00:00Z"))]);
        assert_eq!(value(&process.summary(at_least(position)).await.practices_live), 1);
        process.kill().await;

        let process = world.start().await;
        let position = world.registry.tell([observed(a1, false, moment("2031-03-09T08:00:00Z"))]);
        let summary = process.summary(at_least(position)).await;
        assert_eq!((value(&summary.practices_live), summary.registry_position), (0, 3));
        let before = wire::GetSummaryRequest {
            as_at: Some(api::time::to_wire(moment("2031-03-08T00:00:00Z"))),
            ..Default::default()
        };
        assert_eq!(value(&process.summary(before).await.practices_live), 1, "what was told before the restart");
        assert_eq!(world.registry.tokens(), ["", "after-2"]);
        process.stop().await;
    }
}

#[tokio::test]
async fn a_query_waits_for_the_position_it_asks_for_and_says_so_when_it_is_not_reached() {
    let mut world = World::on(TestStore::sqlite());
    world.config = StatisticsConfig { position_wait_max: Duration::from_millis(50), ..world.config };
    let process = world.start().await;
    let refused = Explained::from(&process.statistics().get_summary(at_least(1)).await.unwrap_err());
    assert_eq!((refused.reason.as_str(), refused.metadata["min_position"].as_str()), ("POSITION_NOT_REACHED", "1"));
    assert!(refused.retry_after.is_some());
    process.stop().await;

    world.config.position_wait_max = Duration::from_secs(60);
    let process = world.start().await;
    let mut client = process.statistics();
    let waiting = client.get_summary(at_least(1));
    let told = async { world.registry.tell([practice("A81001", "QHM", "EMIS", 1_000, moment(START))]) };
    let (summary, position) = tokio::join!(waiting, told);
    assert_eq!((summary.unwrap().into_inner().registry_position, position), (1, 1));
    process.stop().await;
}

#[tokio::test]
async fn figures_are_refused_while_the_registry_lacks_records_that_were_followed() {
    for world in World::each().await {
        let process = world.start().await;
        let a1 = practice("A81001", "QHM", "EMIS", 1_000, moment("2031-03-01T10:00:00Z"));
        for day in 4..9 {
            world.registry.tell([observed(a1.clone(), day % 2 == 0, moment(&format!("2031-03-0{day}T08:00:00Z")))]);
        }
        process.summary(at_least(5)).await;
        process.stop().await;
        // A backup from before the last two records is restored.
        world.registry.rewind_to(3);
        let process = world.start().await;
        // Asked for a position beyond, it answers as soon as it has noticed.
        let refused = Explained::from(&process.statistics().get_summary(at_least(99)).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["known"].as_str()), ("JOURNAL_REWOUND", "5"));

        // The records are found after all.
        world.registry.rewind_to(3);
        world.registry.forget_last();
        for day in 7..9 {
            world.registry.tell([observed(a1.clone(), day % 2 == 0, moment(&format!("2031-03-0{day}T08:00:00Z")))]);
        }
        let position = world.registry.tell([observed(a1, false, moment("2031-03-09T08:00:00Z"))]);
        let recovered = async {
            loop {
                match process.statistics().get_summary(at_least(position)).await {
                    Ok(summary) => return summary.into_inner(),
                    Err(status) => assert_eq!(Explained::from(&status).reason, "JOURNAL_REWOUND"),
                }
                tokio::task::yield_now().await;
            }
        };
        let summary = tokio::time::timeout(Duration::from_secs(30), recovered).await.expect("it goes on");
        assert_eq!((value(&summary.practices_live), summary.registry_position), (0, 6));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_closure_told_late_holds_from_its_date() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let mut a1 = practice("A81001", "QHM", "EMIS", 1_000, moment("2031-01-01T10:00:00Z"));
    world.registry.tell([a1.clone()]);
    a1.status = proto::registry::v1::PracticeStatus::Closed.into();
    a1.close_date = "2031-02-01".to_owned();
    a1.update_time = Some(api::time::to_wire(moment("2031-03-01T10:00:00Z")));
    let position = world.registry.tell([a1]);
    process.summary(at_least(position)).await;
    let total = async |as_at: &str, known_at: &str| {
        let request = wire::GetSummaryRequest {
            as_at: Some(api::time::to_wire(moment(as_at))),
            known_at: Some(api::time::to_wire(moment(known_at))),
            ..Default::default()
        };
        value(&process.summary(request).await.practices_total)
    };
    assert_eq!(total("2031-01-31T12:00:00Z", START).await, 1);
    assert_eq!(total("2031-02-01T12:00:00Z", START).await, 0);
    assert_eq!(total("2031-02-01T12:00:00Z", "2031-02-28T12:00:00Z").await, 1, "nobody knew yet");
    process.stop().await;
}
