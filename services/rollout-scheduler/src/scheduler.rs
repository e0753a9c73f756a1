//! The scheduler as one process runs it: opened, mounted, run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use client::{Peer, PeerConfig};
use clock::{Activity, Clock};
use jiff::SignedDuration;
use journal::{Engine, EngineConfig, Journal, JournalError, JournalHandle, Submission, SubmitError};
use rollout::state::{Brake, HoldClass, HoldScope};
use rollout::{Account, Act};
use server::Server;
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::chores::Chores;
use crate::errands::Grounds;
use crate::follower::{FollowedRegistry, Follower, JOURNAL_REWOUND, Rewound, Witness};
use crate::forecasts::Forecasts;
use crate::grpc::{self, Handlers, Registry, Statistics, Suppliers};
use crate::hooks::GateHooks;
use crate::inquiries::Inquiries;
use crate::lease::{Lease, LeaseConfig};
use crate::lists::ListSigner;
use crate::machine::{Command, Rejection, SchedulerMachine};
use crate::measures;
use crate::observer::Observer;
use crate::outbox::{Carriers, Looks, NoticesConfig, Outbox};
use crate::pasts::Pasts;
use crate::patience::Patience;
use crate::performer::Performer;
use crate::permits::{Permits, SCHEDULER_ACCOUNT, by_scheduler};
use crate::planning::Planning;
use crate::trace::WaveTraces;

/// How often a supplier's own list is read: access that was switched off behind our back shows within it (I28).
pub const SUPPLIER_LIST_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// When a hold that the journal did not take is tried again; nothing of the registry is looked at meanwhile.
const HOLD_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a scheduler is opened with.
#[derive(Debug)]
pub struct Config {
    /// Where its journal is stored.
    pub journal: Journal,
    /// The source of every moment.
    pub clock: Clock,
    /// The engine's limits; its key also signs suppliers' lists.
    pub engine: EngineConfig,
    /// Which of several schedulers on the journal performs effects.
    pub lease: LeaseConfig,
    /// The practice registry, called as an account with the role `service`.
    pub registry: Peer,
    /// The access statistics, likewise; without them a gate that asks for their figures is inconclusive.
    pub statistics: Option<Peer>,
    /// Whom gates ask besides.
    pub gate_hooks: GateHooks,
    /// Where suppliers are reached; each with [`supplier_peer_config`].
    pub suppliers: Suppliers,
    /// How often a supplier's own list is read: [`SUPPLIER_LIST_EVERY`].
    pub supplier_list_every: SignedDuration,
}

/// How suppliers are called: once. Whether a call is repeated is decided by the journal, on the domain's clock; a client
/// that repeated it would let virtual time slip by, and hide from the record that a reply was lost.
pub fn supplier_peer_config() -> PeerConfig {
    PeerConfig { attempts_max: 1, ..PeerConfig::default() }
}

/// An open scheduler. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Scheduler {
    handlers: Handlers,
    parts: Arc<Parts>,
    /// To whom notices are sent, and by whom; None where it sends none.
    notices: Option<Arc<NoticesConfig>>,
    planning: Planning,
}

#[derive(Debug)]
struct Parts {
    registry: Registry,
    statistics: Option<Statistics>,
    gate_hooks: GateHooks,
    suppliers: Suppliers,
    lease: LeaseConfig,
    supplier_list_every: SignedDuration,
    /// See [`Chores::told`].
    told: Arc<AtomicU64>,
}

impl Scheduler {
    /// Folds the journal and starts the engine on the current runtime.
    ///
    /// # Errors
    /// Where the journal cannot be opened; see [`Engine::open`].
    pub async fn open(config: Config) -> Result<Self, JournalError> {
        let Config { journal, clock, engine, lease, registry, statistics, gate_hooks, suppliers, supplier_list_every } =
            config;
        let signer = ListSigner { checkpoints: engine.checkpoints.clone() };
        signer.say_who_signs();
        let engine = Engine::open(journal, clock.clone(), engine).await?;
        let registry = Registry::new(registry);
        let (followed, standing) = (FollowedRegistry::default(), Arc::default());
        let permits = Permits { registry: registry.clone(), engine: engine.clone(), followed: followed.clone() };
        let (forecasts, pasts, carriers) = (Forecasts::default(), Pasts::default(), Arc::default());
        let handlers = Handlers { engine, clock, followed, permits, standing, signer, forecasts, pasts, carriers };
        let (statistics, told) = (statistics.map(Statistics::new), Arc::default());
        let parts = Parts { registry, statistics, gate_hooks, suppliers, lease, supplier_list_every, told };
        let parts = Arc::new(parts);
        Ok(Self { handlers, parts, notices: None, planning: Planning::default() })
    }

    /// Sends notices from now on, while it performs effects.
    #[must_use]
    pub fn with_notices(self, config: NoticesConfig) -> Self {
        Self { notices: Some(Arc::new(config)), ..self }
    }

    /// Looks at everything in another way.
    #[must_use]
    pub fn with_planning(self, planning: Planning) -> Self {
        Self { planning, ..self }
    }

    /// Adds its services and what reflection tells of them.
    pub fn add_to(&self, server: Server) -> Server {
        grpc::add_to(server, &self.handlers)
    }

    /// The journal, for JournalService.
    pub fn journal(&self) -> JournalHandle {
        self.handlers.engine.handle()
    }

    /// The engine, for whoever watches over it.
    pub fn engine(&self) -> &Engine<SchedulerMachine> {
        &self.handlers.engine
    }

    /// Waits until a first copy of the registry is there; nothing is planned and nothing sealed before. Time stands still
    /// meanwhile, and from then on while the activity is held. [`Scheduler::run`] must be running.
    pub async fn registry_seen(&self) -> Activity {
        let mut changed = self.handlers.followed.subscribe(&self.handlers.clock);
        let mut activity = self.handlers.clock.activity();
        while self.handlers.followed.view().position == 0 {
            activity = changed.wait().await;
        }
        activity
    }

    /// Follows the registry, performs what is sealed, observes suppliers, sends notices and asks about gates, until
    /// `shutdown`; then serves what waits and ends the engine.
    pub async fn run(&self, shutdown: CancellationToken) {
        let grounds = self.grounds();
        let Handlers { engine, clock, followed, .. } = self.handlers.clone();
        let _seen = measures::observe(engine, followed, clock, self.parts.lease.replica.clone());
        tokio::join!(
            self.follower().run(shutdown.clone()),
            self.performer().run(shutdown.clone()),
            self.observer().run(shutdown.clone()),
            async {
                if let Some(outbox) = self.outbox() {
                    grounds.run(outbox, shutdown.clone()).await;
                }
            },
            grounds.run(self.inquiries(), shutdown.clone()),
        );
        self.handlers.engine.shutdown().await;
    }

    fn follower(&self) -> Follower<Self> {
        Follower {
            registry: self.parts.registry.clone(),
            followed: self.handlers.followed.clone(),
            clock: self.handlers.clock.clone(),
            witness: self.clone(),
        }
    }

    fn performer(&self) -> Performer {
        let Handlers { engine, clock, followed, permits, standing, .. } = self.handlers.clone();
        let (calls, answers) = Calls::new(clock.clone(), self.parts.suppliers.clone());
        let registry = self.parts.registry.clone();
        let chores = Chores { engine: engine.clone(), registry, permits, told: Arc::clone(&self.parts.told) };
        let registry_changed = followed.subscribe(&clock);
        let lease = Lease::new(self.parts.lease.clone());
        let traces = WaveTraces::default();
        let resumed_epoch = 0;
        Performer {
            engine,
            clock,
            followed,
            chores,
            standing,
            lease,
            calls,
            answers,
            traces,
            resumed_epoch,
            registry_changed,
            patience: Patience::default(),
            planning: self.planning,
            unending: None,
        }
    }

    /// What errands beside the performer work with.
    fn grounds(&self) -> Grounds {
        let Handlers { engine, clock, followed, .. } = self.handlers.clone();
        Grounds { engine, clock, followed, replica: self.parts.lease.replica.clone() }
    }

    fn outbox(&self) -> Option<Outbox> {
        let config = self.notices.as_ref()?;
        let carriers = Carriers::new(Arc::clone(config), Arc::clone(&self.handlers.carriers));
        let (looks, passed_over) = (Looks::default(), BTreeMap::new());
        Some(Outbox { grounds: self.grounds(), registry: self.parts.registry.clone(), carriers, looks, passed_over })
    }

    fn inquiries(&self) -> Inquiries {
        let Parts { statistics, gate_hooks, .. } = &*self.parts;
        Inquiries::new(self.grounds(), statistics.clone(), gate_hooks.clone())
    }

    fn observer(&self) -> Observer {
        let Handlers { engine, clock, followed, .. } = self.handlers.clone();
        let Parts { registry, suppliers, supplier_list_every, .. } = &*self.parts;
        let (registry, suppliers) = (registry.clone(), suppliers.clone());
        Observer { engine, clock, followed, registry, suppliers, every: *supplier_list_every }
    }
}

impl Witness for Scheduler {
    fn registry_position_known(&self) -> u64 {
        self.handlers.engine.published().state.registry_position_highest
    }

    /// Rule 17: stops sealing at once, until two people have looked at what is gone.
    async fn rewound(&self, rewound: Rewound) {
        let Rewound { known_position, found_position } = rewound;
        tracing::error!(known_position, found_position, "the registry's journal has lost records");
        // What was told to the other journal is not waited for in this one.
        self.parts.told.store(0, Ordering::Relaxed);
        let held = |state: &crate::State| state.rollout.active_holds().any(|hold| hold.reason_code == JOURNAL_REWOUND);
        while !held(&self.handlers.engine.published().state) {
            if let Err(error) = self.hold_everything(rewound).await {
                tracing::error!(error = telemetry::chain(&error), "the hold was not placed; it is tried again");
                tokio::time::sleep(HOLD_AGAIN_AFTER).await;
            }
        }
    }
}

impl Scheduler {
    async fn hold_everything(&self, rewound: Rewound) -> Result<(), SubmitError<Rejection>> {
        let act = Act::PlaceHold {
            brake: Brake::Hold,
            scope: HoldScope::National,
            class: HoldClass::Safety,
            owner: Account::new(SCHEDULER_ACCOUNT),
            review_on: None,
        };
        let by = Account::scheduler();
        let command = rollout::Command::Person { by, reason_code: JOURNAL_REWOUND.to_owned(), act };
        let Rewound { known_position, found_position } = rewound;
        let mut meta = by_scheduler("journals/registry");
        meta.note = match found_position {
            Some(found) => format!(
                "The registry was at position {known_position} and is at {found}: records {} to {known_position} of \
                 journals/registry are gone, pauses among them perhaps. Restore the store that has them; two people lift \
                 this hold once they have looked at what is lost.",
                found + 1
            ),
            None => format!(
                "The registry has other records than those that were followed up to position {known_position}. Restore the \
                 store that has them; two people lift this hold once they have looked at what is lost."
            ),
        };
        let submission = Submission::new(Command::open(command), meta).urgent();
        self.handlers.engine.submit(submission, |_| Vec::new()).await.map(|_| ())
    }
}
