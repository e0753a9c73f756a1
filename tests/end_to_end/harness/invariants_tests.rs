//! The checkers find each kind of breach in a history written by hand, and none in an honest one.

use practice::Event;
use serde_json::{Value, json};
use supplier_simulator::Entry;

use super::{Evidence, Recorded};

const PRACTICE: &str = "A81001";

fn key(action: &str, generation: u32) -> Value {
    json!({ "capability": "capabilities/prospective-records", "practice": PRACTICE, "action": action, "generation": generation })
}

fn granted(action: &str, generation: u32) -> Value {
    json!({ "permits-granted": { "keys": [key(action, generation)] } })
}

fn settled(action: &str, generation: u32) -> Value {
    json!({ "permits-settled": { "settlements": [{ "key": key(action, generation), "outcome": "applied" }] } })
}

fn paused(state: &str) -> Value {
    let receipt = json!([{ "capability": "capabilities/prospective-records", "state": state }]);
    json!({ "practice-paused": {
        "practice": PRACTICE, "pause": 1, "end": "further-notice", "placed_by": "ann", "receipt": receipt,
    } })
}

fn applied(direction: &str, generation: u32) -> Value {
    let key = json!({
        "capability": "capabilities/prospective-records", "practice": PRACTICE, "direction": direction,
        "generation": generation,
    });
    json!({ "at": "2031-06-03T09:00:00Z", "supplier": "EMIS", "kind": "applied", "key": key, "changed": true })
}

fn evidence(registry: &[Value], suppliers: &[Value]) -> Evidence {
    let records = registry.iter().zip(1..).map(|(event, position)| {
        let parsed: Event = serde_json::from_value(event.clone()).expect("an event as the registry writes it");
        Recorded {
            position,
            recorded_at: "2031-06-03T09:00:00Z".parse().expect("a moment"),
            actor: String::new(),
            request_id: String::new(),
            kind: parsed.kind().to_owned(),
            payload: event.to_string(),
        }
    });
    let entries =
        suppliers.iter().map(|line| serde_json::from_value::<Entry>(line.clone()).expect("a line of the log"));
    Evidence::new(&records.collect::<Vec<_>>(), &entries.collect::<Vec<_>>())
}

fn breaches(registry: &[Value], suppliers: &[Value]) -> Vec<String> {
    evidence(registry, suppliers).breaches()
}

#[test]
fn an_honest_history_has_no_breach() {
    let registry =
        [granted("enable", 1), paused("pending"), settled("enable", 1), granted("disable", 2), settled("disable", 2)];
    let suppliers = [applied("ENABLE", 1), applied("DISABLE", 2)];
    let honest = evidence(&registry, &suppliers);
    assert_eq!(honest.breaches(), Vec::<String>::new());
    let cases = honest.cases();
    assert_eq!((cases.enables, cases.pauses_with_open_permit, cases.reversals), (1, 1, 1));
}

#[test]
fn i1_is_broken_by_a_key_or_a_practice_that_is_enabled_twice() {
    let registry = [granted("enable", 1), settled("enable", 1), granted("enable", 2)];
    let same_key = breaches(&registry, &[applied("ENABLE", 1), applied("ENABLE", 1)]);
    assert!(same_key.iter().any(|breach| breach.contains("took effect twice")), "{same_key:?}");
    let same_practice = breaches(&registry, &[applied("ENABLE", 1), applied("ENABLE", 2)]);
    assert!(same_practice.iter().any(|breach| breach.starts_with("I1")), "{same_practice:?}");
}

#[test]
fn a_switch_on_without_a_permit_or_by_one_granted_over_a_pause_is_found() {
    let without = breaches(&[], &[applied("ENABLE", 1)]);
    assert!(without.iter().any(|breach| breach.contains("never permitted")), "{without:?}");
    let over_a_pause = breaches(&[paused("prevented"), granted("enable", 1)], &[applied("ENABLE", 1)]);
    assert!(over_a_pause.iter().any(|breach| breach.contains("in force")), "{over_a_pause:?}");
}

#[test]
fn a_switch_on_that_a_pause_overtook_needs_exactly_one_disable() {
    let registry = [granted("enable", 1), paused("pending"), settled("enable", 1)];
    let none = breaches(&registry, &[applied("ENABLE", 1)]);
    assert!(none.iter().any(|breach| breach.contains("followed by 0")), "{none:?}");
    assert!(none.iter().any(|breach| breach.starts_with("I4")), "{none:?}");
}

#[test]
fn i4_is_broken_by_a_practice_that_is_on_after_its_pause_was_answered_prevented() {
    let registry = [granted("enable", 1), settled("enable", 1), paused("prevented")];
    let on = breaches(&registry, &[applied("ENABLE", 1)]);
    assert!(on.iter().any(|breach| breach.starts_with("I4")), "{on:?}");
    let lifted = json!({ "pauses-lifted": { "practice": PRACTICE, "pauses": [1] } });
    let registry = [paused("prevented"), lifted, granted("enable", 1), settled("enable", 1)];
    assert_eq!(breaches(&registry, &[applied("ENABLE", 1)]), Vec::<String>::new());
}
