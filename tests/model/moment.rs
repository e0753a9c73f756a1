//! Time, which the model leaves out: it stands still, and every wait may be over.
//!
//! A state that the real code made is *retimed* before it is compared or gone on from: whatever was recorded since the start
//! is of one moment, whatever is to be tried again later may be tried now, and positions and counts of attempts, which only
//! tell the order of what cannot be reordered, are nought. So two ways that lead to the same facts lead to one state, and what
//! a state does next is a function of its facts alone.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// 08:00 in London on Tuesday 6 May 2031, when the wave's window opens. Ten hours are left.
const START: &str = "2031-05-06T07:00:00Z";

/// Seconds from the start to the moment that everything is retimed to. Before it lie the moments at which suppliers say that
/// a key was applied, a second for each generation, whose order counts ([`applied_at`]).
const RECORDED_AFTER_SECS: i64 = 60;

/// The longest wait that a refusal or a lost reply leads to is shorter, and the window closes later.
const WAITS_OVER_AFTER: SignedDuration = SignedDuration::from_hours(5);

/// Keys of the state's JSON that hold positions of a journal, or count attempts.
const COUNTERS: &[&str] = &[
    "position",
    "positions",
    "by_position",
    "changed_at_position",
    "registry_position_highest",
    "settled_registry_position",
    "attempts",
];

pub(crate) fn start() -> Timestamp {
    START.parse().expect("a moment")
}

/// The moment at which everything is decided.
pub(crate) fn now() -> Timestamp {
    recorded_at() + SignedDuration::from_secs(RECORDED_AFTER_SECS)
}

/// When a supplier says that a key was applied: later decisions later.
pub(crate) fn applied_at(generation: u8) -> Timestamp {
    start() + SignedDuration::from_secs(generation.into())
}

fn recorded_at() -> Timestamp {
    start() + SignedDuration::from_secs(RECORDED_AFTER_SECS)
}

/// The state retimed, and the text that is the same for equal facts.
pub(crate) fn retimed<S: Serialize + DeserializeOwned>(state: &S) -> (String, S) {
    let mut value = serde_json::to_value(state).expect("states are stored as JSON");
    retime(&mut value);
    let text = value.to_string();
    (text, serde_json::from_value(value).expect("a state is read as it was written"))
}

fn retime(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(recorded) = retimed_moment(text) {
                *text = recorded;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(retime),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if COUNTERS.contains(&name.as_str()) { forget_count(name, field) } else { retime(field) }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn retimed_moment(text: &str) -> Option<String> {
    let moment: Timestamp = text.ends_with('Z').then(|| text.parse().ok())??;
    let collapses = recorded_at() <= moment && moment <= start() + WAITS_OVER_AFTER;
    collapses.then(|| recorded_at().to_string())
}

/// A practice has one change at least, so that its list of positions keeps one.
fn forget_count(name: &str, field: &mut Value) {
    match field {
        Value::Array(items) => {
            if name == "positions" {
                items.truncate(1);
            }
            items.iter_mut().for_each(|item| forget_count("", item));
        }
        Value::Number(_) => *field = Value::from(0),
        _ => {}
    }
}
