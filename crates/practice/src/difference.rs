//! What an import changes at a practice, value by value: what held before, and what holds now.

use serde::{Deserialize, Serialize};

use crate::directory::{Difference, DirectoryChange, DirectoryEntry};

/// A value that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueChange {
    /// Which field of the practice, by its name on the wire.
    pub field: String,
    /// What held before; empty where nothing was known.
    pub from: String,
    /// What holds now.
    pub to: String,
}

impl ValueChange {
    /// Is a practice elsewhere, or with another supplier, by this?
    #[must_use]
    pub fn is_move(&self) -> bool {
        let moves = ["region_code", "icb_code", "sub_icb_code", "pcn_code", "supplier"];
        !self.from.is_empty() && moves.contains(&self.field.as_str())
    }
}

/// The values that a change changes; none of a practice that it creates, where everything is new.
#[must_use]
pub fn values(change: &DirectoryChange) -> Vec<ValueChange> {
    if change.difference == Difference::Created {
        return Vec::new();
    }
    let nothing = DirectoryEntry::new(change.entry.practice);
    let (before, now) = (change.before.as_deref().unwrap_or(&nothing), &change.entry);
    let mut values = Vec::new();
    let mut add = |field: &str, from: Option<String>, to: Option<String>| {
        if let Some(to) = to {
            values.push(ValueChange { field: field.to_owned(), from: from.unwrap_or_default(), to });
        }
    };
    add("display_name", before.name.clone(), now.name.clone());
    add("postcode", before.postcode.clone(), now.postcode.clone());
    if let Some(lifetime) = now.lifetime {
        let was = before.lifetime.unwrap_or_default();
        let mut date = |field, from: Option<jiff::civil::Date>, to: Option<jiff::civil::Date>| {
            if from != to {
                add(field, Some(shown(from.as_ref())), Some(shown(to.as_ref())));
            }
        };
        date("open_date", was.open, lifetime.open);
        date("close_date", was.close, lifetime.close);
        if was.dormant != lifetime.dormant {
            let word = |dormant: bool| Some(if dormant { "DORMANT" } else { "ACTIVE" }.to_owned());
            add("status", word(was.dormant), word(lifetime.dormant));
        }
    }
    add("supplier", text(before.supplier.as_ref()), text(now.supplier.as_ref()));
    add("pcn_code", text(before.pcn.as_ref()), text(now.pcn.as_ref()));
    add("sub_icb_code", text(before.sub_icb.as_ref()), text(now.sub_icb.as_ref()));
    add("icb_code", text(before.icb.as_ref()), text(now.icb.as_ref()));
    add("region_code", text(before.region.as_ref()), text(now.region.as_ref()));
    let patients = |entry: &DirectoryEntry| entry.list_size.as_ref().map(|size| size.patients.to_string());
    add("list_size", patients(before), patients(now));
    values
}

fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

fn shown<T: ToString>(value: Option<&T>) -> String {
    text(value).unwrap_or_default()
}
