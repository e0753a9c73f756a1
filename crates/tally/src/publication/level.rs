//! The breakdowns of a publication, and what their rows are of.

use std::fmt;

use super::wave_name::WaveName;
use crate::area::Area;
use crate::event::Channel;

/// A way in which figures are broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All together.
    England,
    /// By region.
    Region,
    /// By integrated care board.
    Icb,
    /// By sub-ICB location.
    SubIcb,
    /// By primary care network.
    Pcn,
    /// By maker of the GP system.
    Supplier,
    /// By wave of a programme, where whoever made the publication named its practices.
    Wave,
    /// Each practice by itself.
    Practice,
    /// By app: of views alone, and of England's.
    Channel,
}

/// What a row is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublishedArea {
    /// Practices of an area.
    Area(Area),
    /// Practices of a wave.
    Wave(WaveName),
    /// What came by an app.
    Channel(Channel),
}

impl Level {
    /// Those that tell practices apart, from the coarsest to the finest: each after the one that it is within.
    pub const OF_PRACTICES: [Self; 8] =
        [Self::England, Self::Region, Self::Icb, Self::SubIcb, Self::Pcn, Self::Supplier, Self::Wave, Self::Practice];

    /// Those that a publication has only where they are asked for: the more small areas there are, the less of a correction can be
    /// shown beside them.
    pub const ASKED_FOR: [Self; 2] = [Self::SubIcb, Self::Pcn];

    /// As it is called in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::England => "england",
            Self::Region => "region",
            Self::Icb => "icb",
            Self::SubIcb => "sub-icb",
            Self::Pcn => "pcn",
            Self::Supplier => "supplier",
            Self::Wave => "wave",
            Self::Practice => "practice",
            Self::Channel => "channel",
        }
    }

    /// The level whose areas gather those of this one into groups.
    #[must_use]
    pub fn within(self) -> Option<Self> {
        match self {
            Self::England => None,
            Self::Region | Self::Supplier | Self::Wave | Self::Channel => Some(Self::England),
            Self::Icb => Some(Self::Region),
            Self::SubIcb | Self::Practice => Some(Self::Icb),
            Self::Pcn => Some(Self::SubIcb),
        }
    }
}

/// The resource name.
impl fmt::Display for PublishedArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Area(area) => area.fmt(f),
            Self::Wave(wave) => wave.fmt(f),
            Self::Channel(channel) => write!(f, "channels/{channel}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breakdown_comes_after_the_one_that_it_is_within() {
        for (place, level) in Level::OF_PRACTICES.into_iter().enumerate() {
            let outer = level.within().map(|outer| Level::OF_PRACTICES.into_iter().position(|other| other == outer));
            assert!(outer.is_none_or(|outer| outer.is_some_and(|outer| outer < place)), "{level:?}");
        }
    }
}
