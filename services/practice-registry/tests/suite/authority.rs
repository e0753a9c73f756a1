//! Whoever acts for an organisation may touch what is its own, as the register has it now, and nothing else.

use identity::{Role, RoleMatrix};
use proto::registry::v1 as wire;
use tonic::{Code, Status};

use crate::bench::{Bench, Client, PRACTICE, header, moment, pause, reason, refusal};
use crate::files;

const SERVICE: &str = "citizens_access.registry.v1.PracticeRegistryService/";

/// The organisation that A81001 is of, and one that it is not of.
fn organisations(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Practice => (PRACTICE, "practices/A81002"),
        Role::Icb => ("icbs/QHM", "icbs/QE1"),
        Role::Region => ("regions/Y63", "regions/Y56"),
        Role::Supplier => ("suppliers/TPP", "suppliers/EMIS"),
        other => panic!("{other} acts for no organisation"),
    }
}

/// Calls an RPC about A81001. What becomes of it does not matter, but for whether it was the caller's to ask.
async fn call(client: &mut Client, role: Role, rpc: &str) -> Result<(), Status> {
    let (name, request_id) = (PRACTICE.to_owned(), format!("{role}-{rpc}"));
    let on_behalf_of = PRACTICE.to_owned();
    match rpc {
        "PausePractice" => {
            let evidence = "a letter".to_owned();
            let request = wire::PausePracticeRequest { request_id, on_behalf_of, evidence, ..pause("p") };
            client.pause_practice(request).await.map(drop)
        }
        "ResumePractice" => {
            let request = wire::ResumePracticeRequest { name, request_id, ..Default::default() };
            client.resume_practice(request).await.map(drop)
        }
        "RequestSwitchOff" => {
            let request = wire::RequestSwitchOffRequest { name, request_id, ..Default::default() };
            client.request_switch_off(request).await.map(drop)
        }
        "UpdateReadiness" => {
            let item = wire::ReadinessItem {
                item: "staff-training".to_owned(),
                state: wire::ReadinessState::Complete.into(),
                ..Default::default()
            };
            let request = wire::UpdateReadinessRequest { name, items: vec![item], request_id, ..Default::default() };
            client.update_readiness(request).await.map(drop)
        }
        "RecordAdvice" => {
            let request = wire::RecordAdviceRequest {
                name,
                kind: wire::AdviceKind::Wait.into(),
                source: "organisations/QHM".to_owned(),
                evidence: "minutes".to_owned(),
                review_on: "2031-07-01".to_owned(),
                request_id,
                ..Default::default()
            };
            client.record_advice(request).await.map(drop)
        }
        "EndAdvice" => {
            let name = format!("{PRACTICE}/advice/1");
            client.end_advice(wire::EndAdviceRequest { name, request_id, ..Default::default() }).await.map(drop)
        }
        "RecordObservation" => {
            let source = match role {
                Role::Practice => wire::ObservationSource::Practice,
                Role::Supplier => wire::ObservationSource::SupplierList,
                _ => wire::ObservationSource::Inspection,
            };
            let seen = wire::Observation {
                practice: name,
                state: wire::ObservedState::Off.into(),
                source: source.into(),
                ..Default::default()
            };
            let request = wire::RecordObservationRequest { observations: vec![seen], request_id, ..Default::default() };
            client.record_observation(request).await.map(drop)
        }
        "SetContact" => {
            let request = wire::SetContactRequest {
                name,
                role: "practice-manager".to_owned(),
                channel: wire::ContactChannel::Email.into(),
                address: "manager@hill.example".to_owned(),
                retain_until: moment("2031-12-01T00:00:00Z"),
                request_id,
                ..Default::default()
            };
            client.set_contact(request).await.map(drop)
        }
        "ListContacts" => {
            client.list_contacts(wire::ListContactsRequest { name, ..Default::default() }).await.map(drop)
        }
        "DeleteContact" => {
            let name = format!("{PRACTICE}/contacts/1");
            client.delete_contact(wire::DeleteContactRequest { name, request_id, ..Default::default() }).await.map(drop)
        }
        "ListPracticeChanges" => {
            let request = wire::ListPracticeChangesRequest { name, ..Default::default() };
            client.list_practice_changes(request).await.map(drop)
        }
        other => panic!("{other} is for what is one's own, and no test calls it"),
    }
}

/// The test that a handler forgets to ask: every RPC that is for one's own alone, in every role.
#[tokio::test]
async fn what_is_of_others_is_refused_by_every_rpc_in_every_role() {
    let bench = Bench::with_practices().await;
    let matrix = RoleMatrix::standard();
    let mut called = 0;
    for rpc in matrix.rpcs().filter_map(|rpc| rpc.strip_prefix(SERVICE)) {
        for role in matrix.own(&format!("{SERVICE}{rpc}")).iter() {
            let (own, other) = organisations(role);
            let as_one_of = |organisation: &str| format!("somebody;roles={role};organisation={organisation}");
            for (account, expected) in
                [(as_one_of(other), "RESOURCE_OF_OTHERS"), (format!("somebody;roles={role}"), "ORGANISATION_MISSING")]
            {
                let answer = call(&mut bench.client_as(&account), role, rpc).await;
                assert_eq!(reason(answer), (Code::PermissionDenied, expected.to_owned()), "{account}: {rpc}");
            }
            let answer = call(&mut bench.client_as(&as_one_of(own)), role, rpc).await;
            let denied = answer.is_err_and(|status| status.code() == Code::PermissionDenied);
            assert!(!denied, "{role} for {own}: {rpc}");
            called += 1;
        }
    }
    assert!(called > 20, "{called}");
}

#[tokio::test]
async fn a_practice_manager_reads_whose_it_is_not() {
    let bench = Bench::with_practices().await;
    let mut manager = bench.client_as("paula;roles=practice;organisation=practices/A81001");
    let other = wire::PausePracticeRequest { name: "practices/A81002".to_owned(), ..pause("p") };
    let status = manager.pause_practice(other).await.unwrap_err();
    let said = status.message();
    assert!(said.starts_with("you act for practices/A81001; practices/A81002 is not yours"), "{said}");
    let (_, explained) = refusal(Err::<(), _>(status));
    for (key, value) in [
        ("account", "paula"),
        ("organisation", "practices/A81001"),
        ("resource", "practices/A81002"),
        ("rpc", "citizens_access.registry.v1.PracticeRegistryService/PausePractice"),
        ("roles", "programme-lead, safety-officer, service"),
    ] {
        assert_eq!(explained.metadata[key], value);
    }
    // Whether there is such a practice is not told to whoever may not touch it.
    let unknown = wire::PausePracticeRequest { name: "practices/Z99999".to_owned(), ..pause("q") };
    assert_eq!(reason(manager.pause_practice(unknown).await).1, "RESOURCE_OF_OTHERS");
}

#[tokio::test]
async fn an_area_that_a_practice_has_left_has_no_say_any_more() {
    let mut bench = Bench::with_practices().await;
    let pause_by = async |bench: &Bench, board: &str, request_id: &str| {
        let mut client = bench.client_as(&format!("bo;roles=icb;organisation=icbs/{board}"));
        let evidence = "a letter".to_owned();
        let asked = wire::PausePracticeRequest { on_behalf_of: PRACTICE.to_owned(), evidence, ..pause(request_id) };
        client.pause_practice(asked).await.map(drop)
    };
    pause_by(&bench, "QHM", "a").await.unwrap();
    let moved = files::map_row("A81001", "HILL SURGERY", "TPP").replace("QHM,NHS North", "QE1,NHS West");
    bench.import(header(wire::DirectoryFormat::Map, "moved"), files::map_of(&[moved]).as_bytes()).await.unwrap();
    assert_eq!(reason(pause_by(&bench, "QHM", "b").await), (Code::PermissionDenied, "RESOURCE_OF_OTHERS".to_owned()));
    pause_by(&bench, "QE1", "c").await.unwrap();
}

#[tokio::test]
async fn of_a_batch_one_practice_of_others_refuses_all_of_it() {
    let bench = Bench::with_practices().await;
    let mut tpp = bench.client_as("tpp;roles=supplier;organisation=suppliers/TPP");
    let seen = |practice: &str| wire::Observation {
        practice: practice.to_owned(),
        state: wire::ObservedState::Off.into(),
        source: wire::ObservationSource::SupplierList.into(),
        ..Default::default()
    };
    let request = |observations, request_id: &str| wire::RecordObservationRequest {
        observations,
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    let mixed = request(vec![seen("practices/B82001"), seen("practices/A81002")], "mixed");
    let (code, explained) = refusal(tpp.record_observation(mixed).await);
    assert_eq!((code, explained.metadata["resource"].as_str()), (Code::PermissionDenied, "practices/A81002"));
    tpp.record_observation(request(vec![seen("practices/B82001"), seen(PRACTICE)], "own")).await.unwrap();
}
