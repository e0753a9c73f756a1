//! How far practices have come by the monthly measure of 2024, and how many patients the review code excludes, by areas.
//!
//! Of the measure's four steps two are counted here, by the words of their definitions. What the first two ask is not known to
//! this program, and no figure stands in their place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::area::{Area, AreaKind};
use crate::day::Day;
use crate::definition::Measure;
use crate::directory::{Directory, ObservedState, PracticeView, Viewpoint};
use crate::returns::{Returns, Revision};
use crate::summary::{Denominator, Figure, Sum};

/// Of a hundred online accounts, so many have access where step 4 is met.
pub const ACCOUNTS_WITH_ACCESS_PERCENT_MIN: u64 = 90;

/// How far an area's practices have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compliance {
    /// Step 3.
    pub default_for_new_users: Figure,
    /// Step 4.
    pub on_for_most_accounts: Figure,
    /// What step 4 looks at, summed.
    pub accounts_with_access: Figure,
    /// Excluded by the review code, out of the lists that the same returns give.
    pub patients_excluded: Figure,
}

/// Counts by areas of one kind within an area; without a kind, of that area alone, which then is always there.
#[must_use]
pub fn compliance(
    within: &Area,
    group_by: Option<AreaKind>,
    from: &Viewpoint,
    directory: &Directory,
    returns: &Returns,
) -> BTreeMap<Area, Compliance> {
    let day = Day::of(from.as_at);
    let mut sums: BTreeMap<Area, Sums<'_>> = BTreeMap::new();
    if group_by.is_none() {
        sums.insert(within.clone(), Sums::default());
    }
    for practice in directory.open_in(within, from) {
        let area = match group_by {
            None => Some(within.clone()),
            Some(kind) => practice.place.area(kind, practice.code),
        };
        let Some(area) = area else { continue };
        let latest = returns.latest(&from.capability, practice.code, day, from.known_at);
        sums.entry(area).or_default().add(&practice, latest);
    }
    sums.into_iter().map(|(area, sums)| (area, sums.into_compliance(day))).collect()
}

/// Running sums over the practices of an area.
#[derive(Debug, Default)]
struct Sums<'a> {
    practices: u64,
    default: Verdicts,
    most: Verdicts,
    accounts: Sum<'a>,
    with_access: u64,
    lists: Sum<'a>,
    excluded: u64,
}

/// Practices at which something holds, and those of which it is not known.
#[derive(Clone, Copy, Debug, Default)]
struct Verdicts {
    held: u64,
    unknown: u64,
}

impl Verdicts {
    fn add(&mut self, verdict: Option<bool>) {
        match verdict {
            Some(true) => self.held += 1,
            Some(false) => {}
            None => self.unknown += 1,
        }
    }
}

impl<'a> Sums<'a> {
    fn add(&mut self, practice: &PracticeView<'a>, latest: Option<(Date, &'a Revision)>) {
        self.practices += 1;
        let is_default = match practice.observed {
            _ if practice.is_live => Some(true),
            None | Some(ObservedState::Unknown) => None,
            Some(ObservedState::On | ObservedState::Partial | ObservedState::Off) => Some(false),
        };
        self.default.add(is_default);

        let counted = |whole: Option<u64>| {
            let (end, revision) = latest?;
            Some((whole?, revision.supplier.as_str(), Some(end)))
        };
        let figures = latest.map(|(_, revision)| &revision.figures);
        let online = figures.and_then(|figures| figures.online_accounts).filter(|accounts| *accounts > 0);
        let with_access = figures.map_or(0, |figures| figures.accounts_with_access);
        // Accounts at a practice that is not live show nobody a prospective record.
        self.most.add(match (is_default, online) {
            (Some(false), _) => Some(false),
            (None, _) | (_, None) => None,
            (Some(true), Some(online)) => Some(with_access * 100 >= online * ACCOUNTS_WITH_ACCESS_PERCENT_MIN),
        });
        if practice.is_live {
            self.accounts.add(counted(online));
            self.with_access += online.map_or(0, |_| with_access);
        }
        let list = figures.and_then(|figures| figures.patients_registered);
        self.lists.add(counted(list));
        self.excluded += list.map_or(0, |_| figures.map_or(0, |figures| figures.excluded_by_review_code));
    }

    fn into_compliance(self, day: Day) -> Compliance {
        let practices = Denominator {
            measure: Measure::PracticesTotal,
            value: self.practices,
            source: "practice registry".to_owned(),
            as_at: Some(day.date()),
        };
        let step = |measure, verdicts: Verdicts| Figure {
            measure,
            value: verdicts.held,
            denominator: Some(practices.clone()),
            practices_without_data: verdicts.unknown,
        };
        let part = |measure, value, whole: &Sum<'_>, of| Figure {
            measure,
            value,
            denominator: Some(whole.denominator(of)),
            practices_without_data: whole.missing(),
        };
        Compliance {
            default_for_new_users: step(Measure::ComplianceStep3, self.default),
            on_for_most_accounts: step(Measure::ComplianceStep4, self.most),
            accounts_with_access: part(
                Measure::AccountsWithAccess,
                self.with_access,
                &self.accounts,
                Measure::OnlineAccounts,
            ),
            patients_excluded: part(Measure::PatientsExcluded, self.excluded, &self.lists, Measure::PatientsReturned),
        }
    }
}

impl Compliance {
    /// The exclusion rate: from 0 to 1, and 0 where no list was returned.
    #[must_use]
    pub fn exclusion_rate(&self) -> f64 {
        let whole = self.patients_excluded.denominator.as_ref().map_or(0, |whole| whole.value);
        if whole == 0 { 0.0 } else { self.patients_excluded.value as f64 / whole as f64 }
    }

    /// The definitions that its figures name, and those of the steps and rates beside them.
    #[must_use]
    pub fn measures() -> BTreeSet<Measure> {
        BTreeSet::from([
            Measure::ComplianceStep1,
            Measure::ComplianceStep2,
            Measure::ComplianceStep3,
            Measure::ComplianceStep4,
            Measure::PracticesTotal,
            Measure::AccountsWithAccess,
            Measure::OnlineAccounts,
            Measure::PatientsExcluded,
            Measure::PatientsReturned,
            Measure::PatientsPublished,
            Measure::ExclusionRate,
        ])
    }
}

#[cfg(test)]
mod tests {
    use ods::Capability;

    use super::*;
    use crate::directory::{Observed, Told};
    use crate::fact::Fact;
    use crate::returns::{Figures, ReturnsEvent};
    use crate::testing::{access, code, date, moment, place, submission};

    fn tell(directory: &mut Directory, practice: u32, value: Told) {
        directory.tell(code(practice), Fact { effective_from: moment(0), recorded_at: moment(0), value });
    }

    fn figures(accounts_with_access: u64, online: Option<u64>, list: Option<u64>, excluded: u64) -> Figures {
        Figures {
            accounts_with_access,
            online_accounts: online,
            patients_registered: list,
            excluded_by_review_code: excluded,
            ..Figures::default()
        }
    }

    /// Live: 1 (nine tenths), 2 (fewer by one), 3 (online accounts not given), 4 (no return). 5 is off, 6 was never observed, of 7
    /// it is not known.
    fn world() -> (Directory, Returns) {
        let mut directory = Directory::default();
        for practice in 1..=7 {
            let icb = if practice % 2 == 1 { "QHM" } else { "QE1" };
            tell(&mut directory, practice, Told::Place(place(icb, "EMIS")));
            if practice <= 5 {
                tell(&mut directory, practice, access(practice < 5));
            }
        }
        let observed = Observed { state: ObservedState::Unknown, live: false };
        tell(&mut directory, 7, Told::Access { capability: Capability::default(), observed });
        let mut returns = Returns::default();
        let returned = [
            (1, figures(900, Some(1_000), Some(3_000), 30)),
            (2, figures(899, Some(1_000), Some(2_000), 0)),
            (3, figures(900, None, None, 7)),
            (5, figures(1_000, Some(1_000), Some(5_000), 2_500)),
            (6, figures(1_000, Some(1_000), None, 0)),
        ];
        let returns_of_it = returned.map(|(practice, figures)| (code(practice), figures)).to_vec();
        let event = ReturnsEvent::ReturnsSubmitted { submission: submission(date(5)), returns: returns_of_it };
        returns.apply(&event, moment(24 * 6));
        (directory, returns)
    }

    fn of(within: &str, group_by: Option<AreaKind>, day: i64) -> BTreeMap<String, Compliance> {
        let (directory, returns) = world();
        let as_at = moment(24 * day);
        let from = Viewpoint { as_at, known_at: moment(24 * 99), capability: Capability::default() };
        let counted = compliance(&within.parse().unwrap(), group_by, &from, &directory, &returns);
        counted.into_iter().map(|(area, counted)| (area.to_string(), counted)).collect()
    }

    fn shown(figure: &Figure) -> (u64, u64, u64) {
        (figure.value, figure.denominator.as_ref().unwrap().value, figure.practices_without_data)
    }

    #[test]
    fn step_3_counts_who_was_seen_on_and_says_of_whom_nothing_is_known() {
        assert_eq!(shown(&of("england", None, 10)["england"].default_for_new_users), (4, 7, 2));
    }

    #[test]
    fn step_4_needs_nine_of_ten_accounts_at_a_live_practice() {
        let england = &of("england", None, 10)["england"];
        // Not known: 3 and 4, for want of a figure; 6 and 7, since nobody knows whether they are on.
        assert_eq!(shown(&england.on_for_most_accounts), (1, 7, 4));
        assert_eq!(shown(&england.accounts_with_access), (1_799, 2_000, 2));
        let before = &of("england", None, 4)["england"];
        assert_eq!(shown(&before.on_for_most_accounts), (0, 7, 6), "5 is known not to be on");
    }

    #[test]
    fn patients_excluded_are_counted_out_of_the_lists_of_the_same_returns() {
        let england = &of("england", None, 10)["england"];
        assert_eq!(shown(&england.patients_excluded), (2_530, 10_000, 4));
        assert!((england.exclusion_rate() - 0.253).abs() < 1e-12);
        let whole = england.patients_excluded.denominator.as_ref().unwrap();
        assert_eq!(
            (whole.measure, whole.source.as_str(), whole.as_at),
            (Measure::PatientsReturned, "EMIS", Some(date(5)))
        );
        assert_eq!(of("practices/A00004", None, 10)["practices/A00004"].exclusion_rate(), 0.0);
    }

    #[test]
    fn areas_sum_to_the_whole_down_to_single_practices() {
        let england = &of("england", None, 10)["england"];
        for kind in [AreaKind::England, AreaKind::Region, AreaKind::Icb, AreaKind::Supplier, AreaKind::Practice] {
            let parts = of("england", Some(kind), 10);
            for figure in [
                |counted: &Compliance| shown(&counted.default_for_new_users),
                |counted: &Compliance| shown(&counted.on_for_most_accounts),
                |counted: &Compliance| shown(&counted.accounts_with_access),
                |counted: &Compliance| shown(&counted.patients_excluded),
            ] {
                let sum = parts
                    .values()
                    .map(figure)
                    .fold((0, 0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2));
                assert_eq!(sum, figure(england), "by {kind:?}");
            }
        }
        assert_eq!(of("icbs/QHM", Some(AreaKind::Practice), 10).len(), 4);
        assert_eq!(of("icbs/QWE", None, 10).len(), 1, "an area without practices is said to have none");
    }

    #[test]
    fn every_figure_has_a_definition_among_those_sent_along() {
        let measures = Compliance::measures();
        for counted in of("england", Some(AreaKind::Practice), 10).into_values() {
            for figure in [
                counted.default_for_new_users,
                counted.on_for_most_accounts,
                counted.accounts_with_access,
                counted.patients_excluded,
            ] {
                assert!(measures.contains(&figure.measure) && measures.contains(&figure.denominator.unwrap().measure));
            }
        }
    }
}
