//! The scheduler with a registry and simulated suppliers, in one process, on virtual time.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod acts;
mod authority;
mod brakes;
mod concerns;
mod determinism;
mod explained;
mod faults;
mod files;
mod forecasts;
mod gates;
mod go_live;
mod notices;
mod older_plans;
mod outages;
mod plans;
mod programmes;
mod readiness;
mod replays;
mod requests;
mod restarts;
mod successions;
mod suppliers;
mod traces;
mod two_people;
mod unwinding;
mod wedged;
mod world;
