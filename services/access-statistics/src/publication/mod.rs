//! The files of an issue: rows as CSV and JSON, what the rows mean (CSV on the Web), and what they say, in plain words. All of
//! them are made anew from what was frozen, and come out the same each time; only a draft's summary says that it is one.
//!
//! What is shown is `tally`'s; nothing exact gets here but what is shown exactly.

mod columns;
mod csvw;
mod rows;
mod words;

use jiff::Timestamp;
use ods::civil::in_london;
use tally::{Definition, Exactness, Issue, Issued, Measure, PublicationPeriod, PublishedFigure};

/// The files there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    CsvwMetadata,
    Summary,
}

/// An issue with what its files say beside its figures.
#[derive(Clone, Debug)]
pub(crate) struct Edition {
    pub(crate) issued: Issued,
    /// The issue before, where this corrects one.
    pub(crate) corrected: Option<Issued>,
    /// When everybody may see it.
    pub(crate) release_at: Timestamp,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Edition {
    /// One of its files.
    pub(crate) fn file(&self, format: Format) -> File {
        let figures = self.issue().figures();
        let (ending, media_type, bytes) = match format {
            Format::Csv => (".csv", "text/csv; charset=utf-8; header=present", rows::csv(self.issue(), &figures)),
            Format::Json => (".json", "application/json", rows::json(self, &figures)),
            Format::CsvwMetadata => (".csv-metadata.json", "application/csvm+json", csvw::metadata(self)),
            Format::Summary => (".md", "text/markdown; charset=utf-8", words::summary(self, &figures).into_bytes()),
        };
        File { name: format!("{}{ending}", self.stem()), media_type, bytes }
    }

    fn issue(&self) -> &Issue {
        &self.issued.issue
    }

    /// `access-2031-02-issue-1`: no two issues share a name.
    fn stem(&self) -> String {
        let name = &self.issue().name;
        format!("access-{}-issue-{}", name.publication.id(), name.issue)
    }

    fn title(&self) -> String {
        let name = &self.issue().name;
        let of = match name.publication.period {
            PublicationPeriod::Month(first) => first.strftime("%B %Y").to_string(),
            PublicationPeriod::Week(monday) => format!("week from {}", monday.strftime("%-d %B %Y")),
        };
        format!("Patients' access to GP records, {of}, issue {}", name.issue)
    }

    /// The definitions of all that it shows.
    fn definitions(&self) -> Vec<&'static Definition> {
        measures(self.issue()).into_iter().map(Measure::definition).collect()
    }
}

/// The figures and denominators of an issue.
pub(crate) fn measures(issue: &Issue) -> Vec<Measure> {
    let mut measures = vec![Measure::PracticesLive, Measure::PracticesTotal, Measure::RecordViews];
    for figure in issue.remedies.keys() {
        measures.push(figure.measure());
        measures.extend(figure.measure().definition().denominator);
    }
    measures.sort();
    measures.dedup();
    measures
}

/// How exact a figure is, in one word.
fn exactness(figure: &PublishedFigure) -> &'static str {
    match figure.value.exactness() {
        Exactness::Exact => "exact",
        Exactness::Rounded => "rounded",
        Exactness::Withheld => "withheld",
    }
}

/// `28 February 2031, 09:30 GMT`
fn moment(at: Timestamp) -> String {
    in_london(at).strftime("%-d %B %Y, %H:%M %Z").to_string()
}
