//! The readiness checklist: what a practice has prepared, and until when that counts.
//!
//! Which items there are is known: the ten of the [`CATALOGUE`], and what a programme's template has declared besides, so
//! that a misspelt name is refused instead of waiting for ever. The registry records where each stands and lets it
//! expire; what a programme demands is the scheduler's business.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
pub use ods::readiness::{CATALOGUE, CatalogueItem, catalogue_item};
use serde::{Deserialize, Serialize};

use crate::view::View;

/// An item that a programme's template has declared besides the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredItem {
    /// Its name; never one of the catalogue's.
    pub item: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// When it is done, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Who usually sees to it, by role.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub usual_owner: String,
    /// Whose template, `programmes/spring-opening`: the last that declared it.
    pub declared_by: String,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadinessState {
    /// Not begun.
    NotStarted,
    /// Under way.
    InProgress,
    /// Done.
    Complete,
    /// Does not apply at this practice.
    NotApplicable,
    /// Was done, and its time is over. Only a lapse sets this.
    Expired,
}

/// What is said of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessItem {
    /// What it is about, `staff-training`.
    pub item: String,
    /// Where it stands.
    pub state: ReadinessState,
    /// Reference to the evidence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Who sees to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// The day on which it was done or is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// From when it counts as expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What was said of an item, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessFact {
    /// From when it holds: the moment of recording, or for a lapse the moment that was due.
    pub effective_at: Timestamp,
    /// When the registry was told.
    pub recorded_at: Timestamp,
    /// What.
    pub said: ReadinessItem,
}

/// The whole checklist of a practice: the catalogue's items and whatever else something was recorded on, by name. Where
/// nothing was recorded the moment is None and the item NOT_STARTED.
#[must_use]
pub fn checklist(view: View<'_>) -> Vec<(ReadinessItem, Option<Timestamp>)> {
    let mut items: BTreeMap<&str, (ReadinessItem, Option<Timestamp>)> = BTreeMap::new();
    for CatalogueItem { item, .. } in &CATALOGUE {
        items.insert(item, (ReadinessItem::not_started(item), None));
    }
    for (said, recorded_at) in view.readiness() {
        items.insert(&said.item, (said.clone(), Some(recorded_at)));
    }
    items.into_values().collect()
}

impl ReadinessItem {
    fn not_started(item: &str) -> Self {
        Self {
            item: item.to_owned(),
            state: ReadinessState::NotStarted,
            evidence: String::new(),
            owner: String::new(),
            due_date: None,
            expires_at: None,
        }
    }
}
