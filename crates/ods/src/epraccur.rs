//! epraccur: the Organisation Data Service's GP practices and prescribing cost centres, in the old layout and in the
//! new one. 27 columns, no header.
//!
//! Only GP practices of England are read, open or not; all else that prescribes (hospices, prisons, clinics; Wales, the
//! Isle of Man, the Channel Islands) is counted and passed over. The file names organisations by code alone, and says
//! nothing of PCNs, suppliers and list sizes. Which organisation lies in which follows from its rows
//! ([`Epraccur::organisations`]).

use crate::date::{self, Notation};
use crate::directory::{Directory, PracticeRow, Source, Status};
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::organisation::{Icb, Organisations, Region, SubIcb};
use crate::rows::{self, Columns, Header, Quotes, Row, Writer};
use crate::{IcbCode, PracticeCode, RegionCode, SubIcbCode};
use jiff::civil::Date;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The publisher's specification names them; the file does not.
pub(crate) const COLUMNS: Columns = &[
    "Organisation Code",
    "Name",
    "National Grouping",
    "High Level Health Geography",
    "Address Line 1",
    "Address Line 2",
    "Address Line 3",
    "Address Line 4",
    "Address Line 5",
    "Postcode",
    "Open Date",
    "Close Date",
    "Status Code",
    "Organisation Sub-Type Code",
    "Commissioner",
    "Join Provider/Purchaser Date",
    "Left Provider/Purchaser Date",
    "Contact Telephone Number",
    "Null",
    "Null",
    "Null",
    "Amended Record Indicator",
    "Null",
    "Provider/Purchaser",
    "Null",
    "Prescribing Setting",
    "Null",
];

pub(crate) const PRACTICE: usize = 0;
const NAME: usize = 1;
pub(crate) const REGION: usize = 2;
pub(crate) const ICB: usize = 3;
const POSTCODE: usize = 9;
const OPENED: usize = 10;
const CLOSED: usize = 11;
const STATUS: usize = 12;
const SUB_TYPE: usize = 13;
const SUB_ICB: usize = 14;
const SETTING: usize = 25;

/// The publisher's name, since the file carries none.
const PUBLICATION: &str = "epraccur";

/// The layouts differ in the words for status and prescribing setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Status is a letter, the setting a number.
    Legacy,
    /// Status is a word, the setting one or more ODS role ids.
    New,
}

/// The English GP practices of an epraccur file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epraccur {
    /// Which layout the file had.
    pub layout: Layout,
    /// In the order of the file, each code once, of every status.
    pub practices: Vec<RegisteredPractice>,
    /// How many rows were passed over since they are no GP practice of England.
    pub others: u64,
}

/// One GP practice of England.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPractice {
    /// Its line in the file, from 1; writing ignores it.
    pub line: u64,
    /// Its code.
    pub code: PracticeCode,
    /// Its name.
    pub name: String,
    /// Its postcode, where given.
    pub postcode: Option<String>,
    /// Its region. In the old layout that of a closed practice may itself be closed.
    pub region: RegionCode,
    /// Its ICB, where given.
    pub icb: Option<IcbCode>,
    /// Its sub-ICB, where given. None too for a practice that lies in England and is commissioned by a Welsh health
    /// board.
    pub sub_icb: Option<SubIcbCode>,
    /// When it opened or will open.
    pub opened: Date,
    /// When it closed or will close.
    pub closed: Option<Date>,
    /// Its standing.
    pub status: Status,
}

/// Reads an epraccur file of either layout.
///
/// # Errors
/// Where the file as a whole is no sound epraccur file; GP practices of England with a bad or duplicate code, an
/// impossible date or an unknown status are rejections.
pub fn parse(bytes: &[u8]) -> Result<Reading<Epraccur>, Refusal> {
    let format = Format::Epraccur;
    let text = format.text(bytes)?;
    let layout = Layout::of(text);
    let mut draft = Epraccur { layout, practices: Vec::new(), others: 0 };
    let mut lines = BTreeMap::new();
    let rejections =
        rows::each(format, text, Header::None(COLUMNS), |row, faults| draft.take(row, &mut lines, faults))?;
    Ok(Reading { document: draft, rejections })
}

/// Do these cells look like a row of this file? Cheap and no more than likely.
pub(crate) fn is_row(cells: &[Cow<'_, str>]) -> bool {
    cells.len() == COLUMNS.len() && is_code(&cells[PRACTICE]) && !cells[STATUS].contains(' ')
}

/// Does this look like an ODS code of any kind of organisation?
pub(crate) fn is_code(cell: &str) -> bool {
    (3..=8).contains(&cell.len())
        && cell.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && cell.bytes().any(|byte| byte.is_ascii_digit())
}

impl Layout {
    const ALL: [Self; 2] = [Self::Legacy, Self::New];

    /// That of the first row whose status has a meaning in either; the new one where there is no such row.
    fn of(text: &str) -> Self {
        let of_line = |line| {
            let cells = rows::split(line).ok()?;
            let status = cells.get(STATUS)?.trim();
            Self::ALL.into_iter().find(|layout| layout.status(status).is_ok())
        };
        text.lines().find_map(of_line).unwrap_or(Self::New)
    }

    fn status(self, cell: &str) -> Result<Status, Reason> {
        match (self, cell) {
            (Self::Legacy, "A") | (Self::New, "ACTIVE") => Ok(Status::Active),
            (Self::Legacy, "C") | (Self::New, "INACTIVE") => Ok(Status::Closed),
            (Self::Legacy, "D") | (Self::New, "DORMANT") => Ok(Status::Dormant),
            (Self::Legacy, "P") => Ok(Status::Proposed),
            _ => {
                let (layout, expected) = match self {
                    Self::Legacy => ("old", "A, C, D and P"),
                    Self::New => ("new", "ACTIVE, INACTIVE and DORMANT"),
                };
                Err(Reason::UnknownStatus { given: crate::code::excerpt(cell), layout, expected })
            }
        }
    }

    fn is_gp_practice(self, setting: &str) -> bool {
        match self {
            Self::Legacy => setting == "4",
            Self::New => setting.split('|').any(|role| role.trim() == GP_PRACTICE_ROLE),
        }
    }
}

/// The ODS role "GP practice" as a prescribing setting.
const GP_PRACTICE_ROLE: &str = "RO76";

/// "Allocated to a parent organisation": what all but a few practices have.
const ALLOCATED: &str = "B";

impl Epraccur {
    /// False where the row is not read, for either reason; only faults say that it should have been.
    fn take(&mut self, row: &Row<'_>, lines: &mut BTreeMap<PracticeCode, u64>, faults: &mut Vec<Fault>) -> bool {
        let english = row.cell(REGION).starts_with('Y');
        if !english || !self.layout.is_gp_practice(row.cell(SETTING)) {
            self.others += 1;
            return false;
        }
        let clean = faults.len();
        let code = row.new_code(PRACTICE, lines, faults);
        let name = row.text(NAME, faults);
        let postcode = row.text_or_nothing(POSTCODE, faults);
        let region = row.code(REGION, faults);
        let icb = row.code_or_nothing(ICB, faults);
        let sub_icb = if is_welsh_board(row.cell(SUB_ICB)) { None } else { row.code_or_nothing(SUB_ICB, faults) };
        let opened = row.date(OPENED, Notation::Compact, faults);
        let closed = row.date_or_nothing(CLOSED, Notation::Compact, faults);
        if let (Some(opened), Some(closed)) = (opened, closed)
            && closed < opened
        {
            faults.push(row.fault(CLOSED, Reason::ClosedBeforeOpened { opened, closed }));
        }
        let status = row.read(STATUS, faults, |cell| self.layout.status(cell));
        let (Some(code), Some(name), Some(region), Some(opened), Some(status), true) =
            (code, name, region, opened, status, faults.len() == clean)
        else {
            return false;
        };
        lines.insert(code, row.line);
        let line = row.line;
        self.practices.push(RegisteredPractice {
            line,
            code,
            name,
            postcode,
            region,
            icb,
            sub_icb,
            opened,
            closed,
            status,
        });
        true
    }

    /// Those that are open, or to be opened: by the publisher's rule the English GP practices.
    pub fn active(&self) -> impl Iterator<Item = &RegisteredPractice> {
        self.practices.iter().filter(|practice| practice.status == Status::Active)
    }

    /// The organisations that practices which are not closed belong to, without names: every sub-ICB, the ICBs of these
    /// and their regions. What is named only by a practice or two that stand elsewhere is not among them, since it may
    /// as well be a slip.
    ///
    /// The file says of each practice which sub-ICB commissions it and in which ICB it lies. For a few those two do not
    /// fit together, since a surgery may stand beyond the border of its commissioner. So a sub-ICB is part of the ICB in
    /// which most of its practices lie, an ICB of the region of most; of equals the first by code.
    #[must_use]
    pub fn organisations(&self) -> Organisations {
        let mut icbs: BTreeMap<SubIcbCode, BTreeMap<IcbCode, usize>> = BTreeMap::new();
        let mut regions: BTreeMap<IcbCode, BTreeMap<RegionCode, usize>> = BTreeMap::new();
        let mut named = Organisations::default();
        for practice in self.practices.iter().filter(|practice| practice.status != Status::Closed) {
            let Some(icb) = practice.icb else { continue };
            *regions.entry(icb).or_default().entry(practice.region).or_default() += 1;
            if let Some(sub_icb) = practice.sub_icb {
                *icbs.entry(sub_icb).or_default().entry(icb).or_default() += 1;
            }
        }
        for (code, lies_in) in &icbs {
            let sub_icb = SubIcb { code: *code, name: String::new(), ons_code: None, icb: most(lies_in) };
            named.sub_icbs.insert(*code, sub_icb);
        }
        for sub_icb in named.sub_icbs.values() {
            let Some(region) = regions.get(&sub_icb.icb).map(most) else { continue };
            let icb = Icb { code: sub_icb.icb, name: String::new(), ons_code: None, region };
            named.icbs.insert(icb.code, icb);
            named.regions.insert(region, Region { code: region, name: String::new(), ons_code: None });
        }
        named
    }

    /// The file, in the new layout, which has no word for "proposed": such a practice is written as the publisher does,
    /// as active with its future open date.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(Quotes::Everywhere);
        for practice in &self.practices {
            let opened = date::without_separators(practice.opened);
            let closed = practice.closed.map(date::without_separators).unwrap_or_default();
            let mut cells = [""; COLUMNS.len()];
            cells[PRACTICE] = practice.code.as_str();
            cells[NAME] = &practice.name;
            cells[REGION] = practice.region.as_str();
            cells[ICB] = practice.icb.as_ref().map_or("", IcbCode::as_str);
            cells[POSTCODE] = practice.postcode.as_deref().unwrap_or_default();
            cells[OPENED] = &opened;
            cells[CLOSED] = &closed;
            cells[STATUS] = match practice.status {
                Status::Active | Status::Proposed => "ACTIVE",
                Status::Closed => "INACTIVE",
                Status::Dormant => "DORMANT",
            };
            cells[SUB_TYPE] = ALLOCATED;
            cells[SUB_ICB] = practice.sub_icb.as_ref().map_or("", SubIcbCode::as_str);
            cells[SETTING] = GP_PRACTICE_ROLE;
            writer.row(cells);
        }
        writer.finish()
    }
}

/// The code that was counted most often; there is one.
fn most<C: Copy + Ord>(counts: &BTreeMap<C, usize>) -> C {
    let most = counts.iter().max_by_key(|(code, count)| (**count, std::cmp::Reverse(**code)));
    *most.expect("whatever is counted was counted at least once").0
}

/// `7A` and a digit: a local health board of Wales.
fn is_welsh_board(commissioner: &str) -> bool {
    commissioner.len() == 3 && commissioner.starts_with("7A") && commissioner.ends_with(|c: char| c.is_ascii_digit())
}

impl From<Epraccur> for Directory {
    fn from(epraccur: Epraccur) -> Self {
        let organisations = epraccur.organisations();
        let row = |practice: RegisteredPractice| PracticeRow {
            name: Some(practice.name),
            postcode: practice.postcode,
            sub_icb: practice.sub_icb,
            icb: practice.icb,
            region: Some(practice.region),
            opened: Some(practice.opened),
            closed: practice.closed,
            status: Some(practice.status),
            ..PracticeRow::new(practice.line, practice.code)
        };
        let source = Source { publication: PUBLICATION.into(), extract_date: None };
        let practices = epraccur.practices.into_iter().map(row).collect();
        Self { format: Format::Epraccur, source, organisations, practices }
    }
}
