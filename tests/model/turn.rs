//! One action and all that follows from it at once.

use crate::key::Key;
use crate::message::{Message, What};
use crate::model::{Action, Breach, Model, Place, State};
use crate::mutation::Mutation;
use crate::properties;
use crate::registry;
use crate::scheduler::{Ask, Lane, Note, Proposing, Said, Scope, Submission};
use crate::table::{FIRST, Number};

/// An action being taken.
pub(crate) struct Turn<'a, const N: usize> {
    pub(crate) model: &'a Model<N>,
    pub(crate) state: State<N>,
    /// What the real code was asked, where somebody wants to know.
    pub(crate) recorded: Option<Vec<Asked>>,
}

/// What the real code was asked about a practice, and said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Registry { at: usize, ask: registry::Ask, granted: bool },
    Scheduler { at: usize, submission: Submission, seen: Number, note: Note },
}

impl<const N: usize> Turn<'_, N> {
    /// Takes an action, and lets arrive at once what is late and can change nothing any more.
    pub(crate) fn take(&mut self, action: Action) {
        self.act(action);
        if self.model.mutation != Mutation::Nothing {
            return;
        }
        for at in 0..N {
            while let Some(spent) = self.spent(at) {
                self.place(at).messages.take(spent);
                self.arrives(at, spent);
            }
        }
    }

    /// A late message that leaves everything as it is, now and for ever. For the holder of the lease none is: it waits for the
    /// reply.
    fn spent(&self, at: usize) -> Option<Message> {
        let place = &self.state.places[at];
        let epoch = self.model.epoch(&self.state);
        let known = self.model.tables.registry_known(place.registry);
        let is_spent = |message: &Message| match message.what {
            What::Acquire(key) => known.permits.iter().any(|(of, _)| *of == key),
            What::Settle(key, _) | What::Release(key) => known.permits.contains(&(key, false)),
            What::Request(key) | What::Cancel(key) => place.supplier.has_seen(key),
            What::Ask(_)
            | What::Acquired(..)
            | What::Settled(_)
            | What::Released(_)
            | What::Answer(..)
            | What::CancelAnswer(..) => true,
        };
        place.messages.iter().filter(|message| !message.heard || message.epoch < epoch).find(is_spent)
    }

    fn act(&mut self, action: Action) {
        let epoch = self.model.epoch(&self.state);
        match action {
            Action::Propose(at, proposing) => {
                // The copy of the registry may be as old as can be where that leads to more: no pause is known then.
                let seen = if proposing == Proposing::Admit { FIRST } else { self.state.places[at].registry };
                self.submit(at, Submission::Fenced { epoch, ask: Ask::Propose(proposing) }, seen);
            }
            Action::Tell(at, what) => self.send(at, Message { what, epoch, heard: true }),
            Action::Call(at, lane, key) => {
                if lane == Lane::Request {
                    self.report(at, epoch, Ask::Sent(key));
                }
                self.send(at, Message { what: call(lane, key), epoch, heard: true });
            }
            Action::Arrive(at, message) => {
                self.state.places[at].messages.take(message);
                self.arrives(at, message);
            }
            Action::Refuse(at, message) => {
                self.state.left.faults -= 1;
                self.state.places[at].messages.take(message);
                self.refuse(at, message);
            }
            Action::GiveUp(at, message) => {
                self.state.left.faults -= 1;
                self.give_up(at, message);
            }
            Action::Pause(at) => {
                self.state.left.pauses -= 1;
                self.ask(at, registry::Ask::Pause);
            }
            Action::Resume(at) => {
                self.state.left.resumes -= 1;
                self.ask(at, registry::Ask::Resume);
            }
            Action::PlaceHold { stop, practice } => self.hold(stop, practice),
            Action::LiftHold(hold) => {
                self.state.left.lifts -= 1;
                self.state.holds &= !(1 << hold);
                (0..N).for_each(|at| self.submit(at, Submission::LiftHold(hold), FIRST));
            }
            Action::TakeOver => {
                self.state.left.schedulers -= 1;
                (0..N).for_each(|at| self.submit(at, Submission::TakeLease(epoch + 1), FIRST));
            }
        }
    }

    fn hold(&mut self, stop: bool, practice: Option<usize>) {
        self.state.left.holds -= 1;
        let hold = 1 << self.state.holds_placed;
        self.state.holds_placed += 1;
        self.state.holds |= hold;
        for at in 0..N {
            let scope = match practice {
                None => Scope::Everybody,
                Some(held) if held == at => Scope::Here,
                Some(_) => Scope::Elsewhere,
            };
            if scope != Scope::Elsewhere {
                self.state.places[at].covered |= hold;
            }
            self.submit(at, Submission::PlaceHold { stop, scope }, FIRST);
        }
    }

    fn arrives(&mut self, at: usize, message: Message) {
        let epoch = message.epoch;
        match message.what {
            What::Acquire(key) => {
                let granted = self.ask(at, registry::Ask::Acquire(key));
                self.reply(at, message, What::Acquired(key, granted));
            }
            What::Settle(key, ending) => {
                self.ask(at, registry::Ask::Settle(key, ending));
                self.reply(at, message, What::Settled(key));
            }
            What::Release(key) => {
                self.ask(at, registry::Ask::Release(key));
                self.reply(at, message, What::Released(key));
            }
            What::Request(key) => {
                self.switch(at, key);
                self.reply(at, message, What::Answer(key, self.said(at, key)));
            }
            What::Ask(key) => self.reply(at, message, What::Answer(key, self.said(at, key))),
            What::Cancel(key) => {
                self.place(at).supplier.close(key);
                self.reply(at, message, What::CancelAnswer(key, self.said(at, key)));
            }
            What::Acquired(key, granted) => self.report(at, epoch, Ask::Permit(key, granted)),
            What::Settled(key) => self.report(at, epoch, Ask::PermitSettled(key)),
            What::Released(key) => self.report(at, epoch, Ask::Released(key)),
            What::Answer(key, said) | What::CancelAnswer(key, said) => self.report(at, epoch, Ask::Answer(key, said)),
        }
    }

    fn switch(&mut self, at: usize, key: Key) {
        self.must_be_sealed(at, key);
        let mutation = self.model.mutation;
        if self.place(at).supplier.receive(key, mutation) {
            self.state.breach = Some(Breach::SwitchedOnTwice);
        }
    }

    fn refuse(&mut self, at: usize, message: Message) {
        if let What::Request(key) = message.what {
            self.must_be_sealed(at, key);
            self.place(at).supplier.refuse(key);
            self.reply(at, message, What::Answer(key, self.said(at, key)));
        }
    }

    /// Nobody waits for it any more. What was asked of a supplier is unknown then; a chore is done again.
    fn give_up(&mut self, at: usize, message: Message) {
        self.state.places[at].messages.take(message);
        if let Some(late) = message.unheard() {
            self.send(at, late);
        }
        if let Some(key) = message.what.call_about() {
            self.report(at, message.epoch, Ask::Answer(key, Said::NoAnswer));
        }
    }

    fn must_be_sealed(&mut self, at: usize, key: Key) {
        if self.state.places[at].sealed & bit(key) == 0 {
            self.state.breach = Some(Breach::SentUnsealed);
        }
    }

    fn place(&mut self, at: usize) -> &mut Place {
        &mut self.state.places[at]
    }

    fn said(&self, at: usize, key: Key) -> Said {
        self.state.places[at].supplier.said(key)
    }

    fn send(&mut self, at: usize, message: Message) {
        self.place(at).messages.put(message);
    }

    /// The reply goes on its way, if anybody waits for it. One to a scheduler that has lost the lease changes nothing whenever it
    /// comes: it comes at once.
    fn reply(&mut self, at: usize, message: Message, what: What) {
        let reply = Message { what, ..message };
        if message.heard && message.epoch < self.model.epoch(&self.state) {
            self.arrives(at, reply);
        } else if message.heard {
            self.send(at, reply);
        }
    }

    /// The registry is asked; whether the permit that was asked for is open now.
    fn ask(&mut self, at: usize, ask: registry::Ask) -> bool {
        let tables = &self.model.tables;
        let place = &mut self.state.places[at];
        let before = tables.registry_known(place.registry);
        let (number, granted) = tables.ask(place.registry, ask);
        place.registry = number;
        if let Some(breach) = properties::breach_at_registry(&before, &tables.registry_known(number)) {
            self.state.breach = Some(breach);
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Asked::Registry { at, ask, granted });
        }
        granted
    }

    fn report(&mut self, at: usize, epoch: u8, ask: Ask) {
        self.submit(at, Submission::Fenced { epoch, ask }, FIRST);
    }

    fn submit(&mut self, at: usize, submission: Submission, seen: Number) {
        let tables = &self.model.tables;
        let holds = self.state.holds;
        let place = &mut self.state.places[at];
        let epoch_now = tables.scheduler_known(place.scheduler).epoch;
        let (number, note) = tables.submit(place.scheduler, submission, seen);
        place.scheduler = number;
        if matches!(submission, Submission::Fenced { epoch, .. } if epoch < epoch_now && note.wrote) {
            self.state.breach = Some(Breach::StaleWrote);
        }
        if let Some(key) = note.sealed {
            place.sealed |= bit(key);
            if key.enables() && place.covered & holds != 0 {
                self.state.breach = Some(Breach::SealedUnderHold);
            }
        }
        if let Some((key, ending)) = note.settled
            && place.supplier.ending(key) != Some(ending)
        {
            self.state.breach = Some(Breach::SettledUnasked);
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Asked::Scheduler { at, submission, seen, note });
        }
    }
}

/// What a call to a supplier says.
pub(crate) fn call(lane: Lane, key: Key) -> What {
    match lane {
        Lane::Request => What::Request(key),
        Lane::Ask => What::Ask(key),
        Lane::Cancel => What::Cancel(key),
    }
}

fn bit(key: Key) -> u8 {
    1 << key.generation
}
