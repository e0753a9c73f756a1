//! What a publication freezes: the numbers of each practice as at a moment and as known at one, exact. Never shown as it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};
use serde::{Deserialize, Serialize};

use super::level::{Level, PublishedArea};
use super::wave_name::WaveName;
use crate::area::Area;
use crate::day::Day;
use crate::directory::{Directory, Viewpoint};
use crate::event::Channel;
use crate::practice_set::PracticeSet;
use crate::returns::Returns;
use crate::sketch::Estimate;

/// The practices that were open, and what was counted at them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Who counted the lists.
    pub list_sources: Vec<String>,
    /// The waves of which the publication tells, as they were named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<WaveName>,
    /// By code.
    pub practices: Vec<PracticeContent>,
    /// Times that a record was opened in the period, in England.
    pub record_views: u64,
    /// The same by app; None where the period has no such figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views_by_channel: Option<CountedViews>,
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
    /// Sub-ICB location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_icb: Option<SubIcbCode>,
    /// Primary care network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcn: Option<PcnCode>,
    /// Maker of its GP system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Supplier>,
    /// Its wave, as an index of [`Content::waves`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<usize>,
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
    /// Of a correction, the areas of which nobody knows it: to them came since they were counted a practice that had more viewers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uncounted: BTreeSet<String>,
}

/// Views of records by the app by which they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedViews {
    /// By what was known at this moment.
    pub known_at: Timestamp,
    /// By the app's id; those by which nothing came are left out.
    pub by_channel: BTreeMap<String, u64>,
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
                sub_icb: view.place.sub_icb,
                pcn: view.place.pcn,
                supplier: view.place.supplier.clone(),
                wave: None,
                list,
                live: view.is_live,
                accounts,
                viewers: None,
            });
        }
        content
    }

    /// The area of that level in which a practice lies.
    #[must_use]
    pub fn area(&self, practice: &PracticeContent, level: Level) -> Option<PublishedArea> {
        let area = match level {
            Level::England => Some(Area::England),
            Level::Region => practice.region.map(Area::Region),
            Level::Icb => practice.icb.map(Area::Icb),
            Level::SubIcb => practice.sub_icb.map(Area::SubIcb),
            Level::Pcn => practice.pcn.map(Area::Pcn),
            Level::Supplier => practice.supplier.clone().map(Area::Supplier),
            Level::Practice => Some(Area::Practice(practice.code)),
            Level::Wave => return self.waves.get(practice.wave?).cloned().map(PublishedArea::Wave),
            Level::Channel => None,
        };
        area.map(PublishedArea::Area)
    }

    /// Says which practices are of which wave; each is of one at most, the first that names it.
    pub fn add_waves(&mut self, waves: &BTreeMap<WaveName, BTreeSet<PracticeCode>>) {
        self.waves = waves.keys().cloned().collect();
        for practice in &mut self.practices {
            practice.wave = waves.values().position(|practices| practices.contains(&practice.code));
        }
    }

    /// The waves, each with those of its practices that were open.
    #[must_use]
    pub fn members_of_waves(&self) -> Vec<PracticeSet> {
        let members = |number: usize| {
            let inside = self.practices.iter().filter(|practice| practice.wave == Some(number));
            inside.map(|practice| practice.code).collect()
        };
        let named = self.waves.iter().enumerate();
        named.map(|(number, wave)| PracticeSet { name: wave.to_string(), practices: members(number) }).collect()
    }

    /// Which of [`Level::ASKED_FOR`] it has.
    pub(super) fn levels_asked_for(&self) -> BTreeSet<Level> {
        let has = |level: &Level| self.practices.iter().any(|practice| self.area(practice, *level).is_some());
        Level::ASKED_FOR.into_iter().filter(has).collect()
    }

    /// Forgets where practices lie by those of [`Level::ASKED_FOR`] that are not among these.
    pub(super) fn keep_levels(&mut self, levels: &BTreeSet<Level>) {
        for practice in &mut self.practices {
            practice.sub_icb = practice.sub_icb.filter(|_| levels.contains(&Level::SubIcb));
            practice.pcn = practice.pcn.filter(|_| levels.contains(&Level::Pcn));
        }
    }

    /// Takes the waves from an earlier issue: which practices are of a wave is said once for a publication.
    pub(super) fn keep_waves_of(&mut self, earlier: &Self) {
        let waves: BTreeMap<PracticeCode, Option<usize>> =
            earlier.practices.iter().map(|practice| (practice.code, practice.wave)).collect();
        for practice in &mut self.practices {
            practice.wave = waves.get(&practice.code).copied().flatten();
        }
        self.waves.clone_from(&earlier.waves);
    }

    /// Adds how often records were opened in England by each app, as known at a moment.
    pub fn add_views_by_channel(&mut self, known_at: Timestamp, views: &BTreeMap<Channel, u64>) {
        let some = views.iter().filter(|(_, count)| **count > 0);
        let by_channel = some.map(|(channel, count)| (channel.to_string(), *count)).collect();
        self.views_by_channel = Some(CountedViews { known_at, by_channel });
    }

    /// Takes the views by app from an earlier issue of the same period, for the reason of [`Self::keep_viewers_of`].
    pub(super) fn keep_views_by_channel_of(&mut self, earlier: &Self) {
        self.views_by_channel.clone_from(&earlier.views_by_channel);
    }

    /// Adds who viewed, as known at a moment: in England, and in each of [`Self::areas_with_viewers`].
    pub fn add_viewers(&mut self, known_at: Timestamp, england: Estimate, others: &BTreeMap<PublishedArea, Estimate>) {
        let mut viewers = CountedViewers {
            known_at,
            england: england.value,
            lower_bound: england.lower_bound,
            upper_bound: england.upper_bound,
            by_area: BTreeMap::new(),
            uncounted: BTreeSet::new(),
        };
        for (area, estimate) in others {
            if estimate.value > 0 && !matches!(area, PublishedArea::Area(Area::Practice(_))) {
                viewers.by_area.insert(area.to_string(), estimate.value);
            }
        }
        for practice in &mut self.practices {
            let of_practice = PublishedArea::Area(Area::Practice(practice.code));
            let counted = others.get(&of_practice).map_or(0, |estimate| estimate.value);
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
        let joined = self.areas_joined_by_viewers(earlier);
        if let Some(counted) = &mut self.viewers {
            let by_area = &counted.by_area;
            let is_counted = |(area, most): &(String, u64)| by_area.get(area).is_some_and(|count| most <= count);
            let uncounted = joined.into_iter().filter(|area| !is_counted(area)).map(|(area, _)| area).collect();
            counted.uncounted = counted.uncounted.union(&uncounted).cloned().collect();
        }
    }

    /// The areas to which practices with viewers have come since an earlier issue, with the most that any of those had. An area has no
    /// fewer viewers than any practice in it: where that one has more, what was counted is not of the practices that are there now.
    fn areas_joined_by_viewers(&self, earlier: &Self) -> BTreeMap<String, u64> {
        let before: BTreeMap<PracticeCode, &PracticeContent> =
            earlier.practices.iter().map(|practice| (practice.code, practice)).collect();
        let mut joined: BTreeMap<String, u64> = BTreeMap::new();
        for practice in &self.practices {
            let viewers = practice.viewers.unwrap_or(0);
            for level in [Level::Region, Level::Icb, Level::Supplier, Level::SubIcb, Level::Pcn] {
                let area = self.area(practice, level);
                let left = before.get(&practice.code).and_then(|before| earlier.area(before, level));
                if let Some(area) = area.filter(|area| viewers > 0 && Some(area) != left.as_ref()) {
                    let most = joined.entry(area.to_string()).or_default();
                    *most = viewers.max(*most);
                }
            }
        }
        joined
    }

    /// The areas below England of which people who viewed are to be counted.
    #[must_use]
    pub fn areas_with_viewers(&self) -> BTreeSet<PublishedArea> {
        let below_england = Level::OF_PRACTICES.into_iter().filter(|level| *level != Level::England);
        below_england.flat_map(|level| self.practices.iter().filter_map(move |one| self.area(one, level))).collect()
    }
}
