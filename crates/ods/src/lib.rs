//! ODS codes, organisations and the publishers' file formats.
//!
//! What the other crates name practices, organisations, suppliers and capabilities by, and what they draw chance from.
//! Pure: nothing here reads a file, a clock or a random source.

mod capability;
mod code;
mod draw;
mod supplier;

pub use capability::{CAPABILITY_ID_BYTES_MAX, Capability};
pub use code::{CodeError, GIVEN_CHARS_MAX, IcbCode, OnsCode, PcnCode, PracticeCode, RegionCode, SubIcbCode};
pub use draw::{Draw, draw, draw_for};
pub use supplier::{SUPPLIER_BYTES_MAX, Supplier};
