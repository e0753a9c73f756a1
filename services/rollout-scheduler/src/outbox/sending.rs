//! Sending: whom of those that are due, to which contact; sealed first, then sent, then recorded.

use std::collections::{BTreeMap, BTreeSet};

use courier::{Message, Sent};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use journal::{Outcome, Submission};
use ods::PracticeCode;
use rollout::dispatch::{Chosen, DispatchOutcome, DueNotice, choose, notices_due};
use rollout::state::{Carrier, Dispatch, DispatchRef};
use rollout::{Fact, Proposal, WaveRef};
use tracing::Instrument;

use super::letter::Letter;
use super::tracking::outcome_of;
use super::{CALLS_AT_ONCE, Outbox, PassedOver};
use crate::errands::Round;
use crate::grpc::Reachable;
use crate::history;
use crate::machine::{Command, Event, SchedulerMachine};
use crate::patience::PartError;
use crate::permits::by_scheduler;

/// Notices sealed and sent before their outcomes are recorded: so many wait for evidence after a crash.
const BATCH: usize = 40;

/// When a practice without a contact is looked at again.
const LOOKED_FOR_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Contacts of some practices, by practice.
type Contacts = BTreeMap<PracticeCode, Vec<Reachable>>;

/// To whom of a wave notices go, and who cannot be told.
#[derive(Default)]
struct Batch {
    chosen: BTreeMap<PracticeCode, Chosen>,
    contacts: Contacts,
    unaddressed: Vec<PracticeCode>,
}

/// A notice on its way out.
struct Outgoing {
    name: DispatchRef,
    carrier: Carrier,
    /// None where the contact is gone, or has no address that could be written on an envelope.
    message: Option<Message>,
}

impl Outbox {
    /// Sends a batch of what is due, of one wave; the next round goes on.
    pub(super) async fn send_due(&mut self, round: &mut Round) -> Result<(), PartError> {
        let published = self.grounds.engine.published();
        let (mut due, tried_again_at) = notices_due(&published.state.rollout, &self.grounds.followed.view(), round.now);
        if let Some(at) = tried_again_at {
            round.again_at(at);
        }
        self.passed_over.retain(|(programme, practice), passed| {
            let programme = published.state.rollout.programme(programme);
            let known = programme.and_then(|programme| programme.correspondence(*practice));
            let is_known_of = known.is_some_and(|known| known.unaddressed_since.is_some());
            round.now < passed.until && (is_known_of || !passed.unaddressed)
        });
        due.retain(|due| match self.passed_over.get(&(due.wave.programme.clone(), due.practice)) {
            Some(passed) => {
                round.again_at(passed.until);
                false
            }
            None => true,
        });
        let Some(wave) = due.first().map(|due| due.wave.clone()) else { return Ok(()) };
        // Whatever is left, here or in other waves, is for the next round.
        round.again_at(round.now);
        due.retain(|due| due.wave == wave);
        let span = tracing::info_span!(parent: None, "notices", wave = %wave);
        let approval = history::traceparent_of_approval(&self.grounds.engine, &published.state, &wave.programme).await;
        telemetry::link(&span, &approval.unwrap_or_default());
        self.send_batch(round, wave, due).instrument(span).await
    }

    async fn send_batch(&mut self, round: &Round, wave: WaveRef, due: Vec<DueNotice>) -> Result<(), PartError> {
        let Batch { chosen, contacts, unaddressed } = self.choose(round, &wave, due).await?;
        let cause = wave.to_string();
        if !unaddressed.is_empty() {
            let fact = Fact::NoticesUnaddressed { wave: wave.clone(), practices: unaddressed };
            self.grounds.learn(round.epoch, &cause, fact).await?;
        }
        if chosen.is_empty() {
            return Ok(());
        }
        let sealed = self.seal(round.epoch, &wave, chosen).await?;
        self.send(round, sealed, &contacts).await
    }

    /// Chooses contacts, for as many as a batch takes; who cannot be told now is passed over for a while.
    async fn choose(&mut self, round: &Round, wave: &WaveRef, due: Vec<DueNotice>) -> Result<Batch, PartError> {
        let published = self.grounds.engine.published();
        let mut batch = Batch::default();
        for due in due {
            if batch.chosen.len() + batch.unaddressed.len() >= BATCH {
                break;
            }
            let reachable = self.registry.contacts(due.practice).await?;
            let known: Vec<_> = reachable.iter().map(|one| one.contact.clone()).collect();
            let chosen = choose(&published.state.rollout, &due, &known, self.carriers.preferences(), round.now);
            let is_ready = match chosen {
                Some(chosen) => self.carriers.is_ready(chosen.carrier, round.now).await,
                None => false,
            };
            let place = (wave.programme.clone(), due.practice);
            match chosen {
                Some(chosen) if is_ready => {
                    batch.chosen.insert(due.practice, chosen);
                    batch.contacts.insert(due.practice, reachable);
                    if self.carriers.is_on_probation(chosen.carrier) {
                        break;
                    }
                }
                Some(chosen) => {
                    let until = self.carriers.rests_until(chosen.carrier, round.now).unwrap_or(round.now);
                    self.passed_over.insert(place, PassedOver { until, unaddressed: false });
                }
                None => {
                    let until = round.now.saturating_add(LOOKED_FOR_AGAIN_AFTER).unwrap_or(Timestamp::MAX);
                    self.passed_over.insert(place, PassedOver { until, unaddressed: true });
                    batch.unaddressed.push(due.practice);
                }
            }
        }
        Ok(batch)
    }

    /// From here on they count as sent. Says which were sealed: a proposal that was overtaken is dropped.
    async fn seal(
        &self,
        epoch: u64,
        wave: &WaveRef,
        chosen: BTreeMap<PracticeCode, Chosen>,
    ) -> Result<Vec<DispatchRef>, PartError> {
        let proposal = Proposal::SealDispatches { wave: wave.clone(), chosen };
        let command = Command::fenced(epoch, rollout::Command::Propose(proposal));
        let submission = Submission::new(command, by_scheduler(&wave.to_string()));
        let accepted = self.grounds.engine.submit(submission, sealed_in).await?;
        let sealed: Vec<(PracticeCode, u32)> = serde_json::from_slice(&accepted.reply).expect("sealed_in wrote it");
        let name = |(practice, number)| DispatchRef { programme: wave.programme.clone(), practice, number };
        Ok(sealed.into_iter().map(name).collect())
    }

    /// Sends what its carriers have never seen, after it was sealed again.
    pub(super) async fn send_again(&mut self, round: &Round, unseen: Vec<DispatchRef>) -> Result<(), PartError> {
        if unseen.is_empty() {
            return Ok(());
        }
        let span = tracing::info_span!(parent: None, "notices again", count = unseen.len());
        async {
            let mut contacts = Contacts::new();
            for name in &unseen {
                contacts.insert(name.practice, self.registry.contacts(name.practice).await?);
            }
            self.send(round, unseen, &contacts).await
        }
        .instrument(span)
        .await
    }

    /// Sends what is sealed, and records what came of it. What its carrier says nothing of stays sealed, and is asked about.
    async fn send(&mut self, round: &Round, sealed: Vec<DispatchRef>, contacts: &Contacts) -> Result<(), PartError> {
        let outgoing = self.outgoing(round, sealed, contacts).await?;
        let mut outcomes = BTreeMap::new();
        for some in outgoing.chunks(CALLS_AT_ONCE) {
            let sent = join_all(some.iter().map(|one| self.send_one(one, round.now))).await;
            for (one, sent) in some.iter().zip(sent) {
                match sent {
                    Some(Ok(outcome)) => {
                        if one.message.is_some() {
                            self.carriers.succeeded(one.carrier, round.now);
                        }
                        outcomes.insert(one.name.clone(), outcome);
                    }
                    Some(Err(error)) => self.carriers.failed(one.carrier, error, round.now),
                    None => {}
                }
            }
        }
        if outcomes.is_empty() {
            return Ok(());
        }
        self.grounds.learn(round.epoch, "", Fact::DispatchOutcomes { outcomes }).await
    }

    async fn outgoing(
        &self,
        round: &Round,
        sealed: Vec<DispatchRef>,
        contacts: &Contacts,
    ) -> Result<Vec<Outgoing>, PartError> {
        let practices: BTreeSet<PracticeCode> = sealed.iter().map(|name| name.practice).collect();
        let names = self.registry.names(&practices.into_iter().collect::<Vec<_>>()).await?;
        let published = self.grounds.engine.published();
        let mut outgoing = Vec::new();
        for name in sealed {
            let Some(programme) = published.state.rollout.programme(&name.programme) else { continue };
            let dispatch = programme.correspondence(name.practice).and_then(|known| known.get(name.number));
            let Some(dispatch) = dispatch else { continue };
            let Some(wave) = programme.waves.get(&dispatch.wave) else { continue };
            let (practice, practice_name) = (name.practice, names.get(&name.practice).map_or("", String::as_str));
            let letter = Letter { programme, wave, dispatch, practice, practice_name };
            let message = address_of(contacts, practice, dispatch).map(|to| letter.to(to, round.now));
            outgoing.push(Outgoing { name, carrier: dispatch.carrier, message });
        }
        Ok(outgoing)
    }

    /// Sends one notice; None where its carrier rests by now.
    async fn send_one(&self, one: &Outgoing, now: Timestamp) -> Option<Result<DispatchOutcome, courier::CourierError>> {
        let Some(message) = &one.message else {
            return Some(Ok(DispatchOutcome::Failed { trouble: rollout::state::Trouble::WrongAddress }));
        };
        let courier =
            self.carriers.courier(one.carrier).filter(|_| self.carriers.rests_until(one.carrier, now).is_none())?;
        let carrier = one.carrier.as_str();
        let span = tracing::info_span!(
            "notice",
            otel.kind = "producer",
            messaging.system = carrier,
            messaging.operation.type = "send",
            messaging.operation.name = "send",
            messaging.destination.name = "notices",
            dispatch = %one.name,
            carrier,
            outcome = tracing::field::Empty
        );
        let sent = courier.send(message).instrument(span.clone()).await;
        span.record("outcome", word(&sent));
        if let Ok(Sent::Refused { trouble, said }) = &sent {
            span.in_scope(|| tracing::warn!(dispatch = %one.name, carrier, ?trouble, said, "a notice was refused"));
        }
        Some(sent.map(|sent| outcome_of(sent, now)))
    }
}

/// The contact's address now; None where it is gone, or is none.
fn address_of(contacts: &Contacts, practice: PracticeCode, dispatch: &Dispatch) -> Option<courier::Address> {
    let mut of_practice = contacts.get(&practice)?.iter();
    of_practice.find(|one| one.contact.number == dispatch.contact)?.address.clone().ok()
}

/// What was sealed, as the reply that comes with its record.
fn sealed_in(outcome: &Outcome<'_, SchedulerMachine>) -> Vec<u8> {
    let mut sealed = Vec::new();
    for event in outcome.events {
        if let Event::Rollout(rollout::Event::DispatchesSealed { dispatches, .. }) = event {
            sealed.extend(dispatches.iter().map(|one| (one.practice, one.number)));
        }
    }
    serde_json::to_vec(&sealed).expect("codes and numbers are JSON")
}

/// A sending's outcome in a word.
fn word(sent: &Result<Sent, courier::CourierError>) -> &'static str {
    match sent {
        Ok(Sent::Taken { .. }) => "TAKEN",
        Ok(Sent::HandedOver) => "HANDED_OVER",
        Ok(Sent::Refused { .. }) => "REFUSED",
        Err(error) => error.reason(),
    }
}
