//! ImportDirectory: the file comes in pieces, is read as a whole, and is applied in chunks, so that a pause waits for one
//! chunk at most. A file that is refused imports nothing.
//!
//! Each chunk is a request of its own below the import's id, and the report is the reply to the import's id itself. So an
//! import that was broken off goes on where it was, and one that was done is answered with its first report.

use api::{Error, Mutation, MutationFields};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use identity::Caller;
use jiff::civil::Date;
use journal::Outcome;
use ods::{Format, Refusal};
use practice::directory::Chunk;
use practice::{Command, Rejection};
use proto::registry::v1 as wire;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};

use crate::grpc::report::report;
use crate::grpc::submit::Ask;
use crate::grpc::{Handlers, refusal};
use crate::import::{Effect, Import};
use crate::machine::Registry;

/// Faults of a refused file that the error lists: it travels in a header, of which proxies allow a few kilobytes.
const FAULTS_MAX: usize = 10;

/// Longest file name.
const FILE_NAME_CHARS_MAX: usize = 200;

/// An import that has arrived.
struct Arrived {
    header: Header,
    bytes: Bytes,
    mutation: Mutation,
}

/// A header that was checked.
struct Header {
    wire: wire::ImportHeader,
    format: Format,
    effective_from: Option<Date>,
}

pub(crate) async fn import(
    handlers: &Handlers,
    caller: &Caller,
    parts: impl Stream<Item = Result<wire::ImportDirectoryRequest, Status>> + Unpin + Send,
) -> Result<wire::ImportDirectoryResponse, Status> {
    // The file is read on another thread, of which virtual time knows nothing.
    let _activity = handlers.clock.activity();
    let arrived = receive(parts, handlers.limits.import_bytes_max).await?;
    let (import, foreseen) = read(handlers, &arrived).await?;
    if arrived.mutation.dry_run {
        return Ok(dry_run(handlers, &import, &foreseen.unwrap_or_default())?);
    }
    if let Some(foreseen) = foreseen {
        confirm(handlers, caller, &arrived, &dry_run(handlers, &import, &foreseen)?).await?;
    }
    Ok(apply(handlers, caller, arrived, import).await?)
}

fn dry_run(handlers: &Handlers, import: &Import, foreseen: &Effect) -> Result<wire::ImportDirectoryResponse, Error> {
    let (effective_from, today) = (import.effective_from, ods::civil::civil_date(handlers.clock.now()));
    if effective_from > today {
        // What the decision will say.
        return Err(refusal::of_rejection(&Rejection::EffectiveInFuture { effective_from, today }));
    }
    let published = handlers.engine.published();
    Ok(report(import, foreseen, &published.state, today, published.position))
}

async fn receive(
    mut parts: impl Stream<Item = Result<wire::ImportDirectoryRequest, Status>> + Unpin,
    bytes_max: usize,
) -> Result<Arrived, Status> {
    use wire::import_directory_request::Part;
    let out_of_order =
        |field| Error::invalid(field, "HEADER_FIRST", "the header comes first and once, then the file's bytes");
    let first = parts.next().await.transpose()?.and_then(|message| message.part);
    let Some(Part::Header(header)) = first else { return Err(out_of_order("header").into()) };
    // Before the bytes are sent in vain.
    let header = Header::new(header)?;
    let mut bytes = BytesMut::new();
    while let Some(message) = parts.next().await.transpose()? {
        let Some(Part::Data(data)) = message.part else { return Err(out_of_order("data").into()) };
        if bytes.len() + data.len() > bytes_max {
            let error = Error::invalid("data", "FILE_TOO_LONG", "the file has more than {bytes_max} bytes");
            return Err(error.with("bytes_max", bytes_max).into());
        }
        bytes.extend_from_slice(&data);
    }
    let bytes = bytes.freeze();
    let mutation = header.mutation(&bytes)?;
    Ok(Arrived { header, bytes, mutation })
}

impl Header {
    fn new(wire: wire::ImportHeader) -> Result<Self, Error> {
        let format = match wire::DirectoryFormat::try_from(wire.format) {
            Ok(wire::DirectoryFormat::Map) => Format::Map,
            Ok(wire::DirectoryFormat::ListSizes) => Format::ListSizes,
            Ok(wire::DirectoryFormat::Epraccur) => Format::Epraccur,
            Ok(wire::DirectoryFormat::Unspecified) | Err(_) => {
                let message = "{field} must be MAP, LIST_SIZES or EPRACCUR";
                return Err(Error::invalid("header.format", "FIELD_REQUIRED", message));
            }
        };
        api::validate::free_text("header.file_name", &wire.file_name, FILE_NAME_CHARS_MAX)?;
        let effective_from = api::time::date("header.effective_date", &wire.effective_date)?;
        let header = Self { wire, format, effective_from };
        header.mutation(&[])?;
        Ok(header)
    }

    /// The common fields; a repeated import must have the same header and the same file.
    fn mutation(&self, bytes: &[u8]) -> Result<Mutation, Error> {
        let mut body = Sha256::new();
        body.update(api::digest(&self.wire));
        body.update(bytes);
        Mutation::check(MutationFields {
            request_id: &self.wire.request_id,
            reason_code: &self.wire.reason_code,
            note: &self.wire.note,
            dry_run: self.wire.dry_run,
            body_digest: body.finalize().into(),
        })
    }

    /// Does the caller say what it expects to be affected?
    fn confirms(&self) -> bool {
        self.wire.confirm_count != 0 || !self.wire.confirm_hash.is_empty()
    }
}

/// Reads the file, and foresees its effect where that is asked for, on a thread for blocking work: a million rows take
/// seconds, in which others are to be served.
async fn read(handlers: &Handlers, arrived: &Arrived) -> Result<(Import, Option<Effect>), Error> {
    let Header { format, effective_from, .. } = arrived.header;
    let (bytes, id) = (arrived.bytes.clone(), arrived.mutation.request_id.clone());
    let foresee = arrived.mutation.dry_run || arrived.header.confirms();
    let published = handlers.engine.published();
    let now = handlers.clock.now();
    let read = handlers.clock.off_thread(move || {
        let (state, today) = (&published.state, ods::civil::civil_date(now));
        let import = Import::new(&id, state, ods::read_directory(format, &bytes)?, effective_from, today);
        let foreseen = foresee.then(|| import.effect_on(state, now));
        Ok((import, foreseen))
    });
    let read: Result<_, Refusal> = read.await.map_err(|error| Error::internal(&error))?;
    read.map_err(|refused| refused_file(&refused))
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

/// I23: who names what is affected gets exactly that, or nothing. The verdict is a request of its own below the import's
/// id, so that a repeated import gets the verdict of the first time, and not that nothing is left to be affected.
async fn confirm(
    handlers: &Handlers,
    caller: &Caller,
    arrived: &Arrived,
    foreseen: &wire::ImportDirectoryResponse,
) -> Result<(), Error> {
    let header = &arrived.header.wire;
    let count_is_right = header.confirm_count == 0 || header.confirm_count == foreseen.affected_count;
    let hash_is_right = header.confirm_hash.is_empty() || header.confirm_hash == foreseen.affected_hash;
    let verdict = Verdict {
        is_right: count_is_right && hash_is_right,
        count: foreseen.affected_count,
        hash: foreseen.affected_hash.clone(),
    };
    let encoded = serde_json::to_vec(&verdict).expect("a verdict is a number and a text");
    let ask =
        Ask::new(caller, &below(&arrived.mutation, 0), nothing_from(ods::civil::civil_date(handlers.clock.now())));
    let first = handlers.submit_encoded(ask, move |_| encoded).await?;
    let verdict: Verdict = serde_json::from_slice(&first).map_err(|error| Error::internal(&error))?;
    if verdict.is_right {
        return Ok(());
    }
    let message = "the import would affect {count} practices with hash {hash}; look at a new dry run";
    Err(Error::aborted("AFFECTED_DIFFERS", message).with("count", verdict.count).with("hash", verdict.hash))
}

/// Whether what the caller expects is what an import would affect.
#[derive(Serialize, Deserialize)]
struct Verdict {
    is_right: bool,
    count: u32,
    hash: String,
}

async fn apply(
    handlers: &Handlers,
    caller: &Caller,
    arrived: Arrived,
    import: Import,
) -> Result<wire::ImportDirectoryResponse, Error> {
    let cause = format!("import of {} {}", arrived.header.format, arrived.header.wire.file_name);
    let mut effect = Effect::default();
    for (index, chunk) in import.chunks.iter().enumerate() {
        let mutation = below(&arrived.mutation, index + 1);
        let ask = Ask::new(caller, &mutation, Command::ImportDirectory(chunk.clone())).because_of(cause.trim_end())?;
        effect.add(&apply_chunk(handlers, ask, chunk.clone()).await?);
    }
    // Nothing is left to change: this request holds the report, for whoever repeats the import.
    let ask = Ask::new(caller, &arrived.mutation, nothing_from(import.effective_from));
    handlers
        .submit(ask, move |outcome| {
            let today = ods::civil::civil_date(outcome.now);
            report(&import, &effect, outcome.before, today, outcome.position)
        })
        .await
}

/// The request for a part of an import.
fn below(import: &Mutation, part: usize) -> Mutation {
    Mutation { request_id: format!("{}/{part}", import.request_id), ..import.clone() }
}

/// A command that changes nothing, for the sake of its reply.
fn nothing_from(effective_from: Date) -> Command {
    let (practices, organisations) = (Vec::new(), Vec::new());
    let source = String::new();
    Command::ImportDirectory(Chunk { source, effective_from, practices, organisations, read: None })
}

async fn apply_chunk(handlers: &Handlers, ask: Ask, chunk: Chunk) -> Result<Effect, Error> {
    let effect = move |outcome: &Outcome<'_, Registry>| {
        let effect = Effect::of(&chunk, outcome.before, outcome.now);
        serde_json::to_vec(&effect).expect("an effect is numbers and codes")
    };
    let reply = handlers.submit_encoded(ask, effect).await?;
    serde_json::from_slice(&reply).map_err(|error| Error::internal(&error))
}
