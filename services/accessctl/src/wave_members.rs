//! The practices of a wave, as the scheduler has them: statistics know of no waves and are told who is meant.

use proto::scheduler::v1 as scheduler;
use proto::statistics::v1 as statistics;

use crate::connection::{Connection, every_page};
use crate::failure::BadInput;

/// The wave's practices under its name, but those that have gone to a later wave or to a successor: whoever stayed counts, also
/// who paused or was refused.
pub(crate) async fn of(connection: &Connection, wave: &str) -> anyhow::Result<statistics::PracticeSet> {
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

/// The practices of several waves, none in two: whoever was moved on counts in the last wave that is named.
pub(crate) async fn apart(connection: &Connection, waves: &[String]) -> anyhow::Result<Vec<statistics::PracticeSet>> {
    let mut sets: Vec<statistics::PracticeSet> = Vec::with_capacity(waves.len());
    for wave in waves {
        let set = of(connection, wave).await?;
        for earlier in &mut sets {
            earlier.practices.retain(|practice| set.practices.binary_search(practice).is_err());
        }
        sets.push(set);
    }
    sets.retain(|set| !set.practices.is_empty());
    Ok(sets)
}
