//! Suppliers' returns in both layouts, and published totals. The first byte says which.
#![no_main]

mod answers;

use libfuzzer_sys::fuzz_target;
use ods::Format;

const FORMATS: [Format; 3] = [Format::PomiWide, Format::PomiLong, Format::Totals];

fuzz_target!(|input: &[u8]| {
    let Some((chosen, bytes)) = input.split_first() else { return };
    answers::answers(FORMATS[usize::from(*chosen) % FORMATS.len()], bytes);
});
