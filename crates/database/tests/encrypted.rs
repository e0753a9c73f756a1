//! The way to PostgreSQL, encrypted: a server of the test's own, with a certificate of the test's own.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use database::testing::POSTGRES_VARIABLE;
use database::{Db, Store, sql};
use tempfile::TempDir;
use tls::{Authority, Subject};

/// Where distributions put the programs of PostgreSQL, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// Nobody's id, for a server that does not run as root.
const NOBODY: u32 = 65_534;
const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_server_is_believed_by_its_authority_alone_and_nothing_goes_in_the_clear() {
    let authority = Authority::new("the database's authority", HOUR).expect("an authority");
    let Some(server) = Server::start(&authority) else { return };
    let other = Authority::new("another authority", HOUR).expect("an authority");
    let (ours, others) = (server.file("ca.pem", authority.pem()), server.file("other-ca.pem", other.pem()));

    let db = server.open(&format!("sslmode=verify-full&sslrootcert={ours}")).await.expect("its authority is believed");
    let encrypted = "select version from pg_stat_ssl where ssl and pid = pg_backend_pid()";
    let version: String = db.fetch_one(sql(encrypted)).await.expect("it is encrypted").get("version").expect("a text");
    assert_eq!(version, "TLSv1.3");
    db.close().await;

    for options in [format!("sslmode=verify-full&sslrootcert={others}"), "sslmode=verify-full".to_owned()] {
        let refused = server.open(&options).await.expect_err("nobody vouches for it");
        let source = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
        assert!(refused.is_unavailable() && source.contains("UnknownIssuer"), "{options}: {refused}: {source}");
    }
    // The server's word that it would rather not is not taken.
    server.run("pg_ctl", &["-D", &server.data(), "-w", "-o", &server.options("off"), "restart"]);
    let refused =
        server.open(&format!("sslmode=verify-full&sslrootcert={ours}")).await.expect_err("it does not encrypt");
    let source = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
    assert!(source.contains("does not support TLS"), "{refused}: {source}");
}

/// A PostgreSQL on loopback whose certificate names its address.
struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    /// Are we root? As that PostgreSQL does not run.
    is_root: bool,
}

impl Server {
    /// None, said loudly, where PostgreSQL is not installed.
    fn start(authority: &Authority) -> Option<Self> {
        let programs = std::env::var(POSTGRES_VARIABLE).ok().and_then(|_| programs());
        let Some(programs) = programs else {
            shout();
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let is_root = fs::metadata(folder.path()).expect("a folder of ours").uid() == 0;
        let server = Self { folder, programs, port, is_root };
        server.give(server.folder.path()).expect("the folder is given");
        let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let issued = authority.issue(&Subject { addresses, ..Subject::default() }, -60, HOUR).expect("a certificate");
        issued.write_to(server.folder.path(), "server", Path::new("ca.pem")).expect("files");
        for name in ["server.pem", "server-key.pem"] {
            server.give(&server.folder.path().join(name)).expect("the file is given");
        }
        server.run("initdb", &["--pgdata", &server.data(), "--auth=trust", "--username=postgres", "--no-sync"]);
        let log = server.folder.path().join("log").display().to_string();
        server.run("pg_ctl", &["-D", &server.data(), "-w", "-l", &log, "-o", &server.options("on"), "start"]);
        Some(server)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn options(&self, ssl: &str) -> String {
        let folder = self.folder.path().display();
        format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={folder} -c ssl={ssl} \
             -c ssl_cert_file={folder}/server.pem -c ssl_key_file={folder}/server-key.pem",
            self.port
        )
    }

    /// Opens a database of it; `options` are those of the URL.
    async fn open(&self, options: &str) -> Result<Db, database::DatabaseError> {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres?{options}", self.port);
        let store: Store = url.parse().expect("a store");
        Db::open(&store, "encrypted").await
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("a temporary folder can be written to");
        path.display().to_string()
    }

    fn run(&self, program: &str, words: &[&str]) {
        let status = self.status(program, words).expect("a program of PostgreSQL");
        let said = || fs::read_to_string(self.said(program)).unwrap_or_default();
        assert!(status.success(), "{program}: {}", said());
    }

    fn status(&self, program: &str, words: &[&str]) -> io::Result<ExitStatus> {
        let mut command = Command::new(self.programs.join(program));
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        // No pipes: the server that goes on running would hold them open.
        let said = File::create(self.said(program))?;
        command.stdout(said.try_clone()?).stderr(said);
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.status()
    }

    fn said(&self, program: &str) -> PathBuf {
        self.folder.path().join(format!("{program}.log"))
    }

    fn give(&self, path: &Path) -> io::Result<()> {
        if self.is_root { chown(path, Some(NOBODY), Some(NOBODY)) } else { Ok(()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it did not start there is nothing to stop.
        let _ = self.status("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen where test output is read")]
fn shout() {
    eprintln!("SKIPPED on PostgreSQL: {POSTGRES_VARIABLE} is not set, or there is nothing in {PROGRAMS}");
}

/// Those of the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    versions.map(|version| version.join("bin")).filter(|bin| bin.join("pg_ctl").exists()).max()
}
