//! What GOV.UK Notify answers, and what it means.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use outgoing::{Reply, retry_after};
use pseudonym::in_text;
use serde::Deserialize;

use crate::address::Address;
use crate::error::CourierError;
use crate::message::{Fate, Kind, Sent, Trouble};

/// A rate limit is over in a minute: "3,000 messages per minute … on a rolling basis".
const RATE_LIMIT_REST: Duration = Duration::from_secs(60);

/// A day's limit is over at midnight; asked hourly, a day's remainder costs a few requests.
const DAY_LIMIT_REST: Duration = Duration::from_secs(3_600);

/// Longest that is repeated of what it says.
const SAID_CHARS_MAX: usize = 200;

/// The type of a template and of a notification.
pub(super) fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => "email",
        Kind::Letter => "letter",
    }
}

#[derive(Debug, Deserialize)]
struct Taken {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    notifications: Vec<Notification>,
}

/// Of all that it tells, what tells nothing of a person.
#[derive(Debug, Deserialize)]
struct Notification {
    id: String,
    #[serde(default)]
    reference: Option<String>,
    status: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    sent_at: Option<String>,
    #[serde(default)]
    completed_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Template {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
}

/// What came of sending to an address.
pub(super) fn sent(address: &str, reply: &Reply, to: &Address) -> Result<Sent, CourierError> {
    if reply.status == StatusCode::CREATED {
        let taken: Taken = read(address, reply)?;
        return Ok(Sent::Taken { id: taken.id });
    }
    if reply.status != StatusCode::BAD_REQUEST {
        return Err(out_of_order(address, reply));
    }
    // With the templates looked at before, what does not validate is what was given for this message. Any other refusal
    // is the service's: what it may send, and to whom.
    let refusal = refusal(reply);
    let is_address = refusal.errors.iter().any(|problem| problem.error == "ValidationError");
    let trouble = if is_address { Trouble::WrongAddress } else { Trouble::CourierFailed };
    Ok(Sent::Refused { trouble, said: said(&refusal, to) })
}

/// The id of the notification with this reference; of several that which came furthest. None where there is none.
pub(super) fn by_reference(address: &str, reply: &Reply, reference: &str) -> Result<Option<String>, CourierError> {
    if reply.status != StatusCode::OK {
        return Err(out_of_order(address, reply));
    }
    let page: Page = read(address, reply)?;
    let ours = page.notifications.into_iter().filter(|one| one.reference.as_deref() == Some(reference));
    let furthest = ours.max_by_key(|one| match fate_of(one) {
        Fate::Delivered { .. } | Fate::Posted { .. } => 2,
        Fate::UnderWay => 1,
        Fate::Failed(_) | Fate::Forgotten => 0,
    });
    Ok(furthest.map(|one| one.id))
}

/// What became of one notification.
pub(super) fn fate(address: &str, reply: &Reply) -> Result<Fate, CourierError> {
    match reply.status {
        StatusCode::OK => Ok(fate_of(&read(address, reply)?)),
        StatusCode::NOT_FOUND => Ok(Fate::Forgotten),
        _ => Err(out_of_order(address, reply)),
    }
}

fn fate_of(notification: &Notification) -> Fate {
    let moment = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
    let completed_at = moment(&notification.completed_at);
    match notification.status.as_str() {
        "delivered" => Fate::Delivered { at: completed_at },
        // "The provider has printed and dispatched the letter."
        "received" => Fate::Posted { at: completed_at.or_else(|| moment(&notification.sent_at)) },
        // "Because the email address was wrong"; of a letter, that it cannot be printed.
        "permanent-failure" if notification.kind == type_of(Kind::Email) => Fate::Failed(Trouble::WrongAddress),
        "temporary-failure" => Fate::Failed(Trouble::Undelivered),
        "permanent-failure" | "technical-failure" | "cancelled" | "validation-failed" | "virus-scan-failed" => {
            Fate::Failed(Trouble::CourierFailed)
        }
        // Created, sending, pending, accepted; and what a later version may add, which ends when it can no longer be asked.
        _ => Fate::UnderWay,
    }
}

/// The type of a template; None where there is none.
pub(super) fn template(address: &str, reply: &Reply) -> Result<Option<String>, CourierError> {
    match reply.status {
        StatusCode::OK => read::<Template>(address, reply).map(|template| Some(template.kind)),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(out_of_order(address, reply)),
    }
}

/// What a status that is none of those expected says of the service.
fn out_of_order(address: &str, reply: &Reply) -> CourierError {
    let address = address.to_owned();
    let status = reply.status.as_u16();
    match status {
        401 | 403 => CourierError::KeyRefused { address, status },
        429 => {
            let refusal = refusal(reply);
            let is_daily = refusal.errors.iter().any(|problem| problem.error == "TooManyRequestsError");
            let (limit, rest) =
                if is_daily { ("TooManyRequestsError", DAY_LIMIT_REST) } else { ("RateLimitError", RATE_LIMIT_REST) };
            CourierError::Busy { address, limit: limit.to_owned(), rest: retry_after(&reply.headers).unwrap_or(rest) }
        }
        404 | 405 | 410 | 300..=399 => {
            CourierError::Unfit { address, problem: format!("it answers {status}, as one that is not GOV.UK Notify") }
        }
        400..=499 if status != 408 => CourierError::Unfit { address, problem: format!("it answers {status}") },
        500..=599 | 408 => CourierError::OutOfOrder { address, status },
        _ => CourierError::NotUnderstood { address, problem: format!("it answers {status}") },
    }
}

fn read<T: for<'a> Deserialize<'a>>(address: &str, reply: &Reply) -> Result<T, CourierError> {
    // Where in the answer, never what: it repeats addresses.
    serde_json::from_slice(&reply.body).map_err(|error| CourierError::NotUnderstood {
        address: address.to_owned(),
        problem: format!("line {}, column {}", error.line(), error.column()),
    })
}

/// A refusal whose body cannot be read says nothing more than its status.
fn refusal(reply: &Reply) -> Refusal {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// In its words, unless they repeat the address or have an NHS number in them (rule 16).
fn said(refusal: &Refusal, to: &Address) -> String {
    let messages: Vec<&str> = refusal.errors.iter().map(|problem| problem.message.as_str()).collect();
    // Without what is not seen, behind which an address or a number could hide.
    let said: String = messages.join("; ").chars().filter(|character| !character.is_control()).collect();
    if to.is_in(&said) {
        return "it repeats the address, and is not repeated here".to_owned();
    }
    // Before it is cut: a part of a number is not found.
    in_text::told(&said).chars().take(SAID_CHARS_MAX).collect()
}
