//! The recorded past under another policy, as a client asks for it: over the real journal, registry and suppliers.

use proto::registry::v1::PauseEnd;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;
use tonic::{Code, Status};

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

impl World {
    async fn replay(&self, request: wire::ReplayPolicyRequest) -> Result<wire::ReplayPolicyResponse, Status> {
        Ok(ForecastServiceClient::new(self.peer("alice")).replay_policy(request).await?.into_inner())
    }
}

fn moment(text: &str) -> Option<prost_types::Timestamp> {
    Some(api::time::to_wire(text.parse().unwrap()))
}

fn since_may(policy: wire::ReplayedPolicy) -> wire::ReplayPolicyRequest {
    let since = moment("2031-05-20T08:00:00Z");
    wire::ReplayPolicyRequest { programme: PROGRAMME.into(), since, policy: Some(policy), ..Default::default() }
}

fn a_day(practices: u32) -> wire::ReplayedPolicy {
    let national = Some(wire::ReplayedCap { practices: Some(practices), patients: None });
    let daily_caps = Some(wire::ReplayedCaps { national, ..Default::default() });
    wire::ReplayedPolicy { daily_caps, ..Default::default() }
}

fn sample(min_sample: u32) -> wire::ReplayedPolicy {
    let gate = Some(wire::ReplayedGateTerms { min_sample: Some(min_sample), ..Default::default() });
    wire::ReplayedPolicy { gate, ..Default::default() }
}

fn counts(reply: &wire::ReplayPolicyResponse) -> Vec<i64> {
    reply.groups[0].effects.iter().map(|count| count.practices_count).collect()
}

/// Five practices of which one pauses after `since`; the others go live on 2 June.
async fn world_of_june() -> World {
    let mut world = World::new(Setup::new(surgeries(81_001, 5, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-05-23T08:00:00Z").await;
    world.pause("A81003", PauseEnd::FurtherNotice).await;
    world.until("2031-06-06T18:00:00Z").await;
    assert_eq!(world.live_count().await, 4);
    world
}

#[tokio::test]
async fn a_lower_cap_makes_practices_later_and_never_and_nobody_gets_past_a_pause() {
    let world = world_of_june().await;
    let reply = world.replay(since_may(a_day(1))).await.unwrap();
    // Earlier, later, never, only here, the same: one on the first day, one on the second, and the wave is over.
    assert_eq!(counts(&reply), [0, 1, 2, 0, 1], "{reply:#?}");
    assert_eq!(reply.groups[1].subject, "suppliers/EMIS");
    assert!(reply.practices.iter().all(|one| one.practice != "practices/A81003"));
    let fidelity = reply.fidelity.clone().unwrap();
    assert_eq!((fidelity.in_fact_count, fidelity.control_count, fidelity.other_day_count), (4, 4, 0), "{fidelity:?}");
    assert!(fidelity.waves.is_empty(), "{fidelity:?}");
    let terms: Vec<_> = reply.changes.iter().map(|change| (change.field.as_str(), change.after.as_str())).collect();
    assert_eq!(terms, [("caps.daily.national.practices", "1")]);
    assert_eq!(world.replay(since_may(a_day(1))).await.unwrap(), reply, "the same record comes out the same");
    world.end().await;
}

#[tokio::test]
async fn a_pause_that_comes_and_goes_within_the_hour_is_seen() {
    let mut world = World::new(Setup::new(surgeries(81_001, 5, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T07:40:00Z").await;
    world.pause("A81001", PauseEnd::FurtherNotice).await;
    world.until("2031-06-02T08:20:00Z").await;
    world.resume("A81001").await;
    world.until("2031-06-06T18:00:00Z").await;
    assert_eq!(world.live_count().await, 4, "its wave let it go");
    let reply = world.replay(since_may(a_day(1_000))).await.unwrap();
    let fidelity = reply.fidelity.unwrap();
    assert_eq!((fidelity.in_fact_count, fidelity.control_count, fidelity.other_day_count), (4, 4, 0), "{fidelity:?}");
    world.end().await;
}

#[tokio::test]
async fn what_came_after_the_end_of_the_record_is_not_played() {
    let mut world = world_of_june().await;
    let before = world.replay(since_may(a_day(1))).await.unwrap();
    let end = before.until;
    world.pause("A81002", PauseEnd::FurtherNotice).await;
    world.until("2031-09-01T08:00:00Z").await;
    let later = wire::ReplayPolicyRequest { until: end, ..since_may(a_day(1)) };
    let again = world.replay(later).await.unwrap();
    // What the years have taught since is in the model only.
    assert_eq!(again, before);
    // On the first evening nobody else is late yet: the day is not over.
    let evening = moment("2031-06-02T20:00:00Z");
    let reply = world.replay(wire::ReplayPolicyRequest { until: evening, ..since_may(a_day(1)) }).await.unwrap();
    assert_eq!((counts(&reply), reply.until), (vec![0, 0, 3, 0, 1], evening), "{reply:#?}");
    assert!(reply.position < before.position);
    world.end().await;
}

#[tokio::test]
async fn a_stricter_gate_is_seen_to_halt_where_the_recorded_one_passed() {
    let world = world_of_june().await;
    let reply = world.replay(since_may(sample(10))).await.unwrap();
    let wave = &reply.waves[0];
    let (control, here) = (wave.control.unwrap(), wave.replayed.unwrap());
    assert_eq!((control.verdict(), control.live_count), (wire::GateVerdict::Pass, 4));
    assert_eq!(here.verdict(), wire::GateVerdict::Inconclusive);
    assert_eq!(control.evaluated_at, here.evaluated_at);
    assert_eq!(counts(&reply), [0, 0, 0, 0, 4], "whoever is on before the gate is on");
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused() {
    let world = world_of_june().await;
    let nothing = wire::ReplayedPolicy::default();
    let share = wire::ReplayedGateTerms { min_success: Some(1.5), ..Default::default() };
    let share = wire::ReplayedPolicy { gate: Some(share), ..Default::default() };
    let severe = wire::ReplayedGateTerms { concerns: [("dire".to_owned(), 0)].into(), ..Default::default() };
    let severe = wire::ReplayedPolicy { gate: Some(severe), ..Default::default() };
    for (policy, expected) in [
        (nothing, "FIELD_REQUIRED"),
        (sample(0), "POLICY_INVALID"),
        (share, "SHARE_INVALID"),
        (severe, "SEVERITY_UNKNOWN"),
    ] {
        assert_eq!(reason(world.replay(since_may(policy)).await), (Code::InvalidArgument, expected.into()));
    }
    for (since, until, expected) in [
        ("2031-07-01T00:00:00Z", None, "SINCE_NOT_BEFORE_END"),
        ("2031-06-01T00:00:00Z", moment("2031-06-01T00:00:00Z"), "SINCE_NOT_BEFORE_END"),
        ("2029-01-01T00:00:00Z", None, "SINCE_TOO_EARLY"),
        ("2031-06-01T00:00:00Z", moment("2031-07-01T00:00:00Z"), "UNTIL_IN_FUTURE"),
    ] {
        let request = wire::ReplayPolicyRequest { since: moment(since), until, ..since_may(a_day(1)) };
        assert_eq!(reason(world.replay(request).await), (Code::InvalidArgument, expected.into()));
    }
    let elsewhere = wire::ReplayPolicyRequest { programme: "programmes/autumn".into(), ..since_may(a_day(1)) };
    assert_eq!(reason(world.replay(elsewhere).await), (Code::NotFound, "PROGRAMME_NOT_FOUND".into()));
    world.end().await;
}
