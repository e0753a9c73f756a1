//! Practices as a file, worded piece by piece: what comes before them, each of them, what comes after.
//!
//! What is worded is the directory's part: who a practice is, from when to when, where, with which supplier, with how
//! many patients; in CSV also what was last observed. Pauses, permits and readiness are nobody's reference data and
//! stay here.

mod csv;
mod fhir;

use jiff::Timestamp;
use practice::{AsOf, View};

/// The file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Fhir,
}

/// Words a file.
#[derive(Debug)]
pub(crate) struct Exporter {
    words: Words,
    history: bool,
}

#[derive(Debug)]
enum Words {
    Csv,
    Fhir(fhir::Bundle),
}

impl Exporter {
    pub(crate) fn new(format: Format, history: bool) -> Self {
        let words = match format {
            Format::Csv => Words::Csv,
            Format::Fhir => Words::Fhir(fhir::Bundle::new(history)),
        };
        Self { words, history }
    }

    /// What comes before the practices. `made_at` is the moment that the file shows.
    pub(crate) fn begin(&self, made_at: Timestamp) -> Vec<u8> {
        match &self.words {
            Words::Csv => csv::header(self.history),
            Words::Fhir(bundle) => bundle.begin(made_at).into_bytes(),
        }
    }

    /// A practice as the view shows it; with history, all that was said of it within the bounds of `as_of`.
    pub(crate) fn practice(&mut self, view: View<'_>, as_of: AsOf) -> Vec<u8> {
        match (&mut self.words, self.history) {
            (Words::Csv, false) => csv::row(view),
            (Words::Csv, true) => csv::facts(view.practice(), as_of),
            (Words::Fhir(bundle), false) => bundle.practice(view, as_of).into_bytes(),
            (Words::Fhir(bundle), true) => bundle.versions(view, as_of).into_bytes(),
        }
    }

    /// What comes after the practices.
    pub(crate) fn end(&self) -> Vec<u8> {
        match &self.words {
            Words::Csv => Vec::new(),
            Words::Fhir(bundle) => bundle.end().into_bytes(),
        }
    }
}
