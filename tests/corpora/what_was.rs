//! How a state that is folded now is held against one that was written: for the corpora of journals, in each crate that has one.

use serde_json::Value;

/// Of `now` only what `then` has, too: states are written anew from the events, so they may grow.
pub(crate) fn what_was(now: &Value, then: &Value) -> Value {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            let kept = then.iter().filter_map(|(name, then)| Some((name.clone(), what_was(now.get(name)?, then))));
            Value::Object(kept.collect())
        }
        (Value::Array(now), Value::Array(then)) if now.len() == then.len() => {
            Value::Array(now.iter().zip(then).map(|(now, then)| what_was(now, then)).collect())
        }
        _ => now.clone(),
    }
}
