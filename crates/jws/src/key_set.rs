//! The public keys that an issuer publishes (RFC 7517).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{KeySetError, PublicKey};

/// Members that only a private or a shared key has.
const PRIVATE_MEMBERS: [&str; 2] = ["d", "p"];

/// Public keys by their id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: BTreeMap<String, PublicKey>,
}

impl KeySet {
    /// Keys in a set: an issuer rotates two or three.
    pub const KEYS_MAX: usize = 64;

    /// Reads a set. Keys for other purposes than verifying tokens are left out, as RFC 7517 wants it.
    ///
    /// # Errors
    /// Where it is no set, holds a private key, or none that verifies.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let set: Value = serde_json::from_slice(json).map_err(|error| KeySetError::Malformed(error.to_string()))?;
        let Some(jwks) = set.get("keys").and_then(Value::as_array) else {
            return Err(KeySetError::Malformed("it has no array `keys`".to_owned()));
        };
        if jwks.len() > Self::KEYS_MAX {
            return Err(KeySetError::TooMany { count: jwks.len(), count_max: Self::KEYS_MAX });
        }
        if jwks.iter().any(|jwk| PRIVATE_MEMBERS.iter().any(|member| jwk.get(member).is_some())) {
            return Err(KeySetError::Private);
        }
        let mut keys = BTreeMap::new();
        for key in jwks.iter().filter_map(PublicKey::read) {
            if keys.contains_key(key.id()) {
                return Err(KeySetError::Malformed(format!("two of its keys are called `{}`", key.id())));
            }
            keys.insert(key.id().to_owned(), key);
        }
        if keys.is_empty() { Err(KeySetError::Empty { count: jwks.len() }) } else { Ok(Self { keys }) }
    }

    /// The key called `id`.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&PublicKey> {
        self.keys.get(id)
    }

    /// The ids, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }
}
