//! On what threads a server runs.
//!
//! Three kinds of work are kept apart, so that none waits in another's queue. Connections are served on threads of their own:
//! neither an import nor a fold stands before a look-up. Journals decide and commit on the main runtime. The services' loops run on
//! a third: while a wave runs they have some hundred calls in flight, and a hold must not wait for its turn among them.

use std::num::NonZeroUsize;
use std::thread::{self, JoinHandle};

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;

/// Has a hold's commit go before a wave's calls where both want a core, without starving the calls.
const LOOPS_NICE: u8 = 5;

#[derive(Args, Clone, Debug)]
pub(crate) struct RuntimeArguments {
    /// How threads share the connections
    #[arg(long, value_enum, default_value_t, env = "CITIZENS_ACCESS_RUNTIME", value_name = "SHAPE")]
    runtime: Shape,
    /// Threads that serve; one for each core where it is left out
    #[arg(long, env = "CITIZENS_ACCESS_WORKER_THREADS", value_name = "COUNT")]
    worker_threads: Option<NonZeroUsize>,
    /// How far the services' loops give way to what serves and decides: added to their threads' niceness
    #[arg(long, env = "CITIZENS_ACCESS_LOOPS_NICE", value_name = "NICENESS", default_value_t = LOOPS_NICE)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=19))]
    loops_nice: u8,
}

/// How threads share the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Each connection stays with one thread, which wakes no other: the most look-ups a second
    #[default]
    PerCore,
    /// All threads serve all connections and take work from each other: for few connections with long calls
    Shared,
}

impl RuntimeArguments {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the machine gives none.
    pub(crate) fn start(&self) -> anyhow::Result<Runtimes> {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let count = self.worker_threads.unwrap_or(cores).get();
        let main = Builder::new_multi_thread().worker_threads(count).enable_all().build();
        let main = main.context("the machine gives no threads")?;
        let niceness = i32::from(self.loops_nice);
        let loops = Builder::new_multi_thread()
            .worker_threads(count)
            .thread_name("loops")
            .on_thread_start(move || give_way(niceness))
            .enable_all()
            .build()
            .context("the machine gives no threads")?;
        let stop = CancellationToken::new();
        let mut runtimes = Runtimes { serving: vec![main.handle().clone()], main, loops, stop, threads: Vec::new() };
        if self.runtime == Shape::PerCore {
            runtimes.serving.clear();
            for number in 0..count {
                runtimes.add_thread(number)?;
            }
        }
        Ok(runtimes)
    }
}

/// Has this thread stand behind others of the machine. On Linux niceness is a thread's own.
fn give_way(niceness: i32) {
    if let Err(error) = rustix::process::nice(niceness) {
        tracing::warn!(%error, niceness, "the loops' threads do not give way");
    }
}

/// Running threads; dropping it ends them.
pub(crate) struct Runtimes {
    main: Runtime,
    loops: Runtime,
    serving: Vec<Handle>,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl Runtimes {
    /// Where journals decide and commit.
    pub(crate) fn main(&self) -> &Runtime {
        &self.main
    }

    /// Where the services' loops run.
    pub(crate) fn loops(&self) -> &Handle {
        self.loops.handle()
    }

    /// Where connections are served.
    pub(crate) fn serving(&self) -> &[Handle] {
        &self.serving
    }

    fn add_thread(&mut self, number: usize) -> anyhow::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build().context("the machine gives no runtime")?;
        self.serving.push(runtime.handle().clone());
        let stop = self.stop.clone();
        let serve = move || runtime.block_on(stop.cancelled());
        let thread = thread::Builder::new().name(format!("serving-{number}")).spawn(serve);
        self.threads.push(thread.context("the machine gives no threads")?);
        Ok(())
    }
}

impl Drop for Runtimes {
    fn drop(&mut self) {
        self.stop.cancel();
        for thread in self.threads.drain(..) {
            // A thread only waits; what panics on it is a task's own.
            let _ = thread.join();
        }
    }
}
