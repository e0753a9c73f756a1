//! Bank holidays of England and Wales (bank-holidays.json of GOV.UK).
//!
//! A calendar that lacks one bank holiday would let a practice go live on it. So there are no rejected rows here: one
//! unreadable date refuses the file. What is said of a date beyond the last known bank holiday is "unknown", never
//! "a working day" (rule 2).

use crate::date::Notation;
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::{rows, text};
use jiff::civil::Date;
use pseudonym::in_text;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The division of the file that is read.
const DIVISION: &str = "england-and-wales";

/// The bank holidays of England and Wales, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankHolidays {
    days: BTreeMap<Date, BankHoliday>,
    first: Date,
    last: Date,
}

/// One bank holiday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankHoliday {
    /// What it is called: `Easter Monday`.
    pub title: String,
    /// The publisher's note, such as `Substitute day`; mostly empty.
    pub notes: String,
    /// Whether the publisher suggests flags.
    pub bunting: bool,
}

/// What is known of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day<'a> {
    /// It is a bank holiday.
    Holiday(&'a BankHoliday),
    /// It is none.
    Ordinary,
    /// It lies before the year of the first known bank holiday or after the last known one.
    Unknown,
}

impl BankHolidays {
    /// None where `days` is empty: of no day at all would anything be known.
    #[must_use]
    pub fn new(days: BTreeMap<Date, BankHoliday>) -> Option<Self> {
        let first = days.first_key_value()?.0.first_of_year();
        let last = *days.last_key_value()?.0;
        Some(Self { days, first, last })
    }

    /// What is known of `date`.
    #[must_use]
    pub fn on(&self, date: Date) -> Day<'_> {
        match self.days.get(&date) {
            Some(holiday) => Day::Holiday(holiday),
            None if (self.first..=self.last).contains(&date) => Day::Ordinary,
            None => Day::Unknown,
        }
    }

    /// The last known bank holiday; nothing is known of later dates.
    #[must_use]
    pub fn last_known(&self) -> Date {
        self.last
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = (Date, &BankHoliday)> {
        self.days.iter().map(|(date, holiday)| (*date, holiday))
    }

    /// The file, with this one division.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let events = self.days.iter().map(|(date, holiday)| WrittenEvent {
            title: &holiday.title,
            date: date.to_string(),
            notes: &holiday.notes,
            bunting: holiday.bunting,
        });
        let division = WrittenDivision { division: DIVISION, events: events.collect() };
        let file = BTreeMap::from([(DIVISION, division)]);
        let mut bytes = serde_json::to_vec_pretty(&file).expect("texts and booleans are written to memory");
        bytes.push(b'\n');
        bytes
    }
}

#[derive(Serialize)]
struct WrittenDivision<'a> {
    division: &'static str,
    events: Vec<WrittenEvent<'a>>,
}

#[derive(Serialize)]
struct WrittenEvent<'a> {
    title: &'a str,
    date: String,
    notes: &'a str,
    bunting: bool,
}

/// Reads the bank holidays of England and Wales; the other divisions need only be JSON. There are never rejections.
///
/// # Errors
/// Where the file is broken, lacks the division, or any of its dates is impossible or there twice.
pub fn parse(bytes: &[u8]) -> Result<Reading<BankHolidays>, Refusal> {
    let format = Format::BankHolidays;
    let refuse = |fault| Refusal::of(format, fault);
    let text = format.text(bytes)?;
    let file = Part::whole(text);
    let divisions: BTreeMap<String, &RawValue> = file.read().map_err(refuse)?;
    let division = divisions.get(DIVISION).ok_or_else(|| refuse(file.fault("", Reason::NoDivision)))?;
    let division = file.part(division.get());
    let events: ReadDivision<'_> = division.read().map_err(refuse)?;
    let days = days(&division, &events.events).map_err(|faults| Refusal::of_all(format, faults))?;
    match BankHolidays::new(days) {
        Some(holidays) => Ok(Reading { document: holidays, rejections: Vec::new() }),
        None => Err(refuse(division.fault("events", Reason::NoRows))),
    }
}

#[derive(Deserialize)]
struct ReadDivision<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Each value is kept with its text, since its place in the file is where the text lies.
#[derive(Deserialize)]
struct ReadEvent<'a> {
    #[serde(borrow)]
    title: &'a RawValue,
    #[serde(borrow)]
    date: &'a RawValue,
    #[serde(borrow)]
    notes: Option<&'a RawValue>,
    #[serde(default)]
    bunting: bool,
}

fn days(division: &Part<'_>, events: &[&RawValue]) -> Result<BTreeMap<Date, BankHoliday>, Vec<Fault>> {
    let mut days = BTreeMap::new();
    let mut lines = BTreeMap::new();
    let mut faults = Vec::new();
    let mut here = division.clone();
    for event in events {
        // From event to event, so that the text is walked once however many there are.
        here = here.part(event.get());
        match day(&here) {
            Ok((date, holiday)) => {
                if let Some(first_line) = lines.insert(date, here.line) {
                    faults.push(here.fault("date", Reason::Duplicate { what: date.to_string(), first_line }));
                }
                days.insert(date, holiday);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(days) } else { Err(faults) }
}

fn day(event: &Part<'_>) -> Result<(Date, BankHoliday), Fault> {
    let read: ReadEvent<'_> = event.read()?;
    let title = event.part(read.title.get()).plain("title")?;
    if title.trim().is_empty() {
        return Err(event.part(read.title.get()).fault("title", Reason::Missing));
    }
    let notes = match read.notes {
        Some(notes) => event.part(notes.get()).plain("notes")?,
        None => String::new(),
    };
    let date = event.part(read.date.get());
    let day: String = date.read()?;
    let day = Notation::Iso.parse(&day).map_err(|reason| date.fault("date", reason))?;
    Ok((day, BankHoliday { title, notes, bunting: read.bunting }))
}

/// A value's piece of the file's text, with its place.
#[derive(Clone)]
struct Part<'a> {
    file: &'a str,
    text: &'a str,
    offset: usize,
    line: u64,
    column: u64,
}

impl<'a> Part<'a> {
    fn whole(file: &'a str) -> Self {
        Self { file, text: file, offset: 0, line: 1, column: 1 }
    }

    /// `text` lies in the file, after the beginning of this part: as serde_json borrows it, it need not be searched.
    fn part(&self, text: &'a str) -> Self {
        let offset = (text.as_ptr() as usize).saturating_sub(self.file.as_ptr() as usize);
        let between = self.file.get(self.offset..offset).unwrap_or_default();
        let (lines, column) = text::place(between, between.len());
        let line = self.line + lines - 1;
        let column = if lines == 1 { self.column + column - 1 } else { column };
        Self { file: self.file, text, offset, line, column }
    }

    fn read<T: Deserialize<'a>>(&self) -> Result<T, Fault> {
        serde_json::from_str(self.text).map_err(|error| {
            // serde_json counts from the beginning of the part, whose first line may begin in mid-line.
            let line_in_part = error.line().max(1) as u64;
            let column_before = if line_in_part == 1 { self.column - 1 } else { 0 };
            let column = column_before + error.column().max(1) as u64;
            let reason = match error.is_eof() {
                true => Reason::Truncated,
                // It may repeat a value of the wrong kind.
                false => Reason::Json { message: in_text::told(&without_place(&error)).to_owned() },
            };
            Fault::at(self.line + line_in_part - 1, column, reason)
        })
    }

    /// A string of the kind that names are.
    fn plain(&self, name: &'static str) -> Result<String, Fault> {
        rows::plain(&self.read::<String>()?).map_err(|reason| self.fault(name, reason))
    }

    fn fault(&self, name: &'static str, reason: Reason) -> Fault {
        Fault::new(self.line, self.column, name, reason)
    }
}

/// serde_json ends its messages with a place of its own, which is counted from another beginning than ours.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}
