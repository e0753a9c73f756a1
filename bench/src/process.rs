//! A server as a process of its own: started on its core, looked at from outside, stopped when dropped.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Signal, kill_process};

/// What every server of ours prints once it serves, before its address.
const LISTENING: &str = "listening on ";
/// Between two attempts to reach a server that does not say when it listens.
const CONNECT_INTERVAL: Duration = Duration::from_millis(20);
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// Fields of /proc/PID/stat between the program's name and utime, after which comes stime; see proc(5).
const STAT_FIELDS_BEFORE_CPU_TIME: usize = 11;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process until it listened.
    pub(crate) started_in: Duration,
    // Held open: a server that prints to a closed pipe would end.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server of ours, and returns when it says that it listens.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut child = spawn(command.stdout(Stdio::piped()))?;
        let mut stdout = BufReader::new(child.stdout.take().context("it is piped")?);
        let mut line = String::new();
        while !line.starts_with(LISTENING) {
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                bail!("{command:?} ended before it listened: {}", child.wait()?);
            }
        }
        let started_in = begun.elapsed();
        let address = line[LISTENING.len()..].trim();
        let address = address.parse().with_context(|| format!("{address:?} is no address"))?;
        Ok(Self { child, address, started_in, _stdout: Some(stdout) })
    }

    /// Starts another's server, and returns when it accepts connections at `address`.
    pub(crate) fn start_foreign(command: &mut Command, address: SocketAddr) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut child = spawn(command.stdout(Stdio::null()))?;
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("{command:?} ended before it listened: {status}");
            }
            ensure!(begun.elapsed() < CONNECT_PATIENCE, "{command:?} does not listen at {address}");
            std::thread::sleep(CONNECT_INTERVAL);
        }
        Ok(Self { child, address, started_in: begun.elapsed(), _stdout: None })
    }

    /// CPU time that it has taken, also in threads that have ended since; in steps of 10 ms.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(self.proc().join("stat"))?;
        // The name of the program, in parentheses, may have spaces in it: fields count from behind it.
        let (_, fields) = stat.rsplit_once(')').context("stat has the program's name in parentheses")?;
        let mut fields = fields.split_ascii_whitespace().skip(STAT_FIELDS_BEFORE_CPU_TIME);
        let mut ticks = || anyhow::Ok(fields.next().context("stat has times")?.parse::<u64>()?);
        let (user, system) = (ticks()?, ticks()?);
        Ok(Duration::from_secs(user + system) / u32::try_from(clock_ticks_per_second())?)
    }

    /// Bytes of memory that it holds (resident set).
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(self.proc().join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process has a VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1_024)
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "a server ended with {status}");
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn proc(&self) -> std::path::PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a child has an id")?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended and been waited for, there is nothing to stop.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command.spawn().with_context(|| format!("cannot start {command:?}"))
}
