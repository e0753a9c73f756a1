//! Every interleaving of permit, seal, pause, hold and lease over a few practices and schedulers, by the code that decides
//! about them: `practice`, `rollout`, and the scheduler's machine with its fence.
//!
//! - `model`: what may happen, and what comes of it (`turn`); `registry` and `scheduler` put it to the real code, which `table`
//!   asks once for each question; `moment` leaves time out; `message` and `supplier` are the world around.
//! - `properties`: what must hold, by the numbers of `docs/domain.md`.
//! - `exhaustive`: that it holds in every state. `mutants`: that it does not, with a guard taken away (`mutation`).
//! - `correspondence`: that one registry and one scheduler of all practices answer as the model does.
//!
//! `docs/testing.md` says what is proved by it, and what is left out.

mod correspondence;
mod exhaustive;
mod explore;
mod key;
mod message;
mod model;
mod moment;
mod mutants;
mod mutation;
mod properties;
mod registry;
mod scheduler;
mod supplier;
mod table;
mod turn;
