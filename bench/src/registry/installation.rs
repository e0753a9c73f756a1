//! A registry on a folder of its own: filled once, then served in one shape after another.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use client::{Peer, PeerConfig};
use proto::registry::v1 as wire;
use proto::registry::v1::import_directory_request::Part;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::cores::Cores;
use crate::process::Server;
use crate::registry::england::England;

/// By which account it is filled.
const ACCOUNT: &str = "bench";
/// Pieces in which files are sent.
const PIECE_BYTES: usize = 256 << 10;
/// Practices in one report of what was observed: as many as one call may have.
const OBSERVATIONS: usize = 1_000;
/// Two practices in three are live, as in the middle of a programme.
const NOT_LIVE_EVERY: usize = 3;

pub(crate) type Client = PracticeRegistryServiceClient<Peer>;

/// How the server runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// A runtime of its own for each of so many threads.
    PerCore(usize),
    /// One runtime with so many threads.
    Shared(usize),
}

/// A registry's data, and the program that serves it.
#[derive(Debug)]
pub(crate) struct Installation {
    program: PathBuf,
    cores: Cores,
    data: TempDir,
}

impl Installation {
    pub(crate) fn new(program: &Path, cores: Cores) -> anyhow::Result<Self> {
        Ok(Self { program: program.to_owned(), cores, data: tempfile::tempdir()? })
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn cores(&self) -> Cores {
        self.cores
    }

    /// Imports the practices on both cores and has two in three observed as live. Returns how long the map took.
    pub(crate) fn fill(&mut self, england: &England) -> anyhow::Result<Duration> {
        let server = self.start()?;
        let runtime = runtime()?;
        let took = runtime.block_on(async {
            let mut client = client(&server)?;
            let took = import_england(&mut client, england).await?;
            observe(&mut client, england.codes()).await.context("observations")?;
            anyhow::Ok(took)
        })?;
        server.stop()?;
        Ok(took)
    }

    /// Serves the registry alone on the server's core, with these variables of the environment.
    pub(crate) fn serve(&self, shape: Shape, variables: &[(&str, &str)]) -> anyhow::Result<Server> {
        let (runtime, threads) = match shape {
            Shape::PerCore(threads) => ("per-core", threads),
            Shape::Shared(threads) => ("shared", threads),
        };
        let arguments = ["--runtime", runtime, "--worker-threads", &threads.to_string()].map(str::to_owned);
        let mut command = self.command("registry", &arguments);
        command.envs(variables.iter().copied());
        self.cores.on_server(|| Server::start(&mut command))
    }

    /// Serves the registry over TLS and to tokens of the issuer in `identity`, a folder of `dev-certs`.
    pub(crate) fn serve_secured(&self, identity: &Path) -> anyhow::Result<Server> {
        let file = |name: &str| identity.join(name).display().to_string();
        let issuer = format!("https://issuer.citizens-access.test={}", file("jwks.json"));
        let mut command = Command::new(&self.program);
        command.args(["serve", "registry", "--listen", "127.0.0.1:0", "--worker-threads", "1", "--data"]);
        command.arg(self.data.path()).args(["--tls-cert", &file("registry.pem")]);
        command.args(["--tls-key", &file("registry-key.pem"), "--tls-ca", &file("ca.pem"), "--token-issuer", &issuer]);
        self.cores.on_server(|| Server::start(&mut command))
    }

    /// Serves the registry alone as it is started by default, on both cores.
    pub(crate) fn start(&self) -> anyhow::Result<Server> {
        self.cores.on_both(|| Server::start(&mut self.command("registry", &[])))
    }

    /// Serves all services in one process, as it is started by default, on both cores.
    pub(crate) fn serve_all(&self) -> anyhow::Result<Server> {
        self.cores.on_both(|| Server::start(&mut self.command("all", &[])))
    }

    fn command(&self, which: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["serve", which, "--insecure", "--listen", "127.0.0.1:0", "--data"]).arg(self.data.path());
        command.args(arguments);
        command
    }
}

/// For calls that are not measured by the thousand.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// To be called within a runtime.
pub(crate) fn client(server: &Server) -> anyhow::Result<Client> {
    Ok(Client::new(Peer::remote(&server.url(), ACCOUNT, PeerConfig::default())?))
}

/// Imports the map and the list sizes. Returns how long the map took.
pub(crate) async fn import_england(client: &mut Client, england: &England) -> anyhow::Result<Duration> {
    let (map, list_sizes) = england.map_and_list_sizes();
    let begun = Instant::now();
    import(client, wire::DirectoryFormat::Map, map).await.context("the map is not imported")?;
    let took = begun.elapsed();
    import(client, wire::DirectoryFormat::ListSizes, list_sizes).await.context("list sizes")?;
    Ok(took)
}

async fn import(client: &mut Client, format: wire::DirectoryFormat, file: &[u8]) -> anyhow::Result<()> {
    let header = wire::ImportHeader {
        format: format.into(),
        request_id: format!("import-{}", format.as_str_name()),
        ..Default::default()
    };
    let pieces = file.chunks(PIECE_BYTES).map(|piece| Part::Data(piece.to_vec().into()));
    let parts: Vec<_> = std::iter::once(Part::Header(header)).chain(pieces).collect();
    let messages = parts.into_iter().map(|part| wire::ImportDirectoryRequest { part: Some(part) });
    let report = client.import_directory(tokio_stream::iter(messages)).await?.into_inner();
    ensure!(report.rejected_count == 0, "{} rows were rejected", report.rejected_count);
    Ok(())
}

async fn observe(client: &mut Client, codes: &[String]) -> anyhow::Result<()> {
    for (index, codes) in codes.chunks(OBSERVATIONS).enumerate() {
        let observed = codes.iter().enumerate().filter(|(place, _)| place % NOT_LIVE_EVERY > 0);
        let observations = observed.map(|(_, code)| observation(code, wire::ObservedState::On)).collect();
        let request_id = format!("observed-{index}");
        client
            .record_observation(wire::RecordObservationRequest { observations, request_id, ..Default::default() })
            .await?;
    }
    Ok(())
}

/// The supplier's list says so.
pub(crate) fn observation(code: &str, state: wire::ObservedState) -> wire::Observation {
    wire::Observation {
        practice: format!("practices/{code}"),
        state: state.into(),
        source: wire::ObservationSource::SupplierList.into(),
        ..Default::default()
    }
}
