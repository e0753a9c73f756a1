//! Large maps and sets that are read in order, with their nodes full.
//!
//! A node of a B-tree that is full splits into halves. What is inserted in rising order never comes back to the left one,
//! so half of the room would stay empty. Here every other entry is inserted first; the rest then fills the halves.

use std::fmt;
use std::marker::PhantomData;

use imbl::{OrdMap, OrdSet};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A map that is filled in rising order.
pub(crate) struct DenseMap<K, V> {
    map: OrdMap<K, V>,
    between: Vec<(K, V)>,
    is_odd: bool,
}

impl<K, V> Default for DenseMap<K, V> {
    fn default() -> Self {
        Self { map: OrdMap::new(), between: Vec::new(), is_odd: false }
    }
}

impl<K: Ord + Clone, V: Clone> DenseMap<K, V> {
    /// Adds what comes after all that is there.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.is_odd {
            self.between.push((key, value));
        } else {
            self.map.insert(key, value);
        }
        self.is_odd = !self.is_odd;
    }

    /// The map of all of it.
    pub(crate) fn filled(mut self) -> OrdMap<K, V> {
        self.map.extend(self.between);
        self.map
    }
}

/// Reads a map.
pub(crate) fn map<'de, K, V, D>(deserializer: D) -> Result<OrdMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Clone,
    D: Deserializer<'de>,
{
    struct Entries<K, V>(PhantomData<(K, V)>);

    impl<'de, K, V> Visitor<'de> for Entries<K, V>
    where
        K: Deserialize<'de> + Ord + Clone,
        V: Deserialize<'de> + Clone,
    {
        type Value = OrdMap<K, V>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = DenseMap::default();
            while let Some((key, value)) = entries.next_entry()? {
                map.insert(key, value);
            }
            Ok(map.filled())
        }
    }

    deserializer.deserialize_map(Entries(PhantomData))
}

/// Reads a set.
pub(crate) fn set<'de, T, D>(deserializer: D) -> Result<OrdSet<T>, D::Error>
where
    T: Deserialize<'de> + Ord + Clone,
    D: Deserializer<'de>,
{
    struct Members<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de> + Ord + Clone> Visitor<'de> for Members<T> {
        type Value = OrdSet<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a set")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let (mut set, mut between) = (OrdSet::new(), Vec::new());
            while let Some(member) = members.next_element()? {
                set.insert(member);
                between.extend(members.next_element::<T>()?);
            }
            set.extend(between);
            Ok(set)
        }
    }

    deserializer.deserialize_seq(Members(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Both {
        #[serde(deserialize_with = "map")]
        map: OrdMap<u32, u32>,
        #[serde(deserialize_with = "set")]
        set: OrdSet<u32>,
    }

    #[test]
    fn what_was_written_is_read_whether_the_count_is_even_or_odd() {
        for count in [0u32, 1, 2, 16, 17, 1_000, 1_001] {
            let both = Both { map: (0..count).map(|key| (key, key * 3)).collect(), set: (0..count).collect() };
            let read: Both = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
            assert_eq!(read, both);
        }
    }
}
