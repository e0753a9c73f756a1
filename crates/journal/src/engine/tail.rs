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
                // The journal outlives its engines, so this ends with the writer only.
                while positions.changed().await.is_ok() {
                    let position = *positions.borrow_and_update();
                    if position != progress.borrow().position {
                        hint.notify_one();
                    }
                }
            }
            Journal::Sql(db) => hear_database(&db, &hint, &progress, poll_interval).await,
        }
    };
    tokio::select! {
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
        let heard = tokio::time::timeout(poll_interval, async {
            match &mut listener {
                Some(listener) => listener.recv().await,
                None => std::future::pending().await,
            }
        });
        match heard.await {
            Ok(Ok(Some(position))) if is_known(&position, progress) => continue,
            Ok(Err(_)) => {
                listener = None;
                // Not at once again: a server that is down stays down for a while.
                tokio::time::sleep(poll_interval).await;
            }
            Ok(Ok(_)) | Err(_) => {}
        }
        hint.notify_one();
    }
}

/// Our own commits notify us too.
fn is_known(position: &str, progress: &watch::Receiver<Progress>) -> bool {
    position.parse::<u64>().is_ok_and(|position| position <= progress.borrow().position)
}
