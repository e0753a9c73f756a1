//! What the hooks of others answer.
#![no_main]

// The module as it is: building the service around it would bring stores and a network with it.
#[path = "../../services/rollout-scheduler/src/hooks/answer.rs"]
mod answer;

use answer::HookSays;
use libfuzzer_sys::fuzz_target;
use pseudonym::in_text;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    match answer::read(bytes) {
        // It is kept for ever, so it says no more than what was read, and nothing of a patient.
        Ok(HookSays { verdict, reason_code }) => {
            let read: Value = serde_json::from_slice(bytes).expect("it was read");
            assert_eq!(read["verdict"], verdict.to_string());
            assert_eq!(read["reason_code"], reason_code);
            assert_eq!(read.as_object().map(|fields| fields.len()), Some(2), "{read}");
            assert!(!reason_code.is_empty() && reason_code.is_ascii() && !in_text::contains(&reason_code));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
