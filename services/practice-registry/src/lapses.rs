//! The loop that brings about what is due (rule 15). Any number of replicas may run it: what has lapsed is no longer
//! due, so the second finds nothing to do.

use std::time::Duration;

use clock::Clock;
use journal::{Engine, Meta, Submission, SubmitError};
use practice::{Command, Rejection};
use tokio_util::sync::CancellationToken;

use crate::machine::Registry;

/// Who acts when nobody does: the account in the journal's records of lapses.
const ACCOUNT: &str = "practice-registry";

/// In the order of sleepers that are due at the same moment, lapses stand before those who act on them.
const SLEEPER: &str = "registry/lapses";

/// Runs until `shutdown`. After a failure of the store it tries again after `retry_after`, which is real time.
pub(crate) async fn run(engine: Engine<Registry>, clock: Clock, retry_after: Duration, shutdown: CancellationToken) {
    let mut subscription = engine.subscribe();
    let mut activity = clock.activity();
    loop {
        if let Err(error) = bring_about(&engine, &clock).await {
            // Nothing permits more for it meanwhile (rule 15), so waiting is safe.
            tracing::warn!(error = telemetry::chain(&error), "what is due could not be recorded");
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(retry_after) => continue,
            }
        }
        let due = engine.published().state.next_due();
        activity = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            woken = subscription.changed_or_due(&clock, SLEEPER, due, activity) => woken,
        };
    }
}

/// Has all that is due recorded, a bounded number at a time.
async fn bring_about(engine: &Engine<Registry>, clock: &Clock) -> Result<(), SubmitError<Rejection>> {
    while engine.published().state.next_due().is_some_and(|due| due <= clock.now()) {
        let meta = Meta { actor: ACCOUNT.to_owned(), cause: "due".to_owned(), ..Meta::default() };
        engine.submit(Submission::new(Command::Lapse, meta).urgent(), |_| Vec::new()).await?;
    }
    Ok(())
}
