//! What people did in a run, and what suppliers did by habit, by what was left behind: whatever a story has of it and nobody could
//! show would prove nothing.

use std::collections::{BTreeMap, BTreeSet};

use journal::Record;
use supplier_simulator::{Entry, Origin, Refusal, SupplierProfile, What};

use crate::plan::{Act, Plan};

/// How often each happened, by name; what never did is left out.
pub(crate) fn counts(
    plan: &Plan,
    registry: &[Record],
    scheduler: &[Record],
    log: &[Entry],
) -> BTreeMap<&'static str, u64> {
    let of_kind = |kind: &str| scheduler.iter().filter(|record| record.kind == kind).count();
    let counts = [
        ("a supplier refused a practice", count(log, |entry| is_refused(&entry.what))),
        ("a supplier said only later what it did", count(log, |entry| is_slow(&plan.suppliers, entry))),
        ("a practice chose wrong settings", count(log, |entry| is_partial(&entry.what))),
        ("a wave was unwound", of_kind("unwinding-begun")),
        ("a practice was reverted", of_kind("revert-ordered")),
        ("a wave was moved", of_kind("wave-rescheduled")),
        ("another plan came into force", of_kind("plan-in-force").saturating_sub(1)),
        ("two people lifted a safety hold", lifted_by_two(scheduler)),
        ("a practice came to another ICB", moved(plan, registry, |was, is| was.icb != is.icb)),
        ("a practice came to another supplier", moved(plan, registry, |was, is| was.supplier != is.supplier)),
        ("a practice closed", registry.iter().filter(|record| record.kind == "succession-effected").count()),
    ];
    let happened = counts.into_iter().filter(|(_, count)| *count > 0);
    happened.map(|(name, count)| (name, count as u64)).collect()
}

fn count(log: &[Entry], is_it: impl Fn(&Entry) -> bool) -> usize {
    log.iter().filter(|entry| is_it(entry)).count()
}

fn is_refused(what: &What) -> bool {
    matches!(what, What::Refused { refusal: Refusal::PracticeNotConfigured, .. })
}

/// Whether a call was answered before the supplier had done anything.
fn is_slow(suppliers: &[SupplierProfile], entry: &Entry) -> bool {
    let What::Received { due, origin: Origin::Call, .. } = &entry.what else { return false };
    let profile = suppliers.iter().find(|profile| profile.supplier == entry.supplier);
    profile.is_some_and(|profile| entry.at.duration_until(*due) > profile.answers_within)
}

fn is_partial(what: &What) -> bool {
    matches!(what, What::Invited { partial: true, due: Some(_), .. })
}

/// Holds that a second person lifted after a first one had asked.
fn lifted_by_two(scheduler: &[Record]) -> usize {
    let holds = |kind: &str| -> BTreeSet<u64> {
        let payloads = scheduler.iter().filter(|record| record.kind == kind).map(|record| &record.payload);
        let read = |payload: &String| serde_json::from_str::<serde_json::Value>(payload).ok()?["hold"].as_u64();
        payloads.filter_map(read).collect()
    };
    holds("hold-lift-asked").intersection(&holds("hold-lifted")).count()
}

/// Files that were read and moved a practice so.
fn moved(
    plan: &Plan,
    registry: &[Record],
    is_so: impl Fn(&crate::plan::Surgery, &crate::plan::Surgery) -> bool,
) -> usize {
    let acts = plan.acts.iter().enumerate().filter(|(number, (_, act))| {
        let Act::Move { surgery } = act else { return false };
        let was = plan.surgeries.iter().find(|one| one.code == surgery.code);
        // A file is recorded in parts: organisations first, then practices.
        let request = format!("act/{number}/");
        let of_practices =
            |record: &Record| record.kind == "directory-imported" && record.payload.contains("practices");
        let read = |record: &Record| record.request_id.starts_with(&request) && of_practices(record);
        was.is_some_and(|was| is_so(was, surgery)) && registry.iter().any(read)
    });
    acts.count()
}
