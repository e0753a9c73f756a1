//! An ordered map stored as a list of pairs, since a snapshot in JSON has only text for keys and many of ours are more.

use imbl::OrdMap;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

pub(crate) fn serialize<K, V, S>(map: &OrdMap<K, V>, out: S) -> Result<S::Ok, S::Error>
where
    K: Serialize + Ord,
    V: Serialize,
    S: Serializer,
{
    out.collect_seq(map.iter())
}

pub(crate) fn deserialize<'de, K, V, D>(input: D) -> Result<OrdMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Clone,
    D: Deserializer<'de>,
{
    let pairs = Vec::<(K, V)>::deserialize(input)?;
    Ok(pairs.into_iter().collect())
}
