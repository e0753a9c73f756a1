//! Disclosure control (rule 13): what of a table of patient counts may be shown, given everything that was ever shown. Pure.
//!
//! A [`Table`] has numbers of single practices ([`Part`]) and breakdowns of their sum. [`protect`] says how it may be
//! published: as an [`Issue`], the table with the [`Remedy`]s that it took, or not at all. What the public sees of an issue is
//! [`Issue::rows`].
//!
//! Safe means: of each `*` and each rounded cell ever shown there are at least [`POSSIBLE_VALUES_MIN`] worlds, with as many
//! values of the cell, in which every issue would look exactly as it does ([`worlds`]). Such worlds are found, not inferred: so
//! no cleverness of an attacker can undo them, whether he subtracts totals, publications from each other, or areas that changed.
//!
//! Nothing here knows what is counted, stores anything or words a publication.

mod protect;
mod release;
mod shown;
mod table;
mod walk;
mod worlds;

pub use protect::{Disclosure, protect, protect_while};
pub use release::{Issue, Remedy, Row};
pub use shown::{EXACT_BELOW, ROUNDED_TO, Shown};
pub use table::{Area, Breakdown, LIST_FOR_ROW_MIN, Part, Table};

/// Values that each `*` and each rounded cell must still be able to have (rule 13).
pub const POSSIBLE_VALUES_MIN: usize = 3;
