//! Publications: figures of a month or a week, frozen as they were known, so that they can be shown to everybody (rules 13 and
//! 14).
//!
//! What is frozen is [`Content`]: each practice's numbers. What is shown of it, [`PublishedFigure`]s, follows from it and from
//! the remedies that disclosure control took, and never changes: a corrected month is another issue beside the first. Until its
//! release moment an issue is a draft. Part of the journal of returns. How a file of it looks is not decided here.

mod calendar;
mod content;
mod figures;
mod issue;
mod level;
mod name;
mod rejection;
mod state;
mod tables;
#[cfg(test)]
mod tests;
mod wave_name;

pub use disclosure::Remedy;

pub use calendar::{Release, SetRelease};
pub use content::{Accounts, Content, CountedViewers, CountedViews, List, PracticeContent};
pub use figures::{Exactness, FigureValue, PublishedDenominator, PublishedFigure};
pub use issue::{AskedIssue, Correction, Draft, Issue, IssueName, IssuePositions, Issued};
pub use level::{Level, PublishedArea};
pub use name::{PublicationName, PublicationNameError, PublicationPeriod};
pub use rejection::PublicationRejection;
pub use state::Publications;
pub use tables::ProtectedFigure;
pub use wave_name::{WaveName, WaveNameError};
