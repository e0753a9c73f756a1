//! The aggregator as its callers meet it: through the generated clients and the server's layers, in this process, on each
//! store at hand.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod attack;
mod attack_on_viewers;
mod authority;
mod breakdowns;
mod comparison;
mod compliance;
mod differential;
mod events;
mod figures;
mod files;
mod following;
mod groupings;
mod hours;
#[path = "../../../../crates/disclosure/tests/attack/intervals.rs"]
mod intervals;
#[expect(dead_code, reason = "another attacker looks at the rest")]
#[path = "../../../../crates/disclosure/tests/attack/knowledge.rs"]
mod knowledge;
mod listing;
mod pressure;
mod publications;
mod quarantine;
mod registry;
mod replicas;
mod retention;
mod returns;
#[path = "../../../../bench/src/statistics/rollups.rs"]
mod rollups;
mod silence;
mod slices;
mod totals;
mod virtual_time;
mod watch;
mod wholes;
mod world;
mod years;
