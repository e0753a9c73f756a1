//! ImportDirectory: the file comes in pieces, is read as a whole, and is applied in chunks, so that a pause waits for one
//! chunk at most. A file that is refused imports nothing.
//!
//! Each chunk is a request of its own below the import's id, and the report is the reply to the import's id itself. So an
//! import that was broken off goes on where it was, and one that was done is answered with its first report.

use api::{Error, Mutation, MutationFields};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use identity::Caller;
use jiff::Timestamp;
use jiff::civil::Date;
use journal::Outcome;
use ods::{Fault, Format, Refusal};
use practice::directory::Chunk;
use practice::{Command, Rejection};
use proto::registry::v1 as wire;
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};

use crate::grpc::submit::Ask;
use crate::grpc::{Handlers, refusal};
use crate::import::{Effect, Import};
use crate::machine::Registry;

/// Rejected rows in a report; the rest are counted.
const REJECTED_ROWS_MAX: usize = 1_000;

/// Faults of a refused file that the error lists: it travels in a header, of which proxies allow a few kilobytes.
const FAULTS_MAX: usize = 10;

/// Longest file name.
const FILE_NAME_CHARS_MAX: usize = 200;

/// An import that has arrived.
struct Arrived {
    header: wire::ImportHeader,
    format: Format,
    effective_from: Option<Date>,
    bytes: Bytes,
    mutation: Mutation,
}

pub(crate) async fn import(
    handlers: &Handlers,
    caller: &Caller,
    parts: impl Stream<Item = Result<wire::ImportDirectoryRequest, Status>> + Unpin + Send,
) -> Result<wire::ImportDirectoryResponse, Status> {
    // The file is read on another thread, of which virtual time knows nothing.
    let _activity = handlers.clock.activity();
    let arrived = receive(parts, handlers.limits.import_bytes_max).await?;
    let import = read(handlers, &arrived).await?;
    let published = handlers.engine.published();
    let effect = import.effect_on(&published.state.registry, handlers.clock.now());
    if arrived.header.dry_run {
        refuse_future(&import, handlers.clock.now())?;
        return Ok(report(&import, &effect, published.position));
    }
    confirm(&arrived.header, &effect, &import)?;
    Ok(apply(handlers, caller, arrived, import).await?)
}

/// What the decision will say, for a dry run, which asks for none.
fn refuse_future(import: &Import, now: Timestamp) -> Result<(), Error> {
    let (effective_from, today) = (import.effective_from, practice::civil::day_of(now));
    if effective_from <= today {
        return Ok(());
    }
    Err(refusal::of_rejection(&Rejection::EffectiveInFuture { effective_from, today }))
}

async fn receive(
    mut parts: impl Stream<Item = Result<wire::ImportDirectoryRequest, Status>> + Unpin,
    bytes_max: usize,
) -> Result<Arrived, Status> {
    use wire::import_directory_request::Part;
    let first = parts.next().await.transpose()?.and_then(|message| message.part);
    let Some(Part::Header(header)) = first else {
        return Err(Error::invalid(
            "header",
            "HEADER_FIRST",
            "the first message must be the header, and the file's bytes follow",
        )
        .into());
    };
    let mut bytes = BytesMut::new();
    while let Some(message) = parts.next().await.transpose()? {
        let Some(Part::Data(data)) = message.part else {
            return Err(Error::invalid(
                "data",
                "HEADER_FIRST",
                "after the header come the file's bytes and nothing else",
            )
            .into());
        };
        if bytes.len() + data.len() > bytes_max {
            return Err(Error::invalid("data", "FILE_TOO_LONG", "the file has more than {bytes_max} bytes")
                .with("bytes_max", bytes_max)
                .into());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Arrived::new(header, bytes.freeze())?)
}

impl Arrived {
    fn new(header: wire::ImportHeader, bytes: Bytes) -> Result<Self, Error> {
        let format = match wire::DirectoryFormat::try_from(header.format) {
            Ok(wire::DirectoryFormat::Map) => Format::Map,
            Ok(wire::DirectoryFormat::ListSizes) => Format::ListSizes,
            Ok(wire::DirectoryFormat::Epraccur) => Format::Epraccur,
            Ok(wire::DirectoryFormat::Unspecified) | Err(_) => {
                return Err(Error::invalid(
                    "header.format",
                    "FIELD_REQUIRED",
                    "{field} must be MAP, LIST_SIZES or EPRACCUR",
                ));
            }
        };
        api::validate::free_text("header.file_name", &header.file_name, FILE_NAME_CHARS_MAX)?;
        let mut body = Sha256::new();
        body.update(api::digest(&header));
        body.update(&bytes);
        let mutation = Mutation::check(MutationFields {
            request_id: &header.request_id,
            reason_code: &header.reason_code,
            note: &header.note,
            dry_run: header.dry_run,
            body_digest: body.finalize().into(),
        })?;
        let effective_from = api::time::date("header.effective_date", &header.effective_date)?;
        Ok(Self { header, format, effective_from, bytes, mutation })
    }
}

/// Reads the file on a thread for blocking work: a million rows take seconds, in which others are to be served.
async fn read(handlers: &Handlers, arrived: &Arrived) -> Result<Import, Error> {
    let (format, bytes, effective_from) = (arrived.format, arrived.bytes.clone(), arrived.effective_from);
    let published = handlers.engine.published();
    let today = practice::civil::day_of(handlers.clock.now());
    let read = tokio::task::spawn_blocking(move || {
        let reading = ods::read_directory(format, &bytes)?;
        Ok(Import::new(&published.state.registry, reading, effective_from, today))
    });
    let import: Result<Import, Refusal> = read.await.map_err(|error| Error::internal(&error))?;
    import.map_err(|refused| refused_file(&refused))
}

fn refused_file(refused: &Refusal) -> Error {
    let error = Error::new(Code::InvalidArgument, "DIRECTORY_FILE_REFUSED", "{message}").with("message", refused);
    let error = error.with("faults_total", refused.faults_total).with("format", refused.format);
    let error = match refused.faults.first() {
        Some(first) => error.with("line", first.line).with("column", first.column).with("fault", first.reason.code()),
        None => error,
    };
    refused.faults.iter().take(FAULTS_MAX).fold(error, |error, fault| error.field("data", fault.to_string()))
}

/// I23: who names what is affected gets exactly that, or nothing.
fn confirm(header: &wire::ImportHeader, effect: &Effect, import: &Import) -> Result<(), Error> {
    let affected = report(import, effect, 0);
    let count_differs = header.confirm_count != 0 && header.confirm_count != affected.affected_count;
    let hash_differs = !header.confirm_hash.is_empty() && header.confirm_hash != affected.affected_hash;
    if !count_differs && !hash_differs {
        return Ok(());
    }
    Err(Error::aborted(
        "AFFECTED_DIFFERS",
        "the import would affect {count} practices with hash {hash}; look at a new dry run",
    )
    .with("count", affected.affected_count)
    .with("hash", affected.affected_hash))
}

async fn apply(
    handlers: &Handlers,
    caller: &Caller,
    arrived: Arrived,
    import: Import,
) -> Result<wire::ImportDirectoryResponse, Error> {
    let cause = format!("import of {} {}", arrived.format, arrived.header.file_name);
    let mut effect = Effect::default();
    for (index, chunk) in import.chunks.iter().enumerate() {
        let request_id = format!("{}/{}", arrived.mutation.request_id, index + 1);
        let mutation = Mutation { request_id, ..arrived.mutation.clone() };
        let ask = Ask::new(caller, &mutation, Command::ImportDirectory(chunk.clone())).because_of(cause.trim_end())?;
        effect.add(&apply_chunk(handlers, ask, chunk.clone()).await?);
    }
    // Nothing is left to change: this request holds the report, for whoever repeats the import.
    let effective_from = import.effective_from;
    let nothing = Chunk { source: String::new(), effective_from, practices: Vec::new(), organisations: Vec::new() };
    let ask = Ask::new(caller, &arrived.mutation, Command::ImportDirectory(nothing));
    handlers.submit(ask, move |outcome| report(&import, &effect, outcome.position)).await
}

async fn apply_chunk(handlers: &Handlers, ask: Ask, chunk: Chunk) -> Result<Effect, Error> {
    let effect = move |outcome: &Outcome<'_, Registry>| {
        let effect = Effect::of(&chunk, &outcome.before.registry, outcome.now);
        serde_json::to_vec(&effect).expect("an effect is numbers and codes")
    };
    let reply = handlers.submit_encoded(ask, effect).await?;
    serde_json::from_slice(&reply).map_err(|error| Error::internal(&error))
}

fn report(import: &Import, effect: &Effect, position: u64) -> wire::ImportDirectoryResponse {
    let mut hash = Sha256::new();
    for code in &effect.affected {
        hash.update(code.as_str());
        hash.update("\n");
    }
    let affected_count = effect.created_count + effect.updated_count + effect.closed_count + effect.moved_count;
    wire::ImportDirectoryResponse {
        created_count: effect.created_count,
        updated_count: effect.updated_count,
        closed_count: effect.closed_count,
        moved_count: effect.moved_count,
        unchanged_count: effect.unchanged_count,
        ignored_count: effect.ignored_count,
        rejected_count: import.rejected_count,
        rejected_rows: import.rejections.iter().take(REJECTED_ROWS_MAX).map(rejected_row).collect(),
        organisations_changed_count: effect.organisations_changed_count,
        effective_date: import.effective_from.to_string(),
        position,
        affected_count,
        affected_hash: hex::encode(hash.finalize()),
    }
}

fn rejected_row(fault: &Fault) -> wire::RejectedRow {
    let column = match fault.column_name {
        "" => fault.column.to_string(),
        name => name.to_owned(),
    };
    wire::RejectedRow { line: fault.line, column, reason: format!("{}; {}", fault.reason, fault.reason.remedy()) }
}
