//! The publishers' files about practices, and GOV.UK's bank holidays. The first byte says which.
#![no_main]

mod answers;

use libfuzzer_sys::fuzz_target;
use ods::Format;

const FORMATS: [Format; 4] = [Format::Map, Format::ListSizes, Format::Epraccur, Format::BankHolidays];

fuzz_target!(|input: &[u8]| {
    let Some((chosen, bytes)) = input.split_first() else { return };
    let _ = Format::detect(bytes);
    answers::answers(FORMATS[usize::from(*chosen) % FORMATS.len()], bytes);
});
