//! What is on its way between scheduler, registry and supplier about one practice.
//!
//! A message arrives at any time after it was sent, in any order, or never. So a scheduler that was frozen, or that acts on what
//! it had read before it lost the lease, is one whose message arrives late: nothing else of it can be seen from outside.

use crate::key::{Ending, Key};
use crate::scheduler::Said;

/// Messages about one practice at a time; what the bounds of the tests lead to is below it.
pub(crate) const MESSAGES_MAX: usize = 6;

/// A call or its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Message {
    pub(crate) what: What,
    /// Under which the call was made.
    pub(crate) epoch: u8,
    /// Whether anybody still waits for the reply.
    pub(crate) heard: bool,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum What {
    Acquire(Key),
    Acquired(Key, bool),
    Settle(Key, Ending),
    Settled(Key),
    Release(Key),
    Released(Key),
    Request(Key),
    Ask(Key),
    Cancel(Key),
    Answer(Key, Said),
    CancelAnswer(Key, Said),
}

/// Who waits for what: one call at a time in each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Chores at the registry are done one after the other.
    Chore,
    /// Requests and questions about one key.
    Call(Key),
    /// A STOP's cancellation does not wait for the reply that it is to forestall.
    Cancel(Key),
}

impl Message {
    /// What is left of it once nobody waits for its reply: nothing of a reply, nor of a question, which changes nothing. Who it was
    /// that waited makes no difference any more.
    pub(crate) fn unheard(self) -> Option<Self> {
        let changes = !self.what.is_reply() && !matches!(self.what, What::Ask(_));
        changes.then_some(Self { heard: false, epoch: 0, ..self })
    }
}

impl What {
    pub(crate) fn waits(self) -> Waits {
        match self {
            Self::Acquire(_)
            | Self::Acquired(..)
            | Self::Settle(..)
            | Self::Settled(_)
            | Self::Release(_)
            | Self::Released(_) => Waits::Chore,
            Self::Request(key) | Self::Ask(key) | Self::Answer(key, _) => Waits::Call(key),
            Self::Cancel(key) | Self::CancelAnswer(key, _) => Waits::Cancel(key),
        }
    }

    /// The key that a supplier is called about, or answers about.
    pub(crate) fn call_about(self) -> Option<Key> {
        match self.waits() {
            Waits::Call(key) | Waits::Cancel(key) => Some(key),
            Waits::Chore => None,
        }
    }

    pub(crate) fn is_reply(self) -> bool {
        matches!(
            self,
            Self::Acquired(..) | Self::Settled(_) | Self::Released(_) | Self::Answer(..) | Self::CancelAnswer(..)
        )
    }
}

/// Messages on their way, in no order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Messages([Option<Message>; MESSAGES_MAX]);

impl Messages {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Message> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Each once, where several say the same.
    pub(crate) fn distinct(&self) -> impl Iterator<Item = Message> + '_ {
        let mut before = None;
        self.iter().filter(move |message| before.replace(*message) != Some(*message))
    }

    pub(crate) fn put(&mut self, message: Message) {
        let free = self.0.iter_mut().find(|place| place.is_none());
        *free.expect("the bounds allow fewer messages at a time") = Some(message);
        self.0.sort_unstable_by(|one, other| other.cmp(one));
    }

    pub(crate) fn take(&mut self, message: Message) {
        let place = self.0.iter_mut().find(|place| **place == Some(message));
        *place.expect("it is on its way") = None;
        self.0.sort_unstable_by(|one, other| other.cmp(one));
    }

    pub(crate) fn is_waited_for(&self, epoch: u8, waits: Waits) -> bool {
        self.iter().any(|message| message.heard && message.epoch == epoch && message.what.waits() == waits)
    }

    pub(crate) fn is_anything_waited_for(&self, epoch: u8) -> bool {
        self.iter().any(|message| message.heard && message.epoch == epoch)
    }
}
