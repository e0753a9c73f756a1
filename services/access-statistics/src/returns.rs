//! The journal of returns and published totals: the engine's view of `tally`'s state machine.

use jiff::Timestamp;
use journal::{InOnePiece, Machine};
use tally::{Returns, ReturnsEvent, ReturnsRejection, SubmitReturns, SubmitTotals, TotalsRejection};
use thiserror::Error;

/// `journals/statistics`.
#[derive(Debug)]
pub struct ReturnsMachine;

/// What is asked of the journal.
#[derive(Clone, Debug)]
pub enum ReturnsCommand {
    /// To record returns.
    Returns(SubmitReturns),
    /// To record published totals.
    Totals(SubmitTotals),
}

/// Why it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Returns are.
    #[error(transparent)]
    Returns(#[from] ReturnsRejection),
    /// Published totals are.
    #[error(transparent)]
    Totals(#[from] TotalsRejection),
}

impl Machine for ReturnsMachine {
    const JOURNAL: &'static str = "statistics";

    // 2: published totals, and who sent a return.
    const STATE_SHAPE: u32 = 2;

    type State = Returns;

    type Cut = InOnePiece;
    type Command = ReturnsCommand;
    type Event = ReturnsEvent;
    type Rejection = Refused;

    fn initial() -> Returns {
        Returns::default()
    }

    fn kind(event: &ReturnsEvent) -> &'static str {
        match event {
            ReturnsEvent::ReturnsSubmitted { .. } => "returns-submitted",
            ReturnsEvent::TotalsSubmitted { .. } => "totals-submitted",
        }
    }

    fn decide(state: &Returns, command: &ReturnsCommand, now: Timestamp) -> Result<Vec<ReturnsEvent>, Refused> {
        match command {
            ReturnsCommand::Returns(returns) => Ok(state.decide(returns, now)?),
            ReturnsCommand::Totals(totals) => Ok(state.decide_totals(totals, now)?),
        }
    }

    fn apply(state: &mut Returns, event: &ReturnsEvent, _position: u64, recorded_at: Timestamp) {
        state.apply(event, recorded_at);
    }
}
