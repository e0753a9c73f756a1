//! Notices, followed anew: which were sealed, which were given, and whether a practice had its working days of them before it was
//! sealed or invited to be switched on (rule 11).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use ods::PracticeCode;
use ods::civil::civil_date;
use rollout::calendar::Calendar;
use rollout::state::DispatchStage;
use rollout::{DispatchMove, Event, ProgrammeId, WaveRef};

use crate::record::Recorded;

/// Whether practices had their notice.
#[derive(Debug, Default)]
pub(crate) struct NoticesKept {
    pub(crate) cases_count: usize,
    pub(crate) breaches: Vec<String>,
    /// When each notice that was sent was sealed, and sealed again, by the reference that its carrier knows it by.
    pub(crate) sealed: BTreeMap<String, Vec<Timestamp>>,
    /// When each of those counts as given.
    pub(crate) given: BTreeMap<String, Timestamp>,
    calendar: Calendar,
    references: BTreeMap<(ProgrammeId, PracticeCode, u32), String>,
    told: BTreeMap<(ProgrammeId, PracticeCode), Vec<Told>>,
}

/// A notice that a practice had.
#[derive(Debug)]
struct Told {
    at: Timestamp,
    not_before: Date,
    /// The number of what was sent; none where a person recorded it by hand.
    dispatch: Option<u32>,
}

impl NoticesKept {
    pub(crate) fn fold(&mut self, record: &Recorded, event: &Event) {
        match event {
            Event::CalendarUpdated { calendar, .. } => self.calendar = calendar.clone(),
            Event::DispatchesSealed { wave, dispatches } => {
                for one in dispatches {
                    let (programme, practice, number) = (&wave.programme, one.practice, one.number);
                    let second = record.recorded_at.as_second();
                    let reference = format!("{}.{practice}.{}.{number}.{second}", programme.as_str(), wave.wave.0);
                    self.sealed.entry(reference.clone()).or_default().push(record.recorded_at);
                    self.references.insert((programme.clone(), practice, number), reference);
                }
            }
            Event::DispatchesMoved { programme, moves } => {
                moves.iter().for_each(|one| self.moved(record, programme, one));
            }
            Event::NoticeDelivered { wave, practices, delivered_at, not_before, dispatches, .. } => {
                for practice in practices {
                    let dispatch = dispatches.iter().find(|(of, _)| of == practice).map(|(_, number)| *number);
                    let place = (wave.programme.clone(), *practice);
                    let told = Told { at: *delivered_at, not_before: *not_before, dispatch };
                    self.told.entry(place).or_default().push(told);
                    let sent = dispatch.map(|number| (wave.programme.clone(), *practice, number));
                    let reference = sent.and_then(|sent| self.references.get(&sent));
                    self.given.extend(reference.map(|reference| (reference.clone(), *delivered_at)));
                }
            }
            _ => {}
        }
    }

    /// The calendar as it is known by now.
    pub(crate) fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Who is sent again counts as sealed again; what came back was told to nobody.
    fn moved(&mut self, record: &Recorded, programme: &ProgrammeId, one: &DispatchMove) {
        for (practice, number) in &one.dispatches {
            let place = (programme.clone(), *practice, *number);
            match one.to {
                DispatchStage::Sealed => {
                    let reference = self.references.get(&place).cloned();
                    let sealed = reference.and_then(|reference| self.sealed.get_mut(&reference));
                    sealed.into_iter().for_each(|sealed| sealed.push(record.recorded_at));
                }
                DispatchStage::Failed { .. } => {
                    let told = self.told.get_mut(&(programme.clone(), *practice));
                    told.into_iter().for_each(|told| told.retain(|told| told.dispatch != Some(*number)));
                }
                _ => {}
            }
        }
    }

    /// A practice is to go live on `date`, or is asked to.
    pub(crate) fn goes_live(&mut self, wave: &WaveRef, practice: PracticeCode, date: Date, owed: u16, position: u64) {
        if owed == 0 {
            return;
        }
        self.cases_count += 1;
        let told = self.told.get(&(wave.programme.clone(), practice)).map_or(&[][..], Vec::as_slice);
        let most =
            told.iter().filter(|told| told.not_before <= date).map(|told| self.working_days(told.at, date)).max();
        if most.is_none_or(|most| most < usize::from(owed)) {
            let had = most.map_or("without notice".to_owned(), |most| format!("after {most} working days of notice"));
            self.breaches.push(format!("{practice} is to go live on {date} in {wave}, at {position}, {had} of {owed}"));
        }
    }

    /// Working days from the day of notice to before the day of go-live.
    fn working_days(&self, told_at: Timestamp, date: Date) -> usize {
        let days = std::iter::successors(Some(civil_date(told_at)), |day| day.tomorrow().ok());
        let is_working = |day: &Date| {
            let is_weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            !is_weekend && self.calendar.bank_holidays.title(*day).is_none()
        };
        days.take_while(|day| *day < date).filter(is_working).count()
    }
}
