//! The loop that brings about what is due (rule 15). Any number of replicas may run it: what has lapsed is no longer
//! due, so the second finds nothing to do.

use clock::{Activity, Clock};
use journal::{Engine, Meta, Submission, Subscription};
use practice::Command;
use tokio_util::sync::CancellationToken;

use crate::machine::Registry;

/// Who acts when nobody does: the account in the journal's records of lapses.
pub(crate) const ACCOUNT: &str = "practice-registry";

/// In the order of sleepers that are due at the same moment, lapses stand before those who act on them.
const SLEEPER: &str = "registry/lapses";

/// Runs until `shutdown`.
pub(crate) async fn run(engine: Engine<Registry>, clock: Clock, shutdown: CancellationToken) {
    let mut subscription = engine.subscribe();
    let mut activity = clock.activity();
    loop {
        bring_about(&engine, &clock).await;
        let woken = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            woken = wait(&engine, &clock, &mut subscription, activity) => woken,
        };
        activity = woken;
    }
}

/// Sleeps until something is due, or until something changes that may be due earlier.
async fn wait(
    engine: &Engine<Registry>,
    clock: &Clock,
    subscription: &mut Subscription<Registry>,
    activity: Activity,
) -> Activity {
    let due = engine.published().state.registry.next_due();
    // Registered before the activity is given up, so that virtual time cannot pass the due moment.
    let sleep = due.map(|due| clock.sleep_until(due, SLEEPER));
    drop(activity);
    let due = async {
        match sleep {
            Some(sleep) => sleep.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        (_, activity) = subscription.changed() => activity,
        activity = due => activity,
    }
}

/// Has all that is due recorded, a bounded number at a time.
async fn bring_about(engine: &Engine<Registry>, clock: &Clock) {
    while engine.published().state.registry.next_due().is_some_and(|due| due <= clock.now()) {
        let meta = Meta { actor: ACCOUNT.to_owned(), cause: "due".to_owned(), ..Meta::default() };
        let lapsed = engine.submit(Submission::new(Command::Lapse, meta).urgent(), |_| Vec::new()).await;
        if let Err(error) = lapsed {
            // Nothing permits more for it; the next change or due moment tries again.
            tracing::warn!(error = &error as &dyn std::error::Error, "what is due could not be recorded");
            return;
        }
    }
}
