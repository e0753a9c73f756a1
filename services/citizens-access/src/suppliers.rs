//! `simulate-suppliers`: suppliers of GP systems as a process of their own, for trials and tests of separate processes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use authority::Authority;
use clap::Args;
use client::PeerConfig;
use clock::{Clock, SystemClock};
use jiff::SignedDuration;
use proto::supplier::v1::supplier_service_server::SupplierServiceServer;
use server::{Routes, Server, ServerConfig};
use supplier_simulator::{LogTarget, Simulator, SimulatorConfig, SupplierProfile};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::callers::{CallerArguments, Callers};
use crate::configuration::runtime;

/// By which account the suppliers take lists and report.
const ACCOUNT: &str = "suppliers;roles=supplier,service";

#[derive(Args, Clone, Debug)]
pub(crate) struct SupplierArguments {
    /// The suppliers' profiles, YAML: the list under `suppliers` of a world's file
    #[arg(long, value_name = "FILE")]
    profiles: PathBuf,
    /// Where they write what they did
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:50061", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the scheduler is, for suppliers that take lists
    #[arg(long, value_name = "URL")]
    scheduler: Option<String>,
    /// What chance is drawn by
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    callers: CallerArguments,
    /// Runs by the machine's clock, so many seconds ahead; for tests of separate processes
    #[arg(long, hide = true, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_s: i64,
}

/// What a server of these suppliers answers.
pub(crate) fn routes(simulator: &Simulator, callers: &Callers, config: ServerConfig) -> anyhow::Result<Routes> {
    let server = callers.guard(Server::new(config, callers.door.clone(), Authority::standard()));
    let service = SupplierServiceServer::new(simulator.clone());
    Ok(server.descriptors(proto::FILE_DESCRIPTOR_SET).service(service).build()?)
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(arguments: SupplierArguments) -> anyhow::Result<()> {
    arguments.callers.check(arguments.listen)?;
    let telemetry = telemetry::init(&telemetry::Config::from_env("supplier-simulator")?)?;
    let ended = runtime(1)?.block_on(serve(arguments));
    drop(telemetry);
    ended
}

async fn serve(arguments: SupplierArguments) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let text = std::fs::read_to_string(&arguments.profiles)
        .with_context(|| format!("cannot read {}", arguments.profiles.display()))?;
    let suppliers: Vec<SupplierProfile> = serde_saphyr::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{} holds no profiles: {error}", arguments.profiles.display()))?;
    let clock = Clock::System(SystemClock::with_offset(SignedDuration::from_secs(arguments.clock_offset_s)));
    let simulator = Simulator::open(SimulatorConfig {
        log: LogTarget::File(arguments.log),
        clock,
        seed: arguments.seed,
        suppliers,
        real_delay_per_call: Duration::ZERO,
    })?;
    let callers = arguments.callers.open().await?;
    let scheduler = arguments.scheduler.as_deref();
    let scheduler = scheduler.map(|url| callers.peer("scheduler", url, ACCOUNT, PeerConfig::default())).transpose()?;
    let listener =
        TcpListener::bind(arguments.listen).await.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let shutdown = CancellationToken::new();
    let working = tokio::spawn({
        let (simulator, shutdown) = (simulator.clone(), shutdown.clone());
        async move { simulator.run(scheduler, shutdown).await }
    });
    println!("listening on {}", listener.local_addr()?);
    let signalled = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let following = tokio::spawn(callers.clone().follow());
    routes(&simulator, &callers, ServerConfig::default())?.serve(listener, signalled).await?;
    following.abort();
    shutdown.cancel();
    Ok(working.await??)
}
