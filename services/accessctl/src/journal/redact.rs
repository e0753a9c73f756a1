//! `accessctl journal redact`: two people take a note away.

use clap::Args;
use proto::journal::v1 as journal;
use proto::journal::v1::note_redaction::State;

use super::Which;
use crate::connection::Connection;
use crate::failure::BadInput;
use crate::moments::shown;
use crate::mutation::Change;
use crate::output::{Output, Table};

#[derive(Args)]
pub(crate) struct Redact {
    /// Of which journal
    #[arg(value_enum)]
    journal: Which,
    /// The record whose note it is
    position: u64,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: &Redact) -> anyhow::Result<()> {
    let waiting = waiting(connection, asked).await?;
    let request = journal::RedactNoteRequest {
        parent: asked.journal.name(),
        note_position: asked.position,
        request_id: asked.change.request_id()?,
        etag: waiting.map(|waiting| waiting.etag).unwrap_or_default(),
        reason_code: asked.change.reason_code.clone(),
        note: asked.change.reason.clone(),
        dry_run: asked.change.dry_run,
    };
    let reply = connection.journal(asked.journal.word()).redact_note(request).await?.into_inner();
    output.print("citizens_access.journal.v1.RedactNoteResponse", &reply, || {
        let redaction = reply.redaction.clone().unwrap_or_default();
        let next = (redaction.state() == State::AwaitingSecondPerson).then(|| {
            format!(
                "another person completes it by {}: accessctl journal redact {} {}",
                shown(redaction.second_person_until.as_ref()),
                asked.journal.word(),
                asked.position
            )
        });
        Table::facts([
            ("record", format!("{}/records/{}", asked.journal.name(), asked.position)),
            ("note", in_words(&redaction)),
            ("next", next.unwrap_or_default()),
        ])
    })
}

/// What waits for a second person, as it is now.
async fn waiting(connection: &Connection, asked: &Redact) -> anyhow::Result<Option<journal::NoteRedaction>> {
    let before = asked.position.checked_sub(1);
    let after_position = before.ok_or_else(|| BadInput("records are numbered from 1".to_owned()))?;
    let list = journal::ListRecordsRequest {
        parent: asked.journal.name(),
        after_position,
        page_size: 1,
        ..Default::default()
    };
    let reply = connection.journal(asked.journal.word()).list_records(list).await?.into_inner();
    let redaction = reply.records.into_iter().next().and_then(|record| record.redaction);
    Ok(redaction.filter(|redaction| redaction.state() == State::AwaitingSecondPerson))
}

/// Who wants it, or who did it.
pub(crate) fn in_words(redaction: &journal::NoteRedaction) -> String {
    let journal::NoteRedaction { asked_by, redacted_by, reason_code, .. } = redaction;
    if redaction.state() == State::Redacted {
        let redacted_at = shown(redaction.redacted_at.as_ref());
        return format!("redacted by {asked_by} and {redacted_by}, {redacted_at}, {reason_code}");
    }
    format!("{asked_by} asked for its redaction, {}, {reason_code}", shown(redaction.asked_at.as_ref()))
}
