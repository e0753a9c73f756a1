//! The scheduler's core through its public face: documents, goldens, rules and laws, in a small world of its own.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod approvals;
mod caps;
mod civil_time;
mod concerns;
mod conditions;
mod corpus;
mod differences;
mod dispatches;
mod documents;
mod due_moments;
mod england;
mod explanations;
mod explanations_cleared;
mod forecasts;
mod gates;
mod goldens;
mod holds;
mod impossible_plans;
mod laws;
mod modes;
mod networks;
mod notices;
mod pauses;
mod plans;
mod programmes;
mod random;
mod readiness;
mod registry;
mod replay;
mod replay_policy;
mod stale;
mod strategies;
mod successions;
mod suppliers;
mod two_capabilities;
mod unwinding;
mod world;
