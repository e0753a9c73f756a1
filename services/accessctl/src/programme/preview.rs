//! A plan to be looked at, for people: its waves, who is in none and why, and what it changes, with what widens.

use proto::scheduler::v1 as scheduler;

use crate::moments::shown;
use crate::output::{Output, Table, number, word};

/// Practices whose moves are printed one by one; more are counted by rule above them.
const MOVES_PRINTED_MAX: usize = 40;

/// Networks that are printed with their waves; more are counted.
const PCNS_PRINTED_MAX: usize = 10;

pub(super) fn show(output: Output, reply: &scheduler::PreviewPlanResponse) -> anyhow::Result<()> {
    output.print("citizens_access.scheduler.v1.PreviewPlanResponse", reply, || {
        let mut table = Table::new(&["WAVE", "TITLE", "OPENS", "PRACTICES", "PATIENTS", "FROM ENGLAND"]);
        for wave in &reply.waves {
            table.row([
                wave.name.clone(),
                wave.display_name.clone(),
                shown(wave.opens_at.as_ref()),
                number(wave.practices_count),
                number(wave.patients_count),
                wave.distance_from_england.as_ref().map(distance).unwrap_or_default(),
            ]);
        }
        table
    })?;
    if output.for_people() {
        who_is_nowhere(reply);
        networks(reply);
        changes(reply);
    }
    Ok(())
}

/// How far a wave is from England, by what it is taken to resemble.
fn distance(distance: &scheduler::DistanceFromEngland) -> String {
    let percent = |ten_thousandths: i32| format!("{}.{:02}%", ten_thousandths / 100, ten_thousandths % 100);
    format!(
        "suppliers {}, ICBs {}, list sizes {}, all together {}",
        percent(distance.suppliers_ten_thousandths),
        percent(distance.icbs_ten_thousandths),
        percent(distance.list_sizes_ten_thousandths),
        percent(distance.together_ten_thousandths)
    )
}

fn who_is_nowhere(reply: &scheduler::PreviewPlanResponse) {
    let (practices, patients) = (number(reply.practices_count), number(reply.patients_count));
    anstream::println!("{practices} practices with {patients} patients");
    for unplaced in &reply.unplaced {
        let examples = unplaced.examples.join(", ");
        anstream::println!(
            "in no wave: {} practices, {} ({examples})",
            number(unplaced.practices_count),
            unplaced.reason
        );
    }
}

fn networks(reply: &scheduler::PreviewPlanResponse) {
    if reply.pcns_apart_count == 0 {
        return;
    }
    anstream::println!("networks in several waves: {}", number(reply.pcns_apart_count));
    for apart in reply.pcns_apart.iter().take(PCNS_PRINTED_MAX) {
        let (waves, suppliers) = (apart.waves.join(", "), apart.suppliers.join(" and "));
        anstream::println!("  {}: {waves}, with {suppliers}", apart.pcn_code);
    }
}

fn changes(reply: &scheduler::PreviewPlanResponse) {
    let difference = reply.difference.clone().unwrap_or_default();
    if difference.base_plan_hash.is_empty() {
        anstream::println!("the first plan: everybody in it is added");
    } else {
        anstream::println!("against {}: {}", difference.base_plan_hash, bearing(difference.bearing()));
    }
    let loads = [
        ("added", difference.added),
        ("dropped", difference.dropped),
        ("earlier", difference.earlier),
        ("later", difference.later),
        ("within their wave", difference.shifted),
    ];
    for (what, load) in loads {
        let load = load.unwrap_or_default();
        if load.practices_count > 0 {
            let (practices, patients) = (number(load.practices_count), number(load.patients_count));
            anstream::println!("  {what}: {practices} practices with {patients} patients");
        }
    }
    if difference.patients_more > 0 {
        anstream::println!("  more patients where practices stay: {} (widens)", number(difference.patients_more));
    }
    if difference.patients_fewer > 0 {
        anstream::println!("  fewer patients where practices stay: {} (narrows)", number(difference.patients_fewer));
    }
    for change in &difference.changes {
        let of = if change.wave.is_empty() { String::new() } else { format!("{}: ", change.wave) };
        let (before, after) = (or_none(&change.before), or_none(&change.after));
        anstream::println!("  {of}{}: {before} → {after} ({})", change.field, bearing(change.bearing()));
    }
    for moved in &difference.move_counts {
        let load = moved.load.unwrap_or_default();
        let (practices, patients) = (number(load.practices_count), number(load.patients_count));
        let bearing = bearing(moved.bearing());
        anstream::println!("  {practices} practices with {patients} patients: {} ({bearing})", moved.rule);
    }
    // Of a first plan the waves say it all.
    if !difference.base_plan_hash.is_empty() {
        moves(reply);
    }
}

fn moves(reply: &scheduler::PreviewPlanResponse) {
    for moved in reply.moves.iter().take(MOVES_PRINTED_MAX) {
        let (from, to) = (or_none(&moved.from_wave), or_none(&moved.to_wave));
        anstream::println!("  {}: {from} → {to} ({}; {})", moved.practice, moved.rule, bearing(moved.bearing()));
    }
    let printed = reply.moves.len().min(MOVES_PRINTED_MAX);
    let more = reply.moves_count - i64::try_from(printed).unwrap_or(i64::MAX);
    if more > 0 {
        anstream::println!("  and {} more move; --output json lists up to a thousand", number(more));
    }
}

fn bearing(bearing: scheduler::PlanBearing) -> String {
    match bearing {
        scheduler::PlanBearing::Neither => "neither widens nor narrows".to_owned(),
        other => word(other.as_str_name(), "PLAN_BEARING_").to_lowercase(),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}
