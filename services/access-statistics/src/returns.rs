//! The journal of returns, published totals and publications: the engine's view of `tally`'s state machine.

use jiff::Timestamp;
use journal::{InOnePiece, Machine};
use tally::{
    Draft, PublicationRejection, Returns, ReturnsEvent, ReturnsRejection, SetRelease, SubmitReturns, SubmitTotals,
    TotalsRejection,
};
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
    /// To announce a publication.
    Release(SetRelease),
    /// To record an issue of a publication, as it was judged: what was refused then is refused, unless the request was answered
    /// before.
    Issue(Result<Draft, PublicationRejection>),
    /// To release what is due (rule 15).
    Due,
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
    /// A publication is.
    #[error(transparent)]
    Publication(#[from] PublicationRejection),
}

impl Machine for ReturnsMachine {
    const JOURNAL: &'static str = "statistics";

    // 2: published totals, and who sent a return. 3: publications.
    const STATE_SHAPE: u32 = 3;

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
            ReturnsEvent::ReleaseSet { .. } => "release-set",
            ReturnsEvent::PublicationIssued { .. } => "publication-issued",
            ReturnsEvent::IssuesReleased { .. } => "issues-released",
        }
    }

    fn decide(state: &Returns, command: &ReturnsCommand, now: Timestamp) -> Result<Vec<ReturnsEvent>, Refused> {
        match command {
            ReturnsCommand::Returns(returns) => Ok(state.decide(returns, now)?),
            ReturnsCommand::Totals(totals) => Ok(state.decide_totals(totals, now)?),
            ReturnsCommand::Release(release) => Ok(state.decide_release(release, now)?),
            ReturnsCommand::Issue(Ok(draft)) => Ok(state.decide_issue(draft, now)?),
            ReturnsCommand::Issue(Err(refused)) => Err(refused.clone().into()),
            ReturnsCommand::Due => Ok(state.decide_due(now)),
        }
    }

    fn apply(state: &mut Returns, event: &ReturnsEvent, _position: u64, recorded_at: Timestamp) {
        state.apply(event, recorded_at);
    }
}
