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
    let position = last_at_or_before(engine, head, moment).await?;
    Ok((engine.state_at(position).await?, position))
}

/// The last record at or before a moment. Moments of records never go backwards (rule 18), so halving finds it.
async fn last_at_or_before(
    engine: &Engine<SchedulerMachine>,
    head: u64,
    moment: Timestamp,
) -> Result<u64, JournalError> {
    let (mut known, mut beyond) = (0, head + 1);
    while beyond - known > 1 {
        let middle = known + (beyond - known) / 2;
        let record = engine.records(middle - 1, 1).await?;
        if record.first().is_some_and(|record| record.recorded_at <= moment) {
            known = middle;
        } else {
            beyond = middle;
        }
    }
    Ok(known)
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
