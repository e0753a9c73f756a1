//! Replies about the present of a practice, encoded when they are first asked for after its last change.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use practice::{Practice, View};
use prost::Message as _;

use crate::grpc::access::EncodedAccess;
use crate::grpc::practices;

/// What is derived from a practice. Not while folding, which may be a start that everybody waits for.
#[derive(Debug, Default)]
struct Encoded {
    access: OnceLock<EncodedAccess>,
    practice: OnceLock<Bytes>,
}

/// Its part of CheckAccess.
pub(crate) fn access(practice: &Arc<Practice>) -> &EncodedAccess {
    of(practice).access.get_or_init(|| EncodedAccess::new(practice))
}

/// The reply of GetPractice.
pub(crate) fn practice(practice: &Arc<Practice>) -> &Bytes {
    of(practice).practice.get_or_init(|| practices::reply(View::current(practice)).encode_to_vec().into())
}

fn of(practice: &Practice) -> &Encoded {
    practice.derived.get_or_make(Encoded::default)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use journal::Machine as _;
    use ods::PracticeCode;
    use practice::{Event, State};

    use super::*;
    use crate::machine::Registry;

    #[test]
    fn what_is_encoded_of_a_practice_follows_its_changes() {
        let now: Timestamp = "2031-06-02T08:00:00Z".parse().unwrap();
        let code: PracticeCode = "A81001".parse().unwrap();
        let encoded = |state: &State| {
            let known = state.practice(code)?;
            Some((access(known).part("").unwrap().clone(), practice(known).clone()))
        };
        let mut state = Registry::initial();
        let mut replies = vec![encoded(&state)];
        let events = [
            r#"{"directory-imported":{"source":"map","effective_from":"2031-06-01","practices":[{"difference":"created","entry":{"practice":"A81001","name":"HILL SURGERY"}}]}}"#,
            r#"{"access-observed":{"observations":[{"practice":"A81001","capability":"capabilities/prospective-records","state":"on","source":"supplier-list","as_at":"2031-06-02T08:00:00Z"}]}}"#,
            r#"{"access-observed":{"observations":[{"practice":"A81001","capability":"capabilities/prospective-records","state":"off","source":"supplier-list","as_at":"2031-06-02T09:00:00Z"}]}}"#,
        ];
        for (event, position) in events.into_iter().zip(1..) {
            let event: Event = serde_json::from_str(event).unwrap();
            // The last event finds nobody else who holds the state, so that the practice is changed where it is.
            let before = (position < 3).then(|| state.clone());
            Registry::apply(&mut state, &event, position, now);
            if let Some(before) = before {
                assert_eq!(
                    encoded(&before),
                    *replies.last().unwrap(),
                    "whoever holds the state of before is told that one"
                );
            }
            replies.push(encoded(&state));
        }
        assert_eq!(replies[0], None);
        for pair in replies.windows(2) {
            let (Some(one), Some(next)) = (&pair[0], &pair[1]) else { continue };
            assert!(one.0 != next.0 && one.1 != next.1);
        }
        assert!(replies[3].is_some());
    }
}
