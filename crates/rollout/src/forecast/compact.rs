//! A programme as a forecast plays it: the same waves, practices, caps and dates as in the state, by number, in rows.
//!
//! What a run changes it copies. Other programmes are left out: what they have under way counts against no cap here, and
//! they take no room later.

mod builder;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use ods::{IcbCode, PracticeCode, Supplier};

use self::builder::Builder;
use super::limits::Limit;
use super::model::Model;
use super::scenario::FateAnswer;
use crate::id::WaveId;
use crate::spec::{Cap, LiveTerms, Mode};
use crate::state::{EnrolmentState, Load, Programme, State, WaveStage};
use crate::view::RegistryView;

/// Moments by the microsecond, as the journal keeps them.
pub(super) type Micros = i64;

pub(super) const NEVER: Micros = Micros::MAX;

/// A day that never comes, counted from the first day of the forecast.
pub(super) const NO_DAY: i32 = i32::MAX;

pub(super) const NOWHERE: u16 = u16::MAX;

/// A programme at rest, ready to be played.
#[derive(Debug, Clone)]
pub(super) struct Compact {
    pub(super) now: Micros,
    /// The civil date of `now`: day 0.
    pub(super) first_day: Date,
    /// The first moment of each day, and of the one after the last.
    pub(super) day_starts: Vec<Micros>,
    pub(super) practices: Vec<Member>,
    pub(super) seats: Vec<Seat>,
    pub(super) courses: Vec<Course>,
    pub(super) scopes: Vec<Scope>,
    pub(super) parties: Vec<Party>,
    /// What is sealed or booked already, by day, then by scope.
    pub(super) daily: Vec<Load>,
    pub(super) in_flight: Vec<Load>,
    /// Moments at which something may begin or end by the calendar, in order.
    pub(super) looks: Vec<Micros>,
    pub(super) desks_count: usize,
}

/// Whose caps, and what they are.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) daily: Cap,
    pub(super) in_flight: Cap,
}

/// Practices that share every cap: those of a supplier in an ICB.
#[derive(Debug, Clone)]
pub(super) struct Party {
    /// The nation, the supplier, the ICB; [`NOWHERE`] where they have none.
    pub(super) scopes: [u16; 3],
    /// The supplier's place among the model's.
    pub(super) desk: u16,
    /// A load that none of them goes below.
    pub(super) least: Load,
    /// A load that none of them exceeds.
    pub(super) most: Load,
}

/// A practice.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) code: PracticeCode,
    pub(super) supplier: Option<Supplier>,
    pub(super) icb: Option<IcbCode>,
    pub(super) load: Load,
    /// The nation, its supplier, its ICB; [`NOWHERE`] where it has none.
    pub(super) scopes: [u16; 3],
    /// Its supplier's place among the model's.
    pub(super) desk: u16,
    pub(super) party: u16,
    pub(super) is_on: bool,
    pub(super) is_ready: bool,
    pub(super) pauses: Vec<Pause>,
}

/// A pause of a practice.
#[derive(Debug, Clone)]
pub(super) struct Pause {
    pub(super) recorded_at: Micros,
    pub(super) end: End,
    pub(super) in_force: bool,
    pub(super) judged: Option<Judged>,
}

/// How a pause is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Until { at: Micros, day: i32 },
    FurtherNotice,
    ProgrammeDefault,
}

/// What was made of a pause by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// In time: it ends when that wave opens; [`NOWHERE`] for another programme's.
    InTime {
        to: u16,
        is_over: bool,
    },
    Late,
}

/// A practice in a wave.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) practice: u32,
    pub(super) course: u16,
    pub(super) order: u32,
    pub(super) mode: Mode,
    /// With booked dates: the list; [`NOWHERE`] where there is none for it.
    pub(super) list: u16,
    pub(super) state: EnrolmentState,
    pub(super) refusals: u8,
    pub(super) commanded: bool,
    pub(super) not_before: Micros,
    /// The first day on which the practice has had its notice.
    pub(super) noticed_from: i32,
    /// The same for the wave to which this one defers.
    pub(super) noticed_later: i32,
    pub(super) held_until: Micros,
    /// The registry says that it cannot stay: closed, on already, another supplier.
    pub(super) is_unfit: bool,
    /// Something is in its way that a forecast does not see to an end: a dispute, drift.
    pub(super) is_stuck: bool,
    /// Under way: a pause came after its permit.
    pub(super) is_reversed: bool,
    /// Under way: when the supplier has done it, when that is known, and what it says then.
    pub(super) done_at: Micros,
    pub(super) settles_at: Micros,
    pub(super) answer: FateAnswer,
    /// Under way from before the forecast: when it was sealed, is asked about next, and was asked about so far.
    pub(super) begun: Option<Begun>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) sealed_at: Micros,
    pub(super) due_at: Micros,
    pub(super) attempts: u32,
}

/// A wave.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) id: WaveId,
    pub(super) is_listed: bool,
    pub(super) stage: WaveStage,
    pub(super) changed_at: Micros,
    pub(super) last_action_at: Option<Micros>,
    pub(super) from_day: i32,
    pub(super) until_day: i32,
    pub(super) windows: Vec<OpenWindow>,
    pub(super) lists: Vec<List>,
    /// Suppliers' own freeze days: desk and day, in order.
    pub(super) frozen: Vec<(u16, i32)>,
    pub(super) booked_until: Option<Micros>,
    pub(super) after: Vec<u16>,
    pub(super) passed: bool,
    pub(super) failed: bool,
    pub(super) objections: Option<(Micros, u16)>,
    /// By supplier: how a practice that is deferred to this wave is switched on, and by which list.
    pub(super) joining: Vec<(Mode, u16)>,
    pub(super) fix_at: Option<Micros>,
    pub(super) lapses_at: Option<Micros>,
    pub(super) evaluate_at: Option<Micros>,
    pub(super) verdict_at: Option<Micros>,
    pub(super) soak: Micros,
    pub(super) timeout: Micros,
    pub(super) live_terms: LiveTerms,
    /// Concerns that were reported fail its gate.
    pub(super) fails_by_concerns: bool,
    pub(super) is_waived: bool,
    pub(super) attempts: Vec<u8>,
    pub(super) held_until: Micros,
}

/// A window that is not skipped.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenWindow {
    pub(super) opens: Micros,
    pub(super) closes: Micros,
    pub(super) day: i32,
}

/// A supplier's list for a booked date.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    pub(super) desk: u16,
    pub(super) day: i32,
    pub(super) starts: Micros,
    pub(super) opens: Micros,
    pub(super) closes: Micros,
}

/// What a programme is made compact from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) state: &'a State,
    pub(super) view: &'a RegistryView,
    pub(super) programme: &'a Programme,
    pub(super) model: &'a Model,
    pub(super) now: Timestamp,
}

impl Compact {
    /// The programme as it is, with one limit out of the way where one is given.
    pub(super) fn of(source: Source<'_>, without: Option<&Limit>) -> Self {
        Builder::new(source, without).compact()
    }

    /// The day of a moment of the forecast.
    pub(super) fn day_of(&self, at: Micros) -> i32 {
        i32::try_from(self.day_starts.partition_point(|start| *start <= at)).unwrap_or(NO_DAY) - 1
    }

    /// The date of a day.
    pub(super) fn date_of(&self, day: i32) -> Date {
        self.first_day.saturating_add(day.days())
    }

    /// How many days there are.
    pub(super) fn days_count(&self) -> usize {
        self.day_starts.len() - 1
    }
}

pub(super) fn micros(time: SignedDuration) -> Micros {
    Micros::try_from(time.as_micros()).unwrap_or(NEVER)
}
