//! Queues: the urgent one, served first and by itself, and the normal one, of which each other batch takes a share.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::engine::measures::Measures;
use crate::engine::submission::{Job, LoadedPolicies, Meta, Priority, RedactionWork, ReplyTo, Work};
use crate::machine::Machine;

/// Of a full batch, how much is left to normal commands while urgent ones abound: so that these never starve them.
const NORMAL_SHARE: usize = 4;

/// The sending ends.
pub(crate) struct QueueSenders<M: Machine> {
    urgent: mpsc::Sender<Job<M>>,
    normal: mpsc::Sender<Job<M>>,
    measures: Measures,
}

/// The receiving ends, and what was taken out of them and not yet served.
pub(crate) struct Queues<M: Machine> {
    urgent: mpsc::Receiver<Job<M>>,
    normal: mpsc::Receiver<Job<M>>,
    urgent_next: VecDeque<Job<M>>,
    normal_next: VecDeque<Job<M>>,
    /// The last batch had urgent commands only.
    was_urgent: bool,
}

/// Two queues of at most `commands_max` each.
pub(crate) fn queues<M: Machine>(commands_max: usize, measures: Measures) -> (QueueSenders<M>, Queues<M>) {
    let (urgent_sender, urgent) = mpsc::channel(commands_max);
    let (normal_sender, normal) = mpsc::channel(commands_max);
    let senders = QueueSenders { urgent: urgent_sender, normal: normal_sender, measures };
    (senders, Queues { urgent, normal, urgent_next: VecDeque::new(), normal_next: VecDeque::new(), was_urgent: false })
}

/// Where the journal's own work is queued, for those who don't know the machine. It does not keep the engine alive.
pub(crate) trait OwnQueue: Send + Sync {
    /// Waits for a place in the queue; false where the engine has ended.
    fn send_redaction(&self, work: RedactionWork, meta: Meta) -> BoxFuture<'_, bool>;

    /// The same for policies that were loaded.
    fn send_policies(&self, loaded: LoadedPolicies, reply_to: ReplyTo<Infallible>, meta: Meta) -> BoxFuture<'_, bool>;
}

struct NormalQueue<M: Machine> {
    normal: mpsc::Sender<Job<M>>,
    measures: Measures,
}

impl<M: Machine> NormalQueue<M> {
    fn send(&self, work: Work<M>, meta: Meta) -> BoxFuture<'_, bool> {
        let priority = Priority::Normal;
        let waiting = self.measures.waiting(priority);
        let job = Job { work, meta, priority, span: tracing::Span::current(), waiting };
        Box::pin(async move { self.normal.send(job).await.is_ok() })
    }
}

impl<M: Machine> OwnQueue for NormalQueue<M> {
    fn send_redaction(&self, work: RedactionWork, meta: Meta) -> BoxFuture<'_, bool> {
        self.send(Work::Redaction(work), meta)
    }

    fn send_policies(&self, loaded: LoadedPolicies, reply_to: ReplyTo<Infallible>, meta: Meta) -> BoxFuture<'_, bool> {
        self.send(Work::Policies { loaded, reply_to }, meta)
    }
}

impl<M: Machine> QueueSenders<M> {
    /// Where the journal's own work waits: with the normal commands.
    pub(crate) fn own(&self) -> Arc<dyn OwnQueue> {
        Arc::new(NormalQueue { normal: self.normal.clone(), measures: self.measures.clone() })
    }

    /// Waits for a place in the queue; the job comes back where the engine has ended.
    pub(crate) async fn send(&self, job: Job<M>) -> Result<(), Job<M>> {
        let sender = match job.priority {
            Priority::Urgent => &self.urgent,
            Priority::Normal => &self.normal,
        };
        sender.send(job).await.map_err(|refused| refused.0)
    }
}

impl<M: Machine> Queues<M> {
    /// Waits until there is something to serve; false once the queues are closed and empty. Cancel-safe.
    pub(crate) async fn wait(&mut self) -> bool {
        if !self.urgent_next.is_empty() || !self.normal_next.is_empty() {
            return true;
        }
        tokio::select! {
            biased;
            Some(job) = self.urgent.recv() => self.urgent_next.push_back(job),
            Some(job) = self.normal.recv() => self.normal_next.push_back(job),
            else => return false,
        }
        true
    }

    /// Takes what waits, at most `commands_max`: urgent ones by themselves, since the answer to each waits for the decisions
    /// about all; in the next batch urgent ones first, and normal ones.
    pub(crate) fn take(&mut self, commands_max: usize) -> VecDeque<Job<M>> {
        fill(&mut self.urgent_next, &mut self.urgent, commands_max);
        self.was_urgent = !self.was_urgent && !self.urgent_next.is_empty();
        if self.was_urgent {
            return self.urgent_next.drain(..).collect();
        }
        fill(&mut self.normal_next, &mut self.normal, commands_max);
        let normal_share = self.normal_next.len().min(commands_max / NORMAL_SHARE);
        let urgent_count = self.urgent_next.len().min(commands_max - normal_share);
        let mut batch: VecDeque<Job<M>> = self.urgent_next.drain(..urgent_count).collect();
        let normal_count = self.normal_next.len().min(commands_max - urgent_count);
        batch.extend(self.normal_next.drain(..normal_count));
        batch
    }

    /// Whether an urgent command waits.
    pub(crate) fn has_urgent(&self) -> bool {
        !self.urgent_next.is_empty() || !self.urgent.is_empty()
    }

    /// Puts normal commands back to the front, for which this batch had no time.
    pub(crate) fn put_back(&mut self, jobs: VecDeque<Job<M>>) {
        for job in jobs.into_iter().rev() {
            self.normal_next.push_front(job);
        }
    }

    /// Takes no more; what waits is still served.
    pub(crate) fn close(&mut self) {
        self.urgent.close();
        self.normal.close();
    }
}

fn fill<M: Machine>(next: &mut VecDeque<Job<M>>, queue: &mut mpsc::Receiver<Job<M>>, commands_max: usize) {
    while next.len() < commands_max {
        let Ok(job) = queue.try_recv() else { return };
        next.push_back(job);
    }
}
