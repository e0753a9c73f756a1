//! The outbox: sends the notices that are due, and finds out what became of those that were sent (rule 11).
//!
//! Level-triggered, as the performer is: what is to be sent and asked is read from the state each time. A notice is sealed in
//! the journal before it is sent, so that a restart, or another replica, knows that it may have gone out. Where it is not
//! known whether it did, its carrier is asked by the notice's reference, and only one that was never seen is sent again,
//! under the same reference and after another record: so a replica that has lost the lease sends nothing anew.
//!
//! Addresses are read from the registry for the moment of sending, and are in no record, log or span.

mod carriers;
mod letter;
mod sending;
mod tracking;

use std::collections::BTreeMap;

use jiff::Timestamp;
use ods::PracticeCode;
use rollout::ProgrammeId;

pub use carriers::NoticesConfig;
pub(crate) use carriers::{CarrierStanding, Carriers, CarriersStanding};
pub(crate) use tracking::Looks;

use crate::errands::{Errand, Grounds, Round};
use crate::grpc::Registry;
use crate::patience::PartError;

/// Calls to carriers at a time.
const CALLS_AT_ONCE: usize = 8;

/// Sends notices.
pub(crate) struct Outbox {
    pub(crate) grounds: Grounds,
    pub(crate) registry: Registry,
    pub(crate) carriers: Carriers,
    /// When each dispatch was looked at last.
    pub(crate) looks: Looks,
    /// Practices that nothing could be sent to.
    pub(crate) passed_over: BTreeMap<(ProgrammeId, PracticeCode), PassedOver>,
}

/// A practice that nothing could be sent to, and when it is looked at again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassedOver {
    until: Timestamp,
    /// For want of a contact: looked at at once where a person asks for another try.
    unaddressed: bool,
}

impl Errand for Outbox {
    const NAME: &'static str = "scheduler/outbox";

    async fn perform(&mut self, round: &mut Round) -> Result<(), PartError> {
        self.track(round).await?;
        self.send_due(round).await
    }
}
