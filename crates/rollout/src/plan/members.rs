//! Members as they are written: a column each, since a plan of a hundred thousand must fit into one record of the journal.
//!
//! What many share is written once and named by its place: supplier, ICB, region, mode and what put them there together; the
//! day; the network. Plans of before have a row for each member, and are read as well.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use ods::{IcbCode, PcnCode, PracticeCode, RegionCode, Supplier};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Member, PlacedBy};
use crate::spec::Mode;

/// What many members share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Kind {
    supplier: Supplier,
    icb: Option<IcbCode>,
    region: Option<RegionCode>,
    mode: Mode,
    by: PlacedBy,
}

/// All members, in their order; `kind`, `day` and `network` are places in the lists before them.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Columns {
    kinds: Vec<Kind>,
    days: Vec<Option<Date>>,
    networks: Vec<Option<PcnCode>>,
    practice: Vec<PracticeCode>,
    list_size: Vec<u32>,
    kind: Vec<u32>,
    day: Vec<u32>,
    network: Vec<u32>,
}

/// Values in the order in which they came first.
struct Table<V> {
    values: Vec<V>,
    places: BTreeMap<V, u32>,
}

impl<V: Ord + Clone> Table<V> {
    fn new() -> Self {
        Self { values: Vec::new(), places: BTreeMap::new() }
    }

    fn place(&mut self, value: V) -> u32 {
        let next = u32::try_from(self.values.len()).expect("a plan has fewer members than four thousand million");
        *self.places.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }
}

pub(super) fn serialize<S: Serializer>(members: &[Member], serializer: S) -> Result<S::Ok, S::Error> {
    let (mut kinds, mut days, mut networks) = (Table::new(), Table::new(), Table::new());
    let mut columns = Columns::default();
    for member in members {
        let Member { practice, supplier, icb, region, pcn, list_size, mode, planned_on, by } = member.clone();
        columns.practice.push(practice);
        columns.list_size.push(list_size);
        columns.kind.push(kinds.place(Kind { supplier, icb, region, mode, by }));
        columns.day.push(days.place(planned_on));
        columns.network.push(networks.place(pcn));
    }
    (columns.kinds, columns.days, columns.networks) = (kinds.values, days.values, networks.values);
    columns.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Member>, D::Error> {
    struct Written;

    impl<'de> Visitor<'de> for Written {
        type Value = Vec<Member>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("members in columns, or a row for each")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<Vec<Member>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(rows))
        }

        fn visit_map<A: MapAccess<'de>>(self, columns: A) -> Result<Vec<Member>, A::Error> {
            let columns = Columns::deserialize(MapAccessDeserializer::new(columns))?;
            members(columns).ok_or_else(|| A::Error::custom("the columns of members do not belong together"))
        }
    }

    deserializer.deserialize_any(Written)
}

/// None where a column is shorter or longer than another, or names a place that is not there.
fn members(columns: Columns) -> Option<Vec<Member>> {
    let Columns { kinds, days, networks, practice, list_size, kind, day, network } = columns;
    let count = practice.len();
    if [list_size.len(), kind.len(), day.len(), network.len()] != [count; 4] {
        return None;
    }
    let member = |row: usize| {
        let at = |place: u32| usize::try_from(place).ok();
        let Kind { supplier, icb, region, mode, by } = kinds.get(at(kind[row])?)?.clone();
        let (planned_on, pcn) = (*days.get(at(day[row])?)?, *networks.get(at(network[row])?)?);
        let (practice, list_size) = (practice[row], list_size[row]);
        Some(Member { practice, supplier, icb, region, pcn, list_size, mode, planned_on, by })
    };
    (0..count).map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wave {
        #[serde(with = "super")]
        members: Vec<Member>,
    }

    /// As many as a nation ten times over, in what may differ from one to the next.
    fn wave(count: u32) -> Wave {
        let member = |number: u32| Member {
            practice: format!("{}{:05}", char::from(b'A' + (number / 100_000) as u8), number % 100_000)
                .parse()
                .unwrap(),
            supplier: ["EMIS", "TPP", "Medicus"][number as usize % 3].parse().unwrap(),
            icb: (!number.is_multiple_of(43)).then(|| format!("Q{:02}", number % 42).parse().unwrap()),
            region: (!number.is_multiple_of(43)).then(|| "Y63".parse().unwrap()),
            pcn: (!number.is_multiple_of(50)).then(|| format!("U{:05}", number % 1_250).parse().unwrap()),
            list_size: 2_000 + number % 50_000,
            mode: if number.is_multiple_of(3) { Mode::Push } else { Mode::SelfService },
            planned_on: Some(Date::constant(2031, 5, 1 + (number % 28) as i8)),
            by: PlacedBy::Cohort,
        };
        Wave { members: (0..count).rev().map(member).collect() }
    }

    #[test]
    fn members_are_read_as_they_were_written() {
        for count in [0, 1, 2, 1_000] {
            let wave = wave(count);
            let json = serde_json::to_string(&wave).unwrap();
            assert_eq!(serde_json::from_str::<Wave>(&json).unwrap(), wave);
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::from_value::<Wave>(value).unwrap(), wave);
        }
    }

    #[test]
    fn a_hundred_thousand_fit_into_a_record() {
        let bytes = serde_json::to_string(&wave(100_000)).unwrap().len();
        assert!(bytes < 3 * 1024 * 1024, "{bytes}");
    }

    #[test]
    fn members_in_rows_are_read_as_before() {
        let wave = wave(100);
        let rows = serde_json::json!({ "members": wave.members });
        assert_eq!(serde_json::from_value::<Wave>(rows).unwrap(), wave);
    }

    #[test]
    fn columns_that_do_not_belong_together_are_refused() {
        let good = serde_json::to_value(wave(3)).unwrap();
        for (column, value) in [("kind", 99), ("day", 99), ("network", 99)] {
            let mut wrong = good.clone();
            wrong["members"][column][0] = value.into();
            serde_json::from_value::<Wave>(wrong).expect_err(column);
        }
        for column in ["list_size", "kind", "day", "network", "practice"] {
            let mut wrong = good.clone();
            wrong["members"][column].as_array_mut().unwrap().pop();
            serde_json::from_value::<Wave>(wrong).expect_err(column);
        }
    }
}
