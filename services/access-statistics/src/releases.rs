//! The loop that releases what is due (rule 15): until it has recorded that, an issue stays under embargo. Any number of
//! replicas may run it: what was released is no longer due, so the second finds nothing to do.

use std::time::Duration;

use clock::Clock;
use journal::{Engine, Meta, Submission, SubmitError};
use tokio_util::sync::CancellationToken;

use crate::returns::{Refused, ReturnsCommand, ReturnsMachine};

/// Who acts when nobody does: the account in the journal's records of releases.
const ACCOUNT: &str = "access-statistics";

/// In the order of sleepers that are due at the same moment.
const SLEEPER: &str = "statistics/releases";

/// Runs until `shutdown`. After a failure of the store it tries again after `retry_delay`, which is real time.
pub(crate) async fn run(
    engine: Engine<ReturnsMachine>,
    clock: Clock,
    retry_delay: Duration,
    shutdown: CancellationToken,
) {
    let mut subscription = engine.subscribe();
    let mut activity = clock.activity();
    loop {
        if let Err(error) = release(&engine, &clock).await {
            // What is late stays hidden: that is the safe side.
            tracing::warn!(error = telemetry::chain(&error), "what is due could not be released");
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(retry_delay) => continue,
            }
        }
        let due = engine.published().state.publications().next_due();
        activity = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            woken = subscription.changed_or_due(&clock, SLEEPER, due, activity) => woken,
        };
    }
}

async fn release(engine: &Engine<ReturnsMachine>, clock: &Clock) -> Result<(), SubmitError<Refused>> {
    while engine.published().state.publications().next_due().is_some_and(|due| due <= clock.now()) {
        let meta = Meta { actor: ACCOUNT.to_owned(), cause: "due".to_owned(), ..Meta::default() };
        engine.submit(Submission::new(ReturnsCommand::Due, meta), |_| Vec::new()).await?;
    }
    Ok(())
}
