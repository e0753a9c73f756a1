//! The words that registry, scheduler and supplier share in the model, without what is the same for all of it: there is one
//! capability, and each practice's part is told by its place.

use ods::{Capability, PracticeCode};
use practice::CommandKey;
use rollout::ActivationKey;

/// Which way a key switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Way {
    Disable,
    Enable,
}

/// A command key of one practice. Both ways count their generations together, so that a generation names one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) generation: u8,
    pub(crate) way: Way,
}

/// How a key ended, by a supplier's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ending {
    Applied,
    NotApplied,
    Refused,
}

impl Key {
    pub(crate) fn of(key: &ActivationKey) -> Self {
        let way = match key.direction {
            rollout::Direction::Enable => Way::Enable,
            rollout::Direction::Disable => Way::Disable,
        };
        Self { generation: generation(key.generation), way }
    }

    pub(crate) fn of_permit(action: practice::Action, number: u32) -> Self {
        let way = match action {
            practice::Action::Enable => Way::Enable,
            practice::Action::Disable => Way::Disable,
        };
        Self { generation: generation(number), way }
    }

    /// As the scheduler writes it.
    pub(crate) fn activation(self, practice: PracticeCode) -> ActivationKey {
        let direction = match self.way {
            Way::Enable => rollout::Direction::Enable,
            Way::Disable => rollout::Direction::Disable,
        };
        ActivationKey { direction, practice, capability: Capability::default(), generation: self.generation.into() }
    }

    /// As the registry writes it.
    pub(crate) fn command(self, practice: PracticeCode) -> CommandKey {
        let action = match self.way {
            Way::Enable => practice::Action::Enable,
            Way::Disable => practice::Action::Disable,
        };
        CommandKey { capability: Capability::default(), practice, action, generation: self.generation.into() }
    }

    pub(crate) fn enables(self) -> bool {
        self.way == Way::Enable
    }
}

pub(crate) fn generation(number: u32) -> u8 {
    u8::try_from(number).expect("the model's bounds allow a handful of decisions about a practice")
}
