//! Worlds that look the same: other numbers under which every issue would be shown exactly as it is.
//!
//! The numbers of practices are what can differ. Whatever was shown bounds their sums: England's totals exactly, a rounded cell
//! within its rounding, a `*` by 1 and by what may be withheld in its group, a count by its list. Rounding flips between issues,
//! subtractions of any kind and areas that changed need no rule of their own: they are what these bounds say together, where
//! two issues rest on the same number. Where people are counted at several practices an area has fewer than its practices together,
//! and no fewer than any of them.
//!
//! A cell is safe once enough worlds are found in which its value differs; what is not found counts as not there. So this may
//! withhold what nobody could have found out, never the reverse. How they are looked for is the [`walk`](crate::walk)'s.

use std::collections::BTreeMap;

use crate::POSSIBLE_VALUES_MIN;
use crate::release::Issue;
use crate::table::Table;
use crate::walk::Walk;

/// A number that can differ, or a sum of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Part(usize),
    Sum(usize),
}

/// Between which values a subject lies in every world that looks the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) least: i64,
    pub(crate) most: i64,
}

const UNBOUNDED: Bounds = Bounds { least: 0, most: i64::MAX };

#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) value: i64,
    /// By its list.
    whole: Bounds,
    /// By what earlier issues show.
    shown_before: Bounds,
    pub(crate) bounds: Bounds,
    /// Its distance from the truth, in all and by the present step; 0 but during a walk.
    pub(crate) moved: i64,
    pub(crate) moved_now: i64,
    /// The sums that it is in.
    pub(crate) sums: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Sum {
    pub(crate) value: i64,
    shown_before: Bounds,
    pub(crate) bounds: Bounds,
    /// Its distance from the truth; 0 but during a walk.
    pub(crate) moved: i64,
    pub(crate) parts: Vec<usize>,
    /// How many more it is than its largest number, where people are counted at several of its practices. None where they
    /// are not: being their sum it cannot be less.
    pub(crate) lead: Option<i64>,
}

/// All numbers of all issues, and what is known of them.
#[derive(Debug, Default)]
pub(crate) struct Worlds {
    pub(crate) numbers: Vec<Number>,
    pub(crate) sums: Vec<Sum>,
    /// How many numbers the largest has.
    pub(crate) largest_sum: usize,
    /// By practice, source and count.
    number_of: BTreeMap<(String, String, u64), usize>,
    /// By parts and value: the same sum in two issues is one.
    sum_of: BTreeMap<(Vec<usize>, i64), usize>,
    /// Every `*` and rounded cell of earlier issues, with where it was shown first.
    cells_before: BTreeMap<Subject, ShownCell>,
}

/// Where a cell was shown: indices of the issue, its breakdown and area.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownCell {
    pub(crate) issue: usize,
    pub(crate) breakdown: usize,
    pub(crate) area: usize,
}

/// The subjects of one table.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) total: Subject,
    /// By breakdown and area.
    pub(crate) areas: Vec<Vec<Subject>>,
}

/// What one issue shows of a subject.
#[derive(Debug)]
pub(crate) struct Sight {
    subject: Subject,
    bounds: Bounds,
    /// Its breakdown and area, where it is a cell that must stay safe.
    cell: Option<(usize, usize)>,
}

impl Bounds {
    fn and(self, other: Self) -> Self {
        Self { least: self.least.max(other.least), most: self.most.min(other.most) }
    }

    pub(crate) fn holds(self, value: i64) -> bool {
        self.least <= value && value <= self.most
    }
}

impl Worlds {
    /// What is known by these issues.
    pub(crate) fn of(issues: &[&Issue]) -> Self {
        let mut worlds = Self::default();
        for (number, issue) in issues.iter().enumerate() {
            let placed = worlds.place(&issue.table);
            for sight in sights(issue, &placed) {
                let known = worlds.shown_before(sight.subject);
                *known = known.and(sight.bounds);
                if let Some((breakdown, area)) = sight.cell {
                    let cell = ShownCell { issue: number, breakdown, area };
                    worlds.cells_before.entry(sight.subject).or_insert(cell);
                }
            }
        }
        worlds.see(&[]);
        worlds
    }

    /// Finds or adds the numbers and sums of a table. Nothing is known by it yet.
    pub(crate) fn place(&mut self, table: &Table) -> Placed {
        let mut numbers = Vec::new();
        for part in &table.parts {
            let key = (part.name.clone(), part.source.clone(), part.count);
            let next = self.numbers.len();
            let index = *self.number_of.entry(key).or_insert(next);
            if index == next {
                let number = Number {
                    value: signed(part.count),
                    whole: UNBOUNDED,
                    shown_before: UNBOUNDED,
                    bounds: UNBOUNDED,
                    moved: 0,
                    moved_now: 0,
                    sums: Vec::new(),
                };
                self.numbers.push(number);
            }
            // A list that is smaller than what was counted bounds nothing.
            if let Some(list) = part.list.filter(|list| *list >= part.count) {
                let whole = &mut self.numbers[index].whole;
                whole.most = whole.most.min(signed(list));
            }
            numbers.push(index);
        }
        let total = self.sum(numbers.clone(), signed(table.total));
        let mut areas = Vec::new();
        for breakdown in &table.breakdowns {
            let members = breakdown.members().into_iter();
            let of_areas = members.zip(&breakdown.areas).map(|(members, area)| {
                self.sum(members.into_iter().map(|part| numbers[part]).collect(), signed(area.count))
            });
            areas.push(of_areas.collect());
        }
        Placed { total, areas }
    }

    fn sum(&mut self, mut parts: Vec<usize>, value: i64) -> Subject {
        if let [only] = parts[..]
            && self.numbers[only].value == value
        {
            return Subject::Part(only);
        }
        parts.sort_unstable();
        self.largest_sum = self.largest_sum.max(parts.len());
        let next = self.sums.len();
        let index = *self.sum_of.entry((parts.clone(), value)).or_insert(next);
        if index == next {
            for part in &parts {
                self.numbers[*part].sums.push(index);
            }
            self.sums.push(Sum { value, shown_before: UNBOUNDED, bounds: UNBOUNDED, moved: 0, parts, lead: None });
        }
        Subject::Sum(index)
    }

    fn shown_before(&mut self, subject: Subject) -> &mut Bounds {
        match subject {
            Subject::Part(index) => &mut self.numbers[index].shown_before,
            Subject::Sum(index) => &mut self.sums[index].shown_before,
        }
    }

    /// Finds out how far each area of people who are counted at several practices is ahead of its largest.
    pub(crate) fn find_leads(&mut self) {
        for sum in 0..self.sums.len() {
            let Sum { value, parts, .. } = &self.sums[sum];
            if parts.iter().map(|part| self.numbers[*part].value).sum::<i64>() > *value {
                self.sums[sum].lead = Some(value - self.largest_of(sum));
            }
        }
    }

    /// Whether a sum is no less than any of its numbers.
    pub(crate) fn has_its_largest(&self, sum: usize) -> bool {
        let Sum { value, moved, .. } = self.sums[sum];
        self.largest_of(sum) <= value + moved
    }

    fn largest_of(&self, sum: usize) -> i64 {
        let numbers = self.sums[sum].parts.iter().map(|part| &self.numbers[*part]);
        numbers.map(|number| number.value + number.moved).max().unwrap_or(0)
    }

    /// Bounds everything by the earlier issues and by what one more shows.
    pub(crate) fn see(&mut self, sights: &[Sight]) {
        for number in &mut self.numbers {
            number.bounds = number.whole.and(number.shown_before);
        }
        for sum in &mut self.sums {
            sum.bounds = sum.shown_before;
        }
        for sight in sights {
            let bounds = match sight.subject {
                Subject::Part(index) => &mut self.numbers[index].bounds,
                Subject::Sum(index) => &mut self.sums[index].bounds,
            };
            *bounds = bounds.and(sight.bounds);
        }
    }

    /// The cells of earlier issues, with where they were shown.
    pub(crate) fn cells_before(&self) -> &BTreeMap<Subject, ShownCell> {
        &self.cells_before
    }

    /// The numbers that a subject is the sum of.
    pub(crate) fn parts<'a>(&'a self, subject: &'a Subject) -> &'a [usize] {
        match subject {
            Subject::Part(index) => std::slice::from_ref(index),
            Subject::Sum(index) => &self.sums[*index].parts,
        }
    }

    /// How near each number is to a subject: how many numbers the smallest sum has that holds both; 0 where it is a
    /// part of it.
    pub(crate) fn nearness(&self, subject: Subject) -> Vec<usize> {
        let mut nearness = vec![usize::MAX; self.numbers.len()];
        for part in self.parts(&subject) {
            nearness[*part] = 0;
            for sum in &self.numbers[*part].sums {
                let parts = &self.sums[*sum].parts;
                for other in parts {
                    nearness[*other] = nearness[*other].min(parts.len());
                }
            }
        }
        nearness
    }

    /// Whether enough values of the subject are found to be possible.
    pub(crate) fn is_safe(&mut self, subject: Subject) -> bool {
        let mut found = 1;
        for direction in [1, -1] {
            let mut walk = Walk::new(self, subject);
            while found < POSSIBLE_VALUES_MIN && walk.step(direction) {
                found += 1;
            }
            walk.end();
        }
        found >= POSSIBLE_VALUES_MIN
    }
}

/// What an issue shows, of its placed table.
pub(crate) fn sights(issue: &Issue, placed: &Placed) -> Vec<Sight> {
    let total = signed(issue.table.total);
    let mut sights = vec![Sight { subject: placed.total, bounds: Bounds { least: total, most: total }, cell: None }];
    for group in issue.groups() {
        let areas = &issue.table.breakdowns[group.breakdown].areas;
        let star_most = group.star_most(|area| areas[area].count);
        for (area, shown) in &group.rows {
            use crate::shown::Shown::{Rounded, Star, Zero};
            let (least, most) = shown.range();
            let bounds = match shown {
                Zero => Bounds { least, most },
                Star => Bounds { least, most: star_most },
                // Where something is withheld, what is shown is no less than that; where it is all, nothing here is rounded.
                Rounded(_) => Bounds { least: least.max(star_most), most },
            };
            let cell = (*shown != Zero).then_some((group.breakdown, *area));
            sights.push(Sight { subject: placed.areas[group.breakdown][*area], bounds, cell });
        }
    }
    sights
}

impl Sight {
    /// The cell, by breakdown and area, where it must stay safe.
    pub(crate) fn cell(&self) -> Option<((usize, usize), Subject)> {
        Some((self.cell?, self.subject))
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("a count of patients is far below 2^63")
}
