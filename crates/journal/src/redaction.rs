//! Redaction: two people take a note away (rule 16), and the journal says so.
//!
//! The one thing that a journal decides itself, the same for every machine: its events are records like any other, of kinds
//! that begin with [`OWN_KINDS`], folded here and never shown to a machine. So a wish that waits for its second person
//! survives restarts and is known to every replica, as the lift of a safety hold does.
//!
//! What it does not do: it reads and deletes nothing. Whoever commits the event deletes note and salt in the same
//! transaction; copies that were made of the database before are its keeper's to deal with.

use std::collections::BTreeMap;
use std::sync::Arc;

use assent::{Step, Wish};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::Record;

/// What the kinds of the journal's own events begin with; no machine's kind does.
pub(crate) const OWN_KINDS: &str = "journal.";

/// What the journal itself records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum OwnEvent {
    /// The first of two people wants the note of a record taken away.
    NoteRedactionAsked {
        /// The record whose note it is.
        note_position: u64,
        /// Until when another may complete it.
        until: Timestamp,
    },
    /// The second did; the note was deleted in the same transaction.
    NoteRedacted {
        /// The record whose note it was.
        note_position: u64,
    },
    /// Who may do what is decided by another set of policies from here on.
    PoliciesLoaded {
        /// SHA-256 over the set, in hexadecimal.
        sha256: String,
    },
}

impl OwnEvent {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::PoliciesLoaded { .. } => "journal.policies-loaded",
            Self::NoteRedactionAsked { .. } => "journal.note-redaction-asked",
            Self::NoteRedacted { .. } => "journal.note-redacted",
        }
    }

    /// The event of a record of ours; None of a machine's.
    pub(crate) fn of(record: &Record) -> Option<Result<Self, serde_json::Error>> {
        record.kind.starts_with(OWN_KINDS).then(|| serde_json::from_str(&record.payload))
    }
}

/// What became of a note that somebody wants taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// The record whose note it is.
    pub note_position: u64,
    /// Who asked for it first.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// The record of that: what the second person must name.
    pub asked_position: u64,
    /// Until when another person may complete it.
    pub until: Timestamp,
    /// Why, by the code of the latest of the two.
    pub reason_code: String,
    /// The second person, once there was one: from then on the note is gone.
    pub redacted: Option<Redacted>,
}

/// The second person's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redacted {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The record of it.
    pub position: u64,
}

/// Every redaction that was asked for, by the record whose note it is. Clones share it: redactions are rare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Redactions(Arc<BTreeMap<u64, Redaction>>);

/// Asks for the note of a record to be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactNote {
    /// The record.
    pub note_position: u64,
    /// What the first person's call returned; none where this is that call.
    pub etag: Option<u64>,
}

/// Why a redaction is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedactionRejection {
    /// There is no such record, or it never had a note.
    #[error("record {note_position} has no note")]
    NoNote {
        /// The position that was named.
        note_position: u64,
    },
    /// It had one, which is gone although nobody redacted it.
    #[error("the note of record {note_position} is missing, and no redaction of it is on record: verify the journal")]
    NoteMissing {
        /// The record.
        note_position: u64,
    },
    /// It was done.
    #[error("the note of record {} was taken away by {} at {}", .0.note_position, .1.by, .1.at)]
    AlreadyRedacted(Box<Redaction>, Redacted),
    /// It takes two people, and this call is not the second's.
    #[error("the note of record {note_position}: {refusal}")]
    SecondPerson {
        /// The record.
        note_position: u64,
        /// Why not.
        refusal: assent::Refusal,
    },
}

impl Redactions {
    pub(crate) fn get(&self, note_position: u64) -> Option<&Redaction> {
        self.0.get(&note_position)
    }

    /// Those of the notes of the records from `first` to `last`.
    pub(crate) fn between(&self, first: u64, last: u64) -> impl Iterator<Item = &Redaction> {
        let range = (first <= last).then(|| self.0.range(first..=last));
        range.into_iter().flatten().map(|(_, redaction)| redaction)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Redaction> {
        self.0.values()
    }

    /// Folds one recorded event in; what is no redaction changes nothing here.
    pub(crate) fn apply(&mut self, event: &OwnEvent, record: &Record) {
        let Record { position, recorded_at, actor, reason_code, .. } = record;
        let all = Arc::make_mut(&mut self.0);
        match *event {
            OwnEvent::PoliciesLoaded { .. } => {}
            OwnEvent::NoteRedactionAsked { note_position, until } => {
                let asked = Redaction {
                    note_position,
                    asked_by: actor.clone(),
                    asked_at: *recorded_at,
                    asked_position: *position,
                    until,
                    reason_code: reason_code.clone(),
                    redacted: None,
                };
                all.insert(note_position, asked);
            }
            OwnEvent::NoteRedacted { note_position } => {
                if let Some(redaction) = all.get_mut(&note_position) {
                    redaction.reason_code.clone_from(reason_code);
                    redaction.redacted = Some(Redacted { by: actor.clone(), at: *recorded_at, position: *position });
                }
            }
        }
    }

    /// What happens if `actor` asks for it at `now`. That the record was given a note, the caller has seen, since records
    /// don't change; `is_there` says whether it lies beside the journal at this moment.
    pub(crate) fn decide(
        &self,
        asked: RedactNote,
        is_there: bool,
        actor: &str,
        now: Timestamp,
    ) -> Result<OwnEvent, RedactionRejection> {
        let RedactNote { note_position, etag } = asked;
        let known = self.get(note_position);
        if let Some((redaction, redacted)) = known.and_then(|known| Some((known, known.redacted.as_ref()?))) {
            return Err(RedactionRejection::AlreadyRedacted(Box::new(redaction.clone()), redacted.clone()));
        }
        if !is_there {
            return Err(RedactionRejection::NoteMissing { note_position });
        }
        let wish = known.map(|known| Wish { by: &known.asked_by, until: known.until, etag: known.asked_position });
        let judged = assent::judge(wish, actor, etag, now);
        match judged.map_err(|refusal| RedactionRejection::SecondPerson { note_position, refusal })? {
            Step::Ask { until } => Ok(OwnEvent::NoteRedactionAsked { note_position, until }),
            Step::Complete => Ok(OwnEvent::NoteRedacted { note_position }),
        }
    }
}

impl FromIterator<Redaction> for Redactions {
    fn from_iter<I: IntoIterator<Item = Redaction>>(redactions: I) -> Self {
        Self(Arc::new(redactions.into_iter().map(|redaction| (redaction.note_position, redaction)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use assent::Refusal;
    use jiff::SignedDuration;

    use super::*;
    use crate::record::{Content, Head};

    fn moment(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_hours(hour)).expect("a valid moment")
    }

    /// Asks, and folds what happens in as the record at `position`.
    fn ask(
        redactions: &mut Redactions,
        position: u64,
        actor: &str,
        etag: Option<u64>,
        now: Timestamp,
    ) -> Result<OwnEvent, RedactionRejection> {
        let event = redactions.decide(RedactNote { note_position: 3, etag }, true, actor, now)?;
        let head = Head { position: position - 1, recorded_at: now, ..Head::genesis("toy") };
        let content = Content {
            actor: actor.to_owned(),
            request_id: String::new(),
            cause: String::new(),
            traceparent: String::new(),
            kind: event.kind().to_owned(),
            payload: serde_json::to_string(&event).expect("plain data"),
            reason_code: "NAMES_A_PATIENT".to_owned(),
            note_hash: None,
        };
        let record = Record::after(&head, now, content);
        assert_eq!(OwnEvent::of(&record).expect("of ours").expect("it is read back"), event);
        redactions.apply(&event, &record);
        Ok(event)
    }

    #[test]
    fn two_people_take_a_note_away() {
        let mut redactions = Redactions::default();
        let asked = ask(&mut redactions, 7, "alice", None, moment(1)).expect("the first may ask");
        assert_eq!(asked, OwnEvent::NoteRedactionAsked { note_position: 3, until: moment(25) });
        let done = ask(&mut redactions, 8, "bob", Some(7), moment(2)).expect("the second completes it");
        assert_eq!(done, OwnEvent::NoteRedacted { note_position: 3 });
        let redaction = redactions.get(3).expect("it is known");
        assert_eq!((redaction.asked_by.as_str(), redaction.asked_at), ("alice", moment(1)));
        assert_eq!(redaction.redacted, Some(Redacted { by: "bob".to_owned(), at: moment(2), position: 8 }));
        let again = ask(&mut redactions, 9, "carol", None, moment(3)).expect_err("it is gone");
        assert!(matches!(again, RedactionRejection::AlreadyRedacted(..)), "{again:?}");
    }

    #[test]
    fn a_note_that_is_missing_is_not_made_good_by_a_redaction() {
        let asked = RedactNote { note_position: 3, etag: None };
        let refused = Redactions::default().decide(asked, false, "alice", moment(1)).expect_err("there is none");
        assert_eq!(refused, RedactionRejection::NoteMissing { note_position: 3 });
    }

    #[test]
    fn what_the_second_person_gets_wrong_is_refused() {
        let mut redactions = Redactions::default();
        ask(&mut redactions, 7, "alice", None, moment(1)).expect("the first may ask");
        let refused =
            |redactions: &mut Redactions, actor: &str, etag, hour| match ask(redactions, 8, actor, etag, moment(hour))
                .expect_err("it is refused")
            {
                RedactionRejection::SecondPerson { note_position: 3, refusal } => refusal,
                other => panic!("{other:?}"),
            };
        let same = Refusal::SamePerson { account: "alice".to_owned() };
        assert_eq!(refused(&mut redactions, "alice", Some(7), 2), same);
        assert_eq!(refused(&mut redactions, "bob", None, 2), Refusal::OtherWish { given: 0, actual: 7 });
        assert_eq!(refused(&mut redactions, "bob", Some(7), 25), Refusal::NothingAwaits);
        ask(&mut redactions, 8, "bob", None, moment(25)).expect("bob is now the first");
        assert_eq!(refused(&mut redactions, "alice", Some(7), 26), Refusal::OtherWish { given: 7, actual: 8 });
        ask(&mut redactions, 9, "alice", Some(8), moment(26)).expect("alice completes it");
    }
}
