//! How a simulated supplier behaves, and what becomes of each key by it.
//!
//! Chance is a function of what it concerns: the fate of a key is the same however often it is sent, in whatever
//! order, and after a restart. So there is no chance per message: where a key's reply is lost, every reply to its
//! request is lost, and only asking for the outcome tells it.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use ods::{Capability, Draw, PracticeCode, Supplier, draw};
use serde::{Deserialize, Serialize};

use crate::signed::ListKey;
use evidence::{Direction, Key};

/// The behaviour of one supplier, as written in a world's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplierProfile {
    /// Whose it is.
    pub supplier: Supplier,
    /// How long a key takes from its arrival to its effect.
    #[serde(default)]
    pub delay: Delay,
    /// How long a call is kept waiting for that; then it is answered ACCEPTED, and the caller has to ask.
    #[serde(default = "answers_within_default")]
    pub answers_within: SignedDuration,
    /// The share of keys to switch on that are refused because the practice is not set up for it. A key to switch off
    /// is never refused.
    #[serde(default)]
    pub refused_share: Share,
    /// The share of keys whose reply is lost: the effect is there, and the caller hears UNAVAILABLE.
    #[serde(default)]
    pub lost_reply_share: Share,
    /// The share of keys that are carried out at another practice, and said to be done.
    #[serde(default)]
    pub mistaken_share: Share,
    /// Whether it takes lists and switches on booked dates.
    #[serde(default)]
    pub booked: Option<BookedDates>,
    /// Whether its practices can switch themselves on.
    #[serde(default)]
    pub self_service: Option<SelfService>,
}

/// Short enough that no caller's patience ends first, long enough that a quick supplier answers with what it did.
fn answers_within_default() -> SignedDuration {
    SignedDuration::from_secs(10)
}

/// A range of delays; each key's is drawn evenly from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// The shortest.
    pub min: SignedDuration,
    /// The longest.
    pub max: SignedDuration,
}

/// How a supplier with booked dates works. Civil times are Europe/London.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookedDates {
    /// When, each day, it reads its list; what reaches its cut-off before the next reading is claimed at the cut-off.
    pub reads_at: Time,
    /// When, on the booked date, it begins to switch.
    pub switches_at: Time,
    /// How long before the cut-off a list is claimed: the cut-off itself is too late.
    #[serde(default = "claim_lead_default")]
    pub claim_lead: SignedDuration,
    /// The share of reports that it sends a second time, as if it had not sent them.
    #[serde(default)]
    pub reported_twice_share: Share,
    /// The key that the scheduler signs lists with, as the supplier was told it: no other list is worked on. None where it was
    /// told none: the first that it meets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_key: Option<ListKey>,
}

/// As late as can be, so that pauses before the cut-off are honoured.
fn claim_lead_default() -> SignedDuration {
    SignedDuration::from_mins(1)
}

impl BookedDates {
    /// Reads and switches at these times, claims at the last minute, reports once.
    pub fn new(reads_at: Time, switches_at: Time) -> Self {
        Self {
            reads_at,
            switches_at,
            claim_lead: claim_lead_default(),
            reported_twice_share: Share::default(),
            list_key: None,
        }
    }

    /// Whether the report that begins with this key is sent twice.
    pub(crate) fn reports_twice(&self, seed: u64, first: &Key) -> bool {
        let drawn = draw(seed, "supplier-reports-twice", first.practice, first.generation.into(), 0);
        drawn.happens(self.reported_twice_share.0)
    }
}

/// How practices switch themselves on once they are invited.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfService {
    /// When, each day, practices see whether they are invited.
    pub looks_at: Time,
    /// The share of invited practices that do.
    pub enabled_share: Share,
    /// The share of those whose settings are wrong, so that patients see only part.
    #[serde(default)]
    pub partial_share: Share,
    /// How long they take from the invitation.
    pub takes: Delay,
}

/// A probability from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

/// A number that is no probability.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a share: it must lie from 0 to 1")]
pub struct ShareError(f64);

impl TryFrom<f64> for Share {
    type Error = ShareError;

    fn try_from(share: f64) -> Result<Self, ShareError> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(ShareError(share)) }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl SupplierProfile {
    /// A supplier that does at once, and without fail, what it is told.
    pub fn prompt(supplier: Supplier) -> Self {
        Self {
            supplier,
            delay: Delay::default(),
            answers_within: answers_within_default(),
            refused_share: Share::default(),
            lost_reply_share: Share::default(),
            mistaken_share: Share::default(),
            booked: None,
            self_service: None,
        }
    }

    /// When a key takes effect that arrives at `now`, or whose booked date begins then.
    pub(crate) fn due(&self, seed: u64, key: &Key, now: Timestamp) -> Timestamp {
        self.delay.after(draw(seed, "supplier-delay", key.practice, key.generation.into(), 0), now)
    }

    /// When a call that arrives at `now` is answered at the latest.
    pub(crate) fn answers_by(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.answers_within).unwrap_or(Timestamp::MAX)
    }

    /// Whether the practice turns out not to be set up for it.
    pub(crate) fn refuses(&self, seed: u64, key: &Key) -> bool {
        key.direction == Direction::Enable
            && draw(seed, "supplier-refusal", key.practice, key.generation.into(), 0).happens(self.refused_share.0)
    }

    /// Whether this key is carried out at another practice.
    pub(crate) fn mistakes(&self, seed: u64, key: &Key) -> bool {
        draw(seed, "supplier-mistake", key.practice, key.generation.into(), 0).happens(self.mistaken_share.0)
    }

    /// Whether replies to the request of this key get lost.
    pub(crate) fn loses_replies(&self, seed: u64, key: &Key) -> bool {
        draw(seed, "supplier-lost-reply", key.practice, key.generation.into(), 0).happens(self.lost_reply_share.0)
    }
}

impl Delay {
    fn after(&self, draw: Draw, now: Timestamp) -> Timestamp {
        let spread_us = u64::try_from((self.max - self.min).as_micros()).unwrap_or(0);
        let drawn_us = i64::try_from(draw.below(spread_us.saturating_add(1))).unwrap_or(0);
        // Beyond the last representable moment it is due at once, which shows, rather than never, which does not.
        now.checked_add(self.min + SignedDuration::from_micros(drawn_us)).unwrap_or(now)
    }
}

/// What an invited practice will do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SelfEnablement {
    pub(crate) due: Timestamp,
    pub(crate) partial: bool,
}

impl SelfService {
    /// What a practice that learns of its invitation at `now` will do; none where it will not.
    pub(crate) fn of(
        &self,
        seed: u64,
        capability: &Capability,
        practice: PracticeCode,
        now: Timestamp,
    ) -> Option<SelfEnablement> {
        let chance = |purpose: &str| draw(seed, &format!("{purpose}/{capability}"), practice, 0, 0);
        chance("self-enablement").happens(self.enabled_share.0).then(|| SelfEnablement {
            due: self.takes.after(chance("self-enablement-delay"), now),
            partial: chance("self-enablement-settings").happens(self.partial_share.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(generation: u32, direction: Direction) -> Key {
        Key { capability: Capability::default(), practice: "A81001".parse().unwrap(), direction, generation }
    }

    fn profile() -> SupplierProfile {
        SupplierProfile::prompt("EMIS".parse().unwrap())
    }

    #[test]
    fn a_share_outside_nought_to_one_is_refused() {
        assert!(Share::try_from(-0.1).is_err());
        assert!(Share::try_from(1.1).is_err());
        assert!(Share::try_from(f64::NAN).is_err());
        assert!(Share::try_from(1.0).is_ok());
    }

    #[test]
    fn delays_stay_within_their_range_and_differ_by_key() {
        let delay = Delay { min: SignedDuration::from_secs(10), max: SignedDuration::from_secs(20) };
        let slow = SupplierProfile { delay, ..profile() };
        let now: Timestamp = "2031-03-03T09:00:00Z".parse().unwrap();
        let dues: std::collections::BTreeSet<Timestamp> =
            (1..50).map(|generation| slow.due(7, &key(generation, Direction::Enable), now)).collect();
        assert!(dues.iter().all(|due| (10..=20).contains(&due.duration_since(now).as_secs())));
        assert!(dues.len() > 40, "{}", dues.len());
    }

    #[test]
    fn a_key_to_switch_off_is_never_refused() {
        let refusing = SupplierProfile { refused_share: Share(1.0), ..profile() };
        assert!(refusing.refuses(1, &key(1, Direction::Enable)));
        assert!(!refusing.refuses(1, &key(2, Direction::Disable)));
    }

    #[test]
    fn an_unknown_field_in_a_profile_is_refused() {
        let written = r#"{"supplier": "EMIS", "refused_shares": 0.1}"#;
        let error = serde_json::from_str::<SupplierProfile>(written).unwrap_err().to_string();
        assert!(error.contains("refused_shares"), "{error}");
    }
}
