//! What a notice says: what stands in the places of its text.

use courier::{Address, Fields, Message, Text};
use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;
use rollout::calendar::civil_datetime;
use rollout::state::{Dispatch, Programme, Template, Wave};

/// What a notice is about.
pub(super) struct Letter<'a> {
    pub(super) programme: &'a Programme,
    pub(super) wave: &'a Wave,
    pub(super) dispatch: &'a Dispatch,
    pub(super) practice: PracticeCode,
    /// As its publisher has it; empty where it is not known.
    pub(super) practice_name: &'a str,
}

impl Letter<'_> {
    /// The notice, to an address.
    pub(super) fn to(&self, to: Address, dated: Timestamp) -> Message {
        let reference = self.dispatch.reference(&self.programme.id, self.practice);
        let text = match self.dispatch.template {
            Template::First => Text::First,
            Template::Moved => Text::Moved,
        };
        Message { fields: self.fields(&reference), reference, to, text, dated }
    }

    fn fields(&self, reference: &str) -> Fields {
        let Self { programme, wave, dispatch, practice, practice_name } = self;
        let spec = match programme.plan() {
            Some(plan) => &*plan.spec,
            None => &programme.document.spec,
        };
        let title = if spec.title.is_empty() { programme.id.as_str() } else { &spec.title };
        let code = practice.to_string();
        Fields::from([
            ("programme", title.to_owned()),
            ("capability", programme.capability.id().replace('-', " ")),
            ("practice_name", if practice_name.is_empty() { code.clone() } else { (*practice_name).to_owned() }),
            ("practice_code", code),
            ("not_before", day(dispatch.not_before)),
            ("last_day", day(wave.until)),
            ("working_days", wave.rules.notice_working_days.to_string()),
            ("objections_until", objections(wave.rules.objections_end)),
            ("reference", reference.to_owned()),
        ])
    }
}

/// `Tuesday 6 May 2031`.
fn day(date: Date) -> String {
    date.strftime("%A %-d %B %Y").to_string()
}

/// A sentence, since a text has it whether or not the wave takes objections.
fn objections(end: Option<Timestamp>) -> String {
    match end {
        Some(end) => {
            let civil = civil_datetime(end);
            format!(
                "If you would rather wait, object until {} on {}, that moment included: your practice is then deferred. \
                 Silence means that you go ahead.",
                civil.strftime("%H:%M"),
                day(civil.date())
            )
        }
        None => "Silence means that you go ahead.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_and_moments_are_in_words_and_in_londons_time() {
        assert_eq!(day(date(2031, 5, 6)), "Tuesday 6 May 2031");
        let until = objections(Some("2031-05-02T16:00:00Z".parse().unwrap()));
        assert!(until.contains("until 17:00 on Friday 2 May 2031"), "{until}");
        assert_eq!(objections(None), "Silence means that you go ahead.");
    }
}
