//! Those who wait in waves that have opened: as long as the document lists such a wave it goes on with them, and nobody who is
//! planned now has their days.

use jiff::civil::Date;

use super::expand::Drafting;
use super::pack::Parcel;
use super::{Member, PlacedBy, PlannedWave};
use crate::calendar::civil_date;
use crate::id::WaveId;
use crate::spec::Mode;
use crate::state::{Enrolment, EnrolmentState, Wave};

impl Drafting<'_> {
    /// Takes those who wait out of those who are free, before any wave is packed, and gives them the room under the daily caps
    /// that they will use. `listed` are the waves of the document.
    pub(super) fn keep_waiting(&mut self, listed: impl IntoIterator<Item = WaveId>) {
        let Some(programme) = self.programme else { return };
        for id in listed {
            let open = programme.waves.get(&id).filter(|wave| !wave.stage.is_before_open() && !wave.stage.has_ended());
            if let Some(wave) = open {
                let members = self.waiting_in(wave);
                self.waiting.insert(id, members);
            }
        }
    }

    /// A wave that has opened goes on with those who wait, under the rules it opened with; none where it has not.
    pub(super) fn going_on(&mut self, id: WaveId) -> Option<PlannedWave> {
        let members = self.waiting.remove(&id)?;
        let rules = self.programme?.waves.get(&id)?.rules.clone();
        Some(PlannedWave { id, goes_on: true, rules, members, distance: None })
    }

    fn waiting_in(&mut self, wave: &Wave) -> Vec<Member> {
        let mut members = Vec::new();
        let mut pushed = Vec::new();
        for state in [EnrolmentState::Enrolled, EnrolmentState::Admitted, EnrolmentState::Invited] {
            for enrolment in wave.in_state(state) {
                let Some(free) = self.free.remove(&enrolment.practice) else { continue };
                match (enrolment.mode, enrolment.planned_on) {
                    (Mode::Push, _) => pushed.push(free.parcel),
                    // A list that was taken counts on its date already.
                    (Mode::BookedDates, Some(date)) if state == EnrolmentState::Enrolled => {
                        self.packer.pack(&[date], &[free.parcel]);
                    }
                    (Mode::BookedDates | Mode::SelfService, _) => {}
                }
                members.push(self.goes_on(enrolment));
            }
        }
        self.keep_room(wave, &pushed);
        members
    }

    /// Whoever is pushed has the first days with room. That is when their turn comes, whatever day was once planned: some have
    /// waited for longer since.
    fn keep_room(&mut self, wave: &Wave, pushed: &[Parcel]) {
        let (calendar, now) = (&self.at.state.calendar, self.at.now);
        let from = wave.from.max(civil_date(now));
        let days: Vec<Date> = wave.rules.open_days_between(calendar, from, wave.until, now);
        self.packer.pack(&days, pushed);
    }

    fn goes_on(&self, enrolment: &Enrolment) -> Member {
        Member {
            practice: enrolment.practice,
            supplier: enrolment.supplier.clone(),
            icb: enrolment.icb,
            region: enrolment.region,
            pcn: self.at.view.get(enrolment.practice).and_then(|facts| facts.pcn),
            list_size: enrolment.list_size,
            mode: enrolment.mode,
            planned_on: enrolment.planned_on,
            by: PlacedBy::GoingOn,
        }
    }
}
