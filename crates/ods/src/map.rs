//! The practice map: which PCN, sub-ICB, ICB and region a practice belongs to, and who makes its GP system
//! (gp-reg-pat-prac-map of NHS England's Patients Registered at a GP Practice).
//!
//! Two layouts are read, that with ICBs and the supplier, which is also written, and the older one with CCGs and STPs,
//! whose codes the sub-ICBs and ICBs took over. The map is our universe of practices: those with registered patients.

use crate::date::{self, Notation};
use crate::directory::{Directory, PracticeRow, Source};
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::organisation::{Icb, Organisations, Pcn, Region, SubIcb};
use crate::rows::{self, Columns, Header, Quotes, Row, Writer};
use crate::{OnsCode, PcnCode, PracticeCode, SubIcbCode, Supplier};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

pub(crate) const COLUMNS: Columns = &[
    "PUBLICATION",
    "EXTRACT_DATE",
    "PRACTICE_CODE",
    "PRACTICE_NAME",
    "PRACTICE_POSTCODE",
    "PCN_CODE",
    "PCN_NAME",
    "ONS_SUB_ICB_LOCATION_CODE",
    "SUB_ICB_LOCATION_CODE",
    "SUB_ICB_LOCATION_NAME",
    "ONS_ICB_CODE",
    "ICB_CODE",
    "ICB_NAME",
    "ONS_COMM_REGION_CODE",
    "COMM_REGION_CODE",
    "COMM_REGION_NAME",
    "SUPPLIER_NAME",
];

const WITH_CCGS: Columns = &[
    "PUBLICATION",
    "EXTRACT_DATE",
    "PRACTICE_CODE",
    "PRACTICE_NAME",
    "PRACTICE_POSTCODE",
    "PCN_CODE",
    "PCN_NAME",
    "ONS_CCG_CODE",
    "CCG_CODE",
    "CCG_NAME",
    "ONS_STP_CODE",
    "STP_CODE",
    "STP_NAME",
    "ONS_COMM_REGION_CODE",
    "COMM_REGION_CODE",
    "COMM_REGION_NAME",
];

// Places in both layouts, from 0.
const PUBLICATION: usize = 0;
const EXTRACT_DATE: usize = 1;
pub(crate) const PRACTICE: usize = 2;
const NAME: usize = 3;
const POSTCODE: usize = 4;
const PCN: usize = 5;
const PCN_NAME: usize = 6;
const SUB_ICB_ONS: usize = 7;
const SUB_ICB: usize = 8;
const SUB_ICB_NAME: usize = 9;
const ICB_ONS: usize = 10;
pub(crate) const ICB: usize = 11;
const ICB_NAME: usize = 12;
const REGION_ONS: usize = 13;
pub(crate) const REGION: usize = 14;
const REGION_NAME: usize = 15;
/// In the newer layout only; in the older one the cell is empty.
const SUPPLIER: usize = 16;

/// What the publisher writes for the name of no PCN.
const UNALLOCATED_NAME: &str = "Unallocated";

/// A practice map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeMap {
    /// The publication that the file belongs to.
    pub source: Source,
    /// Every organisation that a practice of the map belongs to.
    pub organisations: Organisations,
    /// In the order of the file, each code once.
    pub practices: Vec<MappedPractice>,
}

/// One row of a practice map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedPractice {
    /// Its line in the file, from 1; writing ignores it.
    pub line: u64,
    /// Its code.
    pub code: PracticeCode,
    /// Its name.
    pub name: String,
    /// Its postcode, where given.
    pub postcode: Option<String>,
    /// Its PCN, or [`PcnCode::UNALLOCATED`].
    pub pcn: PcnCode,
    /// Its sub-ICB, which leads to its ICB and region.
    pub sub_icb: SubIcbCode,
    /// The maker of its GP system; None in the older layout.
    pub supplier: Option<Supplier>,
}

/// Reads a practice map.
///
/// # Errors
/// Where the file as a whole is no sound practice map; rows with a bad or duplicate code, or that contradict earlier
/// rows about an organisation or the extract, are rejections.
pub fn parse(bytes: &[u8]) -> Result<Reading<PracticeMap>, Refusal> {
    let format = Format::Map;
    let text = format.text(bytes)?;
    let columns = *rows::check_header(format, text, &[COLUMNS, WITH_CCGS], |columns| *columns)?;
    let mut draft = Draft::default();
    let rejections = rows::each(format, text, Header::Checked(columns), |row, faults| draft.take(row, faults))?;
    // Whatever was taken has a source, and something was.
    let source = draft.source.ok_or_else(|| Refusal::of(format, Fault::at(1, 1, Reason::NoRows)))?;
    let document = PracticeMap { source, organisations: draft.organisations, practices: draft.practices };
    Ok(Reading { document, rejections })
}

/// The map as far as it was read.
#[derive(Default)]
struct Draft {
    source: Option<Source>,
    organisations: Organisations,
    practices: Vec<MappedPractice>,
    lines: BTreeMap<PracticeCode, u64>,
}

impl Draft {
    fn take(&mut self, row: &Row<'_>, faults: &mut Vec<Fault>) -> bool {
        let clean = faults.len();
        let source = source(row, PUBLICATION, EXTRACT_DATE, self.source.as_ref(), faults);
        let code = row.new_code(PRACTICE, &self.lines, faults);
        let name = row.text(NAME, faults);
        let postcode = row.text_or_nothing(POSTCODE, faults);
        let pcn = self.pcn(row, faults);
        let sub_icb = self.sub_icb(row, faults);
        let icb = self.icb(row, faults);
        let region = self.region(row, faults);
        let supplier = row.code_or_nothing(SUPPLIER, faults);
        let (Some(source), Some(code), Some(name), Some(pcn), Some(sub_icb), Some(icb), Some(region), true) =
            (source, code, name, pcn, sub_icb, icb, region, faults.len() == clean)
        else {
            return false;
        };
        let practice =
            MappedPractice { line: row.line, code, name, postcode, pcn: pcn.code, sub_icb: sub_icb.code, supplier };
        self.source.get_or_insert(source);
        self.lines.insert(code, row.line);
        if !pcn.code.is_unallocated() {
            self.organisations.pcns.entry(pcn.code).or_insert(pcn).sub_icbs.insert(sub_icb.code);
        }
        self.organisations.sub_icbs.entry(sub_icb.code).or_insert(sub_icb);
        self.organisations.icbs.entry(icb.code).or_insert(icb);
        self.organisations.regions.entry(region.code).or_insert(region);
        self.practices.push(practice);
        true
    }

    fn pcn(&self, row: &Row<'_>, faults: &mut Vec<Fault>) -> Option<Pcn> {
        let pcn = Pcn { code: row.code(PCN, faults)?, name: row.text(PCN_NAME, faults)?, sub_icbs: BTreeSet::new() };
        if let Some(before) = self.organisations.pcns.get(&pcn.code) {
            let subject = Subject { row, kind: "PCN", code: &pcn.code };
            subject.agrees(PCN_NAME, "the name", &pcn.name, &before.name, faults);
        }
        Some(pcn)
    }

    fn sub_icb(&self, row: &Row<'_>, faults: &mut Vec<Fault>) -> Option<SubIcb> {
        let code = row.code(SUB_ICB, faults)?;
        let name = row.text(SUB_ICB_NAME, faults)?;
        let ons_code = row.code_or_nothing(SUB_ICB_ONS, faults);
        let sub_icb = SubIcb { code, name, ons_code, icb: row.cell(ICB).parse().ok()? };
        if let Some(before) = self.organisations.sub_icbs.get(&code) {
            let subject = Subject { row, kind: "sub-ICB", code: &code };
            subject.agrees(SUB_ICB_NAME, "the name", &sub_icb.name, &before.name, faults);
            subject.agrees(SUB_ICB_ONS, "the ONS code", &shown(sub_icb.ons_code), &shown(before.ons_code), faults);
            subject.agrees(ICB, "the ICB", &sub_icb.icb, &before.icb, faults);
        }
        Some(sub_icb)
    }

    fn icb(&self, row: &Row<'_>, faults: &mut Vec<Fault>) -> Option<Icb> {
        let code = row.code(ICB, faults)?;
        let name = row.text(ICB_NAME, faults)?;
        let ons_code = row.code_or_nothing(ICB_ONS, faults);
        let icb = Icb { code, name, ons_code, region: row.cell(REGION).parse().ok()? };
        if let Some(before) = self.organisations.icbs.get(&code) {
            let subject = Subject { row, kind: "ICB", code: &code };
            subject.agrees(ICB_NAME, "the name", &icb.name, &before.name, faults);
            subject.agrees(ICB_ONS, "the ONS code", &shown(icb.ons_code), &shown(before.ons_code), faults);
            subject.agrees(REGION, "the region", &icb.region, &before.region, faults);
        }
        Some(icb)
    }

    fn region(&self, row: &Row<'_>, faults: &mut Vec<Fault>) -> Option<Region> {
        let code = row.code(REGION, faults)?;
        let name = row.text(REGION_NAME, faults)?;
        let region = Region { code, name, ons_code: row.code_or_nothing(REGION_ONS, faults) };
        if let Some(before) = self.organisations.regions.get(&code) {
            let subject = Subject { row, kind: "region", code: &code };
            subject.agrees(REGION_NAME, "the name", &region.name, &before.name, faults);
            subject.agrees(REGION_ONS, "the ONS code", &shown(region.ons_code), &shown(before.ons_code), faults);
        }
        Some(region)
    }
}

/// An organisation of which an earlier row has spoken.
struct Subject<'r, C> {
    row: &'r Row<'r>,
    kind: &'static str,
    code: &'r C,
}

impl<C: Display> Subject<'_, C> {
    /// One of the two rows is wrong, and which one cannot be told: the first stands, the later is rejected.
    fn agrees<T: PartialEq + Display>(
        &self,
        column: usize,
        attribute: &'static str,
        here: &T,
        before: &T,
        faults: &mut Vec<Fault>,
    ) {
        if here != before {
            let (here, before) = (here.to_string(), before.to_string());
            let subject = format!("{} {}", self.kind, self.code);
            faults.push(self.row.fault(column, Reason::Contradiction { subject, attribute, here, before }));
        }
    }
}

fn shown(code: Option<OnsCode>) -> String {
    code.map(|code| code.to_string()).unwrap_or_default()
}

/// The publication and extract date of a row, which must be those of the rows before: else two files were joined.
pub(crate) fn source(
    row: &Row<'_>,
    publication: usize,
    extract_date: usize,
    before: Option<&Source>,
    faults: &mut Vec<Fault>,
) -> Option<Source> {
    let name = row.text(publication, faults)?;
    let date = row.date(extract_date, Notation::Extract, faults)?;
    let source = Source { publication: name, extract_date: Some(date) };
    match before {
        Some(before) if *before != source => {
            let (here, before) = (source.to_string(), before.to_string());
            let reason = Reason::Contradiction { subject: "the file".into(), attribute: "the extract", here, before };
            faults.push(row.fault(extract_date, reason));
            None
        }
        _ => Some(source),
    }
}

impl PracticeMap {
    /// The file, in the newer layout. Practices whose sub-ICB, ICB or region is not among the organisations are left
    /// out: there are none in what [`parse`] returns.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(Quotes::WhereNeeded);
        writer.row(COLUMNS.iter().copied());
        let extract_date = self.source.extract_date.map(date::with_named_month).unwrap_or_default();
        for practice in &self.practices {
            self.encode_row(&mut writer, &extract_date, practice);
        }
        writer.finish()
    }

    fn encode_row(&self, writer: &mut Writer, extract_date: &str, practice: &MappedPractice) -> Option<()> {
        let sub_icb = self.organisations.sub_icbs.get(&practice.sub_icb)?;
        let icb = self.organisations.icbs.get(&sub_icb.icb)?;
        let region = self.organisations.regions.get(&icb.region)?;
        let pcn_name = self.organisations.pcns.get(&practice.pcn).map_or(UNALLOCATED_NAME, |pcn| &pcn.name);
        let ons_codes = [sub_icb.ons_code, icb.ons_code, region.ons_code].map(shown);
        writer.row([
            self.source.publication.as_str(),
            extract_date,
            practice.code.as_str(),
            &practice.name,
            practice.postcode.as_deref().unwrap_or_default(),
            practice.pcn.as_str(),
            pcn_name,
            &ons_codes[0],
            sub_icb.code.as_str(),
            &sub_icb.name,
            &ons_codes[1],
            icb.code.as_str(),
            &icb.name,
            &ons_codes[2],
            region.code.as_str(),
            &region.name,
            practice.supplier.as_ref().map_or("", Supplier::as_str),
        ]);
        Some(())
    }
}

impl From<PracticeMap> for Directory {
    fn from(map: PracticeMap) -> Self {
        let organisations = map.organisations;
        let practices = map.practices.into_iter().map(|practice| {
            let icb = organisations.icb_of(practice.sub_icb);
            PracticeRow {
                name: Some(practice.name),
                postcode: practice.postcode,
                pcn: Some(practice.pcn),
                sub_icb: Some(practice.sub_icb),
                icb: icb.map(|icb| icb.code),
                region: icb.map(|icb| icb.region),
                supplier: practice.supplier,
                ..PracticeRow::new(practice.line, practice.code)
            }
        });
        let practices = practices.collect();
        Self { format: Format::Map, source: map.source, organisations, practices }
    }
}
