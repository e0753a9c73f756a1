//! Whoever acts for an organisation holds, pulls and has explained what is its own, as the registry has it now, and nothing
//! else.

use identity::{Role, RoleMatrix};
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::scheduler::v1::hold_scope::Scope;
use tonic::{Code, Status};

use crate::acts::{ONE_WAVE, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

async fn world() -> World {
    let practices = [surgeries(81_001, 3, "EMIS"), surgeries(82_001, 3, "TPP")].concat();
    let mut world = World::new(Setup::new(practices, vec![prompt("EMIS"), prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world
}

/// The organisation that A81001 is of, and one that it is not of.
fn organisations(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Practice => ("practices/A81001", "practices/A81002"),
        Role::Icb => ("icbs/QHM", "icbs/QE1"),
        Role::Region => ("regions/Y63", "regions/Y56"),
        Role::Supplier => ("suppliers/EMIS", "suppliers/TPP"),
        other => panic!("{other} acts for no organisation"),
    }
}

fn hold_on(scope: Scope, request_id: String) -> wire::PlaceHoldRequest {
    wire::PlaceHoldRequest {
        scope: Some(wire::HoldScope { scope: Some(scope) }),
        hold_class: wire::HoldClass::Capacity.into(),
        reason_code: "TEST".to_owned(),
        request_id,
        ..Default::default()
    }
}

fn on_practice(code: &str) -> Scope {
    Scope::Practice(format!("practices/{code}"))
}

async fn lift(world: &World, account: &str, name: &str, request_id: String) -> Result<(), Status> {
    let reason_code = "LOOKED_AT".to_owned();
    let request = wire::LiftHoldRequest { name: name.to_owned(), request_id, reason_code, ..Default::default() };
    world.holds(account).lift_hold(request).await.map(drop)
}

/// Calls an RPC about A81001 or its supplier. What becomes of it does not matter, but for whether it was the caller's to ask.
async fn call(world: &mut World, account: &str, rpc: &str) -> Result<(), Status> {
    let request_id = world.request_id();
    let mut enrolments = EnrolmentServiceClient::new(world.peer(account));
    let supplier = "suppliers/EMIS".to_owned();
    match rpc {
        "ExplainPractice" => {
            let practice = "practices/A81001".to_owned();
            let request = wire::ExplainPracticeRequest { practice, ..Default::default() };
            enrolments.explain_practice(request).await.map(drop)
        }
        "ListDueActivations" => {
            let request = wire::ListDueActivationsRequest { supplier, ..Default::default() };
            enrolments.list_due_activations(request).await.map(drop)
        }
        "ClaimActivations" => {
            let request = wire::ClaimActivationsRequest { supplier, request_id, ..Default::default() };
            enrolments.claim_activations(request).await.map(drop)
        }
        "ReportActivationResults" => {
            let request = wire::ReportActivationResultsRequest { supplier, request_id, ..Default::default() };
            enrolments.report_activation_results(request).await.map(drop)
        }
        "PlaceHold" => world.holds(account).place_hold(hold_on(on_practice("A81001"), request_id)).await.map(drop),
        "LiftHold" => {
            // The caller's own hold, over what may not be the caller's.
            let owner = account.split(';').next().unwrap_or_default().to_owned();
            let placed = hold_on(on_practice("A81001"), world.request_id());
            let placed = world.hold(wire::PlaceHoldRequest { owner, ..placed }).await;
            lift(world, account, &placed.hold.expect("it was placed").name, request_id).await
        }
        other => panic!("{other} is for what is one's own, and no test calls it"),
    }
}

/// The test that a handler forgets to ask: every RPC that is for one's own alone, in every role.
#[tokio::test]
async fn what_is_of_others_is_refused_by_every_rpc_in_every_role() {
    let mut world = world().await;
    let matrix = RoleMatrix::standard();
    let mut called = 0;
    let rpcs: Vec<&str> = matrix.rpcs().filter(|rpc| rpc.starts_with("citizens_access.scheduler.")).collect();
    for rpc in rpcs {
        let (_, name) = rpc.split_once('/').expect("a service and a method");
        for role in matrix.own(rpc).iter() {
            let (own, other) = organisations(role);
            let as_one_of = |organisation: &str| format!("somebody;roles={role};organisation={organisation}");
            for (account, expected) in
                [(as_one_of(other), "RESOURCE_OF_OTHERS"), (format!("somebody;roles={role}"), "ORGANISATION_MISSING")]
            {
                let answer = call(&mut world, &account, name).await;
                assert_eq!(reason(answer), (Code::PermissionDenied, expected.to_owned()), "{account}: {rpc}");
            }
            let answer = call(&mut world, &as_one_of(own), name).await;
            let denied = answer.is_err_and(|status| status.code() == Code::PermissionDenied);
            assert!(!denied, "{role} for {own}: {rpc}");
            called += 1;
        }
    }
    assert!(called > 10, "{called}");
}

#[tokio::test]
async fn a_hold_covers_no_more_than_is_the_callers() {
    let mut world = world().await;
    let selection = |practices: &[&str]| {
        let practices = practices.iter().map(|code| format!("practices/{code}")).collect();
        Scope::Selection(wire::Selection { filter: String::new(), practices })
    };
    let denied = Err((Code::PermissionDenied, "RESOURCE_OF_OTHERS".to_owned()));
    let emis = "emma;roles=supplier;organisation=suppliers/EMIS";
    let board = "bo;roles=icb;organisation=icbs/QHM";
    let region = "rex;roles=region;organisation=regions/Y63";
    for (account, scope, expected) in [
        (emis, Scope::Supplier("suppliers/EMIS".to_owned()), Ok(())),
        (emis, selection(&["A81001", "A81002"]), Ok(())),
        (emis, selection(&["A81001", "A82001"]), denied.clone()),
        (emis, Scope::Icb("icbs/QHM".to_owned()), denied.clone()),
        (emis, Scope::National(true), denied.clone()),
        (emis, Scope::Programme("programmes/autumn".to_owned()), denied.clone()),
        (emis, Scope::Wave("programmes/autumn/waves/1".to_owned()), denied.clone()),
        (board, Scope::Icb("icbs/QHM".to_owned()), Ok(())),
        (board, Scope::Region("regions/Y63".to_owned()), denied.clone()),
        (board, Scope::Supplier("suppliers/EMIS".to_owned()), denied.clone()),
        (board, selection(&["A81001", "A82001"]), Ok(())),
        (region, Scope::Region("regions/Y63".to_owned()), Ok(())),
        (region, Scope::Icb("icbs/QHM".to_owned()), Ok(())),
        (region, Scope::Icb("icbs/QE1".to_owned()), denied.clone()),
    ] {
        let request = hold_on(scope.clone(), world.request_id());
        let answer = world.holds(account).place_hold(request).await.map(drop);
        assert_eq!(answer.map_err(|status| reason(Err::<(), _>(status))), expected, "{account}: {scope:?}");
    }
}

#[tokio::test]
async fn whoever_acts_for_an_organisation_lifts_its_own_holds_and_no_others() {
    let mut world = world().await;
    let emis = |name: &str| format!("{name};roles=supplier;organisation=suppliers/EMIS");
    let scope = Scope::Supplier("suppliers/EMIS".to_owned());
    let by_officer = world.hold(hold_on(scope.clone(), String::new())).await.hold.unwrap().name;
    let placed = hold_on(scope.clone(), world.request_id());
    let by_emma = world.holds(&emis("emma")).place_hold(placed).await.unwrap().into_inner().hold.unwrap().name;
    let owner = "suppliers/EMIS".to_owned();
    let placed = wire::PlaceHoldRequest { owner, ..hold_on(scope, world.request_id()) };
    let by_the_house = world.holds(&emis("emma")).place_hold(placed).await.unwrap().into_inner().hold.unwrap().name;
    let denied = (Code::PermissionDenied, "RESOURCE_OF_OTHERS".to_owned());
    for name in [&by_officer, &by_emma] {
        let request_id = world.request_id();
        assert_eq!(reason(lift(&world, &emis("erin"), name, request_id).await), denied, "{name}");
    }
    let request_id = world.request_id();
    let unknown = lift(&world, &emis("erin"), "holds/99", request_id).await;
    assert_eq!(reason(unknown), (Code::NotFound, "HOLD_NOT_FOUND".to_owned()));
    let request_id = world.request_id();
    lift(&world, &emis("erin"), &by_the_house, request_id).await.unwrap();
    let request_id = world.request_id();
    lift(&world, &emis("emma"), &by_emma, request_id).await.unwrap();
    let request_id = world.request_id();
    lift(&world, "sofia;roles=safety-officer", &by_officer, request_id).await.unwrap();
}
