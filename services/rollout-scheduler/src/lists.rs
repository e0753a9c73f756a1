//! The lists of suppliers with booked dates: their version, and the signature by which a supplier knows them for ours.

use std::sync::Arc;

use jiff::Timestamp;
use journal::Checkpoints;
use ods::Supplier;
use rollout::ActivationKey;
use rollout::list::{ListEntry, SupplierList};

use crate::selection;

/// What is signed begins with this, so that no signature of another kind can be passed off as one of these.
const TAG: &str = "citizens-access.scheduler.list.v1";

/// Signs lists with the installation's key, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct ListSigner {
    pub(crate) checkpoints: Option<Arc<Checkpoints>>,
}

/// A signature, and the key to verify it with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) bytes: Vec<u8>,
    pub(crate) public_key: String,
}

/// SHA-256 over the list as text: it changes when anything in the list does, and with nothing else.
pub(crate) fn version(list: &SupplierList) -> String {
    let entries = list.entries.iter().map(|ListEntry { key, date, .. }| format!("{} {date}", key_text(key)));
    let withdrawn = list.withdrawn.iter().map(|key| format!("{} withdrawn", key_text(key)));
    selection::hash_of_lines(entries.chain(withdrawn))
}

fn key_text(key: &ActivationKey) -> String {
    format!("{} {} {} {}", key.capability, key.practice, key.direction, key.generation)
}

impl ListSigner {
    /// Says in the log by which key suppliers know our lists, or that they cannot.
    pub(crate) fn say_who_signs(&self) {
        match &self.checkpoints {
            Some(checkpoints) => {
                let public_key = hex::encode(checkpoints.signer().public_key());
                tracing::info!(public_key, "suppliers' lists are signed");
            }
            None => tracing::warn!(
                "there is no signing key: suppliers' lists are not signed, and who knows a key refuses them"
            ),
        }
    }

    /// Signs a version of a supplier's list, with the moment until which it may be claimed. Empty where there is no key.
    pub(crate) fn sign(&self, supplier: &Supplier, version: &str, valid_until: Timestamp, position: u64) -> Signature {
        let Some(checkpoints) = &self.checkpoints else { return Signature::default() };
        let text = format!("{TAG}\nsuppliers/{supplier}\n{version}\n{valid_until}\n{position}\n");
        let signer = checkpoints.signer();
        Signature { bytes: signer.sign_text(&text).to_vec(), public_key: hex::encode(signer.public_key()) }
    }
}
