//! DownloadPublication: a file in pieces.

use api::Error;
use futures_util::{Stream, stream};
use proto::statistics::v1 as wire;
use tonic::Status;

use super::issues::find;
use super::{Eyes, publication};
use crate::AccessStatistics;
use crate::grpc::statistics::moment_until_now;
use crate::publication::Format;

/// A piece has at most so many bytes: well below the limit of a message.
const PIECE_BYTES_MAX: usize = 64 * 1024;

pub(super) async fn download(
    statistics: &AccessStatistics,
    eyes: Eyes,
    request: wire::DownloadPublicationRequest,
) -> Result<impl Stream<Item = Result<wire::DownloadPublicationResponse, Status>> + Send + use<>, Error> {
    let format = match request.format() {
        wire::PublicationFormat::Csv => Format::Csv,
        wire::PublicationFormat::Json => Format::Json,
        wire::PublicationFormat::CsvwMetadata => Format::CsvwMetadata,
        wire::PublicationFormat::Summary => Format::Summary,
        wire::PublicationFormat::Unspecified => {
            return Err(Error::invalid(
                "format",
                "FIELD_REQUIRED",
                "{field} must be CSV, JSON, CSVW_METADATA or SUMMARY",
            ));
        }
    };
    let name = publication("name", &request.name)?;
    let known_at = moment_until_now("known_at", request.known_at.as_ref(), statistics.clock.now())?;
    let published = statistics.returns.published();
    let edition = find(published.state.publications(), eyes, &name, request.issue, known_at)?;
    let issue = i32::try_from(edition.issued.issue.name.issue).unwrap_or(i32::MAX);
    // Thousands of figures are worked out and written.
    let file = tokio::task::spawn_blocking(move || edition.file(format)).await;
    let file = file.map_err(|error| Error::internal(&error))?;
    let mut rest = prost::bytes::Bytes::from(file.bytes);
    let mut pieces = Vec::new();
    while !rest.is_empty() || pieces.is_empty() {
        let data = rest.split_to(rest.len().min(PIECE_BYTES_MAX));
        pieces.push(Ok(wire::DownloadPublicationResponse { data, ..Default::default() }));
    }
    if let Some(Ok(first)) = pieces.first_mut() {
        first.file_name = file.name;
        first.media_type = file.media_type.to_owned();
        first.issue = issue;
        first.position = published.position;
    }
    Ok(stream::iter(pieces))
}
