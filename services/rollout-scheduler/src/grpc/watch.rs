//! WatchProgramme: a programme with all its waves, then whatever of them changes.
//!
//! The stream is pulled: each poll looks at the published state of the moment, so there is no queue that could overflow,
//! and a slow reader gets the latest state of each wave rather than every step.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Error, Page, PageLimits};
use clock::Activity;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use journal::grpc::Place;
use journal::{Published, Subscription};
use proto::scheduler::v1 as wire;
use rollout::state::{EnrolmentState, Load, Wave, WaveStage};
use rollout::{ProgrammeId, WaveId};
use tonic::Status;

use super::convert::programme::Text;
use super::convert::{name, programme, wave};
use super::submit::Asked;
use super::{Handlers, programme_of};
use crate::machine::SchedulerMachine;

/// What shows that a wave has changed, cheaper to compare than the wave.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fingerprint {
    stage: WaveStage,
    changed_at_position: u64,
    loads: [Load; EnrolmentState::ALL.len()],
}

/// A reader of a programme's changes.
struct Watch {
    id: ProgrammeId,
    tokens: Page<Place>,
    subscription: Subscription<SchedulerMachine>,
    /// The next state to tell of, if it is known already.
    next: Option<Arc<Published<SchedulerMachine>>>,
    /// What the reader has.
    programme_position: u64,
    waves: BTreeMap<WaveId, Fingerprint>,
    snapshot: bool,
    /// Held from when a change was heard until the reader has it.
    activity: Activity,
}

pub(super) async fn watch(
    handlers: &Handlers,
    asked: Asked<wire::WatchProgrammeRequest>,
) -> Result<impl Stream<Item = Result<wire::WatchProgrammeResponse, Status>> + Send + 'static, Error> {
    let mut request = asked.request;
    let id = name::programme("name", &request.name)?;
    let token = std::mem::take(&mut request.resume_token);
    let tokens: Page<Place> = Page::check(PageLimits::STANDARD, 0, &token, api::digest(&request)).map_err(|_| {
        Error::invalid("resume_token", "RESUME_TOKEN_INVALID", "{field} is not from this watch; begin anew without one")
    })?;
    // Subscribed before the state is read: what is published between the two is heard.
    let subscription = handlers.engine.subscribe();
    let published = match &tokens.after {
        None => handlers.engine.published(),
        Some(place) => place.resume(&handlers.engine).await?,
    };
    programme_of(&published.state.rollout, &id)?;
    let watch = Watch {
        id,
        subscription,
        // A reader that has everything waits for what comes; any other is told all that there is.
        next: (tokens.after != Some(Place::of(&published))).then_some(published),
        snapshot: tokens.after.is_none(),
        tokens,
        programme_position: 0,
        waves: BTreeMap::new(),
        activity: handlers.clock.activity(),
    };
    Ok(try_unfold(watch, |mut watch| async move { Ok(Some((watch.next_message().await?, watch))) }))
}

impl Watch {
    async fn next_message(&mut self) -> Result<wire::WatchProgrammeResponse, Error> {
        loop {
            if let Some(published) = self.next.take()
                && let Some(message) = self.tell(&published)?
            {
                return Ok(message);
            }
            self.activity = Activity::none();
            let (published, activity) = self.subscription.changed().await;
            self.activity = activity;
            self.next = Some(published);
        }
    }

    /// What is new in a state; none where nothing is.
    fn tell(&mut self, published: &Published<SchedulerMachine>) -> Result<Option<wire::WatchProgrammeResponse>, Error> {
        let state = &published.state.rollout;
        let now = programme_of(state, &self.id)?;
        let mut message = wire::WatchProgrammeResponse {
            snapshot: self.snapshot,
            resume_token: self.tokens.next_page_token(&Place::of(published)),
            position: published.position,
            ..wire::WatchProgrammeResponse::default()
        };
        if now.changed_at_position != self.programme_position {
            self.programme_position = now.changed_at_position;
            message.programme = Some(programme::programme_to_wire(now, Text::Without));
        }
        for of_programme in now.waves.values() {
            let fingerprint = Fingerprint::of(of_programme);
            let known = self.waves.insert(of_programme.id.wave, fingerprint.clone());
            if known != Some(fingerprint) {
                // The moment that the message is true at is that of the last record.
                let now = state.recorded_at.unwrap_or_default();
                message.waves.push(wave::wave_to_wire(of_programme, &state.calendar, now));
            }
        }
        let is_news = self.snapshot || message.programme.is_some() || !message.waves.is_empty();
        self.snapshot = false;
        Ok(is_news.then_some(message))
    }
}

impl Fingerprint {
    fn of(wave: &Wave) -> Self {
        let loads = EnrolmentState::ALL.map(|state| wave.load_in(state));
        Self { stage: wave.stage, changed_at_position: wave.changed_at_position, loads }
    }
}
