//! Whoever acts for an organisation reads exact figures of what is its own, and hands in returns of its own, and no others.

use api::Explained;
use identity::{Role, RoleMatrix};
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::returns_service_client::ReturnsServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use tonic::{Code, Status};

use crate::registry::{observed, practice};
use crate::world::{Process, START, World, moment, view};

/// A practice in QHM, of region Y63, with EMIS; and one in QE1, of region Y56, with TPP.
async fn told(world: &World) -> Process {
    let process = world.start().await;
    let live = [("A81001", "QHM", "EMIS"), ("B82001", "QE1", "TPP")].map(|(code, icb, supplier)| {
        let known = practice(code, icb, supplier, 5_000, moment("2031-03-01T10:00:00Z"));
        observed(known, true, moment("2031-03-02T08:00:00Z"))
    });
    world.registry.tell(live);
    // Once this is answered, the practices are known.
    process.summary(wire::GetSummaryRequest { min_position: 1, ..Default::default() }).await;
    process
}

fn period() -> Option<wire::Period> {
    Some(wire::Period { start_date: "2031-03-01".to_owned(), end_date: "2031-03-02".to_owned() })
}

fn returns_of(supplier: &str, code: &str, request_id: String) -> wire::SubmitReturnsRequest {
    let row =
        wire::PracticeReturn { practice: format!("practices/{code}"), accounts_with_access: 400, ..Default::default() };
    wire::SubmitReturnsRequest {
        supplier: supplier.to_owned(),
        period_start_date: "2031-03-01".to_owned(),
        period_end_date: "2031-03-02".to_owned(),
        returns: vec![row],
        request_id,
        ..Default::default()
    }
}

/// Calls an RPC about an area, in figures for each part where it is about several.
async fn call(process: &Process, account: &str, rpc: &str, area: &str) -> Result<(), Status> {
    let peer = process.peer.with_account(account).expect("an account");
    let mut statistics = StatisticsServiceClient::new(peer.clone());
    let mut returns = ReturnsServiceClient::new(peer.clone());
    let area = area.to_owned();
    match rpc {
        "GetSummary" => statistics.get_summary(wire::GetSummaryRequest { area, ..Default::default() }).await.map(drop),
        "WatchSummary" => {
            statistics.watch_summary(wire::WatchSummaryRequest { area, ..Default::default() }).await.map(drop)
        }
        "QuerySeries" => {
            let request = wire::QuerySeriesRequest {
                area,
                measure: wire::Measure::PracticesLive.into(),
                group_by: wire::AreaKind::Practice.into(),
                interval: wire::Interval::Day.into(),
                period: period(),
                ..Default::default()
            };
            statistics.query_series(request).await.map(drop)
        }
        "GetCompliance" => {
            let group_by = wire::AreaKind::Practice.into();
            let request = wire::GetComplianceRequest { area, group_by, ..Default::default() };
            statistics.get_compliance(request).await.map(drop)
        }
        "ComparePractices" => {
            let practices =
                wire::PracticeSet { name: "wave".to_owned(), practices: vec!["practices/A81001".to_owned()] };
            let request = wire::ComparePracticesRequest {
                area,
                measure: wire::Measure::RecordViews.into(),
                practices: Some(practices),
                ..Default::default()
            };
            statistics.compare_practices(request).await.map(drop)
        }
        "ListReturnDifferences" => {
            let request = wire::ListReturnDifferencesRequest {
                area,
                period_start_date: "2031-03-01".to_owned(),
                period_end_date: "2031-03-02".to_owned(),
                ..Default::default()
            };
            returns.list_return_differences(request).await.map(drop)
        }
        "ListReturns" => {
            // It is asked for a practice, a supplier, or everybody.
            let practice = if area == "england" { String::new() } else { "practices/A81001".to_owned() };
            returns.list_returns(wire::ListReturnsRequest { practice, ..Default::default() }).await.map(drop)
        }
        "SubmitReturns" => {
            let request = returns_of("suppliers/EMIS", "A81001", format!("{account}-{area}"));
            IngestServiceClient::new(peer).submit_returns(request).await.map(drop)
        }
        other => panic!("{other} is for what is one's own, and no test calls it"),
    }
}

fn reason(answer: Result<(), Status>) -> (Code, String) {
    let status = answer.expect_err("it is refused");
    (status.code(), Explained::from(&status).reason)
}

fn is_denied(answer: Result<(), Status>) -> bool {
    answer.is_err_and(|status| status.code() == Code::PermissionDenied)
}

/// The test that a handler forgets to ask: every RPC that is for one's own alone, in every role.
#[tokio::test]
async fn what_is_of_others_is_refused_by_every_rpc_in_every_role() {
    for world in World::each().await {
        let process = told(&world).await;
        let matrix = RoleMatrix::standard();
        let mut called = 0;
        for rpc in matrix.rpcs().filter(|rpc| rpc.starts_with("citizens_access.statistics.")) {
            let (_, name) = rpc.split_once('/').expect("a service and a method");
            // Of a stream the events of others are put aside, one by one: see below.
            if name == "RecordEvents" {
                continue;
            }
            for role in matrix.own(rpc).iter() {
                let (own, other) = match role {
                    Role::Icb => ("icbs/QHM", "icbs/QE1"),
                    Role::Region => ("regions/Y63", "regions/Y56"),
                    Role::Supplier => ("suppliers/EMIS", "suppliers/TPP"),
                    other => panic!("{other} acts for no organisation"),
                };
                let as_one_of = |organisation: &str| format!("somebody;roles={role};organisation={organisation}");
                for (account, expected) in [
                    (as_one_of(other), "RESOURCE_OF_OTHERS"),
                    (format!("somebody;roles={role}"), "ORGANISATION_MISSING"),
                ] {
                    let answer = call(&process, &account, name, own).await;
                    assert_eq!(reason(answer), (Code::PermissionDenied, expected.to_owned()), "{account}: {rpc}");
                }
                // England in parts is nobody's own, and a practice is its area's.
                if role != Role::Supplier {
                    let parts = call(&process, &as_one_of(own), name, "england").await;
                    let total_only = ["GetSummary", "WatchSummary"].contains(&name);
                    assert_eq!(!is_denied(parts), total_only, "{role}: {rpc} of England");
                    let practice = call(&process, &as_one_of(own), name, "practices/A81001").await;
                    assert!(!is_denied(practice), "{role}: {rpc}");
                }
                let answer = call(&process, &as_one_of(own), name, own).await;
                assert!(!is_denied(answer), "{role} for {own}: {rpc}");
                called += 1;
            }
        }
        assert!(called > 12, "{called}");
        process.stop().await;
    }
}

#[tokio::test]
async fn an_area_lies_in_whatever_all_its_practices_lie_in() {
    let world = World::each().await.remove(0);
    let process = told(&world).await;
    let region = "rex;roles=region;organisation=regions/Y63";
    assert_eq!(call(&process, region, "GetSummary", "icbs/QHM").await.map_err(|status| status.code()), Ok(()));
    assert_eq!(reason(call(&process, region, "GetSummary", "icbs/QE1").await).0, Code::PermissionDenied);
    let of_emis = "emma;roles=icb;organisation=icbs/QE1";
    assert_eq!(reason(call(&process, of_emis, "GetSummary", "suppliers/EMIS").await).0, Code::PermissionDenied);
    process.stop().await;
}

#[tokio::test]
async fn a_supplier_returns_no_practice_of_another() {
    let world = World::each().await.remove(0);
    let process = told(&world).await;
    let emis = process.peer.with_account("emis;roles=supplier;organisation=suppliers/EMIS").expect("an account");
    let mut emis = IngestServiceClient::new(emis);
    for (supplier, code, refused) in [
        ("suppliers/EMIS", "B82001", "practices/B82001"),
        ("suppliers/TPP", "B82001", "suppliers/TPP"),
        ("suppliers/EMIS", "Z99999", "practices/Z99999"),
    ] {
        let status = emis.submit_returns(returns_of(supplier, code, refused.to_owned())).await.expect_err("not theirs");
        assert_eq!(
            (status.code(), Explained::from(&status).metadata["resource"].as_str()),
            (Code::PermissionDenied, refused)
        );
    }
    emis.submit_returns(returns_of("suppliers/EMIS", "A81001", "own".to_owned())).await.expect("their own");
    process.stop().await;
}

#[tokio::test]
async fn a_supplier_tells_no_events_of_anothers_practices() {
    for world in World::each().await {
        let process = told(&world).await;
        // It had EMIS's system until a moment ago: what happened before comes after.
        let moved = practice("A81001", "QHM", "TPP", 5_000, moment("2031-03-03T08:00:00Z"));
        let min_position = world.registry.tell([moved]);
        process.summary(wire::GetSummaryRequest { min_position, ..Default::default() }).await;

        let stray = process.peer.with_account("emis;roles=supplier").expect("an account");
        let opening = wire::RecordEventsRequest { source: "emis".to_owned(), incarnation: 1, ..Default::default() };
        let refused = IngestServiceClient::new(stray).record_events(tokio_stream::iter([opening])).await;
        assert_eq!(reason(refused.map(drop)), (Code::PermissionDenied, "ORGANISATION_MISSING".to_owned()));

        let account = "emis;roles=supplier;organisation=suppliers/EMIS";
        let (mut emis, _) = process.produce_as(account, "emis", 1).await;
        let events = ["A81001", "B82001", "Z99999"].map(|code| view(code, START, 1)).to_vec();
        emis.send(1, events.clone()).await;
        let answer = emis.whole_answer().await.expect("the stream goes on");
        assert_eq!((answer.durable_sequence, answer.quarantined_count), (3, 1), "{answer:?}");
        let [other] = &answer.quarantined[..] else { panic!("{answer:?}") };
        assert_eq!(
            (other.sequence, other.reason.as_str(), other.field.as_str()),
            (2, "PRACTICE_OF_OTHERS", "practice")
        );

        // Whoever may tell of every practice is not asked whose it is.
        let (mut gateway, _) = process.produce_as("gateway;roles=service", "gateway", 1).await;
        gateway.send(1, events).await;
        assert_eq!(gateway.whole_answer().await.expect("the stream goes on").quarantined_count, 0);
        process.stop().await;
    }
}
