//! How the notices of a wave stand: how many have theirs, what was sent, what is in the way of the others, and who acts.

use std::collections::BTreeMap;

use ods::PracticeCode;

use crate::blocker::{Blocker, Owner};
use crate::state::{Carrier, DispatchStage, Means, Programme, State, Trouble, Wave};
use crate::undelivered::Undelivered;

/// How the notices of a wave stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeStatus {
    /// Practices that may still go live in it.
    pub practices_count: u64,
    /// Those of them whose notice suffices for a day of the wave; all where none is owed.
    pub noticed_count: u64,
    /// What was sent about it, by kind.
    pub dispatches: BTreeMap<DispatchKind, u64>,
    /// What is in the way of the others' notice, the most frequent first.
    pub obstacles: Vec<NoticeObstacle>,
}

/// What dispatches are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DispatchKind {
    /// The stage, as it prints.
    pub stage: &'static str,
    /// By which means.
    pub means: Means,
    /// Who carries it.
    pub carrier: Carrier,
    /// Where it failed, why.
    pub trouble: Option<Trouble>,
}

/// Something that is in the way of practices' notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeObstacle {
    /// The blocker's code.
    pub code: &'static str,
    /// Who acts: `practices`, each for itself, `programme` or `time`.
    pub owner: &'static str,
    /// What clears it, as a sentence.
    pub clears_by: String,
    /// In whose way it is, by code.
    pub practices: Vec<PracticeCode>,
}

/// How the notices of a wave stand.
#[must_use]
pub fn notice_status(state: &State, programme: &Programme, wave: &Wave) -> NoticeStatus {
    let mut status = NoticeStatus::default();
    for known in programme.correspondence.values() {
        for dispatch in known.dispatches.iter().filter(|one| one.wave == wave.id.wave) {
            let trouble = match dispatch.stage {
                DispatchStage::Failed { trouble } => Some(trouble),
                _ => None,
            };
            let (means, carrier) = (dispatch.means, dispatch.carrier);
            let kind = DispatchKind { stage: dispatch.stage.as_str(), means, carrier, trouble };
            *status.dispatches.entry(kind).or_default() += 1;
        }
    }
    let working_days = wave.rules.notice_working_days;
    let mut obstacles: BTreeMap<&'static str, NoticeObstacle> = BTreeMap::new();
    for enrolment in wave.enrolments().filter(|one| one.stage.state().is_open()) {
        status.practices_count += 1;
        let practice = enrolment.practice;
        let earliest = programme.noticed_from(&state.calendar, practice, working_days);
        if working_days == 0 || earliest.is_some_and(|from| from <= wave.until) {
            status.noticed_count += 1;
            continue;
        }
        let why = programme.correspondence(practice).and_then(Undelivered::of).filter(|_| earliest.is_none());
        let blocker = match why {
            Some(why) => Blocker::NoticeUndelivered { practice, why, if_told_today: None },
            None => Blocker::NoNotice { working_days, earliest: None, if_told_today: None },
        };
        let obstacle = obstacles.entry(blocker.code()).or_insert_with(|| NoticeObstacle {
            code: blocker.code(),
            owner: owner_of_many(&blocker.owner()),
            clears_by: blocker.clears_by(),
            practices: Vec::new(),
        });
        obstacle.practices.push(practice);
    }
    status.obstacles = obstacles.into_values().collect();
    status.obstacles.sort_by_key(|obstacle| (usize::MAX - obstacle.practices.len(), obstacle.code));
    status
}

/// Each practice acts for itself.
fn owner_of_many(owner: &Owner) -> &'static str {
    match owner {
        Owner::Time => "time",
        Owner::Programme => "programme",
        Owner::Practice(_) | Owner::Supplier(_) | Owner::Account(_) => "practices",
    }
}
