//! Why a publication is refused.

use jiff::Timestamp;
use jiff::civil::Date;
use thiserror::Error;

use super::issue::IssueName;
use super::name::PublicationName;
use super::tables::ProtectedFigure;

/// Why a publication, or an announcement of one, is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublicationRejection {
    /// Its period is not over.
    #[error("{publication} is as at {end}, which is not over: it is {today}")]
    NotOver {
        /// Which.
        publication: PublicationName,
        /// Its last day.
        end: Date,
        /// Today in London.
        today: Date,
    },
    /// It is not in the release calendar.
    #[error("{publication} is not in the release calendar")]
    NotAnnounced {
        /// Which.
        publication: PublicationName,
    },
    /// There is a first issue.
    #[error("{publication} has {issues} issues; a correction is re-issued")]
    AlreadyPublished {
        /// Which.
        publication: PublicationName,
        /// So many.
        issues: u32,
    },
    /// There is no issue that could be corrected.
    #[error("{publication} has no issue")]
    NotPublished {
        /// Which.
        publication: PublicationName,
    },
    /// A re-issue that says what the last issue says.
    #[error("{issue} says the same already")]
    NothingCorrected {
        /// The last issue.
        issue: IssueName,
    },
    /// No practice was open, by what was known.
    #[error("{publication} would be of no practice at all")]
    Empty {
        /// Which.
        publication: PublicationName,
    },
    /// A figure that its period does not have.
    #[error("{publication} has no {figure}: people who viewed, and views by app, are published of months")]
    FigureNotOfPeriod {
        /// Which.
        publication: PublicationName,
        /// The figure.
        figure: ProtectedFigure,
    },
    /// No remedy of rule 13 helps.
    #[error("with {figure}, {breakdown} {area} of {issue} could be found out, whatever is withheld")]
    Discloses {
        /// The figure that cannot be published.
        figure: ProtectedFigure,
        /// The earlier issue of which something would be told.
        issue: IssueName,
        /// The breakdown of its cell.
        breakdown: String,
        /// The cell.
        area: String,
    },
    /// Another issue came between: what is published is judged against every issue there is (I30).
    #[error("it was judged against {judged} issues, and there are {issues}")]
    Overtaken {
        /// Issues that it was judged against.
        judged: usize,
        /// Issues there are.
        issues: usize,
    },
    /// An announcement of what has been, or would be at once.
    #[error("the release is at {release_at}, which is not after now, {now}")]
    ReleaseNotAhead {
        /// The moment.
        release_at: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// A release within the period.
    #[error("the release is at {release_at}, before the last day, {end}, is over")]
    ReleaseBeforeEnd {
        /// The moment.
        release_at: Timestamp,
        /// The last day of the period.
        end: Date,
    },
    /// It is public.
    #[error("{publication} was released at {released_at}")]
    AlreadyReleased {
        /// Which.
        publication: PublicationName,
        /// Since when.
        released_at: Timestamp,
    },
}
