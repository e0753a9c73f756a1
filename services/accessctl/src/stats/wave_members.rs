//! The practices of a wave, as the scheduler has them: statistics know of no waves and are told who is meant.

use proto::scheduler::v1 as scheduler;
use proto::statistics::v1 as statistics;

use crate::connection::{Connection, every_page};
use crate::failure::BadInput;

/// The wave's practices under its name, but those that have gone to a later wave or to a successor: whoever stayed counts, also
/// who paused or was refused.
pub(super) async fn of(connection: &Connection, wave: &str) -> anyhow::Result<statistics::PracticeSet> {
    let list = scheduler::ListEnrolmentsRequest { parent: wave.to_owned(), ..Default::default() };
    let reply = every_page!(connection.enrolments(), list_enrolments, list, enrolments);
    let stayed = reply.enrolments.into_iter().filter(|enrolment| {
        !matches!(enrolment.state(), scheduler::EnrolmentState::Deferred | scheduler::EnrolmentState::Superseded)
    });
    let mut practices: Vec<String> = stayed.map(|enrolment| enrolment.practice).collect();
    practices.sort_unstable();
    practices.dedup();
    if practices.is_empty() {
        return Err(BadInput(format!("{wave} has no practices: accessctl wave practices {wave}")).into());
    }
    Ok(statistics::PracticeSet { name: wave.to_owned(), practices })
}
