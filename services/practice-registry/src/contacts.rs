//! The loop that erases addresses nobody may keep any more (rule 16). Any number of replicas may run it: what is erased is
//! erased once.
//!
//! Which addresses those are is read from the state, so that a crash between a record and its erasure leaves nothing
//! behind: the next start sweeps.

use std::time::Duration;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::Engine;
use practice::State;
use tokio_util::sync::CancellationToken;

use crate::addresses::{AddressError, AddressStore, StoredAddress};
use crate::machine::Registry;

/// For how long an address may wait for the record that names it: far longer than any call lives.
const UNNAMED_MAX: SignedDuration = SignedDuration::from_hours(1);

/// In the order of sleepers that are due at the same moment, after lapses.
const SLEEPER: &str = "registry/contacts";

/// Runs until `shutdown`. After a failure of the store it tries again after `retry_after`, which is real time.
pub(crate) async fn run(
    engine: Engine<Registry>,
    addresses: AddressStore,
    clock: Clock,
    retry_after: Duration,
    shutdown: CancellationToken,
) {
    let mut subscription = engine.subscribe();
    let mut activity = clock.activity();
    let mut swept_position = None;
    let mut stored_count = addresses.stored_count();
    let mut due = None;
    loop {
        let published = engine.published();
        let erased_position = published.state.contacts_erased_position();
        let now = clock.now();
        if swept_position != Some(erased_position) || due.is_some_and(|due| due <= now) {
            match sweep(&addresses, &published.state, now).await {
                Ok(next) => (swept_position, due) = (Some(erased_position), next),
                Err(error) => {
                    // The state already shows them to nobody; only the erasure is late.
                    tracing::warn!(error = telemetry::chain(&error), "addresses could not be erased");
                    tokio::select! {
                        biased;
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(retry_after) => continue,
                    }
                }
            }
        }
        let stored_now = addresses.stored_count();
        if std::mem::replace(&mut stored_count, stored_now) != stored_now {
            due = due.or(Some(now + UNNAMED_MAX));
        }
        activity = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            woken = subscription.changed_or_due(&clock, SLEEPER, due, activity) => woken,
        };
    }
}

/// Erases what may not be kept. When to look again at what nobody has named yet; None where there is nothing of the kind.
async fn sweep(addresses: &AddressStore, state: &State, now: Timestamp) -> Result<Option<Timestamp>, AddressError> {
    let mut next: Option<Timestamp> = None;
    let mut after = String::new();
    loop {
        let page = addresses.page(&after).await?;
        let Some(last) = page.last() else { return Ok(next) };
        after.clone_from(&last.id);
        for stored in page {
            match standing(state, &stored, now) {
                Standing::Kept => {}
                Standing::Unnamed { until } => next = Some(next.map_or(until, |next| next.min(until))),
                Standing::Gone => addresses.erase(&stored.id).await?,
            }
        }
    }
}

/// Whether an address may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// A contact names it.
    Kept,
    /// No record names it; one may be on its way, until this moment.
    Unnamed { until: Timestamp },
    /// Its contact was taken away, its date has come, or nothing ever named it.
    Gone,
}

fn standing(state: &State, stored: &StoredAddress, now: Timestamp) -> Standing {
    if stored.retain_until <= now {
        return Standing::Gone;
    }
    let contacts = state.practice(stored.practice).map(|practice| practice.contacts.as_slice()).unwrap_or_default();
    match contacts.iter().find(|contact| contact.address_id == stored.id) {
        Some(contact) if contact.is_kept() => Standing::Kept,
        Some(_) => Standing::Gone,
        None => {
            let until = stored.stored_at + UNNAMED_MAX;
            if until <= now { Standing::Gone } else { Standing::Unnamed { until } }
        }
    }
}
