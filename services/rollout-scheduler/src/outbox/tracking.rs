//! What became of the notices that were sent: carriers are asked, and what they say is recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use courier::{Courier, CourierError, Fate, Sent, Trouble};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rollout::Fact;
use rollout::dispatch::{DispatchOutcome, open_dispatches};
use rollout::state::{Dispatch, DispatchRef, DispatchStage};
use tracing::Instrument;

use super::{CALLS_AT_ONCE, Outbox};
use crate::errands::Round;
use crate::patience::PartError;

/// When a carrier is asked what became of a notice whose sending has not come back: longer than a call takes, so that
/// whoever was about it has given up.
const ASKED_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// How soon a notice that was taken on is looked at: most e-mails are delivered by then. Later looks are as far apart as a
/// quarter of its age.
const LOOKED_AT_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// How far apart they are at most: evidence of a letter comes after days.
const LOOKED_AT_EVERY_MAX: SignedDuration = SignedDuration::from_hours(6);

/// Notices looked at in a round: what is found is recorded after it.
const LOOKS_PER_ROUND: usize = 200;

/// When each dispatch was looked at last, as far as this process remembers.
#[derive(Debug, Default)]
pub(crate) struct Looks(BTreeMap<DispatchRef, Timestamp>);

impl Looks {
    /// When a dispatch is to be looked at next.
    fn next(&self, name: &DispatchRef, dispatch: &Dispatch) -> Timestamp {
        let later = |at: Timestamp, by: SignedDuration| at.saturating_add(by).unwrap_or(Timestamp::MAX);
        let Some(last) = self.0.get(name) else {
            let after = if dispatch.stage == DispatchStage::Sealed { ASKED_AFTER } else { LOOKED_AT_AFTER };
            return later(dispatch.changed_at, after);
        };
        let age = last.duration_since(dispatch.changed_at);
        later(*last, (age / 4).clamp(LOOKED_AT_AFTER, LOOKED_AT_EVERY_MAX))
    }
}

/// A dispatch that is to be looked at, and who carries it.
struct Look {
    name: DispatchRef,
    dispatch: Dispatch,
    courier: Arc<dyn Courier>,
}

/// What a look found.
enum Found {
    Outcome(DispatchOutcome),
    /// It is on its way.
    Nothing,
}

impl Outbox {
    /// Looks at what was sent, and records what became of it. What was never seen is sent again.
    pub(super) async fn track(&mut self, round: &mut Round) -> Result<(), PartError> {
        let looks = self.looks_due(round);
        let mut outcomes = BTreeMap::new();
        let mut unseen = Vec::new();
        for some in looks.chunks(CALLS_AT_ONCE) {
            let awake = |look: &&Look| self.carriers.rests_until(look.dispatch.carrier, round.now).is_none();
            let some: Vec<&Look> = some.iter().filter(awake).collect();
            let found = join_all(some.iter().map(|look| look.ask(round.now))).await;
            for (look, found) in some.into_iter().zip(found) {
                // That something was never seen is also what a carrier says that cannot be asked.
                if found.as_ref().is_ok_and(|found| !matches!(found, Found::Outcome(DispatchOutcome::NeverSeen))) {
                    self.carriers.succeeded(look.dispatch.carrier, round.now);
                }
                match found {
                    Ok(Found::Outcome(outcome)) => {
                        if outcome == DispatchOutcome::NeverSeen {
                            unseen.push(look.name.clone());
                        }
                        outcomes.insert(look.name.clone(), outcome);
                    }
                    Ok(Found::Nothing) => _ = self.looks.0.insert(look.name.clone(), round.now),
                    Err(error) => self.carriers.failed(look.dispatch.carrier, error, round.now),
                }
            }
        }
        if !outcomes.is_empty() {
            for name in outcomes.keys() {
                self.looks.0.remove(name);
            }
            self.grounds.learn(round.epoch, "", Fact::DispatchOutcomes { outcomes }).await?;
            round.again_at(round.now);
        }
        self.send_again(round, unseen).await
    }

    fn looks_due(&mut self, round: &mut Round) -> Vec<Look> {
        let published = self.grounds.engine.published();
        let mut due = Vec::new();
        let mut missing = BTreeSet::new();
        for (name, dispatch) in open_dispatches(&published.state.rollout) {
            let rests_until = self.carriers.rests_until(dispatch.carrier, round.now);
            let next = self.looks.next(&name, dispatch).max(rests_until.unwrap_or(Timestamp::MIN));
            // What was sent by a carrier stays open until it is configured again.
            let Some(courier) = self.carriers.courier(dispatch.carrier) else {
                missing.insert(dispatch.carrier);
                continue;
            };
            if round.now < next {
                round.again_at(next);
            } else if due.len() < LOOKS_PER_ROUND {
                due.push(Look { name, dispatch: dispatch.clone(), courier });
            } else {
                round.again_at(round.now);
            }
        }
        self.carriers.missing(missing);
        due
    }
}

impl Look {
    async fn ask(&self, now: Timestamp) -> Result<Found, CourierError> {
        let span = tracing::info_span!(parent: None, "notice looked at", dispatch = %self.name);
        async {
            match &self.dispatch.stage {
                DispatchStage::Taken { .. } if self.dispatch.is_beyond_evidence(now) => {
                    Ok(Found::Outcome(no_evidence()))
                }
                DispatchStage::Taken { id } => Ok(found(self.courier.check(id).await?, now)),
                _ => {
                    let reference = self.dispatch.reference(&self.name.programme, self.name.practice);
                    let sent = self.courier.ask(&reference).await?;
                    Ok(Found::Outcome(sent.map_or(DispatchOutcome::NeverSeen, |sent| outcome_of(sent, now))))
                }
            }
        }
        .instrument(span)
        .await
    }
}

fn no_evidence() -> DispatchOutcome {
    DispatchOutcome::Failed { trouble: rollout::state::Trouble::NoEvidence }
}

fn found(fate: Fate, now: Timestamp) -> Found {
    Found::Outcome(match fate {
        Fate::UnderWay => return Found::Nothing,
        Fate::Delivered { at } => DispatchOutcome::Delivered { at: at.unwrap_or(now) },
        Fate::Posted { at } => DispatchOutcome::Posted { at: at.unwrap_or(now) },
        Fate::Failed(trouble) => DispatchOutcome::Failed { trouble: trouble_of(trouble) },
        Fate::Forgotten => no_evidence(),
    })
}

/// What came of sending, for the journal.
pub(super) fn outcome_of(sent: Sent, now: Timestamp) -> DispatchOutcome {
    match sent {
        Sent::Taken { id } => DispatchOutcome::Taken { id },
        Sent::HandedOver => DispatchOutcome::HandedOver { at: now },
        Sent::Refused { trouble, .. } => DispatchOutcome::Failed { trouble: trouble_of(trouble) },
    }
}

fn trouble_of(trouble: Trouble) -> rollout::state::Trouble {
    match trouble {
        Trouble::WrongAddress => rollout::state::Trouble::WrongAddress,
        Trouble::Undelivered => rollout::state::Trouble::Undelivered,
        Trouble::CourierFailed => rollout::state::Trouble::CarrierFailed,
    }
}
