//! ODS codes, organisations and the publishers' file formats.
//!
//! What the other crates name practices, organisations, suppliers and capabilities by, what they draw chance from, and
//! what turns their moments into days ([`civil`]). Pure: nothing here reads a file, a clock or a random source.

//! A file becomes a document in one call, [`read`] (or [`read_directory`], which brings all files about practices into
//! one form), and a document becomes a file by its `encode`. A file that is not sound as a whole is refused with every
//! reason and place; in a sound one single bad rows are rejected and the rest is used ([`Refusal`], [`Reading`]). What
//! ODS's interfaces answer becomes an [`OrganisationRecord`] ([`ord`], [`fhir`]), or a fault with its path
//! ([`DocumentFault`]).

pub mod bank_holidays;
mod capability;
pub mod civil;
mod code;
mod date;
mod directory;
mod document;
mod draw;
pub mod epraccur;
mod fault;
pub mod fhir;
mod format;
mod json;
pub mod list_sizes;
pub mod map;
pub mod ord;
mod organisation;
pub mod pomi;
pub mod readiness;
pub mod record;
mod rows;
mod supplier;
mod text;
pub mod totals;

pub use bank_holidays::{BankHoliday, BankHolidays};
pub use capability::{CAPABILITY_ID_BYTES_MAX, Capability};
pub use code::{CodeError, GIVEN_CHARS_MAX, IcbCode, OnsCode, PcnCode, PracticeCode, RegionCode, SubIcbCode};
pub use directory::{Directory, PracticeRow, Reference, Source, Status};
pub use document::{Document, read, read_directory};
pub use draw::{Draw, draw, draw_for};
pub use epraccur::{Epraccur, RegisteredPractice};
pub use fault::{FAULTS_LISTED_MAX, Fault, Reading, Reason, Refusal};
pub use format::{DETECT_BYTES, Format, FormatError};
pub use json::{DocumentFault, Problem};
pub use list_sizes::{ListSize, ListSizes};
pub use map::{MappedPractice, PracticeMap};
pub use organisation::{Icb, Organisations, Pcn, Region, SubIcb};
pub use pomi::Pomi;
pub use record::OrganisationRecord;
pub use supplier::{SUPPLIER_BYTES_MAX, Supplier};
pub use totals::Totals;
