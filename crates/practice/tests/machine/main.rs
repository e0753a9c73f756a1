//! The registry's state machine, seen through what it publishes.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod advice;
mod as_of;
mod bench;
mod contacts;
mod corpus;
mod directory;
mod evidence;
mod geography;
mod history;
mod lapses;
mod laws;
mod model;
mod observations;
mod organisation_graphs;
mod pauses;
mod permits;
mod readiness;
mod sources;
mod successions;
mod sync;
mod sync_corpus;
