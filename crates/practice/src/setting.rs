//! Settings of a practice's GP system that are not as they should be: what PARTIAL is about, by name.

use serde::{Deserialize, Serialize};

/// Most settings that one observation names: several times what any system has for this.
pub const WRONG_SETTINGS_MAX: usize = 20;

/// One setting, as it should be and as it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WrongSetting {
    /// Which, in lower-case words joined by hyphens: `new-registrations`.
    pub setting: String,
    /// As it should be, in the system's own words.
    pub expected: String,
    /// As it was found; never the same.
    pub actual: String,
}
