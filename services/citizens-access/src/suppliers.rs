//! `simulate-suppliers`: suppliers of GP systems as a process of their own, for trials and tests of separate processes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use client::{Peer, PeerConfig};
use clock::{Clock, SystemClock};
use identity::{DevelopmentCaller, RoleMatrix};
use jiff::SignedDuration;
use proto::supplier::v1::supplier_service_server::SupplierServiceServer;
use server::{Routes, Server, ServerConfig};
use supplier_simulator::{LogTarget, Simulator, SimulatorConfig, SupplierProfile};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

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
    /// Believe callers without proof; only on loopback. There is no other way yet
    #[arg(long)]
    insecure: bool,
    /// Runs by the machine's clock, so many seconds ahead; for tests of separate processes
    #[arg(long, hide = true, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_s: i64,
}

/// What a server of these suppliers answers.
pub(crate) fn routes(simulator: &Simulator, config: ServerConfig) -> anyhow::Result<Routes> {
    let server = Server::new(config, DevelopmentCaller, RoleMatrix::standard());
    let service = SupplierServiceServer::new(simulator.clone());
    Ok(server.descriptors(proto::FILE_DESCRIPTOR_SET).service(service).build()?)
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(arguments: SupplierArguments) -> anyhow::Result<()> {
    ensure!(arguments.insecure, "callers cannot prove who they are yet: add --insecure, and listen on loopback");
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
    let scheduler = arguments.scheduler.map(|url| Peer::remote(&url, ACCOUNT, PeerConfig::default())).transpose()?;
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
    routes(&simulator, ServerConfig::default())?.serve(listener, signalled).await?;
    shutdown.cancel();
    Ok(working.await??)
}
