//! Calls to suppliers that are under way: each in a task of its own, so that one slow supplier holds up nothing else.
//!
//! Which calls are due is read from the state each time, never kept here: this only knows which have not come back, and
//! which supplier takes another ([`Line`]). A call is made once. What becomes of it is an answer like any other, also where
//! nobody answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::{Activity, Clock};
use jiff::Timestamp;
use ods::Supplier;
use rollout::effects::{Call, SupplierCall};
use rollout::{ActivationKey, Direction, Line, Silence, SupplierAnswer, Urgency, Wait};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use crate::grpc::Suppliers;
use crate::peer::PeerError;

/// An answer that came back, and the activity that holds time still until it is recorded.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) key: ActivationKey,
    pub(crate) supplier: Supplier,
    pub(crate) lane: Lane,
    pub(crate) answer: SupplierAnswer,
    pub(crate) activity: Activity,
}

/// A key has two lanes: a STOP's cancellation must not wait for the reply that it is to forestall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Requests and questions: one at a time.
    Ask,
    /// Cancellations.
    Cancel,
}

impl Lane {
    fn of(call: Call) -> Self {
        match call {
            Call::Request | Call::Ask => Self::Ask,
            Call::Cancel => Self::Cancel,
        }
    }
}

/// One supplier's calls.
#[derive(Debug)]
struct Desk {
    line: Line,
    under_way: BTreeSet<(ActivationKey, Lane)>,
}

/// The calls under way.
pub(crate) struct Calls {
    clock: Clock,
    suppliers: Arc<Suppliers>,
    desks: BTreeMap<Supplier, Desk>,
    /// When the first call can be made that is due and waits for its supplier's line; none where none waits for a moment.
    waits_until: Option<Timestamp>,
    answers: mpsc::UnboundedSender<Answered>,
    tasks: TaskTracker,
}

impl Calls {
    /// No calls yet; answers come out of the receiver. It is bounded by the calls under way.
    pub(crate) fn new(clock: Clock, suppliers: Suppliers) -> (Self, mpsc::UnboundedReceiver<Answered>) {
        let (answers, received) = mpsc::unbounded_channel();
        let (desks, tasks) = (BTreeMap::new(), TaskTracker::new());
        let suppliers = Arc::new(suppliers);
        let calls = Self { clock, suppliers, desks, waits_until: None, answers, tasks };
        (calls, received)
    }

    /// Of the calls that are due takes those that can be made now: not under way already, and as the supplier's line has it.
    /// Each is to be made, or given back.
    pub(crate) fn take(&mut self, due: Vec<SupplierCall>, now: Timestamp) -> Vec<SupplierCall> {
        self.waits_until = None;
        let mut taken = Vec::new();
        for call in due {
            let suppliers = &self.suppliers;
            let desk = self.desks.entry(call.supplier.clone()).or_insert_with(|| Desk {
                line: Line::new(suppliers.limits(&call.supplier)),
                under_way: BTreeSet::new(),
            });
            let place = (call.key.clone(), Lane::of(call.call));
            if desk.under_way.contains(&place) {
                continue;
            }
            match desk.line.take(urgency(&call), now) {
                Ok(()) => {
                    desk.under_way.insert(place);
                    taken.push(call);
                }
                Err(Wait::Until(at)) => self.waits_until = Some(self.waits_until.map_or(at, |until| until.min(at))),
                Err(Wait::ForAnswer) => {}
            }
        }
        taken
    }

    /// Calls that were taken are not made after all.
    pub(crate) fn give_back(&mut self, calls: &[SupplierCall]) {
        for call in calls {
            if let Some(desk) = self.desks.get_mut(&call.supplier)
                && desk.under_way.remove(&(call.key.clone(), Lane::of(call.call)))
            {
                desk.line.given_back();
            }
        }
    }

    /// When the first call can be made that is due and waits for its supplier's line.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.waits_until
    }

    /// The suppliers that do not answer at present.
    pub(crate) fn silent(&self) -> BTreeMap<Supplier, Silence> {
        let silent = self.desks.iter().filter_map(|(supplier, desk)| Some((supplier.clone(), desk.line.silence()?)));
        silent.collect()
    }

    /// Makes a call that was taken, within `span`.
    pub(crate) fn make(&self, call: SupplierCall, span: Span) {
        let (suppliers, clock, answers) = (Arc::clone(&self.suppliers), self.clock.clone(), self.answers.clone());
        let SupplierCall { key, supplier, call, .. } = call;
        let asked = {
            let (key, supplier, now) = (key.clone(), supplier.clone(), clock.now());
            async move { suppliers.call(&supplier, call, &key, now).await }
        };
        // The supplier may sleep on the same clock: time stands still at each poll only, and from the answer on.
        let tracked = clock.track(asked);
        let answered = async move {
            let (answered, activity) = tracked.await;
            let answer = answer_of(&supplier, call, answered);
            // Nobody receives any more: the scheduler has ended, and asks again when it starts.
            drop(answers.send(Answered { key, supplier, lane: Lane::of(call), answer, activity }));
        };
        self.tasks.spawn(answered.instrument(span));
    }

    /// Notes that a call came back.
    pub(crate) fn returned(&mut self, answered: &Answered, now: Timestamp) {
        let Some(desk) = self.desks.get_mut(&answered.supplier) else { return };
        if !desk.under_way.remove(&(answered.key.clone(), answered.lane)) {
            return;
        }
        let before = desk.line.silence().is_some();
        desk.line.returned(answered.answer != SupplierAnswer::NoAnswer, now);
        match desk.line.silence() {
            Some(silence) if !before => {
                tracing::warn!(supplier = %answered.supplier, again_at = %silence.tried_again_at, "the supplier does not answer");
            }
            None if before => tracing::info!(supplier = %answered.supplier, "the supplier answers again"),
            _ => {}
        }
    }
}

/// A STOP's cancellations, and whatever takes access away, are never held back (rules 2 to 4 are for switching on).
fn urgency(call: &SupplierCall) -> Urgency {
    if call.call == Call::Cancel || call.key.direction == Direction::Disable {
        Urgency::AtOnce
    } else {
        Urgency::InTurn
    }
}

fn answer_of(supplier: &Supplier, call: Call, answered: Result<SupplierAnswer, PeerError>) -> SupplierAnswer {
    match answered {
        Ok(answer) => answer,
        Err(error) => {
            // Also where the supplier says that the call was wrong: what it did with it is not known for certain.
            tracing::warn!(%supplier, ?call, error = telemetry::chain(&error), "no answer from the supplier");
            SupplierAnswer::NoAnswer
        }
    }
}
