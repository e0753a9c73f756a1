//! The registry's state machine: who the practices are, what they have decided, what is permitted and observed at them.
//!
//! [`decide`] judges a command on a state, [`apply`] folds what was decided into it. Pure: no input, output, clock or
//! random source, and nothing that depends on the order of hashing. It knows no programme, wave or hold.
//!
//! - Directory facts and observations are kept in both times and never dropped ([`facts`], [`view`]).
//! - Organisations move: any practice can be read in the codes of a chosen day ([`geography`]).
//! - What each source last said is kept beside the facts, so that contradictions can be told ([`disagreement`]).
//! - The permit is the only line that decides whether a pause came in time ([`pause`], [`permit_refusal`]).
//! - Whoever succeeds a practice inherits what restrains it ([`succession`]).
//! - Advice and contacts are kept beside them and stop nothing ([`advice`], [`contact`]).
//! - What holds where those who look say different things is one rule over all the evidence ([`evidence`]).
//! - Time alone changes nothing: what is due comes about by an event ([`lapse`]).
//! - A sync with the publisher's interfaces is recorded page by page ([`sync`]).

pub mod access;
pub mod advice;
mod apply;
pub mod command;
pub mod contact;
mod decide;
mod dense;
mod derived;
pub mod difference;
pub mod directory;
pub mod disagreement;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod geography;
pub mod history;
mod inheritance;
mod key;
pub mod lapse;
mod list_sizes;
mod organisation;
pub mod pause;
mod permits;
mod piece;
mod practice;
pub mod readiness;
pub mod reasons;
mod rejection;
pub mod setting;
pub mod signal;
mod small_map;
pub mod source;
mod state;
mod stored;
pub mod succession;
mod switch_off;
pub mod sync;
pub mod view;

pub use apply::apply;
pub use command::Command;
pub use decide::{OBSERVER_AHEAD_MAX, decide};
pub use derived::Derived;
pub use event::Event;
pub use geography::{Codes, Geography};
pub use key::{Action, CommandKey};
pub use lapse::LAPSES_MAX;
pub use organisation::{Organisation, OrganisationEntry, OrganisationKind, OrganisationLifetime};
pub use permits::{PermitRefusal, SettlementRefusal, permit_of, permit_refusal, settlement_refusal};
pub use piece::Piece;
pub use practice::Practice;
pub use rejection::{Rejection, SuccessionRejection};
pub use small_map::SmallMap;
pub use state::State;
pub use succession::{Affected, Succession, SuccessionKind, SuccessionTerms};
pub use switch_off::standing_pause;
pub use view::{AsOf, View};
