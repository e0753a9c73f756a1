//! Whether a list is the scheduler's: its version is that of its rows, and its signature fits version, validity and position.
//!
//! A supplier is told the installation's public key by other means, and writes it in its profile; one that was told none believes
//! the first that it meets, and from then on no other. Until it knows a key it takes a list that nobody signed, which
//! a scheduler in a process of tests sends; a deployment always has a key.

use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;
use ods::Supplier;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::grpc::DueList;

/// What is signed begins with this.
const TAG: &str = "citizens-access.scheduler.list.v1";

/// A public key: 32 bytes, written in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListKey([u8; 32]);

/// What is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a public key: 64 hexadecimal digits")]
pub struct NotAListKey(String);

impl TryFrom<String> for ListKey {
    type Error = NotAListKey;

    fn try_from(text: String) -> Result<Self, NotAListKey> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(&text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(NotAListKey(text)),
        }
    }
}

impl From<ListKey> for String {
    fn from(key: ListKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for ListKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Why a list is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// Its rows are not those that its version is of.
    #[error("its version is not that of its rows")]
    Version,
    /// Nobody signed it.
    #[error("it is not signed, and {known} signs this supplier's lists")]
    Unsigned {
        /// The key that is known.
        known: ListKey,
    },
    /// Somebody else signed it.
    #[error("it is signed by {given}, and {known} signs this supplier's lists")]
    OtherKey {
        /// The key that is known.
        known: ListKey,
        /// The one it names.
        given: String,
    },
    /// The signature does not fit.
    #[error("its signature does not fit")]
    Signature,
}

/// What a list says of who made it.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    pub(crate) valid_until: Timestamp,
    pub(crate) position: u64,
    pub(crate) signature: Vec<u8>,
    pub(crate) signing_key: String,
}

/// Whether a supplier believes a list; `known` is the key it believes, which the first signed list sets where there is none.
///
/// # Errors
/// Why it does not.
pub(crate) fn believe(known: &mut Option<ListKey>, supplier: &Supplier, list: &DueList) -> Result<(), Forged> {
    if list.version != version(list) {
        return Err(Forged::Version);
    }
    let Seal { valid_until, position, signature, signing_key } = &list.seal;
    if signature.is_empty() {
        return known.map_or(Ok(()), |known| Err(Forged::Unsigned { known }));
    }
    let given = ListKey::try_from(signing_key.clone()).map_err(|_| Forged::Signature)?;
    if let Some(known) = known.filter(|known| *known != given) {
        return Err(Forged::OtherKey { known, given: signing_key.clone() });
    }
    let text = format!("{TAG}\nsuppliers/{supplier}\n{}\n{valid_until}\n{position}\n", list.version);
    let key = VerifyingKey::from_bytes(&given.0).map_err(|_| Forged::Signature)?;
    let signature = Signature::from_slice(signature).map_err(|_| Forged::Signature)?;
    key.verify_strict(text.as_bytes(), &signature).map_err(|_| Forged::Signature)?;
    *known = Some(given);
    Ok(())
}

/// SHA-256, in hexadecimal, over the list as text, a line each.
fn version(list: &DueList) -> String {
    let mut text = String::new();
    for row in &list.rows {
        text.push_str(&format!("{} {}\n", row.key, row.date));
    }
    for key in &list.withdrawn {
        text.push_str(&format!("{key} withdrawn\n"));
    }
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use evidence::{Direction, Key};
    use jiff::civil::date;

    use super::*;
    use crate::grpc::DueRow;

    fn key(practice: &str, generation: u32) -> Key {
        let practice = practice.parse().unwrap();
        Key { capability: ods::Capability::default(), practice, direction: Direction::Enable, generation }
    }

    fn row(practice: &str) -> DueRow {
        DueRow { key: key(practice, 1), date: date(2031, 6, 17), cut_off_at: None, claimed: false }
    }

    fn supplier() -> Supplier {
        "TPP".parse().unwrap()
    }

    fn sign(list: &mut DueList, by: u8) {
        let by = SigningKey::from_bytes(&[by; 32]);
        list.version = version(list);
        let Seal { valid_until, position, .. } = list.seal;
        let text = format!("{TAG}\nsuppliers/TPP\n{}\n{valid_until}\n{position}\n", list.version);
        list.seal.signature = by.sign(text.as_bytes()).to_bytes().to_vec();
        list.seal.signing_key = hex::encode(by.verifying_key().to_bytes());
    }

    fn signed() -> DueList {
        let seal = Seal {
            valid_until: "2031-06-12T16:00:00Z".parse().unwrap(),
            position: 71,
            signature: Vec::new(),
            signing_key: String::new(),
        };
        let rows = vec![row("A81001"), row("A81002")];
        let mut list = DueList { version: String::new(), rows, withdrawn: vec![key("A81003", 1)], seal };
        sign(&mut list, 1);
        list
    }

    #[test]
    fn a_list_is_believed_as_it_was_signed_and_changed_in_nothing() {
        let mut known = None;
        believe(&mut known, &supplier(), &signed()).unwrap();
        assert!(known.is_some());
        type Change = fn(&mut DueList);
        let changes: [(Change, Forged); 8] = [
            (|list| list.rows[0].date = date(2031, 6, 18), Forged::Version),
            (|list| list.rows[0].key.generation = 2, Forged::Version),
            (|list| drop(list.rows.pop()), Forged::Version),
            (|list| list.withdrawn.clear(), Forged::Version),
            (|list| list.rows.push(row("A81004")), Forged::Version),
            (|list| list.seal.valid_until = "2031-06-13T16:00:00Z".parse().unwrap(), Forged::Signature),
            (|list| list.seal.position += 1, Forged::Signature),
            (|list| list.seal.signature[0] ^= 1, Forged::Signature),
        ];
        for (change, why) in changes {
            let mut list = signed();
            change(&mut list);
            assert_eq!(believe(&mut known.clone(), &supplier(), &list), Err(why));
        }
        // Whoever changes rows may put their version right, not the signature.
        let mut list = signed();
        list.rows.pop();
        list.version = version(&list);
        assert_eq!(believe(&mut None, &supplier(), &list), Err(Forged::Signature));
        assert_eq!(believe(&mut None, &"EMIS".parse().unwrap(), &signed()), Err(Forged::Signature), "another's list");
    }

    #[test]
    fn one_key_is_believed_and_from_then_on_no_other_and_none_at_all() {
        let mut known = None;
        let mut unsigned = signed();
        unsigned.seal.signature.clear();
        believe(&mut known, &supplier(), &unsigned).unwrap();
        assert_eq!(known, None);
        believe(&mut known, &supplier(), &signed()).unwrap();
        let mine = known.unwrap();
        let mut by_another = signed();
        sign(&mut by_another, 2);
        let given = by_another.seal.signing_key.clone();
        assert_eq!(believe(&mut known, &supplier(), &by_another), Err(Forged::OtherKey { known: mine, given }));
        assert_eq!(believe(&mut known, &supplier(), &unsigned), Err(Forged::Unsigned { known: mine }));
        assert_eq!(known, Some(mine));
    }

    #[test]
    fn a_key_is_written_in_hexadecimal() {
        let written = serde_json::to_string(&ListKey([0xab; 32])).unwrap();
        assert_eq!(written, format!("\"{}\"", "ab".repeat(32)));
        assert_eq!(serde_json::from_str::<ListKey>(&written).unwrap(), ListKey([0xab; 32]));
        let error = serde_json::from_str::<ListKey>("\"ab\"").unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
}
