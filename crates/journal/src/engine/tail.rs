//! Tail: hears that another replica may have recorded something, and tells the writer to look.
//!
//! What is heard is only a hint: notifications get lost with a connection, so the writer is also told to look from
//! time to time, and it looks anyway before it writes.

use std::sync::Arc;
use std::time::Duration;

use database::{Db, Listener};
use tokio::sync::{Notify, watch};

use crate::engine::published::Progress;
use crate::log::Journal;
use crate::sql::CHANNEL;

/// Gives hints until the writer has ended.
pub(crate) async fn run(
    journal: Journal,
    hint: Arc<Notify>,
    progress: watch::Receiver<Progress>,
    poll_interval: Duration,
    mut writer_alive: watch::Receiver<()>,
) {
    let hear = async {
        match journal {
            Journal::Memory(memory) => {
                let mut positions = memory.positions();
                loop {
                    let position = *positions.borrow_and_update();
                    if position != progress.borrow().head.position {
                        hint.notify_one();
                    }
                    if positions.changed().await.is_err() {
                        return;
                    }
                }
            }
            Journal::Sql(db) => hear_database(&db, &hint, &progress, poll_interval).await,
        }
    };
    tokio::select! {
        biased;
        () = hear => {}
        // Never sent, only dropped.
        _ = writer_alive.changed() => {}
    }
}

async fn hear_database(db: &Db, hint: &Notify, progress: &watch::Receiver<Progress>, poll_interval: Duration) {
    let mut listener: Option<Listener> = None;
    loop {
        if listener.is_none() {
            // Without it (SQLite, or a server that cannot be reached now) there is still the interval.
            listener = db.listen(CHANNEL).await.unwrap_or_default();
        }
        // Also before the first wait: what was notified before it listened was not heard.
        hint.notify_one();
        if !wait_for_news(&mut listener, progress, poll_interval).await {
            listener = None;
            // Not at once again: a server that is down stays down for a while.
            tokio::time::sleep(poll_interval).await;
        }
    }
}

/// Waits until there may be something new, at most for the interval; false where the listener is broken.
async fn wait_for_news(
    listener: &mut Option<Listener>,
    progress: &watch::Receiver<Progress>,
    poll_interval: Duration,
) -> bool {
    let Some(listener) = listener else {
        tokio::time::sleep(poll_interval).await;
        return true;
    };
    // One limit for all that is passed over: else a busy writer behind us, after a rewind, would keep us from looking.
    let limit = tokio::time::Instant::now() + poll_interval;
    loop {
        match tokio::time::timeout_at(limit, listener.recv()).await {
            Ok(Ok(Some(position))) if is_known(&position, progress) => {}
            Ok(Err(_)) => return false,
            Ok(Ok(_)) | Err(_) => return true,
        }
    }
}

/// Our own commits notify us too.
fn is_known(position: &str, progress: &watch::Receiver<Progress>) -> bool {
    position.parse::<u64>().is_ok_and(|position| position <= progress.borrow().head.position)
}
