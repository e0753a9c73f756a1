//! The England of a demo: the publishers' files, synthetic or real, and their import by the services' own importers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use jiff::civil::Date;
use ods::{Capability, Format, PracticeCode, Supplier};
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as scheduler;
use proto::scheduler::v1::calendar_service_client::CalendarServiceClient;
use sample::{PRACTICES_COUNT_DEFAULT, Recipe, SupplierMix};

use super::answers::grouped;
use super::peers::Peers;
use super::world::World;

/// Bytes of one message of an import: well below the limit of 4 MiB.
const CHUNK_BYTES: usize = 1024 * 1024;
/// The registry's maximum for observations and pages.
const BATCH_MAX: usize = 1_000;
/// By whom the demo imports.
const OPERATOR: &str = "operator;roles=operator";
/// By whom it says what suppliers have on at the beginning: nothing. It passes on what each of them said.
const SUPPLIERS: &str = "suppliers;roles=service";

/// The files of one England.
#[derive(Clone, Debug)]
pub(crate) struct England {
    map: Vec<u8>,
    list_sizes: Vec<u8>,
    bank_holidays: Vec<u8>,
    /// Which England it is, for `assumptions`.
    pub(crate) words: String,
}

/// A synthetic England's size and suppliers.
#[derive(Clone, Debug)]
pub(crate) struct Synthetic {
    pub(crate) seed: u64,
    pub(crate) practices_count: u32,
    pub(crate) supplier_mix: SupplierMix,
}

/// The publishers' real files.
#[derive(Clone, Debug)]
pub(crate) struct RealFiles {
    pub(crate) practices: PathBuf,
    pub(crate) list_sizes: PathBuf,
    pub(crate) bank_holidays: PathBuf,
}

impl England {
    /// Makes the files.
    ///
    /// # Errors
    /// Where there cannot be so many practices, or the world's holidays contradict each other.
    pub(crate) fn synthetic(synthetic: &Synthetic, world: &World) -> anyhow::Result<Self> {
        let Synthetic { seed, practices_count, supplier_mix } = synthetic.clone();
        let extract_date = world.starts_at.date();
        let england = sample::England::new(&Recipe { seed, practices_count, supplier_mix, extract_date })?;
        let years = world.bank_holiday_years.first..=world.bank_holiday_years.last;
        let bank_holidays = sample::bank_holidays(years, &world.one_off_holidays)?.encode();
        let mut files: BTreeMap<Format, Vec<u8>> =
            england.files().into_iter().map(|file| (file.format, file.bytes)).collect();
        let mut file =
            |format: Format| files.remove(&format).with_context(|| format!("the sample has no {format} file"));
        let mut words = format!("synthetic: {} practices, seed {seed}", grouped(practices_count.into()));
        if practices_count != PRACTICES_COUNT_DEFAULT {
            words.push_str("; the programme's absolute numbers are scaled by as much");
        }
        Ok(Self { map: file(Format::Map)?, list_sizes: file(Format::ListSizes)?, bank_holidays, words })
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Where one cannot be read. What is in them is the importers' to judge.
    pub(crate) fn real(files: &RealFiles) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let name =
            |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self {
            map: read(&files.practices)?,
            list_sizes: read(&files.list_sizes)?,
            bank_holidays: read(&files.bank_holidays)?,
            words: format!("real: {} and {}", name(&files.practices), name(&files.list_sizes)),
        })
    }

    /// Imports everything as of the world's first day, and says that nothing is switched on yet. Repeating it changes
    /// nothing.
    ///
    /// # Errors
    /// Where a file is refused; the message names line, column and reason.
    pub(crate) async fn import(&self, peers: &Peers, from: Date) -> anyhow::Result<()> {
        let mut calendar = CalendarServiceClient::new(peers.scheduler.with_account(OPERATOR)?);
        let update = scheduler::UpdateCalendarRequest {
            bank_holidays_json: self.bank_holidays.clone().into(),
            request_id: "import/bank-holidays".to_owned(),
            reason_code: "FIRST_IMPORT".to_owned(),
            ..Default::default()
        };
        calendar.update_calendar(update).await.context("the bank holidays were not imported")?;
        for (format, name, bytes) in [
            (registry::DirectoryFormat::Map, "map", &self.map),
            (registry::DirectoryFormat::ListSizes, "list-sizes", &self.list_sizes),
        ] {
            let report = import_file(peers, format, name, bytes, from).await;
            let report = report.with_context(|| format!("the {name} file was not imported"))?;
            ensure!(
                report.rejected_count == 0 || format == registry::DirectoryFormat::ListSizes,
                "rows of the {name} file were rejected: {:?}",
                report.rejected_rows
            );
        }
        Ok(())
    }
}

async fn import_file(
    peers: &Peers,
    format: registry::DirectoryFormat,
    name: &str,
    bytes: &[u8],
    from: Date,
) -> anyhow::Result<registry::ImportDirectoryResponse> {
    use registry::import_directory_request::Part;
    let header = registry::ImportHeader {
        format: format.into(),
        effective_date: from.to_string(),
        file_name: name.to_owned(),
        request_id: format!("import/{name}"),
        reason_code: "FIRST_IMPORT".to_owned(),
        ..Default::default()
    };
    let chunks: Vec<Part> = bytes.chunks(CHUNK_BYTES).map(|chunk| Part::Data(chunk.to_vec().into())).collect();
    let parts = std::iter::once(Part::Header(header)).chain(chunks);
    let parts = parts.map(|part| registry::ImportDirectoryRequest { part: Some(part) });
    let mut client = PracticeRegistryServiceClient::new(peers.registry.with_account(OPERATOR)?);
    Ok(client.import_directory(tokio_stream::iter(parts)).await?.into_inner())
}

/// The practices that a supplier serves, with their suppliers, in order of code.
pub(crate) async fn practices(peers: &Peers) -> anyhow::Result<BTreeMap<PracticeCode, Supplier>> {
    let mut client = PracticeRegistryServiceClient::new(peers.registry.with_account(OPERATOR)?);
    let mut practices = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let page_size = i32::try_from(BATCH_MAX)?;
        let list = registry::ListPracticesRequest { page_size, page_token, ..Default::default() };
        let page = client.list_practices(list).await?.into_inner();
        for practice in page.practices.iter().filter(|practice| !practice.supplier.is_empty()) {
            practices.insert(practice.ods_code.parse()?, practice.supplier.parse()?);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(practices);
        }
    }
}

/// The suppliers' first lists: nothing is on.
pub(crate) async fn record_everything_off(
    peers: &Peers,
    practices: &BTreeMap<PracticeCode, Supplier>,
) -> anyhow::Result<()> {
    let mut client = PracticeRegistryServiceClient::new(peers.registry.with_account(SUPPLIERS)?);
    let codes: Vec<&PracticeCode> = practices.keys().collect();
    for (batch, codes) in codes.chunks(BATCH_MAX).enumerate() {
        let off = |code: &&PracticeCode| registry::Observation {
            practice: format!("practices/{code}"),
            capability: Capability::default().to_string(),
            state: registry::ObservedState::Off.into(),
            source: registry::ObservationSource::SupplierList.into(),
            ..Default::default()
        };
        let request = registry::RecordObservationRequest {
            observations: codes.iter().map(off).collect(),
            request_id: format!("suppliers-first-lists/{batch}"),
            reason_code: "FIRST_LIST".to_owned(),
            ..Default::default()
        };
        client.record_observation(request).await.context("the suppliers' first lists were not recorded")?;
    }
    Ok(())
}
