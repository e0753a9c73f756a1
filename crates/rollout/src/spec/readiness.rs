//! What a programme demands that a practice has ready: its template of the readiness checklist.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The template: items by name. The catalogue's are known to everybody; an item of the programme's own says what it is.
pub type ReadinessSpec = BTreeMap<String, ItemSpec>;

/// What a programme demands of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemSpec {
    /// Whether it must be done before a go-live; yes where it is left out.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub required: bool,
    /// Whether a practice may say that it does not apply; no where it is left out.
    #[serde(default, skip_serializing_if = "is_no")]
    pub may_be_not_applicable: bool,
    /// For how many days it counts from the day on which it was done, where the registry's record has no end of its own;
    /// without it, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for_days: Option<u16>,
    /// Of an item of the programme's own: for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Of an item of the programme's own: when it is done, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Of an item of the programme's own: who usually sees to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub usual_owner: String,
}

impl ItemSpec {
    /// Whether it says what it is, as an item of the programme's own does.
    pub(crate) fn is_own(&self) -> bool {
        !self.title.is_empty() || !self.description.is_empty() || !self.usual_owner.is_empty()
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_yes(is: &bool) -> bool {
    *is
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_no(is: &bool) -> bool {
    !*is
}
