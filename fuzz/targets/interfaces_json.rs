//! What the directory's publisher answers: ORD's documents and FHIR's bundles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ods::{fhir, ord};

fuzz_target!(|bytes: &[u8]| {
    let _ = (ord::codes(bytes), ord::error_text(bytes), fhir::diagnostics(bytes));
    // A fault says where it is, which is text that goes into a log.
    if let Err(fault) = ord::organisation(bytes) {
        assert!(!fault.to_string().is_empty());
    }
    if let Err(fault) = fhir::page(bytes) {
        assert!(!fault.to_string().is_empty());
    }
});
