//! What holds for a wave, read once from the document, so that nothing is left to look up while it runs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use ods::Supplier;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, CalendarError, FreezeDays, Occurrence, Timetable, Windows, day_bounds, instant};
use crate::id::WaveId;
use crate::spec::{ATTEMPTS_DEFAULT, CutOff, GateSpec, Mode, ProgrammeSpec, WaveSpec, booked_in};

/// What holds for a wave, with nothing left to look up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveRules {
    /// For people.
    pub title: String,
    /// The first civil date on which it may go live.
    pub from: Date,
    /// The last one.
    pub until: Date,
    /// The windows of its week.
    pub windows: Windows,
    /// The programme's days without go-lives.
    pub freeze_days: FreezeDays,
    /// The last moment of objections, inclusive.
    pub objections_end: Option<Timestamp>,
    /// Where those go who object in time.
    pub deferred_to: Option<WaveId>,
    /// Waves that must have passed before.
    pub after: Vec<WaveId>,
    /// What it must show.
    pub gate: GateSpec,
    /// Working days of notice that are owed.
    pub notice_working_days: u16,
    /// Suppliers with members by booked dates.
    pub booked: BTreeMap<Supplier, Booking>,
    /// How often a practice is tried, by supplier.
    pub attempts: BTreeMap<Supplier, u8>,
    /// Suppliers' own days without go-lives: the wave opens and ends by its windows, and only their practices wait.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub supplier_freezes: BTreeMap<Supplier, FreezeDays>,
}

/// A supplier's booked dates within a wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The dates, in order.
    pub dates: Vec<Date>,
    /// When the list for a date is taken.
    pub cut_off: CutOff,
}

impl WaveRules {
    /// What the document says of one of its waves.
    ///
    /// # Errors
    /// Where a window or a freeze cannot be.
    pub(super) fn of(spec: &ProgrammeSpec, wave: &WaveSpec, now: Timestamp) -> Result<Self, CalendarError> {
        let mut booked = BTreeMap::new();
        for (supplier, driven) in &spec.suppliers {
            let in_wave = wave.suppliers.is_empty() || wave.suppliers.contains(supplier);
            let by_date = spec.mode_of(wave, supplier) == Some(Mode::BookedDates);
            if let Some(cut_off) = driven.cut_off.filter(|_| in_wave && by_date) {
                let dates = booked_in(driven, wave.from, wave.last_date(), now);
                booked.insert(supplier.clone(), Booking { dates, cut_off });
            }
        }
        Ok(Self {
            title: wave.title.clone(),
            from: wave.from,
            until: wave.last_date(),
            windows: spec.windows_of(wave)?,
            freeze_days: spec.freeze_days()?,
            objections_end: wave.objections_until.map(instant),
            deferred_to: wave.deferred_to,
            after: wave.after.clone(),
            gate: spec.gate_of(wave).clone(),
            notice_working_days: spec.notice_of(wave),
            booked,
            attempts: spec.suppliers.iter().map(|(supplier, driven)| (supplier.clone(), driven.attempts)).collect(),
            supplier_freezes: spec.supplier_freezes()?,
        })
    }

    /// Its windows laid over the calendar of the moment (I16).
    #[must_use]
    pub fn timetable<'a>(&'a self, calendar: &'a Calendar) -> Timetable<'a> {
        Timetable { calendar, freeze_days: &self.freeze_days, windows: &self.windows }
    }

    /// The windows that begin on a date from `from` to `until`, skipped ones included.
    pub fn windows_between<'a>(
        &'a self,
        calendar: &'a Calendar,
        from: Date,
        until: Date,
    ) -> impl Iterator<Item = Occurrence> + use<'a> {
        self.timetable(calendar).windows_between(day_bounds(from).0, day_bounds(until).1)
    }

    /// Its days on which a window opens that has not closed at `now`.
    pub(super) fn open_days(&self, calendar: &Calendar, now: Timestamp) -> Vec<Date> {
        self.open_days_between(calendar, self.from, self.until, now)
    }

    /// The days from `from` to `until` on which a window opens that has not closed at `now`.
    pub(super) fn open_days_between(&self, calendar: &Calendar, from: Date, until: Date, now: Timestamp) -> Vec<Date> {
        let windows = self.windows_between(calendar, from, until);
        let mut days: Vec<Date> = windows
            .filter(|window| window.skipped.is_none() && now < window.closes)
            .map(|window| window.date)
            .collect();
        days.dedup();
        days
    }

    /// Why no practice of this supplier goes live on a day though the wave may (rule 2); None where they do.
    #[must_use]
    pub fn frozen(&self, supplier: &Supplier, date: Date) -> Option<&str> {
        self.supplier_freezes.get(supplier)?.why(date)
    }

    /// How often a practice of this supplier is tried.
    #[must_use]
    pub fn attempts_of(&self, supplier: &Supplier) -> u8 {
        self.attempts.get(supplier).copied().unwrap_or(ATTEMPTS_DEFAULT)
    }

    /// Drops booked dates other than these.
    pub(super) fn keep_booked(&mut self, used: &BTreeSet<Date>) {
        for booking in self.booked.values_mut() {
            booking.dates.retain(|date| used.contains(date));
        }
        self.booked.retain(|_, booking| !booking.dates.is_empty());
    }
}
