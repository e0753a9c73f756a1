//! The publishers' files of a small synthetic England, in a temporary folder, as a user would have downloaded them.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use sample::{England, Recipe, SupplierMix};
use tempfile::TempDir;

/// The files.
pub(crate) struct EnglandFiles {
    folder: TempDir,
    pub(crate) england: England,
}

impl EnglandFiles {
    /// That many practices, all of EMIS, as at `extract_date`; bank holidays of that year and the two around it.
    pub(crate) fn of_emis(practices_count: u32, extract_date: Date) -> Self {
        Self::of_suppliers("EMIS=1", practices_count, extract_date)
    }

    /// The same with suppliers in such a proportion.
    pub(crate) fn of_suppliers(mix: &str, practices_count: u32, extract_date: Date) -> Self {
        let supplier_mix: SupplierMix = mix.parse().expect("a mix");
        let recipe = Recipe { practices_count, supplier_mix, ..Recipe::new(11, extract_date) };
        let england = England::new(&recipe).expect("so few practices can be made");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for file in england.files() {
            fs::write(folder.path().join(file.name), &file.bytes).expect("it can be written");
        }
        let year = extract_date.year();
        let holidays = sample::bank_holidays(year - 1..=year + 1, &[]).expect("these years have bank holidays");
        fs::write(folder.path().join("bank-holidays.json"), holidays.encode()).expect("it can be written");
        Self { folder, england }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn map(&self) -> PathBuf {
        self.folder.path().join("gp-reg-pat-prac-map.csv")
    }

    pub(crate) fn list_sizes(&self) -> PathBuf {
        self.folder.path().join("gp-reg-pat-prac-all.csv")
    }

    pub(crate) fn epraccur(&self) -> PathBuf {
        self.folder.path().join("epraccur.csv")
    }

    pub(crate) fn bank_holidays(&self) -> PathBuf {
        self.folder.path().join("bank-holidays.json")
    }

    /// The code of the practice at that place of the map.
    pub(crate) fn practice(&self, index: usize) -> String {
        self.england.map.practices[index].code.to_string()
    }

    /// All its patients.
    pub(crate) fn patients(&self) -> u64 {
        self.england.list_sizes.practices.iter().map(|practice| u64::from(practice.patients)).sum()
    }
}
