//! How the registry's loops wait: for what is due, or for a change by which something may be due earlier.

use clock::{Activity, Clock};
use jiff::Timestamp;
use journal::Subscription;

use crate::machine::Registry;

/// Sleeps as `sleeper` until `due`, or for ever where nothing is; wakes before that where the registry changes. Gives up
/// `activity` meanwhile, and returns the one to go on with.
pub(crate) async fn until_due_or_changed(
    clock: &Clock,
    sleeper: &'static str,
    due: Option<Timestamp>,
    subscription: &mut Subscription<Registry>,
    activity: Activity,
) -> Activity {
    // Registered before the activity is given up, so that virtual time cannot pass the due moment.
    let sleep = due.map(|due| clock.sleep_until(due, sleeper));
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
