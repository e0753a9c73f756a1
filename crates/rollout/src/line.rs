//! A supplier's line: how many calls it is given at once and how many in a minute, and when it is left in peace.
//!
//! What may be done at a supplier at all, its budget, is no line's: that is the plan's caps for the supplier, in practices and
//! patients, a day and under way, which people approve (rule 4). A line keeps the rate, the concurrency and the breaker, so it
//! decides when a call that is due is made, never whether. Cancellations and switch-offs wait for nothing here: a
//! practice that has paused must not wait for others to be switched on. Nothing of a line is journalled; one that is lost
//! with its process begins anew.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// Calls at once where nobody says otherwise: many times what keeps a quick supplier busy, and what one HTTP/2 connection
/// carries.
pub const AT_ONCE_DEFAULT: u32 = 1_000;

/// A supplier that has left so many calls in a row without an answer is taken to be down. Far more than are lost by chance
/// where one in ten is; far fewer than a wave's practices, all of which would else become UNKNOWN within minutes.
const SILENCE_MAX: u32 = 20;

/// How long it is then left in peace, before one call tries whether it is back. It doubles with each that is not answered.
const REST_FIRST: SignedDuration = SignedDuration::from_secs(30);

/// The longest rest: after a long outage nobody should wait for much longer than it took.
const REST_LATEST: SignedDuration = SignedDuration::from_mins(5);

/// How far calls may run ahead of an even pace: what is due at the same moment need not wait one by one.
const BURST: SignedDuration = SignedDuration::from_secs(1);

/// What a supplier can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLimits {
    /// Calls under way at once; at least 1.
    pub at_once: u32,
    /// Calls in a minute; none where it takes any number. At least 1.
    pub per_minute: Option<u32>,
}

impl Default for LineLimits {
    fn default() -> Self {
        Self { at_once: AT_ONCE_DEFAULT, per_minute: None }
    }
}

/// A supplier's line.
#[derive(Debug, Clone, Default)]
pub struct Line {
    limits: LineLimits,
    under_way: u32,
    /// Until when calls at an even pace are spoken for.
    paced_until: Option<Timestamp>,
    /// Calls in a row that were not answered.
    silent: u32,
    broken: Option<Broken>,
}

/// A line on which nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Broken {
    since: Timestamp,
    tried_again_at: Timestamp,
    rests: u32,
    is_tried: bool,
}

/// How urgent a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It takes its turn.
    InTurn,
    /// A cancellation or a switch-off: it waits for nothing.
    AtOnce,
}

/// Until when a call waits that is not made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until a call that is under way comes back.
    ForAnswer,
    /// Until this moment.
    Until(Timestamp),
}

/// That a supplier does not answer, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Since when it is taken to be down.
    pub since: Timestamp,
    /// When it is tried again; it may be under way.
    pub tried_again_at: Timestamp,
}

impl fmt::Display for Silence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "it has not answered since {}; it is tried again at {}", self.since, self.tried_again_at)
    }
}

impl Line {
    /// A line with nothing under way.
    #[must_use]
    pub fn new(limits: LineLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a call, which is then under way until [`Self::returned`].
    ///
    /// # Errors
    /// Until when it waits.
    pub fn take(&mut self, urgency: Urgency, now: Timestamp) -> Result<(), Wait> {
        if urgency == Urgency::InTurn {
            self.may_take(now)?;
        }
        if let Some(broken) = &mut self.broken {
            broken.is_tried = true;
        }
        if let Some(interval) = self.interval() {
            let from = self.paced_until.map_or(now, |until| until.max(now));
            self.paced_until = Some(from.saturating_add(interval).unwrap_or(Timestamp::MAX));
        }
        self.under_way += 1;
        Ok(())
    }

    fn may_take(&self, now: Timestamp) -> Result<(), Wait> {
        match self.broken {
            Some(broken) if broken.is_tried => return Err(Wait::ForAnswer),
            Some(broken) if now < broken.tried_again_at => return Err(Wait::Until(broken.tried_again_at)),
            _ => {}
        }
        if self.under_way >= self.limits.at_once {
            return Err(Wait::ForAnswer);
        }
        let ahead = self.paced_until.and_then(|until| until.checked_sub(BURST).ok());
        match ahead {
            Some(from) if now < from => Err(Wait::Until(from)),
            _ => Ok(()),
        }
    }

    /// A call came back, answered or not.
    pub fn returned(&mut self, was_answered: bool, now: Timestamp) {
        self.under_way = self.under_way.saturating_sub(1);
        if was_answered {
            (self.silent, self.broken) = (0, None);
            return;
        }
        self.silent = self.silent.saturating_add(1);
        match &mut self.broken {
            // One that was under way already when the line broke says nothing new.
            Some(broken) if !broken.is_tried => {}
            Some(broken) => {
                broken.rests += 1;
                broken.is_tried = false;
                broken.tried_again_at = rest_until(now, broken.rests);
            }
            None if self.silent >= SILENCE_MAX => {
                let tried_again_at = rest_until(now, 0);
                self.broken = Some(Broken { since: now, tried_again_at, rests: 0, is_tried: false });
            }
            None => {}
        }
    }

    /// A call that was taken was not made after all.
    pub fn given_back(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(broken) = &mut self.broken {
            broken.is_tried = false;
        }
    }

    /// Whether nobody answers on it at present.
    #[must_use]
    pub fn silence(&self) -> Option<Silence> {
        self.broken.map(|broken| Silence { since: broken.since, tried_again_at: broken.tried_again_at })
    }

    /// Between two calls at an even pace.
    fn interval(&self) -> Option<SignedDuration> {
        let per_minute = self.limits.per_minute?.max(1);
        Some(SignedDuration::from_micros(60_000_000 / i64::from(per_minute)))
    }
}

fn rest_until(now: Timestamp, rests: u32) -> Timestamp {
    let factor = 2_i32.checked_pow(rests).unwrap_or(i32::MAX);
    let rest = REST_FIRST.checked_mul(factor).map_or(REST_LATEST, |rest| rest.min(REST_LATEST));
    now.saturating_add(rest).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn limited(at_once: u32, per_minute: Option<u32>) -> Line {
        Line::new(LineLimits { at_once, per_minute })
    }

    /// A line that has just broken, at second 0.
    fn broken() -> Line {
        let mut line = limited(100, None);
        for _ in 0..SILENCE_MAX {
            assert_eq!(line.silence(), None);
            line.take(Urgency::InTurn, at(0)).unwrap();
            line.returned(false, at(0));
        }
        line
    }

    #[test]
    fn no_more_than_so_many_calls_are_under_way_and_a_switch_off_waits_for_none_of_them() {
        let mut line = limited(2, None);
        line.take(Urgency::InTurn, at(0)).unwrap();
        line.take(Urgency::InTurn, at(0)).unwrap();
        assert_eq!(line.take(Urgency::InTurn, at(0)), Err(Wait::ForAnswer));
        line.take(Urgency::AtOnce, at(0)).unwrap();
        line.returned(true, at(1));
        assert_eq!(line.take(Urgency::InTurn, at(1)), Err(Wait::ForAnswer), "two are under way");
        line.returned(true, at(1));
        line.take(Urgency::InTurn, at(1)).unwrap();
    }

    #[test]
    fn calls_keep_a_pace_with_a_second_of_burst() {
        let mut line = limited(1_000, Some(120));
        let mut made = Vec::new();
        let mut now = at(0);
        for _ in 0..9 {
            while let Err(wait) = line.take(Urgency::InTurn, now) {
                let Wait::Until(next) = wait else { panic!("it waits for the pace: {wait:?}") };
                assert!(now < next);
                now = next;
            }
            made.push(now.duration_since(at(0)).as_millis());
        }
        assert_eq!(made, [0, 0, 0, 500, 1_000, 1_500, 2_000, 2_500, 3_000]);
    }

    /// Ten minutes without a call, of ours or because the supplier was down, are followed by no more than a second's calls.
    #[test]
    fn i13_calls_that_were_not_made_are_not_saved_up() {
        let mut line = limited(1_000, Some(120));
        line.take(Urgency::InTurn, at(0)).unwrap();
        for _ in 0..3 {
            line.take(Urgency::InTurn, at(600)).unwrap();
        }
        assert_eq!(line.take(Urgency::InTurn, at(600)), Err(Wait::Until(at(600) + SignedDuration::from_millis(500))));
    }

    #[test]
    fn a_silent_supplier_is_left_in_peace_and_tried_by_one_call_at_a_time() {
        let mut line = broken();
        let mut rests = Vec::new();
        let mut now = at(0);
        for _ in 0..6 {
            let silence = line.silence().unwrap();
            assert_eq!(silence.since, at(0));
            assert_eq!(line.take(Urgency::InTurn, now), Err(Wait::Until(silence.tried_again_at)));
            rests.push(silence.tried_again_at.duration_since(now).as_secs());
            now = silence.tried_again_at;
            line.take(Urgency::InTurn, now).unwrap();
            assert_eq!(line.take(Urgency::InTurn, now), Err(Wait::ForAnswer), "one try at a time");
            line.returned(false, now);
        }
        assert_eq!(rests, [30, 60, 120, 240, 300, 300]);
        now = line.silence().unwrap().tried_again_at;
        line.take(Urgency::InTurn, now).unwrap();
        line.returned(true, now);
        assert_eq!(line.silence(), None);
        line.take(Urgency::InTurn, now).unwrap();
        line.take(Urgency::InTurn, now).unwrap();
    }

    #[test]
    fn a_switch_off_is_called_on_a_silent_line_and_its_answer_mends_it() {
        let mut line = broken();
        line.take(Urgency::AtOnce, at(1)).unwrap();
        assert_eq!(line.take(Urgency::InTurn, at(1)), Err(Wait::ForAnswer), "it is the try");
        line.returned(true, at(2));
        assert_eq!(line.silence(), None);
    }

    #[test]
    fn what_was_under_way_when_the_line_broke_makes_no_rest_longer() {
        let mut line = limited(100, None);
        for _ in 0..SILENCE_MAX + 5 {
            line.take(Urgency::InTurn, at(0)).unwrap();
        }
        for _ in 0..SILENCE_MAX + 5 {
            line.returned(false, at(10));
        }
        assert_eq!(line.silence(), Some(Silence { since: at(10), tried_again_at: at(40) }));
    }

    proptest! {
        #[test]
        fn whatever_comes_back_when_a_call_in_turn_is_made_sometime(
            steps in prop::collection::vec((any::<bool>(), any::<bool>(), 0..400_i64), 1..200),
            at_once in 1..5_u32,
            per_minute in prop::option::of(1..1_000_u32),
        ) {
            let (mut line, mut now, mut under_way) = (limited(at_once, per_minute), at(0), 0_u32);
            for (takes, is_answered, seconds) in steps {
                if takes && line.take(Urgency::InTurn, now).is_ok() {
                    under_way += 1;
                    prop_assert!(under_way <= at_once);
                } else if under_way > 0 {
                    under_way -= 1;
                    line.returned(is_answered, now);
                }
                now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
            }
            // Everything comes back; then waiting as told leads to a call.
            for _ in 0..under_way {
                line.returned(false, now);
            }
            for _ in 0..3 {
                match line.take(Urgency::InTurn, now) {
                    Ok(()) => return Ok(()),
                    Err(Wait::Until(next)) => {
                        prop_assert!(now < next && next <= now.checked_add(SignedDuration::from_mins(10)).unwrap());
                        now = next;
                    }
                    Err(Wait::ForAnswer) => prop_assert!(false, "it waits for an answer that nobody owes"),
                }
            }
            prop_assert!(false, "it waits on and on");
        }
    }
}
