//! What takes two people: the first asks, another completes it, with an etag and within a day.
//!
//! The lift of a safety hold, the unwinding of a wave and the redaction of a note all go by this, whichever machine they belong
//! to. It keeps nothing: the wish that waits is the machine's, which records it, so that it survives a restart and is known to
//! every replica. In which roles people may ask is decided before, by policies; one person in two roles is one person.
//!
//! The approval of a plan is not of this kind: it names the plan's hash, has no time limit, and is for whoever has not written
//! any of it (rule 7).

use jiff::{SignedDuration, Timestamp};

/// How long the first of two people's wish stands: a day, so that the second can be on the next shift, and nobody completes
/// a wish that is forgotten.
pub const SECOND_PERSON_TIME: SignedDuration = SignedDuration::from_hours(24);

/// The wish of the first of two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    /// Whose.
    pub by: &'a str,
    /// Until when another may complete it.
    pub until: Timestamp,
    /// The position at which it was recorded: what the second person must name.
    pub etag: u64,
}

/// What a call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the first person's: a wish that waits from now on.
    Ask {
        /// Until when another may complete it.
        until: Timestamp,
    },
    /// It is the second person's: it is to be done.
    Complete,
}

/// Why a call comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The second person is the first.
    #[error("{account} asked for it; another person completes it")]
    SamePerson {
        /// Who asks again.
        account: String,
    },
    /// Nobody has asked, or the time for the second person is over.
    #[error("nothing waits for a second person; ask for it anew, without an etag")]
    NothingAwaits,
    /// What the caller names is not what waits.
    #[error("what waits for a second person has etag {actual}, not {given}")]
    OtherWish {
        /// What the caller named; 0 where nothing.
        given: u64,
        /// What waits.
        actual: u64,
    },
}

/// What it comes to that `account` calls at `now`, naming `etag`; `wish` is the last that was recorded and not completed.
///
/// # Errors
/// It comes to nothing.
pub fn judge(wish: Option<Wish<'_>>, account: &str, etag: Option<u64>, now: Timestamp) -> Result<Step, Refusal> {
    let Some(wish) = wish.filter(|wish| now < wish.until) else {
        return match etag {
            // Whoever names a wish means to complete it, and must not become the first of two unawares.
            Some(_) => Err(Refusal::NothingAwaits),
            None => Ok(Step::Ask { until: now.saturating_add(SECOND_PERSON_TIME).unwrap_or(now) }),
        };
    };
    if wish.by == account {
        return Err(Refusal::SamePerson { account: account.to_owned() });
    }
    // Without the first person's etag the second may be thinking of another wish.
    if etag != Some(wish.etag) {
        return Err(Refusal::OtherWish { given: etag.unwrap_or_default(), actual: wish.etag });
    }
    Ok(Step::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_hours(hour)).expect("a valid moment")
    }

    fn wish() -> Option<Wish<'static>> {
        Some(Wish { by: "alice", until: moment(25), etag: 7 })
    }

    #[test]
    fn the_first_asks_and_another_completes_it() {
        assert_eq!(judge(None, "alice", None, moment(1)), Ok(Step::Ask { until: moment(25) }));
        assert_eq!(judge(wish(), "bob", Some(7), moment(2)), Ok(Step::Complete));
    }

    #[test]
    fn one_person_is_not_two() {
        for etag in [None, Some(7), Some(8)] {
            let refused = Err(Refusal::SamePerson { account: "alice".to_owned() });
            assert_eq!(judge(wish(), "alice", etag, moment(2)), refused, "{etag:?}");
        }
    }

    #[test]
    fn the_second_names_the_wish_and_no_other() {
        for (etag, given) in [(None, 0), (Some(6), 6)] {
            let refused = Err(Refusal::OtherWish { given, actual: 7 });
            assert_eq!(judge(wish(), "bob", etag, moment(2)), refused);
        }
        assert_eq!(judge(None, "bob", Some(7), moment(2)), Err(Refusal::NothingAwaits));
    }

    #[test]
    fn a_wish_stands_for_a_day_and_not_a_moment_longer() {
        let last = moment(25).checked_sub(SignedDuration::from_nanos(1)).expect("a valid moment");
        assert_eq!(judge(wish(), "bob", Some(7), last), Ok(Step::Complete));
        assert_eq!(judge(wish(), "bob", Some(7), moment(25)), Err(Refusal::NothingAwaits));
        let anew = Ok(Step::Ask { until: moment(49) });
        assert_eq!(judge(wish(), "bob", None, moment(25)), anew);
        assert_eq!(judge(wish(), "alice", None, moment(25)), anew, "whoever asked before may ask again");
    }
}
