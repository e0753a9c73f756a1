//! A child process that is read while it runs, and killed when it is dropped.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What is shown of a failed process's standard error: its end, where the reason is.
const STDERR_SHOWN_BYTES: usize = 16 * 1024;

/// A running process. Its standard error is kept, and shown when the test fails.
pub(crate) struct Running {
    name: String,
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

/// How a process ended, with all it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let stdout = child.stdout.take().expect("it is piped");
        let stderr_pipe = child.stderr.take().expect("it is piped");
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let (line, lines) = mpsc::channel();
        let kept = Arc::clone(&stderr);
        let readers = vec![
            thread::spawn(move || {
                for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // Nobody may be listening any more; the pipe is read all the same, so that the process never blocks.
                    let _ = line.send(text);
                }
            }),
            thread::spawn(move || keep(stderr_pipe, &kept)),
        ];
        Self { name, child, lines, stderr, readers }
    }

    /// The rest of the first line of standard output that begins with `beginning`, waiting for it for `patience`.
    pub(crate) fn line(&mut self, beginning: &str, patience: Duration) -> String {
        self.line_or_end(beginning, patience)
            .unwrap_or_else(|| panic!("{} ended without {beginning:?}: {:?}", self.name, self.child.wait()))
    }

    /// The same; None where it closed its standard output, that is ended, before it.
    pub(crate) fn line_or_end(&mut self, beginning: &str, patience: Duration) -> Option<String> {
        let until = Instant::now() + patience;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(beginning) {
                        return Some(rest.to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("{} did not print {beginning:?} in {patience:?}", self.name),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Signals the child of the process, if there is one: the program that it runs.
    pub(crate) fn signal_child(&self, signal: Signal) {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let child = children.split_whitespace().next().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        // One that has just ended is as good.
        let _ = child.map(|child| kill_process(child, signal));
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a child has an id");
        kill_process(pid, signal).unwrap_or_else(|error| panic!("{}: {signal:?} failed: {error}", self.name));
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self, patience: Duration) -> Ended {
        let until = Instant::now() + patience;
        let mut stdout = String::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => stdout.extend([line.as_str(), "\n"]),
                // It has closed its standard output.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} did not end within {patience:?}", self.name),
            }
        }
        let status = self.child.wait().expect("it is our child");
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader ends with its pipe");
        }
        Ended { status, stdout, stderr: text(&self.stderr) }
    }
}

fn keep(mut pipe: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = pipe.read(&mut bytes) {
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..count]);
    }
}

fn text(kept: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&kept.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

impl Ended {
    /// The end of its standard error, for messages.
    pub(crate) fn said(&self) -> &str {
        let mut from = self.stderr.len().saturating_sub(STDERR_SHOWN_BYTES);
        while !self.stderr.is_char_boundary(from) {
            from += 1;
        }
        &self.stderr[from..]
    }
}

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "what a process said is what explains a failed test")]
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let said = text(&self.stderr);
            eprintln!(
                "── {} said:\n{}",
                self.name,
                said.get(said.len().saturating_sub(STDERR_SHOWN_BYTES)..).unwrap_or(&said)
            );
        }
    }
}
