//! Calls to suppliers that are under way: each in a task of its own, so that one slow supplier holds up nothing else.
//!
//! Which calls are due is read from the state each time, never kept here: this only knows which have not come back. A
//! call is made once. What becomes of it is an answer like any other, also where nobody answered.

use std::collections::{BTreeMap, BTreeSet};

use clock::{Activity, Clock};
use ods::Supplier;
use rollout::effects::{Call, SupplierCall};
use rollout::{ActivationKey, SupplierAnswer};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use crate::grpc::Suppliers;
use crate::peer::PeerError;

/// Calls under way at one supplier, of all kinds: many times what keeps a quick supplier busy, and what one HTTP/2
/// connection carries.
const CALLS_PER_SUPPLIER_MAX: usize = 1_000;

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

/// The calls under way.
pub(crate) struct Calls {
    clock: Clock,
    suppliers: Suppliers,
    under_way: BTreeMap<Supplier, BTreeSet<(ActivationKey, Lane)>>,
    answers: mpsc::UnboundedSender<Answered>,
    tasks: TaskTracker,
}

impl Calls {
    /// No calls yet; answers come out of the receiver. It is bounded by the calls under way.
    pub(crate) fn new(clock: Clock, suppliers: Suppliers) -> (Self, mpsc::UnboundedReceiver<Answered>) {
        let (answers, received) = mpsc::unbounded_channel();
        let calls = Self { clock, suppliers, under_way: BTreeMap::new(), answers, tasks: TaskTracker::new() };
        (calls, received)
    }

    /// Of the calls that are due those that can be made now: not under way already, and within the supplier's bound.
    pub(crate) fn admissible(&self, due: Vec<SupplierCall>) -> Vec<SupplierCall> {
        let mut under_way = self.under_way.clone();
        let is_fresh = |call: &SupplierCall| {
            let of_supplier = under_way.entry(call.supplier.clone()).or_default();
            of_supplier.len() < CALLS_PER_SUPPLIER_MAX && of_supplier.insert((call.key.clone(), Lane::of(call.call)))
        };
        due.into_iter().filter(is_fresh).collect()
    }

    /// Makes a call, within `span`.
    pub(crate) fn make(&mut self, call: SupplierCall, span: Span) {
        let of_supplier = self.under_way.entry(call.supplier.clone()).or_default();
        of_supplier.insert((call.key.clone(), Lane::of(call.call)));
        let (suppliers, clock, answers) = (self.suppliers.clone(), self.clock.clone(), self.answers.clone());
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
    pub(crate) fn returned(&mut self, answered: &Answered) {
        if let Some(under_way) = self.under_way.get_mut(&answered.supplier) {
            under_way.remove(&(answered.key.clone(), answered.lane));
        }
    }
}

fn answer_of(supplier: &Supplier, call: Call, answered: Result<SupplierAnswer, PeerError>) -> SupplierAnswer {
    match answered {
        Ok(answer) => answer,
        Err(error) => {
            // Also where the supplier says that the call was wrong: what it did with it is not known for certain.
            tracing::warn!(%supplier, ?call, error = &error as &dyn std::error::Error, "no answer from the supplier");
            SupplierAnswer::NoAnswer
        }
    }
}
