//! ListReadinessItems, DeclareReadinessItems, UpdateReadiness, and the checklist that GetPractice shows.

use proto::registry::v1 as wire;
use proto::registry::v1::ReadinessState;
use tonic::Code;

use crate::bench::{Bench, PRACTICE, everywhere, reason, refusal};

fn item(item: &str, state: ReadinessState) -> wire::ReadinessItem {
    wire::ReadinessItem {
        item: item.to_owned(),
        state: state.into(),
        owner: "manager".to_owned(),
        due_date: "2031-06-20".to_owned(),
        ..Default::default()
    }
}

fn update(request_id: &str, items: Vec<wire::ReadinessItem>) -> wire::UpdateReadinessRequest {
    let (name, request_id) = (PRACTICE.to_owned(), request_id.to_owned());
    wire::UpdateReadinessRequest { name, items, request_id, ..Default::default() }
}

fn declare(request_id: &str, item: &str) -> wire::DeclareReadinessItemsRequest {
    let kind = wire::ReadinessItemKind {
        item: item.to_owned(),
        title: "Review of images".to_owned(),
        description: "Images have been looked through.".to_owned(),
        usual_owner: "clinical lead".to_owned(),
        ..Default::default()
    };
    wire::DeclareReadinessItemsRequest {
        programme: "programmes/autumn".to_owned(),
        items: vec![kind],
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn known(bench: &mut Bench) -> Vec<wire::ReadinessItemKind> {
    let list = wire::ListReadinessItemsRequest::default();
    bench.client.list_readiness_items(list).await.unwrap().into_inner().items
}

async fn checklist(bench: &mut Bench) -> Vec<wire::ReadinessItem> {
    let get = wire::GetPracticeRequest { name: PRACTICE.to_owned(), ..Default::default() };
    bench.client.get_practice(get).await.unwrap().into_inner().checklist
}

#[tokio::test]
async fn readiness_items_are_set_one_by_one_and_the_others_stay() {
    everywhere(async |bench| {
        bench.import_map().await;
        let first = update("a", vec![item("dpia", ReadinessState::InProgress)]);
        bench.client.update_readiness(first).await.unwrap();
        let second = update("b", vec![item("staff-training", ReadinessState::Complete)]);
        let practice = bench.client.update_readiness(second).await.unwrap().into_inner().practice.unwrap();
        let items: Vec<_> = practice.readiness.iter().map(|item| (item.item.as_str(), item.state())).collect();
        let expected = [("dpia", ReadinessState::InProgress), ("staff-training", ReadinessState::Complete)];
        assert_eq!(items, expected);

        for (items, expected) in [
            (vec![], "FIELD_REQUIRED"),
            (vec![item("Staff Training", ReadinessState::Complete)], "READINESS_ITEM_INVALID"),
            (vec![item("staff-trianing", ReadinessState::Complete)], "READINESS_ITEM_UNKNOWN"),
            (vec![item("dpia", ReadinessState::Expired)], "READINESS_STATE_INVALID"),
            (vec![item("dpia", ReadinessState::Complete); 2], "ITEM_TWICE"),
        ] {
            assert_eq!(reason(bench.client.update_readiness(update("c", items)).await).1, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_practice_shows_all_ten_items_and_those_never_touched_as_not_started() {
    let mut bench = Bench::with_practices().await;
    bench.client.update_readiness(update("a", vec![item("dpia", ReadinessState::Complete)])).await.unwrap();
    let shown = checklist(&mut bench).await;
    let names: Vec<_> = shown.iter().map(|item| item.item.clone()).collect();
    let catalogue: Vec<_> = known(&mut bench).await.into_iter().map(|kind| kind.item).collect();
    assert_eq!((names, shown.len()), (catalogue, 10));
    for item in shown {
        let expected = if item.item == "dpia" { ReadinessState::Complete } else { ReadinessState::NotStarted };
        assert_eq!((item.state(), item.recorded_at.is_some()), (expected, item.item == "dpia"), "{}", item.item);
    }
    assert_eq!(bench.practice().await.readiness.len(), 1, "a list of thousands does not repeat what is nowhere begun");
}

#[tokio::test]
async fn a_programmes_own_item_can_be_set_once_its_template_has_declared_it() {
    everywhere(async |bench| {
        bench.import_map().await;
        let own = || vec![item("imaging-review", ReadinessState::Complete)];
        let refused = refusal(bench.client.update_readiness(update("a", own())).await);
        assert_eq!((refused.0, refused.1.reason.as_str()), (Code::InvalidArgument, "READINESS_ITEM_UNKNOWN"));

        let first = bench.client.declare_readiness_items(declare("d", "imaging-review")).await.unwrap().into_inner();
        assert_eq!(first.affected_count, 1);
        let replay = bench.client.declare_readiness_items(declare("d", "imaging-review")).await.unwrap().into_inner();
        assert_eq!(replay, first);
        let anew = bench.client.declare_readiness_items(declare("e", "imaging-review")).await.unwrap().into_inner();
        assert_eq!(anew.affected_count, 0, "nothing is new");
        let last = known(bench).await.pop().unwrap();
        assert_eq!((last.item.as_str(), last.declared_by.as_str()), ("imaging-review", "programmes/autumn"));

        bench.client.update_readiness(update("b", own())).await.unwrap();
        assert_eq!(checklist(bench).await.len(), 11);
    })
    .await;
}

#[tokio::test]
async fn a_declaration_that_is_malformed_is_refused_by_field() {
    let mut bench = Bench::with_practices().await;
    let (programme, items) = ("autumn".to_owned(), Vec::new());
    let described = |description: &str| {
        let mut request = declare("d", "imaging-review");
        request.items[0].description = description.to_owned();
        request
    };
    for (request, expected) in [
        (declare("d", "dpia"), "READINESS_ITEM_OF_CATALOGUE"),
        (declare("d", "Imaging"), "READINESS_ITEM_INVALID"),
        (wire::DeclareReadinessItemsRequest { programme, ..declare("d", "imaging-review") }, "RESOURCE_NAME_INVALID"),
        (wire::DeclareReadinessItemsRequest { items, ..declare("d", "imaging-review") }, "FIELD_REQUIRED"),
        (described("as for 943 476 5919"), "NHS_NUMBER_IN_TEXT"),
    ] {
        assert_eq!(reason(bench.client.declare_readiness_items(request).await).1, expected);
    }
    let mut practice = bench.client_as("manager;roles=practice;organisation=practices/A81001");
    let refused = reason(practice.declare_readiness_items(declare("d", "imaging-review")).await);
    assert_eq!(refused.0, Code::PermissionDenied);
}
