//! Practices that switch themselves on: once a day each sees whether it is invited, and does it, or doesn't, in its
//! own time. The suite only finds out by looking.

use jiff::Timestamp;
use ods::Supplier;
use tokio_util::sync::CancellationToken;

use crate::civil;
use crate::grpc::{Invited, SchedulerClient};
use crate::ledger::Ledger;
use crate::profile::SelfService;
use crate::simulator::{Simulator, SimulatorError};

pub(crate) struct SelfServicePractices {
    pub(crate) simulator: Simulator,
    pub(crate) supplier: Supplier,
    pub(crate) habits: SelfService,
    pub(crate) scheduler: SchedulerClient,
}

impl SelfServicePractices {
    /// Works until `shutdown`. That the scheduler cannot be reached is no end: the next day tries again.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), SimulatorError> {
        let clock = self.simulator.clock().clone();
        let name = format!("suppliers/{}/self-service", self.supplier);
        let mut activity = clock.activity();
        // At its hour, never because this has just begun: so a restart changes nothing.
        let mut looks_at = civil::next_or_now(clock.now(), self.habits.looks_at);
        loop {
            let now = clock.now();
            match self.work(now, looks_at <= now).await {
                Ok(()) => {}
                Err(error @ (SimulatorError::Scheduler(_) | SimulatorError::Reply(_))) => {
                    let error = telemetry::chain(&error);
                    tracing::warn!(supplier = %self.supplier, error, "invitations not seen");
                }
                Err(error) => return Err(error),
            }
            looks_at = civil::next(now, self.habits.looks_at);
            let next = self.simulator.read(&self.supplier, Ledger::next_self_enablement)?;
            // One that is overdue, since the scheduler could not be asked, waits for the next day.
            let acts_at = next.map(|next| next.due).filter(|due| *due > now);
            let sleep = clock.sleep_until(acts_at.map_or(looks_at, |at| at.min(looks_at)), &name);
            drop(activity);
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                woken = sleep => activity = woken,
            }
        }
    }

    async fn work(&mut self, now: Timestamp, look: bool) -> Result<(), SimulatorError> {
        if look {
            let invited = self.scheduler.invited(&self.supplier).await?;
            self.simulator.decide(&self.supplier, |ledger, now| {
                let invite =
                    |invited: &Invited| ledger.invite(&invited.capability, invited.practice, &invited.enrolment, now);
                invited.iter().filter_map(invite).collect()
            })?;
        }
        while let Some(next) = self.simulator.read(&self.supplier, Ledger::next_self_enablement)? {
            if next.due > now {
                break;
            }
            let still_invited = self.scheduler.is_invited(&next.enrolment).await?;
            self.simulator.decide(&self.supplier, |ledger, _| {
                vec![ledger.self_enable(&next.capability, next.practice, still_invited)]
            })?;
        }
        Ok(())
    }
}
