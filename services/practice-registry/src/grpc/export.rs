//! ExportPractices: a file in pieces, all of it read at one position.
//!
//! The stream is pulled: each piece is worded when the reader asks for it, out of the state that the first was worded
//! out of. So a slow reader costs a reference to one state, and what changes meanwhile is not in the file.

use std::sync::Arc;

use api::Error;
use filter::Filter;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use jiff::Timestamp;
use journal::Published;
use ods::PracticeCode;
use practice::AsOf;
use proto::registry::v1 as wire;
use tonic::Status;

use crate::export::{Exporter, Format};
use crate::fields::Row;
use crate::grpc::Handlers;
use crate::grpc::practices::filter_from_wire;
use crate::grpc::reading::Reading;
use crate::grpc::submit::Asked;
use crate::machine::Registry;

/// A piece has about this many bytes, however the history of one practice may exceed it: well below the limit of a
/// message.
const PIECE_BYTES: usize = 64 * 1024;

/// A file in the making.
struct Export {
    published: Arc<Published<Registry>>,
    reading: Reading,
    as_of: AsOf,
    filter: Filter,
    exporter: Exporter,
    made_at: Timestamp,
    place: Place,
    practice_count: u32,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Place {
    Beginning,
    /// The practices after this code.
    After(Option<PracticeCode>),
    Nothing,
}

pub(crate) async fn export(
    handlers: &Handlers,
    asked: Asked<wire::ExportPracticesRequest>,
) -> Result<impl Stream<Item = Result<wire::ExportPracticesResponse, Status>> + Send + 'static, Error> {
    let request = &asked.request;
    let format = match wire::ExportFormat::try_from(request.format) {
        Ok(wire::ExportFormat::Csv) => Format::Csv,
        Ok(wire::ExportFormat::FhirR4) => Format::Fhir,
        Ok(wire::ExportFormat::Unspecified) | Err(_) => {
            return Err(Error::invalid("format", "FIELD_REQUIRED", "{field} must be CSV or FHIR_R4"));
        }
    };
    let filter = filter_from_wire(&request.filter)?;
    let now = handlers.clock.now();
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), now)?;
    let published = handlers.published_at(request.min_position).await?;
    let as_of = reading.as_of().unwrap_or(AsOf { effective_at: now, known_at: Timestamp::MAX });
    let export = Export {
        published,
        reading,
        as_of,
        filter,
        exporter: Exporter::new(format, request.history),
        made_at: now,
        place: Place::Beginning,
        practice_count: 0,
    };
    Ok(try_unfold(export, |mut export| async move { Ok(export.next().map(|piece| (piece, export))) }))
}

impl Export {
    /// The next piece; None after the last.
    fn next(&mut self) -> Option<wire::ExportPracticesResponse> {
        let mut data = Vec::new();
        let mut after = match self.place {
            Place::Nothing => return None,
            Place::After(after) => after,
            Place::Beginning => {
                data = self.exporter.begin(self.made_at);
                None
            }
        };
        let published = Arc::clone(&self.published);
        let reader = self.reading.of(&published.state);
        let mut rest = published.state.practices_after(after);
        self.place = loop {
            if data.len() >= PIECE_BYTES {
                break Place::After(after);
            }
            let Some(practice) = rest.next() else {
                data.extend(self.exporter.end());
                break Place::Nothing;
            };
            after = Some(practice.code);
            if let Some(view) = reader.view(practice).filter(|view| self.filter.matches(&Row::new(*view))) {
                data.extend(self.exporter.practice(view, self.as_of));
                self.practice_count += 1;
            }
        };
        let (practice_count, position) = (self.practice_count, published.position);
        Some(wire::ExportPracticesResponse { data: data.into(), practice_count, position })
    }
}
