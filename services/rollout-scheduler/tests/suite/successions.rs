//! Practices that become of one another while a wave is under way (rule 9).

use proto::registry::v1 as registry_wire;
use proto::registry::v1::{ObservedState, PauseEnd, SuccessionKind};
use proto::scheduler::v1 as wire;

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

impl World {
    async fn merge(&mut self, predecessor: &str, successor: &str, from: &str) {
        let request = registry_wire::RecordSuccessionRequest {
            kind: SuccessionKind::Merge.into(),
            predecessors: vec![format!("practices/{predecessor}")],
            successors: vec![format!("practices/{successor}")],
            effective_date: from.to_owned(),
            request_id: self.request_id(),
            ..Default::default()
        };
        let peer = self.registry.with_account("operator;roles=operator").unwrap();
        let mut registry = registry_wire::practice_registry_service_client::PracticeRegistryServiceClient::new(peer);
        registry.record_succession(request).await.unwrap();
    }
}

/// Five in the wave, and A81010, which the plan does not know.
async fn world() -> World {
    let mut world = World::new(Setup::new(surgeries(81_001, 5, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world.import(&surgeries(81_010, 1, "EMIS")).await;
    world
}

#[tokio::test]
async fn a_merged_practice_is_superseded_and_neither_it_nor_its_successor_is_switched_on() {
    let mut world = world().await;
    world.merge("A81003", "A81010", "2031-05-20").await;
    world.until("2031-05-19T22:59:59Z").await;
    assert_ne!(world.enrolment(1, "A81003").await.state(), wire::EnrolmentState::Superseded, "its day has not come");
    world.until("2031-05-20T08:00:00Z").await;
    assert_eq!(world.wave(1).await.state(), wire::WaveState::Notice);
    let enrolment = world.enrolment(1, "A81003").await;
    assert_eq!(
        (enrolment.state(), enrolment.reason.as_str()),
        (wire::EnrolmentState::Superseded, "PRACTICE_SUCCEEDED")
    );
    assert_eq!(enrolment.successors, ["practices/A81010"]);

    world.until("2031-06-30T08:00:00Z").await;
    assert_eq!(world.live_count().await, 4);
    assert!(!world.is_live("A81003").await && !world.is_live("A81010").await);
    assert!(world.effects().iter().all(|effect| !effect.contains("A81003") && !effect.contains("A81010")));
    let explained = world.explain("A81003").await;
    let told = explained.blockers.iter().find(|blocker| blocker.code == "PRACTICE_SUCCEEDED").unwrap();
    assert!(told.evidence.contains("practices/A81010"), "{told:?}");
    assert!(told.clears_by.contains("practices/A81010"), "{told:?}");
}

#[tokio::test]
async fn a_pause_that_a_practice_of_the_wave_inherits_withholds_it() {
    let mut world = world().await;
    world.pause("A81003", PauseEnd::FurtherNotice).await;
    world.merge("A81003", "A81004", "2031-05-20").await;
    world.until("2031-06-02T09:00:00Z").await;
    assert_eq!(world.live_count().await, 3);
    assert!(!world.is_live("A81003").await && !world.is_live("A81004").await);
}

/// Live is observed: what was on before the merger counts again once the supplier's list confirms it.
#[tokio::test]
async fn a_successor_that_was_live_is_live_again_once_its_supplier_confirms() {
    let mut world = world().await;
    world.until("2031-06-02T09:00:00Z").await;
    assert_eq!(world.live_count().await, 5);
    world.merge("A81003", "A81004", "2031-06-03").await;
    world.until("2031-06-02T23:00:00Z").await;
    let access = world.access("A81004").await;
    assert_eq!((access.live, access.state()), (false, ObservedState::Unknown));
    assert!(!world.is_live("A81003").await);
    world.until("2031-06-05T09:00:00Z").await;
    assert!(world.is_live("A81004").await);
}
