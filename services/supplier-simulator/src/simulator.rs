//! The suppliers as one process runs them: ledgers, their log and the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::Peer;
use clock::{Activity, Clock, Signal, Waiter};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};
use tokio_util::sync::CancellationToken;

use crate::booked::BookedSupplier;
use crate::grpc::SchedulerClient;
use crate::ledger::{Enabled, Ledger, Outcome};
use crate::log::{Log, LogError, LogTarget};
use crate::profile::SupplierProfile;
use crate::self_service::SelfServicePractices;
use crate::signed::Forged;
use evidence::Key;
use evidence::{Effect, Entry, What};

type Loop<'a> = Pin<Box<dyn Future<Output = Result<(), SimulatorError>> + Send + 'a>>;

/// What a simulator is opened with.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// Where the log lies. Opened again on the same file, the suppliers go on where they were.
    pub log: LogTarget,
    /// Where moments come from: delays and booked dates are the domain's time.
    pub clock: Clock,
    /// What chance is drawn by.
    pub seed: u64,
    /// The suppliers, each once.
    pub suppliers: Vec<SupplierProfile>,
    /// Real time added to each call, for tests that nothing depends on how quick a supplier is.
    pub real_delay_per_call: Duration,
}

/// Why a simulator cannot be opened or go on.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// Its log fails.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log or a caller names a supplier without a profile.
    #[error("no supplier {0} is simulated here")]
    UnknownSupplier(Supplier),
    /// Two profiles are of the same supplier.
    #[error("supplier {0} has two profiles")]
    TwoProfiles(Supplier),
    /// A list, or a reply about it, is not what was asked for.
    #[error("the scheduler's reply makes no sense: {0}")]
    Reply(String),
    /// A list is not the scheduler's: nothing of it is done.
    #[error("a list is not believed: {0}")]
    Forged(#[from] Forged),
    /// The scheduler refused a call or could not be reached.
    #[error("the scheduler refused a call")]
    Scheduler(#[source] Box<tonic::Status>),
}

/// Simulated suppliers. Clones share them.
#[derive(Clone, Debug)]
pub struct Simulator(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    real_delay_per_call: Duration,
    books: Mutex<Books>,
    /// Raised when something falls due earlier than what the loop sleeps for.
    earlier: Signal,
    loop_wakes: Mutex<Option<Waiter>>,
}

#[derive(Debug)]
struct Books {
    log: Log,
    entries: Vec<Entry>,
    ledgers: BTreeMap<Supplier, Ledger>,
    /// Callers that wait for a key to settle.
    waiting: BTreeMap<(Supplier, Key), Vec<Signal>>,
    /// Until when some of them wait at most.
    answers_by: BTreeSet<(Timestamp, Supplier, Key)>,
}

impl Simulator {
    /// Opens the suppliers and folds what their log holds.
    ///
    /// # Errors
    /// Where the log cannot be used or names a supplier that has no profile.
    pub fn open(config: SimulatorConfig) -> Result<Self, SimulatorError> {
        let SimulatorConfig { log, clock, seed, suppliers, real_delay_per_call } = config;
        let mut ledgers = BTreeMap::new();
        for profile in suppliers {
            let supplier = profile.supplier.clone();
            if ledgers.insert(supplier.clone(), Ledger::new(profile, seed)).is_some() {
                return Err(SimulatorError::TwoProfiles(supplier));
            }
        }
        let (log, entries) = Log::open(&log)?;
        for entry in &entries {
            let unknown = || SimulatorError::UnknownSupplier(entry.supplier.clone());
            ledgers.get_mut(&entry.supplier).ok_or_else(unknown)?.apply(&entry.what, entry.at);
        }
        let (earlier, loop_wakes) = clock.signal();
        let books = Mutex::new(Books { log, entries, ledgers, waiting: BTreeMap::new(), answers_by: BTreeSet::new() });
        let loop_wakes = Mutex::new(Some(loop_wakes));
        Ok(Self(Arc::new(Shared { clock, real_delay_per_call, books, earlier, loop_wakes })))
    }

    /// Lets a supplier take requests to switch on, or refuse them all (an event of the world).
    ///
    /// # Errors
    /// Where there is no such supplier, or the log fails.
    pub fn set_takes_requests(&self, supplier: &Supplier, takes: bool) -> Result<(), SimulatorError> {
        let mut books = self.books();
        let now = self.0.clock.now();
        if books.ledger(supplier)?.takes_requests() == takes {
            return Ok(());
        }
        books.record(supplier, vec![What::TakesRequests { takes }], now)
    }

    /// Every effect so far, in order: for tests in the same process. Checkers of another process read the log.
    pub fn effects(&self) -> Vec<Effect> {
        self.books().entries.iter().filter_map(Entry::effect).collect()
    }

    /// Runs the suppliers until `shutdown`: carries out what falls due and, as clients of `scheduler`, reads lists and
    /// sees invitations. Without a scheduler there is only the push mode.
    ///
    /// # Errors
    /// Where the log fails: what cannot be recorded is not done.
    pub async fn run(&self, scheduler: Option<Peer>, shutdown: CancellationToken) -> Result<(), SimulatorError> {
        let mut loops: Vec<Loop<'_>> = vec![Box::pin(self.carry_out(shutdown.clone()))];
        if let Some(scheduler) = scheduler.map(SchedulerClient::new) {
            for profile in self.profiles() {
                let (simulator, scheduler, supplier) = (self.clone(), scheduler.clone(), profile.supplier);
                if let Some(dates) = profile.booked {
                    let (simulator, scheduler, supplier) = (simulator.clone(), scheduler.clone(), supplier.clone());
                    let booked = BookedSupplier { simulator, supplier, dates, scheduler, list_key: dates.list_key };
                    loops.push(Box::pin(booked.run(shutdown.clone())));
                }
                if let Some(habits) = profile.self_service {
                    let practices = SelfServicePractices { simulator, supplier, habits, scheduler };
                    loops.push(Box::pin(practices.run(shutdown.clone())));
                }
            }
        }
        try_join_all(loops).await.map(|_| ())
    }

    /// Carries out what falls due, one key at a time, so that equal moments have an order.
    async fn carry_out(&self, shutdown: CancellationToken) -> Result<(), SimulatorError> {
        let taken = self.0.loop_wakes.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A second loop would have nothing to do: the first carries out everything.
        let Some(mut wakes) = taken else { return Ok(()) };
        let mut activity = self.0.clock.activity();
        loop {
            let next_due = self.books().next_moment();
            // Registered before the activity is let go, so that time cannot jump past it.
            let sleep = next_due.map(|moment| self.0.clock.sleep_until(moment, "suppliers/due"));
            drop(activity);
            let due = async {
                match sleep {
                    Some(sleep) => sleep.await,
                    None => std::future::pending().await,
                }
            };
            activity = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                woken = wakes.wait() => woken,
                woken = due => {
                    self.carry_out_next()?;
                    self.end_patience();
                    woken
                }
            };
        }
    }

    /// Carries out the one key that is due first, if it is due by now, and tells who waits for it.
    fn carry_out_next(&self) -> Result<(), SimulatorError> {
        let now = self.0.clock.now();
        let mut books = self.books();
        let Some((supplier, key)) = books.first_due(now) else { return Ok(()) };
        if let Some(what) = books.ledger(&supplier)?.settle(&key) {
            books.record(&supplier, vec![what], now)?;
        }
        for waiting in books.waiting.remove(&(supplier, key)).unwrap_or_default() {
            waiting.raise();
        }
        Ok(())
    }

    /// Answers those who have waited long enough, all at once: what becomes of their keys they have to ask for.
    fn end_patience(&self) {
        let now = self.0.clock.now();
        let mut books = self.books();
        while let Some((by, _, _)) = books.answers_by.first()
            && *by <= now
        {
            let Some((_, supplier, key)) = books.answers_by.pop_first() else { return };
            for waiting in books.waiting.remove(&(supplier, key)).unwrap_or_default() {
                waiting.raise();
            }
        }
    }

    /// A key arrives by a call. Returns when its outcome is final, or when the supplier's patience with the call ends.
    ///
    /// # Errors
    /// Where there is no such supplier, or the log fails.
    pub(crate) async fn request(&self, supplier: &Supplier, key: &Key) -> Result<Answer, SimulatorError> {
        self.dawdle().await;
        let pending = {
            let mut books = self.books();
            let now = self.0.clock.now();
            if let Some(what) = books.ledger(supplier)?.receive(key, now) {
                books.record(supplier, vec![what], now)?;
            }
            match books.ledger(supplier)?.outcome(key) {
                Some(Outcome::Pending { due, .. }) if due <= now => {
                    if let Some(what) = books.ledger(supplier)?.settle(key) {
                        books.record(supplier, vec![what], now)?;
                    }
                    None
                }
                Some(Outcome::Pending { since, .. }) => {
                    // Counted from when the key came, not the call: a call that is repeated after a crash is answered at
                    // the very moment at which the first would have been.
                    let by = books.ledger(supplier)?.profile().answers_by(since);
                    (now < by).then(|| books.wait(&self.0.clock, supplier, key, by))
                }
                _ => None,
            }
        };
        let mut activity = Activity::none();
        if let Some(mut settled) = pending {
            self.0.earlier.raise();
            // Without an activity in hand: the delay is the domain's time and it has to pass.
            activity = settled.wait().await;
        }
        let books = self.books();
        let ledger = books.ledger(supplier)?;
        Ok(Answer { outcome: ledger.outcome(key), lost: ledger.loses_replies(key), _activity: activity })
    }

    /// What became of a key.
    pub(crate) async fn outcome(&self, supplier: &Supplier, key: &Key) -> Result<Option<Outcome>, SimulatorError> {
        self.dawdle().await;
        Ok(self.books().ledger(supplier)?.outcome(key))
    }

    /// Closes a key for ever, unless it is settled already.
    pub(crate) async fn close(&self, supplier: &Supplier, key: &Key) -> Result<Option<Outcome>, SimulatorError> {
        self.dawdle().await;
        let mut books = self.books();
        if let Some(what) = books.ledger(supplier)?.close(key) {
            books.record(supplier, vec![what], self.0.clock.now())?;
        }
        for waiting in books.waiting.remove(&(supplier.clone(), key.clone())).unwrap_or_default() {
            waiting.raise();
        }
        Ok(books.ledger(supplier)?.outcome(key))
    }

    /// Where a capability is on, in order of practice.
    pub(crate) async fn enabled(
        &self,
        supplier: &Supplier,
        capability: &Capability,
    ) -> Result<Vec<(PracticeCode, Enabled)>, SimulatorError> {
        self.dawdle().await;
        Ok(self.books().ledger(supplier)?.enabled(capability).collect())
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The profiles of all suppliers.
    pub(crate) fn profiles(&self) -> Vec<SupplierProfile> {
        self.books().ledgers.values().map(|ledger| ledger.profile().clone()).collect()
    }

    /// Asks something of a supplier's ledger.
    pub(crate) fn read<T>(&self, supplier: &Supplier, ask: impl FnOnce(&Ledger) -> T) -> Result<T, SimulatorError> {
        self.books().ledger(supplier).map(ask)
    }

    /// Decides on a supplier's ledger and records what was decided, in one step.
    pub(crate) fn decide(
        &self,
        supplier: &Supplier,
        decide: impl FnOnce(&Ledger, Timestamp) -> Vec<What>,
    ) -> Result<(), SimulatorError> {
        let now = self.0.clock.now();
        let mut books = self.books();
        let decided = decide(books.ledger(supplier)?, now);
        if decided.is_empty() {
            return Ok(());
        }
        books.record(supplier, decided, now)?;
        self.0.earlier.raise();
        Ok(())
    }

    async fn dawdle(&self) {
        if !self.0.real_delay_per_call.is_zero() {
            let _time_stands_still = self.0.clock.activity();
            tokio::time::sleep(self.0.real_delay_per_call).await;
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a caller is told of a key, with the activity under which it is told.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Option<Outcome>,
    /// The caller is to hear UNAVAILABLE instead.
    pub(crate) lost: bool,
    _activity: Activity,
}

impl Books {
    fn ledger(&self, supplier: &Supplier) -> Result<&Ledger, SimulatorError> {
        self.ledgers.get(supplier).ok_or_else(|| SimulatorError::UnknownSupplier(supplier.clone()))
    }

    /// Writes, and only then folds: nobody is told what is not on disk.
    fn record(&mut self, supplier: &Supplier, what: Vec<What>, at: Timestamp) -> Result<(), SimulatorError> {
        let entries: Vec<Entry> = what.into_iter().map(|what| Entry { at, supplier: supplier.clone(), what }).collect();
        self.log.append(&entries)?;
        let unknown = || SimulatorError::UnknownSupplier(supplier.clone());
        let ledger = self.ledgers.get_mut(supplier).ok_or_else(unknown)?;
        for entry in &entries {
            ledger.apply(&entry.what, entry.at);
        }
        self.entries.extend(entries);
        Ok(())
    }

    /// A caller waits for a key to settle, at most until `by`.
    fn wait(&mut self, clock: &Clock, supplier: &Supplier, key: &Key, by: Timestamp) -> Waiter {
        let (signal, waiter) = clock.signal();
        self.answers_by.insert((by, supplier.clone(), key.clone()));
        self.waiting.entry((supplier.clone(), key.clone())).or_default().push(signal);
        waiter
    }

    /// When something is to be carried out or answered next.
    fn next_moment(&self) -> Option<Timestamp> {
        let due = self.ledgers.values().filter_map(|ledger| ledger.next_due().map(|(due, _)| *due)).min();
        let answer = self.answers_by.first().map(|(by, _, _)| *by);
        [due, answer].into_iter().flatten().min()
    }

    fn first_due(&self, now: Timestamp) -> Option<(Supplier, Key)> {
        let dues = self.ledgers.iter().filter_map(|(supplier, ledger)| Some((ledger.next_due()?, supplier)));
        dues.min().filter(|((due, _), _)| *due <= now).map(|((_, key), supplier)| (supplier.clone(), key.clone()))
    }
}
