//! The moments at which a timetable makes something due: its windows' openings and closings.
//!
//! They are enumerated, never caught up: what a moment's single outcome is (STARTED, LATE_STARTED, MISSED, SKIPPED,
//! SUPERSEDED; rule 3) is for the scheduler to record, under the moment's [name](DueMoment::name).

use jiff::Timestamp;
use jiff::civil::Time;

use super::timetable::days_between;
use super::{Occurrence, Timetable, civil_date};

/// One end of a window. A closing is due before an opening at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowEdge {
    /// The first moment after the window.
    Closes,
    /// The first moment of the window.
    Opens,
}

/// A moment at which a window opens or closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMoment {
    /// When.
    pub moment: Timestamp,
    /// Which end of the window.
    pub edge: WindowEdge,
    /// The window and its date, with the reason where it is skipped; a skipped window has no closing.
    pub window: Occurrence,
}

impl DueMoment {
    /// The name under which its outcome is recorded, e.g. `window-opens/2031-06-02/09:00`: the same however often and
    /// from whichever moment the list is asked for, and in the order of the list among equal moments of a day.
    #[must_use]
    pub fn name(&self) -> String {
        let edge = match self.edge {
            WindowEdge::Closes => "window-closes",
            WindowEdge::Opens => "window-opens",
        };
        format!("{edge}/{}/{}", self.window.date, self.window.window.from())
    }
}

impl<'a> Timetable<'a> {
    /// Every opening and closing in [from, until), in order. Consecutive calls neither repeat nor miss one (I12).
    pub fn due_moments(&self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = DueMoment> + use<'a> {
        let timetable = *self;
        // A window that lasts to midnight closes on the day after its own.
        let first = civil_date(from).yesterday().unwrap_or(civil_date(from));
        let first = super::instant(first.to_datetime(Time::midnight())).min(from);
        days_between(first, until)
            .flat_map(move |date| timetable.of_day(date))
            .flat_map(edges)
            .filter(move |due| from <= due.moment && due.moment < until)
    }
}

/// The opening, and the closing of a window that is not skipped.
fn edges(window: Occurrence) -> impl Iterator<Item = DueMoment> {
    let closing = window.skipped.is_none().then(|| DueMoment {
        moment: window.closes,
        edge: WindowEdge::Closes,
        window: window.clone(),
    });
    let opening = DueMoment { moment: window.opens, edge: WindowEdge::Opens, window };
    std::iter::once(opening).chain(closing)
}
