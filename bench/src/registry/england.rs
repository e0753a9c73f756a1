//! The practices: a synthetic England of the real size, or a larger one.

use anyhow::Context;
use jiff::civil::{Date, date};
use sample::{PRACTICES_COUNT_DEFAULT, Recipe};

/// The day that the files describe; nothing depends on which.
const EXTRACT_DATE: Date = date(2026, 8, 1);
const SEED: u64 = 1;

/// A register, as the publishers' files.
#[derive(Debug)]
pub(crate) struct England {
    files: [sample::File; 3],
    codes: Vec<String>,
}

impl England {
    /// As many practices as there are.
    pub(crate) fn national() -> anyhow::Result<Self> {
        Self::large(PRACTICES_COUNT_DEFAULT)
    }

    /// That many.
    pub(crate) fn large(practices_count: u32) -> anyhow::Result<Self> {
        let recipe = Recipe { practices_count, ..Recipe::new(SEED, EXTRACT_DATE) };
        let england = sample::England::new(&recipe).context("no such England")?;
        let codes = england.map.practices.iter().map(|practice| practice.code.to_string()).collect();
        Ok(Self { files: england.files(), codes })
    }

    /// The map, and the list sizes.
    pub(crate) fn map_and_list_sizes(&self) -> (&[u8], &[u8]) {
        let [map, list_sizes, _] = &self.files;
        (&map.bytes, &list_sizes.bytes)
    }

    /// ODS codes in order.
    pub(crate) fn codes(&self) -> &[String] {
        &self.codes
    }

    pub(crate) fn practices_count(&self) -> u32 {
        u32::try_from(self.codes.len()).unwrap_or(u32::MAX)
    }
}
