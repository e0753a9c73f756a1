//! Small worlds to publish of.

use std::collections::{BTreeMap, BTreeSet};

use disclosure::{Issue, Part, Table};

/// A practice, where it lies and what was counted there.
#[derive(Clone, Debug)]
pub(crate) struct Practice {
    pub(crate) name: String,
    pub(crate) icb: String,
    pub(crate) region: String,
    pub(crate) sub_icb: String,
    /// None where it is in none.
    pub(crate) pcn: Option<String>,
    pub(crate) wave: Option<String>,
    pub(crate) supplier: String,
    pub(crate) list: Option<u64>,
    pub(crate) count: u64,
    pub(crate) source: String,
}

/// A practice of ICB `Q<icb>`, with a long list; its number rests on a return of the first month.
pub(crate) fn practice(name: &str, icb: u64, count: u64) -> Practice {
    Practice {
        name: name.to_owned(),
        icb: format!("Q{icb}"),
        region: format!("Y{}", icb / 10),
        sub_icb: format!("S{icb}"),
        pcn: Some(format!("U{icb}")),
        wave: None,
        supplier: ["EMIS", "TPP"][name.bytes().map(usize::from).sum::<usize>() % 2].to_owned(),
        list: Some(10_000),
        count,
        source: "2023-01".to_owned(),
    }
}

/// Where each part lies.
fn place(practices: &[Practice], of: fn(&Practice) -> &String) -> impl Fn(&Part) -> Option<String> {
    let places: BTreeMap<String, String> =
        practices.iter().map(|practice| (practice.name.clone(), of(practice).clone())).collect();
    move |part| places.get(&part.name).cloned()
}

/// The same, of those that lie anywhere.
fn optional(practices: &[Practice], of: fn(&Practice) -> &Option<String>) -> impl Fn(&Part) -> Option<String> {
    let named = practices.iter().filter_map(|practice| Some((practice.name.clone(), of(practice).clone()?)));
    let places: BTreeMap<String, String> = named.collect();
    move |part| places.get(&part.name).cloned()
}

/// England's total alone.
pub(crate) fn total(practices: &[Practice]) -> Table {
    let part = |practice: &Practice| Part {
        name: practice.name.clone(),
        count: practice.count,
        list: practice.list,
        source: practice.source.clone(),
    };
    Table::new(practices.iter().map(part).collect())
}

/// As the service breaks figures down: with each practice's region, ICB, sub-ICB, PCN, supplier and wave.
pub(crate) fn published(practices: &[Practice]) -> Table {
    total(practices)
        .by("region", None, place(practices, |practice| &practice.region))
        .by("icb", Some("region"), place(practices, |practice| &practice.icb))
        .by("sub-icb", Some("icb"), place(practices, |practice| &practice.sub_icb))
        .by("pcn", Some("sub-icb"), optional(practices, |practice| &practice.pcn))
        .by("supplier", None, place(practices, |practice| &practice.supplier))
        .by("wave", None, optional(practices, |practice| &practice.wave))
        .by_part("practice", Some("icb"))
}

/// By region, supplier, ICB and practice.
pub(crate) fn table(practices: &[Practice]) -> Table {
    total(practices)
        .by("region", None, place(practices, |practice| &practice.region))
        .by("supplier", None, place(practices, |practice| &practice.supplier))
        .by("icb", Some("region"), place(practices, |practice| &practice.icb))
        .by_part("practice", Some("icb"))
}

/// By ICB, and within each by practice.
pub(crate) fn icbs(practices: &[Practice]) -> Table {
    total(practices).by("icb", None, place(practices, |practice| &practice.icb)).by_part("practice", Some("icb"))
}

/// By ICB and PCN.
pub(crate) fn networks(practices: &[Practice]) -> Table {
    icbs(practices).by("pcn", Some("icb"), optional(practices, |practice| &practice.pcn))
}

/// By ICB and wave.
pub(crate) fn waves(practices: &[Practice]) -> Table {
    icbs(practices).by("wave", None, optional(practices, |practice| &practice.wave))
}

/// By practice alone.
pub(crate) fn rows(practices: &[Practice]) -> Table {
    total(practices).by_part("practice", None)
}

/// Published without looking: rounded, and nothing else.
pub(crate) fn naive(table: Table) -> Issue {
    Issue { table, remedies: BTreeSet::new() }
}

/// How an issue reads.
pub(crate) fn text(issue: &Issue) -> Vec<String> {
    issue.rows().iter().map(|row| format!("{} {} {}", row.breakdown, row.area, row.shown)).collect()
}
