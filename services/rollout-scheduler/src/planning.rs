//! How a scheduler looks at everything, and for how long it lets a look go on.
//!
//! Calls, settlements and people's acts wait for no look (I10). That this is so can only be shown where a look never ends, which
//! [`rollout::step`] does not do: so a test puts another in its place.

use std::time::Duration;

use jiff::Timestamp;
use rollout::{Command, RegistryView, Report, State};

/// A look at everything that takes longer is wedged: at a nation it takes a second or two. On real time.
const LOOK_TIME_MAX: Duration = Duration::from_secs(30);

/// What a look proposes, and why nothing else moves.
pub(crate) type Stepped = (Vec<Command>, Report);

/// How everything is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Planning {
    /// What may move: [`rollout::step`].
    pub look: fn(&State, &RegistryView, Timestamp) -> (Vec<Command>, Report),
    /// A look that takes longer is left alone, and none is begun beside it. Real time.
    pub look_time_max: Duration,
}

impl Default for Planning {
    fn default() -> Self {
        Self { look: rollout::step, look_time_max: LOOK_TIME_MAX }
    }
}
