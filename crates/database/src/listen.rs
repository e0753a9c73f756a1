//! Listener: PostgreSQL's notifications, as hints that something is new.

use std::sync::Arc;

use sqlx::postgres::{PgListener, PgPool};

use crate::DatabaseError;

/// Hears the notifications of one channel. It reconnects by itself; what was sent meanwhile is lost, so a
/// notification is a reason to look, never the only one: whoever listens also looks from time to time.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
    place: Arc<str>,
}

impl Listener {
    pub(crate) async fn open(pool: &PgPool, channel: &str, place: &Arc<str>) -> Result<Self, DatabaseError> {
        let failed = |source| DatabaseError::of_store(place, "listen for notifications", source);
        let mut inner = PgListener::connect_with(pool).await.map_err(failed)?;
        inner.listen(channel).await.map_err(failed)?;
        Ok(Self { inner, place: Arc::clone(place) })
    }

    /// Waits for a reason to look: a notification (its payload), or a lost connection (`None`).
    pub async fn recv(&mut self) -> Result<Option<String>, DatabaseError> {
        let received = self.inner.try_recv().await;
        let received =
            received.map_err(|source| DatabaseError::of_store(&self.place, "wait for notifications", source))?;
        Ok(received.map(|notification| notification.payload().to_owned()))
    }
}
