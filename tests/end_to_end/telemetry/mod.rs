//! What the suite tells of itself: metrics, traces, alerts and dashboards, held against a real run and real programs.

mod alerts;
mod busy;
mod collectors;
mod documentation;
mod guarded;
mod outside_answers;
mod outside_fields;
mod outside_hooks;
mod outside_suppliers;
mod personal_data;
mod prometheus;
mod scraped;
