//! `serve`: the services on a port, all in one process or one of them.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;

use access_statistics::StatisticsConfig;
use anyhow::{Context, bail, ensure};
use authority::Authority;
use clap::{Args, ValueEnum};
use client::PeerConfig;
use clock::{Clock, SystemClock};
use jiff::SignedDuration;
use ods::Supplier;
use rollout::LineLimits;
use rollout_scheduler::{Suppliers, supplier_peer_config};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ages::Ages;
use crate::callers::{CallerArguments, Callers};
use crate::compose::{Ground, JournalLimits, SCHEDULER_ACCOUNT, STATISTICS_ACCOUNT, Services, make_folder};
use crate::configuration::{StoreArguments, runtime};
use crate::gates::GateArguments;
use crate::kill::KillAt;
use crate::limits::LimitArguments;
use crate::measures;
use crate::notices::NoticeArguments;
use crate::ods_sync::OdsArguments;
use crate::policies::{PolicyArguments, PolicyKeeper};
use crate::runtimes::{RuntimeArguments, Runtimes};

/// By which account this process calls others.
const ACCOUNT: &str = "citizens-access;roles=service";

#[derive(Args, Clone, Debug)]
pub(crate) struct ServeArguments {
    /// Which services
    #[arg(value_enum, default_value_t)]
    which: Which,
    #[command(flatten)]
    store: StoreArguments,
    /// Where to listen; each service has a port of its own: registry 50051, scheduler 50052, statistics 50053
    #[arg(long, env = "CITIZENS_ACCESS_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where the practice registry is, for a scheduler or statistics of their own
    #[arg(long, env = "CITIZENS_ACCESS_REGISTRY", value_name = "URL")]
    registry: Option<String>,
    /// Where the access statistics are, for a scheduler of its own whose gates ask for their figures
    #[arg(long, env = "CITIZENS_ACCESS_STATISTICS", value_name = "URL")]
    statistics: Option<String>,
    /// Where a supplier takes requests: EMIS=http://127.0.0.1:50061; once for each supplier
    #[arg(long = "supplier", value_name = "SUPPLIER=URL")]
    suppliers: Vec<SupplierAddress>,
    /// How many calls to switch on a supplier takes at once, and in a minute: EMIS=50,600, or EMIS=50 for any number in a
    /// minute; 1000 at once where it is left out. Once for each supplier
    #[arg(long, value_name = "SUPPLIER=COUNT[,COUNT]")]
    supplier_limits: Vec<SupplierLimits>,
    #[command(flatten)]
    policies: PolicyArguments,
    #[command(flatten)]
    ods: OdsArguments,
    #[command(flatten)]
    notices: NoticeArguments,
    #[command(flatten)]
    gates: GateArguments,
    /// Where /metrics is to be scraped, such as 127.0.0.1:9090; for a network on which only the scraper is. Not shown where
    /// it is left out and OTEL_METRICS_EXPORTER does not ask for it
    #[arg(long, env = "CITIZENS_ACCESS_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Tells this process from others that run the same service on the same store; the address where it is left out
    #[arg(long, value_name = "NAME")]
    replica: Option<String>,
    #[command(flatten)]
    callers: CallerArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    runtimes: RuntimeArguments,
    /// Runs by the machine's clock, so many seconds ahead; for tests of separate processes
    #[arg(long, hide = true, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_s: i64,
    /// So many milliseconds more, which its database's clock is not ahead; for tests of rule 18
    #[arg(long, hide = true, default_value_t = 0, allow_negative_numbers = true)]
    clock_skew_ms: i64,
    /// Statistics write their counts to tables so many milliseconds after the first event that is not in them; for tests of crash
    /// recovery, which would wait for it
    #[arg(long, hide = true)]
    statistics_checkpoint_ms: Option<u32>,
    #[command(flatten)]
    ages: Ages,
    /// Signed checkpoints kept in each file, besides the last of each day
    #[arg(long, value_name = "COUNT", default_value_t = journal::CHECKPOINTS_RECENT_MAX)]
    checkpoints_recent: usize,
    /// Ends the process at a commit; for tests of crash recovery
    #[arg(long, hide = true)]
    kill_at: Option<KillAt>,
}

impl ServeArguments {
    fn address(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], self.which.port())))
    }

    /// Only a registry has a directory, and only a scheduler sends notices and asks about gates.
    fn check_owners(&self) -> anyhow::Result<()> {
        let has_registry = matches!(self.which, Which::All | Which::Registry);
        ensure!(has_registry || !self.ods.is_given(), "--ods-sync is the registry's: give it to serve registry");
        let has_scheduler = matches!(self.which, Which::All | Which::Scheduler);
        let misplaced = "notices are sent by the scheduler: give --notices-email and --notices-post to serve scheduler";
        ensure!(has_scheduler || !self.notices.is_given(), misplaced);
        let misplaced = "gates are the scheduler's: give --gate-hook and --statistics to serve scheduler";
        ensure!(has_scheduler || !(self.gates.is_given() || self.statistics.is_some()), misplaced);
        let own_statistics = self.which == Which::All && self.statistics.is_some();
        ensure!(!own_statistics, "--statistics is for a scheduler by itself: all in one has statistics of its own");
        Ok(())
    }
}

/// The services that one process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Which {
    /// All of them, in one process
    #[default]
    All,
    /// The practice registry
    Registry,
    /// The rollout scheduler
    Scheduler,
    /// The access statistics
    Statistics,
}

impl Which {
    fn port(self) -> u16 {
        match self {
            Self::All | Self::Registry => 50_051,
            Self::Scheduler => 50_052,
            Self::Statistics => 50_053,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::All => "citizens-access",
            Self::Registry => "practice-registry",
            Self::Scheduler => "rollout-scheduler",
            Self::Statistics => "access-statistics",
        }
    }
}

/// `EMIS=http://127.0.0.1:50061`.
#[derive(Clone, Debug)]
struct SupplierAddress {
    supplier: Supplier,
    url: String,
}

impl FromStr for SupplierAddress {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((supplier, url)) = text.split_once('=') else {
            bail!("{text:?} is not SUPPLIER=URL, such as EMIS=http://127.0.0.1:50061");
        };
        let supplier = supplier.parse().with_context(|| format!("{supplier:?} is no supplier"))?;
        Ok(Self { supplier, url: url.to_owned() })
    }
}

/// `EMIS=50,600`.
#[derive(Clone, Debug)]
struct SupplierLimits {
    supplier: Supplier,
    limits: LineLimits,
}

impl FromStr for SupplierLimits {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((supplier, counts)) = text.split_once('=') else {
            bail!("{text:?} is not SUPPLIER=COUNT or SUPPLIER=COUNT,COUNT, such as EMIS=50,600");
        };
        let supplier = supplier.parse().with_context(|| format!("{supplier:?} is no supplier"))?;
        let count = |text: &str| -> anyhow::Result<u32> {
            let count = text.parse::<NonZeroU32>().with_context(|| format!("{text:?} is no count from 1 on"))?;
            Ok(count.get())
        };
        let limits = match counts.split_once(',') {
            Some((at_once, per_minute)) => {
                LineLimits { at_once: count(at_once)?, per_minute: Some(count(per_minute)?) }
            }
            None => LineLimits { at_once: count(counts)?, per_minute: None },
        };
        Ok(Self { supplier, limits })
    }
}

/// Serves until SIGTERM or SIGINT, then drains.
pub(crate) fn run(arguments: ServeArguments) -> anyhow::Result<()> {
    // The server refuses it too, but only once somebody may have read that it listens.
    arguments.callers.check(arguments.address())?;
    let runtimes = arguments.runtimes.start()?;
    let config = telemetry::Config::from_env(arguments.which.name())?;
    let telemetry = telemetry::init(&config)?;
    let mut arguments = arguments;
    arguments.metrics_listen = arguments.metrics_listen.or(config.metrics_listen);
    let ended = runtimes.main().block_on(serve(arguments, &runtimes));
    // The connections of stores that were opened where connections are served live until here.
    drop(runtimes);
    drop(telemetry);
    ended
}

async fn serve(arguments: ServeArguments, runtimes: &Runtimes) -> anyhow::Result<()> {
    // Before anything else, so that a signal that comes early is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let callers = arguments.callers.open().await?;
    let address = arguments.address();
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let metrics = match arguments.metrics_listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.with_context(|| format!("cannot show metrics on {address}"))?)
        }
        None => None,
    };
    let ground = ground(&arguments, callers, listener.local_addr()?)?;
    let services = open(&arguments, &ground).await?;
    let routes = services.routes(&ground)?;
    let shutdown = CancellationToken::new();
    let mut loops = JoinSet::new();
    services.run(&mut loops, runtimes.loops(), &shutdown);
    let following = loops.spawn(ground.callers.clone().follow());
    let telling = tokio::spawn(services.tell_readiness(routes.health()));
    if let Some(metrics) = metrics {
        println!("metrics at http://{}/metrics", metrics.local_addr()?);
        let shutdown = shutdown.clone();
        let shown = async move {
            server::serve_metrics(metrics, shutdown).await;
            Ok(())
        };
        loops.spawn_on(shown, runtimes.loops());
    }
    let authority = ground.authority.clone();
    let _seen = measures::watch(ground.callers.tls.clone(), ground.callers.tokens(), authority.clone());
    let keeper = PolicyKeeper::new(arguments.policies.clone(), authority, services.journals(), ground.replica.clone())?;
    let keeping = tokio::spawn(keeper.run());
    println!("listening on {}", listener.local_addr()?);
    // A service whose journal has stopped, or whose loop has ended, must not go on answering: it drains and says why.
    let mut failed: Option<anyhow::Error> = None;
    let ends = async {
        failed = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            stopped = services.stopped() => Some(stopped),
            Some(ended) = loops.join_next() => Some(match ended {
                Ok(Ok(())) => anyhow::anyhow!("a loop ended by itself"),
                Ok(Err(error)) => error,
                Err(error) => error.into(),
            }),
        };
    };
    let drained = routes.serve_on(listener, runtimes.serving(), ends).await?;
    telling.abort();
    keeping.abort();
    if let Some(failed) = failed {
        return Err(failed.context("this server has stopped serving"));
    }
    shutdown.cancel();
    following.abort();
    while let Some(ended) = loops.join_next().await {
        match ended {
            Err(error) if error.is_cancelled() => {}
            ended => ended??,
        }
    }
    services.close().await;
    tracing::info!(?drained, "ended");
    Ok(())
}

fn ground(arguments: &ServeArguments, callers: Callers, address: SocketAddr) -> anyhow::Result<Ground> {
    let folder = arguments.store.folder();
    make_folder(&folder)?;
    let store_clock_offset = SignedDuration::from_secs(arguments.clock_offset_s);
    let offset = store_clock_offset.saturating_add(SignedDuration::from_millis(arguments.clock_skew_ms));
    let clock = Clock::System(SystemClock::with_offset(offset));
    let mut statistics = arguments.ages.of_statistics(StatisticsConfig::default());
    if let Some(milliseconds) = arguments.statistics_checkpoint_ms {
        statistics.checkpoint_interval = SignedDuration::from_millis(milliseconds.into());
    }
    Ok(Ground {
        store: arguments.store.store()?,
        folder,
        clock,
        server: arguments.limits.config()?,
        callers,
        replica: arguments.replica.clone().unwrap_or_else(|| address.to_string()),
        kill_at: arguments.kill_at.clone(),
        journals: JournalLimits {
            request_retention: Some(arguments.ages.request_retention()),
            checkpoints_recent_max: arguments.checkpoints_recent,
            store_clock_offset,
        },
        statistics,
        authority: Authority::new(arguments.policies.read()?),
    })
}

async fn open(arguments: &ServeArguments, ground: &Ground) -> anyhow::Result<Services> {
    arguments.check_owners()?;
    let mut services = Services::default();
    if matches!(arguments.which, Which::All | Which::Registry) {
        let sync = arguments.ods.config(&ground.replica)?;
        let registry = ground.registry().await?;
        services.registry = Some(match sync {
            Some(sync) => registry.with_sync(sync),
            None => registry,
        });
    }
    if arguments.which == Which::Registry {
        return Ok(services);
    }
    let callers = &ground.callers;
    let remote = |name: &str, url: &str| callers.peer(name, url, ACCOUNT, PeerConfig::default());
    let registry = |services: &Services, account: &str| match &services.registry {
        Some(_) => services.peer(ground, "registry", account),
        None => remote("registry", arguments.registry.as_deref().context("say where the registry is: --registry URL")?),
    };
    if matches!(arguments.which, Which::All | Which::Statistics) {
        services.statistics = Some(ground.statistics(&registry(&services, STATISTICS_ACCOUNT)?).await?);
    }
    if matches!(arguments.which, Which::All | Which::Scheduler) {
        let notices = arguments.notices.config()?;
        let suppliers = suppliers(callers, &arguments.suppliers, &arguments.supplier_limits)?;
        let statistics = match (&services.statistics, &arguments.statistics) {
            (Some(_), _) => Some(services.peer(ground, "statistics", SCHEDULER_ACCOUNT)?),
            (None, Some(url)) => Some(remote("statistics", url)?),
            (None, None) => None,
        };
        let hooks = arguments.gates.hooks()?;
        let registry = registry(&services, SCHEDULER_ACCOUNT)?;
        let scheduler = ground.scheduler(&registry, statistics.as_ref(), hooks, suppliers).await?;
        services.scheduler = Some(match notices {
            Some(notices) => scheduler.with_notices(notices),
            None => scheduler,
        });
    }
    Ok(services)
}

fn suppliers(callers: &Callers, addresses: &[SupplierAddress], limits: &[SupplierLimits]) -> anyhow::Result<Suppliers> {
    let mut suppliers = Suppliers::default();
    let mut seen = Vec::new();
    for SupplierAddress { supplier, url } in addresses {
        ensure!(!seen.contains(supplier), "--supplier {supplier} is given twice");
        seen.push(supplier.clone());
        let peer = callers.supplier(supplier.as_ref(), url, ACCOUNT, supplier_peer_config())?;
        suppliers = suppliers.with(supplier.clone(), peer);
    }
    let mut limited = Vec::new();
    for SupplierLimits { supplier, limits } in limits {
        ensure!(
            seen.contains(supplier),
            "--supplier-limits {supplier} names a supplier without an address: add --supplier"
        );
        ensure!(!limited.contains(supplier), "--supplier-limits {supplier} is given twice");
        limited.push(supplier.clone());
        suppliers = suppliers.limited(supplier.clone(), *limits);
    }
    Ok(suppliers)
}

/// `check-config`: everything that `serve` would do before it listens, without serving; says what it found.
pub(crate) fn check(arguments: &ServeArguments) -> anyhow::Result<()> {
    let store = arguments.store.store()?;
    arguments.callers.check(arguments.address()).context("serve would refuse to start")?;
    telemetry::Config::from_env(arguments.which.name())?;
    println!("{}", arguments.policies.in_words(&arguments.policies.read()?));
    arguments.check_owners()?;
    arguments.limits.config()?;
    print!("{}", arguments.limits.in_words());
    if let Some(sync) = arguments.ods.config("check-config")? {
        println!("{}", arguments.ods.in_words(&sync));
    }
    if arguments.notices.config()?.is_some() {
        println!("{}", arguments.notices.in_words());
    }
    arguments.gates.hooks()?;
    runtime(1)?.block_on(async {
        let callers = arguments.callers.open().await?;
        for words in callers.in_words() {
            println!("{words}");
        }
        for (name, url) in [("registry", &arguments.registry), ("statistics", &arguments.statistics)] {
            if let Some(url) = url {
                callers.peer(name, url, ACCOUNT, PeerConfig::default())?;
            }
        }
        suppliers(&callers, &arguments.suppliers, &arguments.supplier_limits)?;
        let needs_registry = matches!(arguments.which, Which::Scheduler | Which::Statistics);
        ensure!(!needs_registry || arguments.registry.is_some(), "say where the registry is: --registry URL");
        crate::compose::check(&store).await
    })?;
    println!("{} on {store}: ready to serve", arguments.which.name());
    Ok(())
}
