//! The release calendar: when what is published becomes public. Announced before, so that nobody chooses the moment by the
//! figures.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::PublicationName;

/// Asks for a publication to be announced, or announced anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRelease {
    /// Which.
    pub publication: PublicationName,
    /// From when on everybody may see its first issue.
    pub release_at: Timestamp,
    /// Who says so.
    pub author: String,
}

/// An announcement, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// From when on everybody may see the first issue.
    pub release_at: Timestamp,
    /// Who said so.
    pub author: String,
    /// When.
    pub recorded_at: Timestamp,
}
