//! Of which practices a stream may tell events: a supplier of those that have its system, or had it within the time in which events may
//! come late, since what happened before a practice changed comes after.
//!
//! An event of another's practice is put into quarantine and holds up nothing (decision 66). A practice that the registry has not told of
//! is nobody's yet, and its events are taken: the registry may be a moment ahead.

use std::sync::Arc;
use std::time::Duration;

use api::Error;
use authority::{Kind, Permission, Resource};
use identity::{Caller, Organisation};
use jiff::Timestamp;
use ods::PracticeCode;
use tally::PracticeOrdinal;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::follow::Picture;

/// For so long what policies said of a practice is taken for granted: they take microseconds to ask, and a stream may bring a
/// million events in a second.
const KEPT: Duration = Duration::from_secs(60);

/// Whose events one stream may tell.
#[derive(Debug)]
pub(super) struct Owner {
    permission: Permission,
    pictures: watch::Receiver<Arc<Picture>>,
    /// By ordinal: whether its events may be told, where that was asked.
    known: Vec<Option<bool>>,
    asked_from: Instant,
}

impl Owner {
    /// Whoever calls.
    ///
    /// # Errors
    /// They may tell of their own only, and act for nobody who has any.
    pub(super) fn new(
        caller: &Caller,
        permission: Permission,
        pictures: watch::Receiver<Arc<Picture>>,
    ) -> Result<Self, Error> {
        permission.on(|| match &caller.organisation {
            Some(Organisation::Supplier(name)) => Resource::supplier(name),
            _ => Resource::suite(),
        })?;
        Ok(Self { permission, pictures, known: Vec::new(), asked_from: Instant::now() })
    }

    /// Before each batch: whether there is anything to ask. Most may tell of every practice.
    pub(super) fn is_asked(&mut self) -> bool {
        if self.permission.is_everywhere() {
            return false;
        }
        if self.asked_from.elapsed() > KEPT {
            self.known.clear();
            self.asked_from = Instant::now();
        }
        true
    }

    /// Whether events of this practice may be told that happened after `since`. `code` is its code.
    pub(super) fn may_tell(&mut self, practice: PracticeOrdinal, code: &[u8], since: Timestamp) -> bool {
        let place = practice.0 as usize;
        if let Some(Some(known)) = self.known.get(place) {
            return *known;
        }
        let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok());
        let allowed = code.is_some_and(|code| self.ask(code, since));
        if place >= self.known.len() {
            self.known.resize(place + 1, None);
        }
        self.known[place] = Some(allowed);
        allowed
    }

    fn ask(&self, code: PracticeCode, since: Timestamp) -> bool {
        let picture = Arc::clone(&self.pictures.borrow());
        let Some(record) = picture.directory.record(code) else { return true };
        let resource = record
            .suppliers_since(since)
            .fold(Resource::practice(code), |resource, supplier| resource.within(Kind::Supplier, Some(supplier)));
        self.permission.on(|| resource).is_ok()
    }
}
