//! The readiness checklist: which items there are, and where each stands.

use practice::command::UpdateReadiness;
use practice::readiness::{CATALOGUE, DeclaredItem, ReadinessItem, ReadinessState, checklist};
use practice::{AsOf, Command, Rejection, View};

use crate::bench::{Bench, code};

fn item(item: &str, state: ReadinessState) -> ReadinessItem {
    ReadinessItem {
        item: item.to_owned(),
        state,
        evidence: String::new(),
        owner: String::new(),
        due_date: None,
        expires_at: None,
    }
}

fn set(items: Vec<ReadinessItem>) -> Command {
    Command::UpdateReadiness(UpdateReadiness { practice: code("A81001"), items, if_position: None })
}

fn declared(item: &str) -> DeclaredItem {
    DeclaredItem {
        item: item.to_owned(),
        title: "Review of images".to_owned(),
        description: "Images have been looked through.".to_owned(),
        usual_owner: "clinical lead".to_owned(),
        declared_by: "programmes/autumn".to_owned(),
    }
}

#[test]
fn the_catalogue_has_ten_items_in_plain_words_by_name() {
    assert!(CATALOGUE.is_sorted_by_key(|known| known.item));
    for known in CATALOGUE {
        assert!(known.description.ends_with('.') && !known.title.is_empty() && !known.usual_owner.is_empty());
    }
    assert_eq!(CATALOGUE.len(), 10);
}

#[test]
fn a_checklist_has_every_item_and_says_not_started_where_nothing_was_recorded() {
    let mut bench = Bench::new();
    bench.done(&set(vec![item("dpia", ReadinessState::Complete)]));
    let view = View::current(bench.state.practice(code("A81001")).unwrap());
    let list = checklist(view);
    let names: Vec<_> = list.iter().map(|(said, _)| said.item.as_str()).collect();
    assert_eq!(names, CATALOGUE.map(|known| known.item));
    for (said, recorded_at) in &list {
        let expected = match said.item.as_str() {
            "dpia" => (ReadinessState::Complete, Some(bench.now)),
            _ => (ReadinessState::NotStarted, None),
        };
        assert_eq!((said.state, *recorded_at), expected, "{}", said.item);
    }
    let before = AsOf { effective_at: bench.now - jiff::SignedDuration::from_secs(1), known_at: bench.now };
    let view = View::as_of(bench.state.practice(code("A81001")).unwrap(), before).unwrap();
    assert!(checklist(view).iter().all(|(said, _)| said.state == ReadinessState::NotStarted));
}

#[test]
fn a_name_that_is_in_no_catalogue_and_no_template_is_refused_and_nothing_of_the_call_is_kept() {
    let mut bench = Bench::new();
    let update = set(vec![item("dpia", ReadinessState::Complete), item("dpai", ReadinessState::Complete)]);
    assert_eq!(bench.run(&update), Err(Rejection::ReadinessItemUnknown { item: "dpai".to_owned() }));
    assert!(bench.practice().readiness.is_empty());
}

#[test]
fn an_item_that_a_template_has_declared_can_be_set_and_the_catalogues_own_cannot_be_declared() {
    let mut bench = Bench::new();
    let update = set(vec![item("imaging-review", ReadinessState::InProgress)]);
    assert!(bench.run(&update).is_err());
    let declare = Command::DeclareReadinessItems(vec![declared("imaging-review")]);
    assert_eq!(bench.done(&declare).len(), 1);
    assert!(bench.done(&declare).is_empty(), "saying it again changes nothing");
    bench.done(&update);
    let view = View::current(bench.state.practice(code("A81001")).unwrap());
    assert_eq!(checklist(view).len(), 11);

    let refused = bench.run(&Command::DeclareReadinessItems(vec![declared("dpia")]));
    assert_eq!(refused, Err(Rejection::ReadinessItemOfCatalogue { item: "dpia".to_owned() }));
}
