//! The rollout scheduler: plans and waves, who approved them, what may move and why nothing does.
//!
//! The pure crate `rollout` decides; here is the durable edge round it:
//!
//! - `machine`: `rollout` as the journal runs it, fenced by the lease's epoch.
//! - `follower`: a copy of the registry's practices, kept by its watch.
//! - `performer`: the loop. It proposes what [`rollout::step`] finds, and does what [`rollout::effects`] lists: permits and
//!   settlements at the registry (`chores`), calls to suppliers (`calls`), each only after its seal. What fails is tried
//!   again and stops nothing else (`patience`).
//! - `planning`: the look itself, which nothing else waits for.
//! - `observer`: reads suppliers' own lists, and so finds out what was not done by command.
//! - `forecasts`: learns from the journal as it goes on, and plays futures on threads of its own; `replays` plays the past
//!   under another policy, in turn with them.
//! - `errands`: what is done beside the performer, under the same lease. `outbox` sends the notices that are due and finds
//!   out what became of them, where couriers are configured; `inquiries` asks statistics and `hooks` about gates that wait.
//! - `lease`: which of several schedulers performs effects. Correctness rests on the journal, never on it.
//! - `grpc`: the services, and the registry and suppliers as we call them; only it names `proto`.
//!
//! # What it does not do
//!
//! It decides nothing that `rollout` does not, keeps nothing but the journal and the lease, and never says that a
//! practice is live: the registry does. No hold waits for the loop.

mod calls;
mod chores;
mod document;
mod errands;
mod fields;
mod follower;
mod forecasts;
mod grpc;
mod history;
mod hooks;
mod inquiries;
mod lease;
mod lists;
mod machine;
mod measures;
mod observer;
mod outbox;
mod parts;
mod pasts;
mod patience;
mod peer;
mod performer;
mod permits;
mod planning;
mod replays;
mod scheduler;
mod selection;
mod standing;
mod trace;

pub use grpc::Suppliers;
pub use hooks::{GateHook, GateHooks};
pub use lease::{Beat, LeaseConfig, LeaseStore, MIGRATIONS, MemoryLease};
pub use machine::{Ask, Command, Event, Expectation, LeaseEvent, LeaseHeld, Rejection, SchedulerMachine, State};
pub use outbox::NoticesConfig;
pub use planning::Planning;
pub use scheduler::{Config, SUPPLIER_LIST_EVERY, Scheduler, supplier_peer_config};
