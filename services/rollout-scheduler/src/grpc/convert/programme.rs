//! Programmes and what they amount to.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use proto::scheduler::v1 as wire;
use rollout::State;
use rollout::calendar::civil_date;
use rollout::state::{EnrolmentState, Load, Programme, ProgrammeStage};

use super::{count, etag, moment, plan, wave};

/// Months ahead that "signed up" looks (`domain.md`, definitions).
const SIGNED_UP_MONTHS: i32 = 3;

/// Whether the programme's text goes along: lists and watches leave it out, it can be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    With,
    Without,
}

pub(crate) fn programme_to_wire(programme: &Programme, text: Text) -> wire::Programme {
    let spec = &programme.document.spec;
    let mut plans: Vec<wire::Plan> = programme.plans.values().map(|record| plan::plan_to_wire(record)).collect();
    if let Some(draft) = plan::draft_to_wire(programme) {
        plans.push(draft);
    }
    wire::Programme {
        name: programme.id.to_string(),
        display_name: spec.title.clone(),
        capability: programme.capability.to_string(),
        state: stage_to_wire(programme.stage).into(),
        specification: match text {
            Text::With => programme.document.text.clone(),
            Text::Without => String::new(),
        },
        deadline: programme.deadline().map(|deadline| deadline.date.to_string()).unwrap_or_default(),
        plans,
        plan_in_force: programme.in_force.map(|version| format!("{}/{version}", programme.id)).unwrap_or_default(),
        created_by: programme.created_by.to_string(),
        created_at: Some(moment(programme.created_at)),
        etag: etag::of(programme.changed_at_position),
    }
}

fn stage_to_wire(stage: ProgrammeStage) -> wire::ProgrammeState {
    match stage {
        ProgrammeStage::Draft => wire::ProgrammeState::Draft,
        ProgrammeStage::Active => wire::ProgrammeState::Active,
        ProgrammeStage::Completed => wire::ProgrammeState::Completed,
        ProgrammeStage::Cancelled => wire::ProgrammeState::Cancelled,
    }
}

/// What a programme amounts to at `as_at`, in the state that was known then.
pub(crate) fn figures(state: &State, programme: &Programme, as_at: Timestamp) -> wire::ProgrammeFigures {
    let today = civil_date(as_at);
    let horizon = today.checked_add(SIGNED_UP_MONTHS.months()).unwrap_or(Date::MAX);
    let mut signed_up = Load::default();
    let mut by_month: Vec<(Date, Load)> = Vec::new();
    let mut by_state = [Load::default(); EnrolmentState::ALL.len()];
    for wave in programme.waves_in_order() {
        for (place, state) in EnrolmentState::ALL.into_iter().enumerate() {
            by_state[place] += wave.load_in(state);
        }
    }
    for (wave, enrolment) in rollout::effects::signed_up(state, &programme.id) {
        // A wave is dated by its first day, a practice in it by the day that the plan has in mind for it.
        let date = enrolment.planned_on.unwrap_or(wave.from).max(wave.from);
        if today < date && date <= horizon {
            signed_up += enrolment.load();
            add(&mut by_month, date.first_of_month(), enrolment.load());
        }
    }
    by_month.sort_by_key(|(month, _)| *month);
    wire::ProgrammeFigures {
        as_at: Some(moment(as_at)),
        signed_up_next_three_months: i64::from(signed_up.practices),
        signed_up_next_three_months_patients_count: count(signed_up.patients),
        signed_up_by_month: by_month.into_iter().map(month_to_wire).collect(),
        enrolments: wave::counts_to_wire(&by_state),
    }
}

fn add(by_month: &mut Vec<(Date, Load)>, month: Date, load: Load) {
    match by_month.iter_mut().find(|(known, _)| *known == month) {
        Some((_, sum)) => *sum += load,
        None => by_month.push((month, load)),
    }
}

fn month_to_wire((month, load): (Date, Load)) -> wire::MonthFigure {
    wire::MonthFigure {
        month: month.strftime("%Y-%m").to_string(),
        practices_count: i64::from(load.practices),
        patients_count: count(load.patients),
    }
}
