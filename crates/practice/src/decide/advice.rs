//! Advice and support cases: who may say what of which time. They stop nothing.

use jiff::Timestamp;

use super::next_number;
use crate::command::{EndAdvice, RecordAdvice};
use crate::event::{AdviceRecorded, Event};
use crate::practice::Practice;
use crate::rejection::Rejection;

pub(super) fn recorded(practice: &Practice, advice: &RecordAdvice, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let from = within(advice.from, Timestamp::MIN, now)?;
    if let Some(until) = advice.advised.until.filter(|until| *until <= now) {
        return Err(Rejection::AdviceEndsInPast { until, now });
    }
    Ok(vec![Event::AdviceRecorded(AdviceRecorded {
        practice: practice.code,
        advice: next_number(&practice.advice),
        advised: advice.advised.clone(),
        from,
        recorded_by: advice.by.account.clone(),
        recorded_as: advice.by.roles.clone(),
    })])
}

pub(super) fn ended(practice: &Practice, end: &EndAdvice, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let (code, number) = (practice.code, end.advice);
    let advice = practice.advice(number).ok_or(Rejection::AdviceUnknown { practice: code, advice: number })?;
    if !advice.is_open() {
        return Err(Rejection::AdviceHasEnded { practice: code, advice: number });
    }
    if !advice.may_be_ended_by(&end.by.account, &end.by.roles) {
        let recorded_as = advice.recorded_as.clone();
        return Err(Rejection::AdviceOfAnother { practice: code, advice: number, recorded_as });
    }
    let at = within(end.at, advice.from, now)?;
    Ok(vec![Event::AdviceEnded { practice: code, advice: number, at, by: end.by.account.clone() }])
}

/// The moment that was given, or now; refused before `earliest` and after now.
fn within(moment: Option<Timestamp>, earliest: Timestamp, now: Timestamp) -> Result<Timestamp, Rejection> {
    let moment = moment.unwrap_or(now);
    if moment < earliest || now < moment {
        return Err(Rejection::AdviceMomentOutOfRange { moment, earliest, now });
    }
    Ok(moment)
}
