//! One run of a demo: opens the suite, lets the world happen at its moments, and asks the four questions at the end.
//!
//! Four sleepers share the clock with the services' own: the world's events, the suppliers' weekly returns, the app's
//! views of the day before, and the end. Each holds an activity while it works, so that time stands still meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access_statistics::StatisticsConfig;
use anyhow::{Context, bail};
use authority::Authority;
use client::{Peer, PeerConfig};
use clock::{Clock, VirtualClock, VirtualConfig};
use database::Store;
use identity::Caller;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan};
use ods::{PracticeCode, Supplier};
use rollout::calendar;
use rollout_scheduler::{GateHooks, Suppliers, supplier_peer_config};
use server::ServerConfig;
use supplier_simulator::{LogTarget, Simulator, SimulatorConfig};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::actors::Actors;
use super::answers::{Question, Report};
use super::back_test::{self, BackTests};
use super::england::{England, practices, record_everything_off};
use super::moment;
use super::office::Office;
use super::peers::Peers;
use super::producers::Producers;
use super::progress::Progress;
use super::world::World;
use crate::compose::{Ground, JournalLimits, SCHEDULER_ACCOUNT, STATISTICS_ACCOUNT, Services};
use crate::kill::KillAt;

/// Where a demo can be looked at.
const LISTEN: &str = "127.0.0.1:50051";
/// Where it is asked when nobody is to look at it.
const ANYWHERE: &str = "127.0.0.1:0";
/// When the app sends the views of the day before: outside every window, so that nothing else happens then.
const VIEWS_AT: Time = Time::constant(3, 0, 0, 0);
/// The suppliers' log, in the data folder.
const SUPPLIERS_LOG: &str = "suppliers.jsonl";
/// How long counts gather before they are written to their tables. The few seconds of a real clock pass here between any two
/// batches, and a national day would be written many times over. Events come once a day, so that an hour later the day's are
/// together, and are written while the rest of the day goes by.
const CHECKPOINT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// Calls under way in one process: the world's own come on top of a service's usual load, and none may be shed, since
/// what is shed depends on the machine.
const CALLS_IN_FLIGHT_MAX: usize = 100_000;
/// For the same reason nothing gives up early on a slow machine.
const DEADLINE: Duration = Duration::from_secs(600);

/// What is played.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) store: Store,
    pub(crate) folder: PathBuf,
    pub(crate) world: Arc<World>,
    pub(crate) documents: Vec<String>,
    /// The last part of the programme's name.
    pub(crate) programme: String,
    pub(crate) england: England,
    pub(crate) until: Date,
    pub(crate) seed: u64,
    pub(crate) speed: Option<f64>,
    pub(crate) supplier_delay: Duration,
    pub(crate) kill_at: Option<KillAt>,
    pub(crate) progress: Progress,
    /// Forecasts to be asked for on the way.
    pub(crate) back_tests: BackTests,
}

/// The suite, open.
struct Suite {
    clock: Clock,
    ground: Ground,
    services: Services,
    simulator: Simulator,
    peers: Peers,
    office: Office,
    /// The scheduler, as the suppliers call it.
    scheduler: Peer,
}

/// The tasks of a run: any that ends before the story does is an error.
type Tasks = JoinSet<anyhow::Result<()>>;

impl Story {
    /// Plays the story up to its last day, prints the report, and, if the suite is to stay open, waits to be interrupted.
    ///
    /// # Errors
    /// Where a service refuses what the world does, a file is refused, or a store fails.
    pub(crate) async fn tell(
        self,
        print: impl FnOnce(&Report) -> anyhow::Result<()>,
        stays_open: bool,
    ) -> anyhow::Result<()> {
        let start = moment::stored(&self.folder)?.unwrap_or_else(|| self.world.start());
        if let Some(day) = self.back_tests.days.iter().find(|day| calendar::instant(asked_at(**day)) < start) {
            bail!(
                "the story that is kept here has gone beyond {day}: no forecast can be asked for on that day any more"
            );
        }
        let end = calendar::day_bounds(self.until).1;
        let entered = self.progress.clone();
        let store_moment = moment::on_advance(self.folder.clone());
        let on_advance: clock::OnAdvance = Box::new(move |moment| {
            entered.entered(moment);
            store_moment(moment)
        });
        let (clock, advance) =
            VirtualClock::new(VirtualConfig { start, speed: self.speed, on_advance: Some(on_advance) });
        let clock = Clock::Virtual(clock);
        // Time stands still until everything is set up and every sleeper is registered.
        let setting_up = clock.activity();
        let suite = self.open(clock.clone()).await?;
        let shutdown = CancellationToken::new();
        let mut tasks = Tasks::new();
        suite.run(&mut tasks, &shutdown);
        // Without a port that is known, one is opened all the same, for the questions at the end.
        let address = serve(&suite, if stays_open { LISTEN } else { ANYWHERE }, &mut tasks, &shutdown).await?;
        let outside = suite.office.at(address, PeerConfig { deadline_default: DEADLINE, ..PeerConfig::default() })?;
        tasks.spawn(async move { Err(advance.run().await.into()) });
        self.england.import(&suite.peers, self.world.starts_at.date()).await?;
        let practices = Arc::new(practices(&suite.peers).await?);
        record_everything_off(&suite.peers, &practices).await?;
        suite.ready().await;
        let ended = clock.sleep_until(end, "~end of the story");
        self.spawn_world(&suite, &mut tasks, start, practices);
        self.spawn_returns(&suite, &mut tasks, start);
        self.spawn_views(&suite, &mut tasks, start);
        self.spawn_back_tests(&suite, &mut tasks);
        drop(setting_up);
        let at_the_end = tokio::select! {
            at_the_end = ended => at_the_end,
            early = tasks.join_next() => return Err(ended_early(early)),
        };
        self.progress.end();
        let mut report = self.question(&outside, end)?.ask().await?;
        report.back_test = self.back_tests.judge(&suite.peers, &self.programme_name(), self.until).await?;
        print(&report)?;
        if stays_open {
            eprintln!(
                "\nThe services stay open on {LISTEN}, over TLS; Ctrl-C ends. In another terminal:\n{}\n\
                 accessctl programme status {}",
                suite.office.visitors_words(LISTEN)?,
                self.programme
            );
            tokio::signal::ctrl_c().await?;
        }
        shutdown.cancel();
        drop(at_the_end);
        tasks.shutdown().await;
        Ok(())
    }

    fn programme_name(&self) -> String {
        format!("programmes/{}", self.programme)
    }

    fn question<'a>(&self, peers: &'a Peers, end: Timestamp) -> anyhow::Result<Question<'a>> {
        Ok(Question {
            peers,
            programme: self.programme_name(),
            as_at: self.until,
            // The last moment of the day.
            moment: end.checked_sub(1.microsecond())?,
            world: Arc::clone(&self.world),
            seed: self.seed,
            england: self.england.words.clone(),
        })
    }

    /// Opens everything on one store: the suppliers first, since the scheduler calls them; then each service on those it
    /// calls.
    async fn open(&self, clock: Clock) -> anyhow::Result<Suite> {
        let simulator = Simulator::open(SimulatorConfig {
            log: LogTarget::File(self.folder.join(SUPPLIERS_LOG)),
            clock: clock.clone(),
            seed: self.seed,
            suppliers: self.world.suppliers.clone(),
            real_delay_per_call: self.supplier_delay,
        })?;
        let server = ServerConfig {
            calls_in_flight_max: CALLS_IN_FLIGHT_MAX,
            reads_in_flight_max: CALLS_IN_FLIGHT_MAX,
            deadline_default: DEADLINE,
            deadline_max: DEADLINE,
            ..ServerConfig::default()
        };
        let office = Office::open(&self.folder).await?;
        let ground = Ground {
            store: self.store.clone(),
            folder: self.folder.clone(),
            clock: clock.clone(),
            server: server.clone(),
            callers: office.callers.clone(),
            replica: "demo".to_owned(),
            kill_at: self.kill_at.clone(),
            // What the world does is sent again by a restart, from the first day.
            journals: JournalLimits {
                request_retention: None,
                checkpoints_recent_max: journal::CHECKPOINTS_RECENT_MAX,
                store_clock_offset: SignedDuration::ZERO,
            },
            statistics: StatisticsConfig { checkpoint_interval: CHECKPOINT_INTERVAL, ..StatisticsConfig::default() },
            authority: Authority::standard(),
        };
        let supplier_routes = crate::suppliers::routes(&simulator, &office.callers, server)?;
        let peer = PeerConfig { deadline_default: DEADLINE, ..supplier_peer_config() };
        let by_scheduler = supplier_routes.vouching(Caller::of_process(SCHEDULER_ACCOUNT)?);
        let suppliers = Peer::local("suppliers", by_scheduler, SCHEDULER_ACCOUNT, peer)?;
        let mut services = Services { registry: Some(ground.registry().await?), ..Services::default() };
        let registry = services.peer(&ground, "registry", STATISTICS_ACCOUNT)?;
        services.statistics = Some(ground.statistics(&registry).await?);
        let registry = services.peer(&ground, "registry", SCHEDULER_ACCOUNT)?;
        let statistics = services.peer(&ground, "statistics", SCHEDULER_ACCOUNT)?;
        let (suppliers, hooks) = (Suppliers::behind(suppliers), GateHooks::default());
        services.scheduler = Some(ground.scheduler(&registry, Some(&statistics), hooks, suppliers).await?);
        let scheduler = services.peer(&ground, "suite", SCHEDULER_ACCOUNT)?;
        let peer = office.inside(services.routes(&ground)?)?;
        let peers = Peers { registry: peer.clone(), scheduler: peer.clone(), statistics: peer };
        Ok(Suite { clock, ground, services, simulator, peers, office, scheduler })
    }

    /// The world's events from the moment of the start on: what is of that very moment may be half done and is begun again.
    fn spawn_world(
        &self,
        suite: &Suite,
        tasks: &mut Tasks,
        start: Timestamp,
        practices: Arc<BTreeMap<PracticeCode, Supplier>>,
    ) {
        let (clock, peers, simulator) = (suite.clock.clone(), suite.peers.clone(), suite.simulator.clone());
        let (world, documents, programme) = (Arc::clone(&self.world), self.documents.clone(), self.programme.clone());
        let (seed, progress) = (self.seed, self.progress.clone());
        let mut activity = clock.activity();
        tasks.spawn(async move {
            let actors = Actors {
                world: &world,
                documents: &documents,
                programme: &programme,
                seed,
                clock: &clock,
                peers: &peers,
                simulator: &simulator,
                practices: &practices,
            };
            let mut events: Vec<_> = world.events.iter().filter(|event| event.moment() >= start).collect();
            // Events of one moment happen in the order of the file.
            events.sort_by_key(|event| event.moment());
            for event in events {
                let turn = clock.sleep_until(event.moment(), "world/event");
                drop(activity);
                activity = turn.await;
                let done = actors.act(event).await?;
                progress.tell(event.moment(), &done);
            }
            drop(activity);
            std::future::pending().await
        });
    }

    fn spawn_returns(&self, suite: &Suite, tasks: &mut Tasks, start: Timestamp) {
        let (clock, world) = (suite.clock.clone(), Arc::clone(&self.world));
        let (peers, seed, progress) = (suite.peers.clone(), self.seed, self.progress.clone());
        let mut activity = clock.activity();
        tasks.spawn(async move {
            let producers = Producers { world: Arc::clone(&world), seed, peers: &peers };
            let mut day = calendar::civil_date(start);
            loop {
                let due = calendar::instant(day.to_datetime(world.returns.at));
                if day.weekday() == world.returns.day.into() && due >= start {
                    let turn = clock.sleep_until(due, "world/returns");
                    drop(activity);
                    activity = turn.await;
                    let live = producers.live_practices(due).await?;
                    let last_day = day.yesterday()?;
                    producers.send_returns(&live, last_day).await?;
                    if !live.is_empty() {
                        progress.tell(
                            due,
                            &format!("suppliers' returns for the week to {last_day}: {} practices", live.len()),
                        );
                    }
                }
                day = day.tomorrow()?;
            }
        });
    }

    /// Forecasts, each in the evening of its day.
    fn spawn_back_tests(&self, suite: &Suite, tasks: &mut Tasks) {
        let (clock, peers, progress) = (suite.clock.clone(), suite.peers.clone(), self.progress.clone());
        let (back_tests, programme) = (self.back_tests.clone(), self.programme_name());
        let mut activity = clock.activity();
        tasks.spawn(async move {
            for day in &back_tests.days {
                let due = calendar::instant(asked_at(*day));
                let turn = clock.sleep_until(due, "world/forecast");
                drop(activity);
                activity = turn.await;
                progress.tell(due, &back_tests.ask(&peers, &programme, *day).await?);
            }
            drop(activity);
            std::future::pending().await
        });
    }

    fn spawn_views(&self, suite: &Suite, tasks: &mut Tasks, start: Timestamp) {
        let (clock, world) = (suite.clock.clone(), Arc::clone(&self.world));
        let (peers, seed) = (suite.peers.clone(), self.seed);
        let mut activity = clock.activity();
        tasks.spawn(async move {
            let producers = Producers { world, seed, peers: &peers };
            let mut day = calendar::civil_date(start);
            loop {
                let due = calendar::instant(day.to_datetime(VIEWS_AT));
                if due >= start {
                    let turn = clock.sleep_until(due, "world/views");
                    drop(activity);
                    activity = turn.await;
                    let live = producers.live_practices(due).await?;
                    if !live.is_empty() {
                        producers.send_views(&live, day.yesterday()?).await?;
                    }
                }
                day = day.tomorrow()?;
            }
        });
    }
}

impl Suite {
    /// Waits until the scheduler has seen the registry: a plan made before would find no practice.
    async fn ready(&self) {
        if let Some(scheduler) = &self.services.scheduler {
            drop(scheduler.registry_seen().await);
        }
    }

    /// Runs the loops of the services and of the suppliers.
    fn run(&self, tasks: &mut Tasks, shutdown: &CancellationToken) {
        self.services.run(tasks, &Handle::current(), shutdown);
        let (simulator, stop, scheduler) = (self.simulator.clone(), shutdown.clone(), self.scheduler.clone());
        tasks.spawn(async move { Ok(simulator.run(Some(scheduler), stop).await?) });
    }
}

fn asked_at(day: Date) -> DateTime {
    day.to_datetime(back_test::ASKED_AT)
}

/// Opens the port on which the demo can be looked at, and is asked at its end.
async fn serve(
    suite: &Suite,
    listen: &str,
    tasks: &mut Tasks,
    shutdown: &CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!(
            "cannot listen on {listen}, where the demo could be looked at: end what listens there, or add --headless"
        )
    })?;
    let address = listener.local_addr()?;
    let (routes, stop) = (suite.services.routes(&suite.ground)?, shutdown.clone());
    tasks.spawn(async move {
        routes.serve(listener, stop.cancelled_owned()).await?;
        Ok(())
    });
    Ok(address)
}

fn ended_early(early: Option<Result<anyhow::Result<()>, tokio::task::JoinError>>) -> anyhow::Error {
    match early {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => anyhow::Error::new(error).context("a part of the demo stopped"),
        Some(Ok(Ok(()))) | None => anyhow::anyhow!("a part of the demo ended before the story did"),
    }
}
