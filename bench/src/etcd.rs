//! etcd with one value, read as it is read fastest: Range, serializable, which asks no quorum.
//!
//! Of its API only the two messages that are needed are here, by their field numbers.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use prost::Message;
use tempfile::TempDir;

use crate::cores::Cores;
use crate::load::Target;
use crate::process::Server;

const RANGE: &str = "/etcdserverpb.KV/Range";
const PUT: &str = "/etcdserverpb.KV/Put";
/// As long as the code of a practice.
const KEY: &[u8] = b"A81001";

#[derive(Clone, PartialEq, Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bool, tag = "7")]
    serializable: bool,
}

#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// A member of one, alone on the server's core.
pub(crate) struct Etcd {
    pub(crate) server: Server,
    pub(crate) range: Target,
    _data: TempDir,
}

impl Etcd {
    /// Starts it with a value of that many bytes.
    pub(crate) fn start(program: &Path, cores: Cores, value_bytes: usize) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let (clients, peers) = (free_address()?, free_address()?);
        let mut command = Command::new(program);
        let (clients_url, peers_url) = (format!("http://{clients}"), format!("http://{peers}"));
        command
            .arg("--data-dir")
            .arg(data.path())
            .args(["--listen-client-urls", &clients_url, "--advertise-client-urls", &clients_url])
            .args(["--listen-peer-urls", &peers_url, "--initial-advertise-peer-urls", &peers_url])
            .args(["--initial-cluster", &format!("default={peers_url}"), "--log-level", "error"])
            .env("GOMAXPROCS", "1");
        let server = cores.on_server(|| Server::start_foreign(&mut command, clients))?;
        let put = PutRequest { key: KEY.to_vec(), value: vec![b'x'; value_bytes] };
        // It waits for the election of the only member, which may take a second.
        Target::new(clients, PUT, &[put])?.reply_bytes().context("etcd takes no value")?;
        let range = RangeRequest { key: KEY.to_vec(), serializable: true };
        Ok(Self { server, range: Target::new(clients, RANGE, &[range])?, _data: data })
    }
}

/// etcd cannot say which port it got, so it is told one that is free now.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
