//! A programme's document: YAML as people keep it.
#![no_main]

// The module as it is: building the service around it would bring stores and a network with it.
#[path = "../../services/rollout-scheduler/src/document.rs"]
mod document;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match document::read(text) {
        Ok(read) => assert_eq!(read.text, text, "a document is kept as it was written"),
        Err(document::DocumentError::Form { line, .. }) => {
            // YAML ends a line at a lone carriage return too.
            let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count() as u64;
            assert!(line <= lines, "line {line} of {lines}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
