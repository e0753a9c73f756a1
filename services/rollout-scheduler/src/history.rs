//! What was known at an earlier moment, and which trace a wave belongs to: both read from the journal.

use jiff::Timestamp;
use journal::{Engine, JournalError};
use rollout::{ProgrammeId, WaveRef};

use crate::machine::{SchedulerMachine, State};

/// The state as it was known at a moment, and its position. `head` is a position at or after which nothing is looked at.
///
/// # Errors
/// Where the journal cannot be read.
pub(crate) async fn as_known_at(
    engine: &Engine<SchedulerMachine>,
    head: u64,
    moment: Timestamp,
) -> Result<(State, u64), JournalError> {
    let position = engine.recorded_by(head, moment).await?;
    Ok((engine.state_at(position).await?, position))
}

/// The traceparent under which a wave opened; empty before it did, and where nothing was traced.
///
/// # Errors
/// Where the journal cannot be read.
pub(crate) async fn traceparent_of(
    engine: &Engine<SchedulerMachine>,
    state: &State,
    wave: &WaveRef,
) -> Result<String, JournalError> {
    traceparent_at(engine, state.opened_at_position.get(wave).copied()).await
}

/// The traceparent of the approval by which a programme's plan came into force; empty as above.
///
/// # Errors
/// Where the journal cannot be read.
pub(crate) async fn traceparent_of_approval(
    engine: &Engine<SchedulerMachine>,
    state: &State,
    programme: &ProgrammeId,
) -> Result<String, JournalError> {
    traceparent_at(engine, state.in_force_at_position.get(programme).copied()).await
}

async fn traceparent_at(engine: &Engine<SchedulerMachine>, position: Option<u64>) -> Result<String, JournalError> {
    let Some(before) = position.and_then(|position| position.checked_sub(1)) else { return Ok(String::new()) };
    let records = engine.records(before, 1).await?;
    Ok(records.into_iter().next().map(|record| record.traceparent).unwrap_or_default())
}
