//! Simulated suppliers of GP systems: slow, lossy, refusing, of all three modes.
//!
//! They stand outside the suite, as the real ones would: they speak its gRPC contract and nothing else, and each
//! keeps its own log of effects, on disk before it replies. The tests hold that log against the services' journals.
//!
//! - *Push*: SupplierService, by key; the same key never takes effect twice, a closed key never does.
//! - *Booked dates*: reads its list, believes it if it is signed, claims it at the cut-off, switches on the booked date, reports.
//! - *Self-service*: its practices see their invitation and switch themselves on, or don't.
//!
//! What a supplier does is a function of its profile, the seed and the key, never of the order of arrival.
//! It does not simulate practices that pause, letters or approvals: those are the world's, not a supplier's.

mod booked;
mod civil;
mod grpc;
mod ledger;
mod log;
mod profile;
mod self_service;
mod signed;
mod simulator;

pub use evidence::{Direction, Effect, Entry, Key, Origin, Refusal, What};
pub use log::{LogError, LogTarget, SharedLog, read_log};
pub use profile::{BookedDates, Delay, SelfService, Share, ShareError, SupplierProfile};
pub use signed::{Forged, ListKey, NotAListKey};
pub use simulator::{Simulator, SimulatorConfig, SimulatorError};
