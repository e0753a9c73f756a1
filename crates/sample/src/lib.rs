//! A synthetic England, written in the publishers' own file formats.
//!
//! For demonstrations, tests and benchmarks on a machine that has none of the publishers' files. The real importers read
//! what is written here; there is no other way in. Numbers and proportions are those of the real England (practices per
//! ICB, list sizes, suppliers and how they cluster); names, postcodes and the codes of organisations are invented.
//!
//! Everything is a function of its arguments: the same [`Recipe`] gives the same bytes, on every machine, since no
//! floating point is used. No date of any programme is in here; whoever asks says which day the files describe, and
//! which bank holidays were added to those of the law.

mod apportion;
mod bank_holidays;
mod codes;
mod england;
mod error;
mod geography;
mod list_sizes;
mod names;
mod settlement;
mod supplier_mix;

pub use bank_holidays::{FIRST_YEAR, OneOff, bank_holidays};
pub use england::{England, File, PRACTICES_COUNT_DEFAULT, PRACTICES_COUNT_MAX, Recipe};
pub use error::Error;
pub use list_sizes::LIST_SIZE_MEAN;
pub use supplier_mix::SupplierMix;
