//! The practice registry through its real routes and the generated client: in memory, and on each database at hand.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod access;
mod advice;
mod authority;
mod bench;
mod both_times;
mod contacts;
mod evidence;
mod export;
mod files;
mod following;
mod history;
mod import;
mod import_changes;
mod lapses;
mod laws;
mod observations;
mod organisations;
mod participation;
mod permits;
mod practices;
mod readiness;
mod reference;
mod reorganisation;
mod sources;
mod states;
mod successions;
mod sync;
mod virtual_time;
mod watch;
