//! The journal of returns: the engine's view of `tally`'s state machine.

use jiff::Timestamp;
use journal::{InOnePiece, Machine};
use tally::{Returns, ReturnsEvent, ReturnsRejection, SubmitReturns};

/// `journals/statistics`.
#[derive(Debug)]
pub struct ReturnsMachine;

impl Machine for ReturnsMachine {
    const JOURNAL: &'static str = "statistics";

    type State = Returns;

    type Cut = InOnePiece;
    type Command = SubmitReturns;
    type Event = ReturnsEvent;
    type Rejection = ReturnsRejection;

    fn initial() -> Returns {
        Returns::default()
    }

    fn kind(event: &ReturnsEvent) -> &'static str {
        match event {
            ReturnsEvent::ReturnsSubmitted { .. } => "returns-submitted",
        }
    }

    fn decide(state: &Returns, command: &SubmitReturns, now: Timestamp) -> Result<Vec<ReturnsEvent>, ReturnsRejection> {
        state.decide(command, now)
    }

    fn apply(state: &mut Returns, event: &ReturnsEvent, _position: u64, recorded_at: Timestamp) {
        state.apply(event, recorded_at);
    }
}
