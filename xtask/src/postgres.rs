//! A private PostgreSQL: own folder, free port, unprivileged user, stopped when dropped.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// How long a new instance may take until it answers; it needs about one second.
const START_WAIT_MAX: Duration = Duration::from_secs(60);
/// Enough for every test's pool at once.
const CONNECTIONS_MAX: u32 = 400;
/// Who runs the server where we are root, which PostgreSQL refuses to be: the first of these that exists.
const UNPRIVILEGED_USERS: [&str; 2] = ["postgres", "nobody"];

/// A running instance. Its folder goes with it.
pub(crate) struct Postgres {
    server: Child,
    port: u16,
    // Held for its drop, which removes the folder after the server has ended.
    _folder: TempDir,
}

impl Postgres {
    /// Makes a cluster in a temporary folder and starts it on a free port of the loopback interface.
    pub(crate) fn start(programs: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("citizens-access-postgres-").tempdir()?;
        let user = unprivileged_user()?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).context("cannot give the folder to PostgreSQL's user")?;
        }
        let data = folder.path().join("data");
        let initdb = as_user(&programs.join("initdb"), user)
            .arg("--pgdata")
            .arg(&data)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .current_dir(folder.path())
            .output()
            .context("cannot start initdb")?;
        ensure!(initdb.status.success(), "initdb failed: {}", String::from_utf8_lossy(&initdb.stderr));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = fs::File::create(folder.path().join("log"))?;
        let server = as_user(&programs.join("postgres"), user)
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")])
            .args(["-c", &format!("max_connections={CONNECTIONS_MAX}")])
            .args(["-c", &format!("unix_socket_directories={}", folder.path().display())])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start postgres")?;
        let mut instance = Self { server, port, _folder: folder };
        instance.wait_until_ready(&programs.join("pg_isready"))?;
        Ok(instance)
    }

    /// The URL of the maintenance database, for a superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self, pg_isready: &Path) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.server.try_wait()? {
                let log = fs::read_to_string(self._folder.path().join("log")).unwrap_or_default();
                bail!("postgres ended at once ({status}): {log}");
            }
            let port = self.port.to_string();
            let ready = Command::new(pg_isready)
                .args(["--quiet", "--host=127.0.0.1", "--port", &port])
                .status()
                .context("cannot start pg_isready")?;
            if ready.success() {
                return Ok(());
            }
            ensure!(started.elapsed() < START_WAIT_MAX, "postgres did not answer within {START_WAIT_MAX:?}");
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    /// Asks for a fast shutdown (SIGINT: sessions are ended, data is flushed) of exactly this process, and waits for it.
    fn drop(&mut self) {
        let Some(server) = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw) else { return };
        if let Err(error) = kill_process(server, Signal::INT) {
            eprintln!("cannot stop postgres {}: {error}", self.server.id());
        }
        if let Err(error) = self.server.wait() {
            eprintln!("cannot wait for postgres {}: {error}", self.server.id());
        }
    }
}

/// The user and group to run as, or None where this process is unprivileged already.
fn unprivileged_user() -> anyhow::Result<Option<(u32, u32)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("cannot read the list of users")?;
    for wanted in UNPRIVILEGED_USERS {
        for user in users.lines() {
            let fields: Vec<&str> = user.split(':').collect();
            if let [name, _, uid, gid, ..] = fields[..]
                && name == wanted
            {
                return Ok(Some((uid.parse()?, gid.parse()?)));
            }
        }
    }
    bail!("PostgreSQL does not run as root, and none of the users {UNPRIVILEGED_USERS:?} exists")
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}
