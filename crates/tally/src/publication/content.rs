//! What a publication freezes: the numbers of each practice as at a moment and as known at one, exact. Never shown as it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, PracticeCode, RegionCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::area::Area;
use crate::day::Day;
use crate::directory::{Directory, Viewpoint};
use crate::returns::Returns;
use crate::sketch::Estimate;

/// The practices that were open, and what was counted at them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Who counted the lists.
    pub list_sources: Vec<String>,
    /// By code.
    pub practices: Vec<PracticeContent>,
    /// Times that a record was opened in the period, in England.
    pub record_views: u64,
    /// Who opened one; None where the period has no such figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewers: Option<CountedViewers>,
}

/// One practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PracticeContent {
    /// Which.
    pub code: PracticeCode,
    /// NHS England region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionCode>,
    /// Integrated care board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icb: Option<IcbCode>,
    /// Maker of its GP system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Supplier>,
    /// Patients registered, where anybody counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<List>,
    /// Whether it was live.
    pub live: bool,
    /// Accounts with access: of live practices, by their latest return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Accounts>,
    /// People who opened a record there: of live practices, and of others where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewers: Option<u64>,
}

/// Patients registered at a practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// So many.
    pub patients: u64,
    /// Who counted, as an index of [`Content::list_sources`].
    pub source: usize,
    /// The day the count is of, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_at: Option<Date>,
}

/// Accounts with access at a practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// So many.
    pub count: u64,
    /// Who counted.
    pub supplier: Supplier,
    /// Last day of the return's period.
    pub period_end: Date,
}

/// Distinct people of areas: fewer than their practices' together, since some were at several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedViewers {
    /// By what was known at this moment.
    pub known_at: Timestamp,
    /// In England.
    pub england: u64,
    /// Rarely fewer.
    pub lower_bound: u64,
    /// Rarely more.
    pub upper_bound: u64,
    /// By area, those without anybody left out.
    pub by_area: BTreeMap<String, u64>,
}

/// How finely practices are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All together.
    England,
    /// By region.
    Region,
    /// By integrated care board.
    Icb,
    /// By maker of the GP system.
    Supplier,
    /// Each by itself.
    Practice,
}

impl Level {
    /// From the coarsest to the finest.
    pub const ALL: [Self; 5] = [Self::England, Self::Region, Self::Icb, Self::Supplier, Self::Practice];

    /// As it is called in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::England => "england",
            Self::Region => "region",
            Self::Icb => "icb",
            Self::Supplier => "supplier",
            Self::Practice => "practice",
        }
    }

    /// The level whose areas gather those of this one into groups.
    #[must_use]
    pub fn within(self) -> Option<Self> {
        match self {
            Self::England => None,
            Self::Region | Self::Supplier => Some(Self::England),
            Self::Icb => Some(Self::Region),
            Self::Practice => Some(Self::Icb),
        }
    }
}

impl PracticeContent {
    /// The area of that level in which it lies.
    #[must_use]
    pub fn area(&self, level: Level) -> Option<Area> {
        match level {
            Level::England => Some(Area::England),
            Level::Region => self.region.map(Area::Region),
            Level::Icb => self.icb.map(Area::Icb),
            Level::Supplier => self.supplier.clone().map(Area::Supplier),
            Level::Practice => Some(Area::Practice(self.code)),
        }
    }
}

impl Content {
    /// Who was open, how large, live and with how many accounts; nothing of views yet.
    #[must_use]
    pub fn of(from: &Viewpoint, directory: &Directory, returns: &Returns) -> Self {
        let day = Day::of(from.as_at);
        let mut content = Self::default();
        for view in directory.open_in(&Area::England, from) {
            let list = view.list_size.map(|list| {
                let known = content.list_sources.iter().position(|source| *source == list.source);
                let source = known.unwrap_or_else(|| {
                    content.list_sources.push(list.source.clone());
                    content.list_sources.len() - 1
                });
                List { patients: list.patients, source, as_at: list.as_at }
            });
            // Accounts elsewhere show nobody a prospective record.
            let latest =
                view.is_live.then(|| returns.latest(&from.capability, view.code, day, from.known_at)).flatten();
            let accounts = latest.map(|(period_end, revision)| Accounts {
                count: revision.figures.accounts_with_access,
                supplier: revision.supplier.clone(),
                period_end,
            });
            content.practices.push(PracticeContent {
                code: view.code,
                region: view.place.region,
                icb: view.place.icb,
                supplier: view.place.supplier.clone(),
                list,
                live: view.is_live,
                accounts,
                viewers: None,
            });
        }
        content
    }

    /// Adds who viewed, as known at a moment: in England, and in each of [`Self::areas_with_viewers`].
    pub fn add_viewers(&mut self, known_at: Timestamp, england: Estimate, others: &BTreeMap<Area, Estimate>) {
        let mut viewers = CountedViewers {
            known_at,
            england: england.value,
            lower_bound: england.lower_bound,
            upper_bound: england.upper_bound,
            by_area: BTreeMap::new(),
        };
        for (area, estimate) in others {
            if estimate.value > 0 && !matches!(area, Area::Practice(_)) {
                viewers.by_area.insert(area.to_string(), estimate.value);
            }
        }
        for practice in &mut self.practices {
            let counted = others.get(&Area::Practice(practice.code)).map_or(0, |estimate| estimate.value);
            practice.viewers = (practice.live || counted > 0).then_some(counted);
        }
        self.viewers = Some(viewers);
    }

    /// Takes who viewed from an earlier issue of the same period. Events only ever add people, so that a later count is known not
    /// to be less: counted once, there is nothing to be told by comparing.
    pub(super) fn keep_viewers_of(&mut self, earlier: &Self) {
        let counted: BTreeMap<PracticeCode, Option<u64>> =
            earlier.practices.iter().map(|practice| (practice.code, practice.viewers)).collect();
        for practice in &mut self.practices {
            practice.viewers = counted.get(&practice.code).copied().flatten();
        }
        self.viewers.clone_from(&earlier.viewers);
    }

    /// The areas below England of which people who viewed are to be counted.
    #[must_use]
    pub fn areas_with_viewers(&self) -> BTreeSet<Area> {
        let levels = [Level::Region, Level::Icb, Level::Supplier, Level::Practice];
        self.practices.iter().flat_map(|practice| levels.map(|level| practice.area(level))).flatten().collect()
    }
}
