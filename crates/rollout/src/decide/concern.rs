//! Decisions about concerns: each is recorded, and at which gates it counts.

use super::{Docket, Person};
use crate::event::Event;
use crate::id::WaveRef;
use crate::rejection::Rejection;
use crate::state::{Concern, ConcernAbout, Severity, State, Wave, WaveStage};

pub(super) fn report(
    docket: &mut Docket,
    person: Person<'_>,
    severity: Severity,
    about: &ConcernAbout,
) -> Result<(), Rejection> {
    let person = person.with_reason()?;
    if let ConcernAbout::Wave(wave) = about {
        docket.wave(wave)?;
    }
    let concern = Concern {
        id: docket.state.next_concern(),
        severity,
        about: about.clone(),
        waves: waves_ahead(&docket.state, about),
        reason_code: person.reason_code.to_owned(),
        reported_by: person.by.clone(),
        reported_at: docket.now,
    };
    docket.record(Event::ConcernReported { concern: Box::new(concern) });
    Ok(())
}

/// The waves that it is about and whose gates are ahead: of a practice, in every programme the wave that it is in.
fn waves_ahead(state: &State, about: &ConcernAbout) -> Vec<WaveRef> {
    let is_ahead = |wave: &&Wave| !wave.stage.has_ended() && wave.stage != WaveStage::Gate;
    let waves: Vec<&Wave> = match about {
        ConcernAbout::Wave(wave) => state.wave(wave).into_iter().collect(),
        ConcernAbout::Practice(practice) => {
            let programmes = state.programmes.values();
            let current = programmes.filter_map(|one| one.waves.get(one.current_wave.get(practice)?));
            current.collect()
        }
    };
    waves.into_iter().filter(is_ahead).map(|wave| wave.id.clone()).collect()
}
