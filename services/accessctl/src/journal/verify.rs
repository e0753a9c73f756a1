//! `accessctl journal verify`: by the services that serve the journals, or on a copy of a database without any server.

use std::path::{Path, PathBuf};

use ::journal::grpc::{from_checkpoint, from_verification};
use ::journal::{Against, Checkpoint, verify_stored};
use anyhow::Context;
use clap::Args;
use database::{DatabaseError, Db, Store};
use proto::journal::v1 as journal;

use super::{Which, redact};
use crate::connection::Connection;
use crate::failure::{BadInput, Tampered};
use crate::output::{Output, Table, number, word};

#[derive(Args)]
pub(crate) struct Verify {
    /// Of this journal only; needed with --checkpoint
    #[arg(long, value_enum)]
    journal: Option<Which>,
    /// Checkpoints kept elsewhere: what `journal checkpoint` wrote, or a server's own file of them
    #[arg(long, requires = "journal", value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Begin with the record after the first checkpoint: quicker, and shows only what was done since
    #[arg(long, requires = "checkpoint")]
    from_checkpoint: bool,
    /// Verify a copy of a database, without any server: its file, the folder it lies in, or postgres://…
    #[arg(long, value_name = "FILE|DIR|URL", hide_env_values = true)]
    store: Option<String>,
    /// With --store: the public key that must have signed the checkpoints, as `journal checkpoint` told it
    #[arg(long, requires = "store", requires = "checkpoint", value_name = "HEX")]
    key: Option<String>,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: &Verify) -> anyhow::Result<()> {
    let checkpoints = asked.checkpoint.as_deref().map(read_checkpoints).transpose()?.unwrap_or_default();
    let mut broken = Vec::new();
    for which in asked.journal.map_or_else(|| Which::ALL.to_vec(), |one| vec![one]) {
        let reply = match &asked.store {
            Some(store) => offline(asked, store, which, &checkpoints).await?,
            None => Some(online(connection, asked, which, &checkpoints).await?),
        };
        let Some(reply) = reply else { continue };
        output.print("citizens_access.journal.v1.VerifyChainResponse", &reply, || {
            table(which, asked.key.is_some(), &checkpoints, &reply)
        })?;
        if reply.finding.is_some() {
            broken.push(which.name());
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(Tampered(broken.join(", ")).into()) }
}

async fn online(
    connection: &Connection,
    asked: &Verify,
    which: Which,
    checkpoints: &[Checkpoint],
) -> anyhow::Result<journal::VerifyChainResponse> {
    let of_interest = if asked.from_checkpoint { checkpoints.first() } else { checkpoints.last() };
    let request = journal::VerifyChainRequest {
        parent: which.name(),
        checkpoint: of_interest.map(from_checkpoint),
        from_checkpoint: asked.from_checkpoint,
    };
    Ok(connection.journal(which.word()).verify_chain(request).await?.into_inner())
}

/// The copy's own answer; None where all journals were asked for and the copy has not this one.
async fn offline(
    asked: &Verify,
    store: &str,
    which: Which,
    checkpoints: &[Checkpoint],
) -> anyhow::Result<Option<journal::VerifyChainResponse>> {
    let place = place(store)?;
    let db = match Db::open_read_only(&place, which.word()).await {
        Err(DatabaseError::NoFile { .. }) if asked.journal.is_none() && Path::new(store).is_dir() => return Ok(None),
        Err(error @ DatabaseError::NoFile { .. }) => return Err(BadInput(error.to_string()).into()),
        opened => opened.with_context(|| format!("{place} cannot be read"))?,
    };
    let key = asked.key.as_deref().map(read_key).transpose()?;
    let against = Against { checkpoints: checkpoints.to_vec(), key, from_checkpoint: asked.from_checkpoint };
    let verification = verify_stored(&db, which.word(), &against).await;
    db.close().await;
    Ok(Some(from_verification(&verification.with_context(|| format!("{place} cannot be verified"))?)))
}

/// A store as an operator names it, or simply where the copy lies.
pub(crate) fn place(store: &str) -> anyhow::Result<Store> {
    if store.starts_with("sqlite:") || store.contains("://") {
        return store.parse().map_err(|error: DatabaseError| BadInput(error.to_string()).into());
    }
    Ok(Store::sqlite(store))
}

fn read_key(hexadecimal: &str) -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    hex::decode_to_slice(hexadecimal.trim(), &mut key)
        .map_err(|_| BadInput("--key is not 64 hexadecimal digits".to_owned()))?;
    Ok(key)
}

/// The checkpoints of a file, by their positions.
fn read_checkpoints(file: &Path) -> anyhow::Result<Vec<Checkpoint>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let no_checkpoint = |number: usize| BadInput(format!("{}, line {number}: no checkpoint", file.display()));
    let mut checkpoints = Vec::new();
    for (index, line) in text.lines().enumerate() {
        checkpoints.push(Checkpoint::from_line(line).ok_or_else(|| no_checkpoint(index + 1))?);
    }
    if checkpoints.is_empty() {
        return Err(no_checkpoint(1).into());
    }
    checkpoints.sort_by_key(|checkpoint| checkpoint.head.position);
    Ok(checkpoints)
}

fn table(which: Which, is_key_given: bool, checkpoints: &[Checkpoint], reply: &journal::VerifyChainResponse) -> Table {
    let records = number(i64::try_from(reply.verified_position).unwrap_or(i64::MAX));
    let against = match (checkpoints.first(), checkpoints.last()) {
        (Some(first), Some(last)) if first.head.position < last.head.position => {
            format!("{} checkpoints, of records {} to {}", checkpoints.len(), first.head.position, last.head.position)
        }
        (Some(only), _) => format!("the checkpoint of record {}", only.head.position),
        _ => "no checkpoint: an end that was cut off, or a journal rewritten as a whole, would not show".to_owned(),
    };
    let key = checkpoints.last().filter(|_| !is_key_given).map(|checkpoint| hex::encode(checkpoint.public_key));
    let mut facts = vec![
        ("journal", which.name()),
        ("verified", format!("{records} records")),
        ("hash", hex::encode(&reply.verified_hash)),
        ("against", against),
        ("signed with", key.unwrap_or_default()),
    ];
    for redaction in &reply.redactions {
        facts.push(("note", format!("of record {}: {}", redaction.note_position, redact::in_words(redaction))));
    }
    match &reply.finding {
        None => facts.push(("chain", "whole".to_owned())),
        Some(found) => {
            let kind = word(found.kind().as_str_name(), "KIND_");
            facts.push(("chain", format!("{kind} at record {}: {}", found.position, found.explanation)));
            facts.push(("what to do", found.remedy.clone()));
        }
    }
    Table::facts(facts)
}
