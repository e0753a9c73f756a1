//! The programme of a story as its owners write it, and as they write it anew amid it.

use jiff::civil::Date;

use super::{BOOKED, CALLED, CUT_OFF, Chance, SELF_SERVICE, WAVES};

/// A version of the programme. Its caps let everybody through in time, though not at once.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// How many practices the first wave takes.
    first: usize,
    /// Practices a day.
    daily: usize,
    /// Practices of a supplier under way at once.
    in_flight: u64,
    notice_working_days: u64,
    /// Whether the supplier that takes lists does; else it is called as others are.
    takes_lists: bool,
    /// Whether the first wave is in it still.
    has_first_wave: bool,
}

impl Document {
    /// Two waves: the first takes about a third.
    pub(super) fn first(chance: &Chance, surgeries_count: usize, is_quiet: bool) -> Self {
        Self {
            first: surgeries_count / 3,
            daily: surgeries_count.div_ceil(2) + 2,
            in_flight: chance.between("in-flight", "cap", 4, 12),
            notice_working_days: chance.between("notice", "days", 1, 2),
            takes_lists: is_quiet || !reschedules(chance),
            has_first_wave: true,
        }
    }

    /// With other caps, and, where the first wave has not opened yet, another share of the practices in it.
    pub(super) fn again(self, chance: &Chance, has_first_wave: bool) -> Self {
        Self {
            first: (self.first / 2).max(1) + chance.pick("replan-first", "count", self.first),
            daily: self.daily + chance.pick("replan-daily", "cap", 5),
            in_flight: chance.between("replan-in-flight", "cap", 4, 12),
            has_first_wave,
            ..self
        }
    }

    pub(super) fn text(&self) -> String {
        let Self { first, daily, in_flight, notice_working_days, .. } = self;
        let dates = WAVES.concat().iter().map(Date::to_string).collect::<Vec<_>>().join(", ");
        let cut_off = CUT_OFF.strftime("%H:%M");
        let booked =
            format!("{{ mode: booked-dates, dates: [{dates}], cut_off: {{ days_before: 1, at: '{cut_off}' }} }}");
        let booked = if self.takes_lists { booked.as_str() } else { "{ mode: push }" };
        let [called_1, called_2] = CALLED;
        let [wave_1, wave_2] = WAVES;
        let (from_1, from_2, until_2) = (wave_1[0], wave_2[0], wave_2[wave_2.len() - 1]);
        let wave_1 = format!(
            "  - {{ wave: 1, title: First, take: {{ practices: {first} }}, from: {from_1}, until: {from_1} }}\n"
        );
        let wave_1 = if self.has_first_wave { wave_1.as_str() } else { "" };
        format!(
            "name: spring\ntitle: Spring opening\ncohort: 'practice.list_size > 0'\n\
             caps: {{ daily: {{ national: {{ practices: {daily} }} }}, in_flight: {{ each_supplier: {{ practices: {in_flight} }} }} }}\n\
             windows:\n  - {{ days: [monday, tuesday, wednesday, thursday, friday], from: '09:00', to: '17:00' }}\n\
             notice_working_days: {notice_working_days}\n\
             gate: {{ min_success: 0.5, min_sample: 2, soak: 12h, timeout: 24h, viewers: {{ min_share: 0.1 }} }}\n\
             suppliers:\n  {called_1}: {{ mode: push }}\n  {called_2}: {{ mode: push }}\n  {SELF_SERVICE}: {{ mode: self-service }}\n\
             \x20 {BOOKED}: {booked}\n\
             waves:\n{wave_1}\x20 - {{ wave: 2, title: Second, from: {from_2}, until: {until_2} }}\n"
        )
    }
}

/// Whether the second wave is moved to a later day: what is booked with a supplier cannot be, so that nobody takes lists then.
pub(super) fn reschedules(chance: &Chance) -> bool {
    chance.of("reschedules", "wave").happens(0.15)
}
