//! What GOV.UK Notify answers to each question, under any status.
#![no_main]

// The modules as they are: they are private to the crate around them.
#[path = "../../crates/courier/src/address.rs"]
mod address;
#[path = "../../crates/courier/src/notify/answers.rs"]
mod answers;
#[path = "../../crates/courier/src/error.rs"]
mod error;
#[path = "../../crates/courier/src/message.rs"]
mod message;

use address::Address;
use error::CourierError;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use message::Sent;
use outgoing::Reply;

const BASE: &str = "https://notify.example";
const LINE: &str = "1 Hill Road";

/// Status, Retry-After up to the end of the line, body.
fn reply(bytes: &[u8]) -> Option<Reply> {
    let (status, rest) = bytes.split_at_checked(3)?;
    let status = StatusCode::from_bytes(status).ok()?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (wait, body) = (&rest[..end], &rest[end + 1..]);
    let mut headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static("Mon, 02 Jun 2031 08:00:00 GMT"))]);
    if !wait.is_empty() {
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(wait).ok()?);
    }
    Some(Reply { status, headers, body: body.to_vec().into() })
}

/// An error says where, and repeats nothing of the body: it has addresses in it.
fn tells_no_address<T>(answer: Result<T, CourierError>) {
    if let Err(error) = answer {
        let told = error.to_string();
        assert!(told.contains(BASE) && !told.contains(LINE), "{told}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(reply) = reply(bytes) else { return };
    let to = Address::post(&format!("Hill Surgery\n{LINE}\nZZ1 1ZZ")).expect("an address");
    let sent = answers::sent(BASE, &reply, &to);
    match &sent {
        Ok(Sent::Refused { said, .. }) => {
            assert!(said.chars().count() <= 200 && !said.chars().any(char::is_control), "{said:?}");
            assert!(!said.contains(LINE), "{said}");
        }
        // Only this says that it has it.
        Ok(_) => assert_eq!(reply.status, StatusCode::CREATED),
        Err(_) => {}
    }
    tells_no_address(sent);
    tells_no_address(answers::by_reference(BASE, &reply, "notice-1"));
    tells_no_address(answers::fate(BASE, &reply));
    tells_no_address(answers::template(BASE, &reply));
});
