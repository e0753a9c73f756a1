//! The checks find each kind of breach in a history written by hand, and none in an honest one.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use evidence::{Entry, Evidence, Recorded};
use serde_json::{Value, json};

const PRACTICE: &str = "A81001";
const CAPABILITY: &str = "capabilities/prospective-records";

fn key(action: &str, generation: u32) -> Value {
    json!({ "capability": CAPABILITY, "practice": PRACTICE, "action": action, "generation": generation })
}

fn granted(action: &str, generation: u32) -> Value {
    json!({ "permits-granted": { "keys": [key(action, generation)] } })
}

fn settled(action: &str, generation: u32) -> Value {
    json!({ "permits-settled": { "settlements": [{ "key": key(action, generation), "outcome": "applied" }] } })
}

/// A settlement that makes pause 1's receipt final.
fn settled_with_receipt(action: &str, generation: u32, outcome: &str, receipt: &str) -> Value {
    let consequences = json!({ "receipts": [{ "pause": 1, "state": receipt }] });
    let settled = json!({ "key": key(action, generation), "outcome": outcome, "consequences": consequences });
    json!({ "permits-settled": { "settlements": [settled] } })
}

fn paused(state: &str) -> Value {
    let receipt = json!([{ "capability": CAPABILITY, "state": state }]);
    json!({ "practice-paused": {
        "practice": PRACTICE, "pause": 1, "end": "further-notice", "placed_by": "ann", "receipt": receipt,
    } })
}

fn wire_key(direction: &str, generation: u32) -> Value {
    json!({ "capability": CAPABILITY, "practice": PRACTICE, "direction": direction, "generation": generation })
}

fn line(kind: &str, direction: &str, generation: u32) -> Value {
    let (at, key) = ("2031-06-03T09:00:00Z", wire_key(direction, generation));
    json!({ "at": at, "supplier": "EMIS", "kind": kind, "key": key, "changed": true, "refusal": "not-taking-requests" })
}

fn applied(direction: &str, generation: u32) -> Value {
    line("applied", direction, generation)
}

/// What the scheduler does about one practice: a slot, a seal, an end.
fn admitted(generation: u32, list_size: u32) -> Value {
    json!({ "event": "admitted", "wave": WAVE.clone(), "registry_position": 1, "admissions": [{
        "practice": PRACTICE, "generation": generation, "supplier": "EMIS", "icb": null, "region": null,
        "list_size": list_size, "mode": "push", "booked_on": null,
    }] })
}

fn sealed(direction: &str, generation: u32) -> Value {
    let date = if direction == "ENABLE" { json!("2031-06-03") } else { Value::Null };
    json!({ "event": "sealed", "keys": [[scheduler_key(direction, generation), date]], "listed": false, "registry_position": 1 })
}

fn scheduler_settled(generation: u32, outcome: &Value) -> Value {
    let settlement =
        json!({ "key": scheduler_key("ENABLE", generation), "outcome": outcome, "then": null, "not_before": null });
    json!({ "event": "settled", "settlements": [settlement] })
}

fn scheduler_key(direction: &str, generation: u32) -> Value {
    let direction = serde_json::to_value(match direction {
        "ENABLE" => rollout::Direction::Enable,
        _ => rollout::Direction::Disable,
    });
    json!({ "direction": direction.unwrap(), "practice": PRACTICE, "capability": CAPABILITY, "generation": generation })
}

static WAVE: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
    let programme = rollout::ProgrammeId::new("spring").unwrap();
    serde_json::to_value(rollout::WaveRef { programme, wave: rollout::WaveId(1) }).unwrap()
});

/// A plan with the caps of `spec`, in force.
fn planned(caps: &str) -> [Value; 2] {
    let document = format!(
        "name: spring\ntitle: Spring\ncohort: 'practice.list_size > 0'\ncaps: {caps}\n\
         windows: [{{ days: [monday, tuesday, wednesday, thursday, friday], from: '09:00', to: '17:00' }}]\n\
         notice_working_days: 0\ngate: {{ min_success: 0.8, min_sample: 2, soak: 24h, timeout: 48h }}\n\
         suppliers: {{ EMIS: {{ mode: push }} }}\n\
         waves: [{{ wave: 1, title: All, from: 2031-06-02, until: 2031-06-03 }}]\n"
    );
    let spec: rollout::spec::ProgrammeSpec = serde_saphyr::from_str(&document).unwrap();
    let programme = rollout::ProgrammeId::new("spring").unwrap();
    let version = rollout::PlanVersion(1);
    let mut plan = rollout::plan::Plan {
        programme: programme.clone(),
        capability: CAPABILITY.parse().unwrap(),
        version,
        parent: None,
        registry_position: 1,
        spec: spec.into(),
        waves: Vec::new(),
        unplaced: Vec::new(),
        hash: serde_json::from_value(json!("00".repeat(32))).unwrap(),
    };
    plan.waves.clear();
    let by = rollout::Account::new("ann");
    let submitted = rollout::Event::PlanSubmitted { plan: plan.into(), by };
    let in_force = rollout::Event::PlanInForce { programme, version };
    [serde_json::to_value(submitted).unwrap(), serde_json::to_value(in_force).unwrap()]
}

fn held(scope: &rollout::state::HoldScope) -> Value {
    json!({ "event": "hold-placed", "hold": {
        "id": 1, "brake": "HOLD", "scope": scope, "class": "capacity", "owner": "carol", "reason_code": "DESK_FULL",
        "review_on": null, "placed_by": "carol", "placed_at": "2031-06-03T08:00:00Z", "halted_wave": null,
        "acknowledged": null, "lift_asked": null, "lifted": null, "changed_at_position": 1,
    } })
}

fn records(events: &[Value]) -> Vec<Recorded> {
    let record = |(event, position): (&Value, u64)| {
        let of_registry = event.as_object().and_then(|fields| fields.keys().next()).cloned();
        let kind = event.get("event").and_then(Value::as_str).map(str::to_owned).or(of_registry);
        Recorded {
            position,
            recorded_at: "2031-06-03T09:00:00Z".parse().unwrap(),
            request_id: String::new(),
            kind: kind.unwrap(),
            payload: event.to_string(),
        }
    };
    events.iter().zip(1..).map(record).collect()
}

fn evidence(registry: &[Value], scheduler: &[Value], suppliers: &[Value]) -> Evidence {
    let entries: Vec<Entry> = suppliers.iter().map(|line| serde_json::from_value(line.clone()).unwrap()).collect();
    Evidence::new(&records(registry), &records(scheduler), &entries).unwrap()
}

/// An honest scheduler's journal of one switch-on, and of the switch-off that followed.
fn honest_scheduler() -> Vec<Value> {
    let applied = json!({ "outcome": "APPLIED", "applied_at": "2031-06-03T09:00:00Z" });
    let [submitted, in_force] = planned("{}");
    vec![
        submitted,
        in_force,
        admitted(1, 5_000),
        sealed("ENABLE", 1),
        scheduler_settled(1, &applied),
        sealed("DISABLE", 2),
    ]
}

/// Breaches of a promise by its number; the rest of the history is honest.
fn breaches(registry: &[Value], scheduler: &[Value], suppliers: &[Value], number: &str) -> Vec<String> {
    let breaches = evidence(registry, scheduler, suppliers).breaches();
    breaches.into_iter().filter(|breach| breach.starts_with(&format!("{number}:"))).collect()
}

#[track_caller]
fn found(breaches: &[String], words: &str) {
    assert!(breaches.iter().any(|breach| breach.contains(words)), "{breaches:?}");
}

#[test]
fn an_honest_history_has_no_breach() {
    let registry = [
        granted("enable", 1),
        paused("pending"),
        settled("enable", 1),
        granted("disable", 2),
        settled_with_receipt("disable", 2, "applied", "reversed"),
    ];
    let suppliers = [applied("ENABLE", 1), applied("DISABLE", 2)];
    let honest = evidence(&registry, &honest_scheduler(), &suppliers);
    assert_eq!(honest.breaches(), Vec::<String>::new());
    let cases = honest.cases();
    assert_eq!((cases.enables, cases.pauses_with_open_permit, cases.reversals, cases.seals), (1, 1, 1, 2));
    assert_eq!(
        honest.owed(),
        ["prospective-records A81001 DISABLE 2 was sealed and has not settled"]
            .map(|owed| { owed.replacen("prospective-records", CAPABILITY, 1) })
    );
}

#[test]
fn i1_is_broken_by_a_key_or_a_practice_that_is_enabled_twice() {
    let registry = [granted("enable", 1), settled("enable", 1), granted("enable", 2)];
    found(&breaches(&registry, &[], &[applied("ENABLE", 1), applied("ENABLE", 1)], "I1"), "took effect twice");
    found(&breaches(&registry, &[], &[applied("ENABLE", 1), applied("ENABLE", 2)], "I1"), "twice in a row");
}

#[test]
fn i2_is_broken_by_a_key_that_was_not_sealed_or_sealed_later() {
    let registry = [granted("enable", 1)];
    found(&breaches(&registry, &[], &[applied("ENABLE", 1)], "I2"), "never sealed");
    let mut early = applied("ENABLE", 1);
    early["at"] = json!("2031-06-03T08:58:59Z");
    found(&breaches(&registry, &honest_scheduler(), &[early], "I2"), "before its seal");
}

#[test]
fn i3_is_broken_by_an_epoch_that_does_not_rise() {
    let taken = |epoch: u64| json!({ "event": "lease-taken", "epoch": epoch, "replica": "one" });
    assert_eq!(breaches(&[], &[taken(1), taken(2)], &[], "I3"), Vec::<String>::new());
    found(&breaches(&[], &[taken(2), taken(2)], &[], "I3"), "under epoch 2");
}

#[test]
fn i4_is_broken_by_a_switch_on_without_a_permit_or_by_one_granted_over_a_pause() {
    found(&breaches(&[], &[], &[applied("ENABLE", 1)], "I4"), "never permitted");
    let over_a_pause = [paused("prevented"), granted("enable", 1)];
    found(&breaches(&over_a_pause, &[], &[applied("ENABLE", 1)], "I4"), "in force");
}

#[test]
fn a_switch_on_that_a_pause_overtook_is_owed_its_disable() {
    let registry = [granted("enable", 1), paused("pending"), settled("enable", 1)];
    let owed = evidence(&registry, &[], &[applied("ENABLE", 1)]).owed();
    found(&owed, "followed by 0");
    found(&owed, "I4: A81001 is on");
    found(&owed, "still PENDING");
    found(&evidence(&[granted("enable", 1)], &[], &[]).owed(), "the permit of");
}

/// A DISABLE that its supplier took for done and carried out at another practice: neither owed nor a breach, but what is on has to
/// be seen.
#[test]
fn a_disable_that_its_supplier_carried_out_elsewhere_is_the_suppliers_mistake() {
    let overtaken = [granted("enable", 1), paused("reversed"), settled("enable", 1)];
    let prevented = [granted("enable", 1), settled("enable", 1), paused("prevented")];
    let blamed_after = |disable: &Value| {
        let log = [applied("ENABLE", 1), disable.clone()];
        found(&evidence(&overtaken, &[], &log).unseen(), "the registry says None");
        let owed = evidence(&overtaken, &[], &log).owed().iter().any(|owed| owed.contains("followed by 0"));
        let broken = breaches(&prevented, &[], &log, "I4").iter().any(|breach| breach.contains("answered PREVENTED"));
        (owed, broken)
    };
    let elsewhere = |direction: &str, practice: &str, generation: u32| {
        let mut line = line("misdirected", direction, generation);
        line["at_practice"] = json!("A81009");
        line["key"]["practice"] = json!(practice);
        line
    };
    assert_eq!(blamed_after(&elsewhere("DISABLE", PRACTICE, 2)), (false, false));
    assert_eq!(blamed_after(&elsewhere("DISABLE", PRACTICE, 1)), (true, true), "a decision before");
    assert_eq!(blamed_after(&elsewhere("DISABLE", "A81002", 2)), (true, true), "of another practice");
    assert_eq!(blamed_after(&elsewhere("ENABLE", PRACTICE, 2)), (true, true), "not to be switched off");
    assert_eq!(blamed_after(&line("closed", "DISABLE", 2)), (true, true), "never carried out");
}

#[test]
fn i4_is_broken_by_a_practice_that_is_on_after_its_pause_was_answered_prevented() {
    let registry = [granted("enable", 1), settled("enable", 1), paused("prevented")];
    found(&breaches(&registry, &[], &[applied("ENABLE", 1)], "I4"), "answered PREVENTED");
    let lifted = json!({ "pauses-lifted": { "practice": PRACTICE, "pauses": [1] } });
    let registry = [paused("prevented"), lifted, granted("enable", 1), settled("enable", 1)];
    assert_eq!(breaches(&registry, &[], &[applied("ENABLE", 1)], "I4"), Vec::<String>::new());
}

#[test]
fn i4_is_broken_by_a_receipt_that_became_prevented_although_its_key_took_effect() {
    let registry =
        [granted("enable", 1), paused("pending"), settled_with_receipt("enable", 1, "not-applied", "prevented")];
    found(&breaches(&registry, &[], &[applied("ENABLE", 1)], "I4"), "answered PREVENTED");
}

#[test]
fn a_practice_that_a_supplier_switched_by_mistake_is_nobodys_breach() {
    let key = json!({ "capability": CAPABILITY, "practice": "A81002", "direction": "ENABLE", "generation": 1 });
    let mistaken = json!({
        "at": "2031-06-03T09:00:00Z", "supplier": "EMIS", "kind": "misdirected", "key": key, "at_practice": PRACTICE,
        "changed": true,
    });
    let mut scheduler = honest_scheduler();
    scheduler[3]["keys"][0][0]["practice"] = json!("A81002");
    let mistaken = evidence(&[paused("prevented")], &scheduler, &[mistaken]);
    assert_eq!(mistaken.breaches().iter().filter(|breach| !breach.starts_with("I17")).count(), 0);
    assert_eq!(mistaken.cases().mistakes, 1);
    found(&mistaken.unseen(), "the registry says None");
}

#[test]
fn i5_is_broken_by_a_slot_or_a_seal_above_a_cap() {
    let caps_broken = |caps: &str| {
        let [submitted, in_force] = planned(caps);
        breaches(&[], &[submitted, in_force, admitted(1, 5_000), sealed("ENABLE", 1)], &[], "I5")
    };
    found(&caps_broken("{ daily: { national: { patients: 4999 } } }"), "count on 2031-06-03 for");
    found(&caps_broken("{ in_flight: { each_supplier: { practices: 0 } } }"), "are under way for");
    assert_eq!(caps_broken("{ daily: { national: { patients: 5000 } } }"), Vec::<String>::new());
}

#[test]
fn a_slot_that_was_given_back_counts_no_longer() {
    let [submitted, in_force] = planned("{ in_flight: { national: { practices: 1 } } }");
    let not_applied = json!({ "outcome": "NOT_APPLIED" });
    let twice = [submitted.clone(), in_force.clone(), admitted(1, 5_000), admitted(2, 5_000)];
    found(&breaches(&[], &twice, &[], "I5"), "are under way for");
    let in_turn = [submitted, in_force, admitted(1, 5_000), scheduler_settled(1, &not_applied), admitted(2, 5_000)];
    assert_eq!(breaches(&[], &in_turn, &[], "I5"), Vec::<String>::new());
}

#[test]
fn i10_is_broken_by_a_seal_under_a_hold_that_covers_it() {
    let [submitted, in_force] = planned("{}");
    let sealed_under = |scope: &rollout::state::HoldScope| {
        let scheduler = [submitted.clone(), in_force.clone(), admitted(1, 5_000), held(scope), sealed("ENABLE", 1)];
        breaches(&[], &scheduler, &[], "I10")
    };
    found(&sealed_under(&rollout::state::HoldScope::National), "was sealed at 5");
    let other = rollout::state::HoldScope::Supplier("TPP".parse().unwrap());
    assert_eq!(sealed_under(&other), Vec::<String>::new());
}

#[test]
fn i17_is_broken_by_an_end_that_the_log_does_not_have() {
    let applied_at = json!({ "outcome": "APPLIED", "applied_at": "2031-06-03T09:00:00Z" });
    let refused = json!({ "outcome": "REFUSED", "code": "NOT_TAKING_REQUESTS", "retryable": true });
    let [submitted, in_force] = planned("{}");
    let ended = |outcome: &Value, log: &Value| {
        let scheduler = [
            submitted.clone(),
            in_force.clone(),
            admitted(1, 5_000),
            sealed("ENABLE", 1),
            scheduler_settled(1, outcome),
        ];
        breaches(&[granted("enable", 1)], &scheduler, std::slice::from_ref(log), "I17")
    };
    found(&ended(&applied_at, &line("closed", "ENABLE", 1)), "settled APPLIED");
    found(&ended(&json!({ "outcome": "NOT_APPLIED" }), &applied("ENABLE", 1)), "settled NOT_APPLIED");
    found(&ended(&refused, &applied("ENABLE", 1)), "settled REFUSED");
    assert_eq!(ended(&refused, &line("refused", "ENABLE", 1)), Vec::<String>::new());
    assert_eq!(ended(&applied_at, &applied("ENABLE", 1)), Vec::<String>::new());
}

#[test]
fn a_supplier_whose_log_is_missing_is_named_and_not_judged() {
    let applied_at = json!({ "outcome": "APPLIED", "applied_at": "2031-06-03T09:00:00Z" });
    let [submitted, in_force] = planned("{}");
    let scheduler = [submitted, in_force, admitted(1, 5_000), sealed("ENABLE", 1), scheduler_settled(1, &applied_at)];
    let without_log = evidence(&[], &scheduler, &[]);
    assert_eq!(without_log.breaches(), Vec::<String>::new());
    assert_eq!(without_log.suppliers_without_log(), ["EMIS".parse().unwrap()].into());
}

#[test]
fn a_record_that_is_no_event_is_named() {
    let mut strange = records(&[granted("enable", 1)]);
    strange[0].payload = "{\"unheard-of\":{}}".to_owned();
    let error = Evidence::new(&strange, &[], &[]).unwrap_err().to_string();
    assert!(error.contains("record 1 of journals/registry"), "{error}");
}

/// I28: what the registry says of a practice is what was observed latest, not what it heard last.
#[test]
fn an_old_list_that_comes_late_says_nothing_of_a_switch_on_since() {
    let seen = |state: &str, as_at: &str| {
        let observation = json!({
            "practice": PRACTICE, "capability": CAPABILITY, "state": state, "source": "supplier-list", "as_at": as_at,
        });
        json!({ "access-observed": { "observations": [observation] } })
    };
    let (before, after) = ("2031-06-03T08:00:00Z", "2031-06-03T09:00:00Z");
    let unseen = |registry: &[Value]| evidence(registry, &[], &[applied("ENABLE", 1)]).unseen();
    assert_eq!(unseen(&[seen("on", after), seen("off", before)]), Vec::<String>::new());
    found(&unseen(&[seen("on", before), seen("off", after)]), "the registry says Some(Off)");
}

/// I28: what is not seen yet is told from what should have been.
#[test]
fn a_switch_that_the_registry_has_not_heard_of_is_told_by_when_it_was() {
    let unseen = evidence(&[], &[], &[applied("ENABLE", 1)]);
    assert_eq!(unseen.switched_count(), 1);
    let since = |moment: &str| unseen.unseen_since(moment.parse().unwrap());
    assert_eq!(since("2031-06-03T08:59:59Z"), Vec::<String>::new());
    found(&since("2031-06-03T09:00:00Z"), "at EMIS at 2031-06-03T09:00:00Z");
}

#[test]
fn each_promise_says_what_to_do_where_it_is_broken() {
    for promise in evidence::Promise::ALL {
        assert!(promise.remedy().ends_with('.'), "{promise} {}", promise.words());
    }
}

/// The practice comes from EMIS to TPP.
fn comes_to_tpp() -> Value {
    let of = |supplier: &str| json!({ "practice": PRACTICE, "supplier": supplier });
    json!({ "directory-imported": { "source": "map", "effective_from": "2031-06-04", "practices": [{
        "difference": "moved", "entry": of("TPP"), "before": of("EMIS"),
        "access_unknown": [{ "capability": CAPABILITY, "as_at": "2031-06-04T09:00:00Z" }],
    }] } })
}

/// I4, rule 10: a pause after the move is answered by what the new supplier has, one before it by what the former one had.
#[test]
fn a_pause_is_held_against_the_supplier_of_its_moment() {
    let log = [applied("ENABLE", 1)];
    let on = [granted("enable", 1), settled("enable", 1)];
    let moved_then_paused = [on.as_slice(), &[comes_to_tpp(), paused("prevented")]].concat();
    assert_eq!(breaches(&moved_then_paused, &[], &log, "I4"), Vec::<String>::new());
    let paused_then_moved = [on.as_slice(), &[paused("prevented"), comes_to_tpp()]].concat();
    found(&breaches(&paused_then_moved, &[], &log, "I4"), "answered PREVENTED");
    let mut by_tpp = applied("ENABLE", 2);
    by_tpp["supplier"] = json!("TPP");
    let on_again = [log.as_slice(), &[by_tpp]].concat();
    found(&breaches(&moved_then_paused, &[], &on_again, "I4"), "answered PREVENTED");
}

/// I28, rule 10: what a former supplier had switched on is not on at the next one until that one says so.
#[test]
fn a_practice_that_came_to_another_supplier_is_as_that_ones_log_has_it() {
    let seen = |state: &str, as_at: &str| {
        let observation = json!({
            "practice": PRACTICE, "capability": CAPABILITY, "state": state, "source": "supplier-list", "as_at": as_at,
        });
        json!({ "access-observed": { "observations": [observation] } })
    };
    let moved = comes_to_tpp();
    let on_before = seen("on", "2031-06-03T09:00:00Z");
    let unseen = |registry: &[Value]| evidence(registry, &[], &[applied("ENABLE", 1)]).unseen();
    assert_eq!(unseen(&[on_before.clone(), moved.clone()]), Vec::<String>::new());
    assert_eq!(unseen(&[on_before.clone(), moved.clone(), seen("off", "2031-06-05T09:00:00Z")]), Vec::<String>::new());
    found(
        &unseen(&[on_before, moved, seen("on", "2031-06-05T09:00:00Z")]),
        "was never switched at its present supplier, and the registry says Some(On)",
    );
}
