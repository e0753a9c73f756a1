//! GetCompliance, ListDefinitions and GetDefinition: each figure with what it means, of what, as at when, as known when.

use api::Explained;
use proto::statistics::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{Process, World, moment};

async fn submit(process: &Process, request_id: &str, returns: Vec<wire::PracticeReturn>) {
    let request = wire::SubmitReturnsRequest {
        supplier: "suppliers/EMIS".to_owned(),
        period_start_date: "2031-02-01".to_owned(),
        period_end_date: "2031-02-28".to_owned(),
        returns,
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    process.ingest().submit_returns(request).await.expect("it is accepted");
}

fn returned(practice: &str, with_access: i64, online: i64, list: i64, excluded: i64) -> wire::PracticeReturn {
    wire::PracticeReturn {
        practice: format!("practices/{practice}"),
        accounts_with_access: with_access,
        online_accounts: online,
        patients_registered: list,
        excluded_by_review_code: excluded,
        ..Default::default()
    }
}

/// In QHM A81001 is live with nine tenths of its accounts on, A81002 with half of them. In QWE B81001 is off, and nothing is known
/// of B81002.
async fn four(world: &World) -> Process {
    let process = world.start().await;
    let since = moment("2031-02-01T10:00:00Z");
    let known = |code: &str| practice(code, if code.starts_with('A') { "QHM" } else { "QWE" }, "EMIS", 5_000, since);
    world.registry.tell([
        observed(known("A81001"), true, since),
        observed(known("A81002"), true, since),
        observed(known("B81001"), false, since),
        known("B81002"),
    ]);
    let returns = vec![
        returned("A81001", 900, 1_000, 5_000, 50),
        returned("A81002", 500, 1_000, 4_000, 2_050),
        returned("B81001", 100, 100, 0, 7),
    ];
    submit(&process, "first", returns).await;
    process
}

async fn compliance(process: &Process, request: wire::GetComplianceRequest) -> wire::GetComplianceResponse {
    let request = wire::GetComplianceRequest { min_position: 1, ..request };
    process.statistics().get_compliance(request).await.expect("figures").into_inner()
}

/// Value, whole and practices without data.
fn shown(figure: &Option<wire::Figure>) -> (i64, i64, i64) {
    let figure = figure.as_ref().expect("every figure is there");
    let whole = figure.denominator.as_ref().expect("every figure is a part");
    (figure.value, whole.value, figure.practices_without_data)
}

#[tokio::test]
async fn the_steps_are_counted_by_area_and_by_practice_as_it_was_known() {
    for world in World::each().await {
        let process = four(&world).await;
        let reply = compliance(&process, wire::GetComplianceRequest::default()).await;
        let [england] = &reply.areas[..] else { panic!("one row for England: {reply:?}") };
        assert_eq!(england.area, "england");
        assert_eq!(shown(&england.default_for_new_users), (2, 4, 1));
        assert_eq!(shown(&england.on_for_most_accounts), (1, 4, 1));
        assert_eq!(shown(&england.accounts_with_access), (1_400, 2_000, 0));
        assert_eq!(shown(&england.patients_excluded), (2_100, 9_000, 2));
        assert!((england.exclusion_rate - 2_100.0 / 9_000.0).abs() < 1e-12);

        let by_icb = wire::GetComplianceRequest { group_by: wire::AreaKind::Icb.into(), ..Default::default() };
        let by_icb = compliance(&process, by_icb).await;
        let rows: Vec<_> =
            by_icb.areas.iter().map(|area| (area.area.as_str(), shown(&area.on_for_most_accounts))).collect();
        assert_eq!(rows, [("icbs/QHM", (1, 2, 0)), ("icbs/QWE", (0, 2, 1))]);

        world.clock.set(moment("2031-03-20T09:00:00Z"));
        submit(&process, "correction", vec![returned("A81002", 950, 1_000, 4_000, 0)]).await;
        let of_practice = wire::GetComplianceRequest { area: "practices/A81002".to_owned(), ..Default::default() };
        let now = compliance(&process, of_practice.clone()).await;
        assert_eq!(shown(&now.areas[0].on_for_most_accounts), (1, 1, 0));
        let known_at = Some(api::time::to_wire(moment("2031-03-19T09:00:00Z")));
        let before = compliance(&process, wire::GetComplianceRequest { known_at, ..of_practice }).await;
        assert_eq!(shown(&before.areas[0].on_for_most_accounts), (0, 1, 0));
        process.stop().await;
    }
}

#[tokio::test]
async fn every_figure_names_a_definition_that_is_sent_along_and_can_be_asked_for() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = four(&world).await;
    let reply = compliance(&process, wire::GetComplianceRequest::default()).await;
    assert!(reply.as_at.is_some() && reply.known_at.is_some() && reply.registry_position > 0);
    let england = &reply.areas[0];
    let figures = [
        &england.default_for_new_users,
        &england.on_for_most_accounts,
        &england.accounts_with_access,
        &england.patients_excluded,
    ];
    for figure in figures {
        let figure = figure.as_ref().unwrap();
        let whole = figure.denominator.as_ref().unwrap();
        assert!(!whole.source.is_empty() && !whole.as_at_date.is_empty(), "{figure:?}");
        for name in [&figure.definition, &whole.definition] {
            let sent = reply.definitions.iter().find(|definition| definition.name == *name);
            let sent = sent.unwrap_or_else(|| panic!("{name} is not among those sent along"));
            let get = wire::GetDefinitionRequest { name: name.clone() };
            let asked = process.statistics().get_definition(get).await.unwrap().into_inner();
            assert_eq!(asked.definition.as_ref(), Some(sent));
        }
    }
    let not_known = reply.definitions.iter().filter(|definition| definition.not_known);
    let not_known: Vec<&str> = not_known.map(|definition| definition.name.as_str()).collect();
    assert_eq!(not_known, ["definitions/compliance-step-1", "definitions/compliance-step-2"]);

    let get = wire::GetDefinitionRequest { name: "definitions/happiness".to_owned() };
    let refused = process.statistics().get_definition(get).await.unwrap_err();
    assert_eq!(Explained::from(&refused).reason, "DEFINITION_NOT_FOUND");
    process.stop().await;
}

#[tokio::test]
async fn definitions_and_areas_are_paged() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = four(&world).await;
    let whole = process.statistics().list_definitions(wire::ListDefinitionsRequest::default()).await.unwrap();
    let whole = whole.into_inner().definitions;
    let mut request = wire::ListDefinitionsRequest { page_size: 5, ..Default::default() };
    let mut paged = Vec::new();
    loop {
        let page = process.statistics().list_definitions(request.clone()).await.unwrap().into_inner();
        assert!(page.definitions.len() <= 5);
        paged.extend(page.definitions);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert!(whole.is_sorted_by_key(|definition| definition.name.clone()) && whole.len() > 10);
    assert_eq!(paged, whole);

    let mut request =
        wire::GetComplianceRequest { group_by: wire::AreaKind::Practice.into(), page_size: 3, ..Default::default() };
    let first = compliance(&process, request.clone()).await;
    request.page_token = first.next_page_token.clone();
    let second = compliance(&process, request).await;
    let areas: Vec<&str> = first.areas.iter().chain(&second.areas).map(|area| area.area.as_str()).collect();
    assert_eq!(areas, ["A81001", "A81002", "B81001", "B81002"].map(|code| format!("practices/{code}")));
    assert_eq!((first.as_at, second.next_page_token.as_str()), (second.as_at, ""));
    process.stop().await;
}
