//! A supplier with booked dates, as a client of the scheduler: it reads its list once a day, works on it if it is signed as it
//! should be, claims what reaches its cut-off just before that, switches on the booked date, and reports once that day's work is
//! done.
//!
//! What it has claimed lies in its log, so that after a crash it goes on; what it claimed and had not logged yet stands
//! in the list as claimed, and is taken from there.

use jiff::{SignedDuration, Timestamp};
use ods::Supplier;
use tokio_util::sync::CancellationToken;

use crate::civil;
use crate::grpc::{DueList, DueRow, SchedulerClient};
use crate::ledger::{Ledger, Outcome};
use crate::profile::BookedDates;
use crate::signed::{ListKey, believe};
use crate::simulator::{Simulator, SimulatorError};
use evidence::{Key, What};

/// How long after a booked date's last key the results are reported: the keys themselves come first.
const REPORT_LAG: SignedDuration = SignedDuration::from_mins(1);

/// What one report holds at most, as the scheduler's contract has it.
const REPORT_RESULTS_MAX: usize = 1_000;

/// How often a claim is tried against a list that changes meanwhile.
const CLAIM_ATTEMPTS_MAX: usize = 3;

pub(crate) struct BookedSupplier {
    pub(crate) simulator: Simulator,
    pub(crate) supplier: Supplier,
    pub(crate) dates: BookedDates,
    pub(crate) scheduler: SchedulerClient,
    /// The key that its lists are signed with, once it knows one.
    pub(crate) list_key: Option<ListKey>,
}

impl BookedSupplier {
    /// Works until `shutdown`. That the scheduler cannot be reached is no end: the next reading tries again.
    ///
    /// It works at moments that the day and the list give, never because it has just begun: so a restart changes nothing.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), SimulatorError> {
        let clock = self.simulator.clock().clone();
        let name = format!("suppliers/{}/booked", self.supplier);
        let mut activity = clock.activity();
        let mut now = clock.now();
        let mut next = self.resume(now).await;
        let mut reading = civil::next_or_now(now, self.dates.reads_at);
        loop {
            let wake_at = match next {
                Ok(next) => next.map_or(reading, |next| next.min(reading)),
                Err(error @ (SimulatorError::Scheduler(_) | SimulatorError::Reply(_) | SimulatorError::Forged(_))) => {
                    let error = telemetry::chain(&error);
                    tracing::warn!(supplier = %self.supplier, error, "list not worked on");
                    reading
                }
                Err(error) => return Err(error),
            };
            let sleep = clock.sleep_until(wake_at, &name);
            drop(activity);
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                woken = sleep => activity = woken,
            }
            now = clock.now();
            reading = civil::next(now, self.dates.reads_at);
            next = self.work(now).await;
        }
    }

    /// Takes up what was claimed just before a crash. Says when there is something to do before the next reading.
    async fn resume(&mut self, now: Timestamp) -> Result<Option<Timestamp>, SimulatorError> {
        let list = self.list().await?;
        self.take(list.rows.iter().filter(|row| row.claimed))?;
        let claims_at = open_rows(&list, now).filter_map(|row| self.claim_at(row)).min();
        Ok([claims_at, self.reports_at(now)?].into_iter().flatten().min())
    }

    /// Reports, reads, claims. Says when there is something to do before the next reading.
    async fn work(&mut self, now: Timestamp) -> Result<Option<Timestamp>, SimulatorError> {
        self.report(now).await?;
        let mut claims_at = None;
        for _ in 0..CLAIM_ATTEMPTS_MAX {
            let list = self.list().await?;
            self.withdraw(&list)?;
            self.take(list.rows.iter().filter(|row| row.claimed))?;
            let (now_due, later): (Vec<&DueRow>, Vec<&DueRow>) =
                open_rows(&list, now).partition(|row| self.claim_at(row).is_none_or(|at| at <= now));
            claims_at = later.into_iter().filter_map(|row| self.claim_at(row)).min();
            if now_due.is_empty() || self.claim(&list.version, &now_due, now).await? {
                break;
            }
        }
        // Withdrawn keys are settled at once, so there may be something to tell.
        self.report(now).await?;
        Ok([claims_at, self.reports_at(now)?].into_iter().flatten().min())
    }

    /// Its list as it is now, if it is the scheduler's.
    async fn list(&mut self) -> Result<DueList, SimulatorError> {
        let list = self.scheduler.due_list(&self.supplier).await?;
        believe(&mut self.list_key, &self.supplier, &list)?;
        Ok(list)
    }

    /// When a row is claimed; none means at once.
    fn claim_at(&self, row: &DueRow) -> Option<Timestamp> {
        row.cut_off_at.map(|cut_off| cut_off - self.dates.claim_lead)
    }

    /// When results are reported next.
    fn reports_at(&self, now: Timestamp) -> Result<Option<Timestamp>, SimulatorError> {
        let work_ends = self.simulator.read(&self.supplier, Ledger::list_work_ends)?;
        Ok(work_ends.map(|ends| ends.saturating_add(REPORT_LAG).unwrap_or(now).max(now)))
    }

    /// Claims rows of a list; false where the list has changed meanwhile.
    async fn claim(&mut self, version: &str, rows: &[&DueRow], now: Timestamp) -> Result<bool, SimulatorError> {
        let request_id = self.request_id("claim", now, version);
        let Some(claimed) = self.scheduler.claim(&self.supplier, version, rows, request_id).await? else {
            return Ok(false);
        };
        self.take(rows.iter().copied().filter(|row| claimed.contains(&row.key)))?;
        Ok(true)
    }

    /// Takes claimed rows on, for their dates.
    fn take<'a>(&self, rows: impl Iterator<Item = &'a DueRow>) -> Result<(), SimulatorError> {
        self.simulator.decide(&self.supplier, |ledger, now| {
            let due =
                |row: &DueRow| ledger.list_due(&row.key, civil::moment(row.date, self.dates.switches_at).max(now));
            rows.filter_map(|row| ledger.take_from_list(&row.key, due(row))).collect()
        })
    }

    /// Closes what the list says must not be switched on any more.
    fn withdraw(&self, list: &DueList) -> Result<(), SimulatorError> {
        self.simulator
            .decide(&self.supplier, |ledger, _| list.withdrawn.iter().filter_map(|key| ledger.close(key)).collect())
    }

    /// Tells the scheduler what became of listed keys, and notes that it knows.
    async fn report(&mut self, now: Timestamp) -> Result<(), SimulatorError> {
        let settled = self.simulator.read(&self.supplier, Ledger::to_report)?;
        for results in settled.chunks(REPORT_RESULTS_MAX) {
            let Some((first, _)) = results.first() else { continue };
            self.report_some("report", now, first, results).await?;
            if self.simulator.read(&self.supplier, |ledger| ledger.reports_twice(&self.dates, first))? {
                self.report_some("report-again", now, first, results).await?;
            }
        }
        Ok(())
    }

    /// Reports some results; a key is reported once under a name, so the first one tells reports apart.
    async fn report_some(
        &mut self,
        act: &str,
        now: Timestamp,
        first: &Key,
        results: &[(Key, Outcome)],
    ) -> Result<(), SimulatorError> {
        let request_id = self.request_id(act, now, &first.to_string().replace(' ', "/"));
        self.scheduler.report(&self.supplier, results, request_id).await?;
        self.simulator
            .decide(&self.supplier, |_, _| results.iter().map(|(key, _)| What::Reported { key: key.clone() }).collect())
    }

    /// Distinct for distinct acts. After a crash the list says what was claimed, so no act need be repeated by its id.
    fn request_id(&self, act: &str, now: Timestamp, what: &str) -> String {
        let supplier = self.supplier.as_str().replace(' ', "_");
        format!("{supplier}/{act}/{}/{what}", now.as_microsecond())
    }
}

/// Rows that can still be claimed.
fn open_rows(list: &DueList, now: Timestamp) -> impl Iterator<Item = &DueRow> {
    list.rows.iter().filter(move |row| !row.claimed && row.cut_off_at.is_none_or(|cut_off| now < cut_off))
}
