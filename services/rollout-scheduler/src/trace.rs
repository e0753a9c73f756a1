//! Traces of waves: a wave's opening begins a trace, linked to the approval that caused it, and all that is done for the
//! wave belongs to it, on whatever replica and after whatever restart. What carries it over time is the traceparent
//! that the journal keeps with the record of the opening.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue};
use journal::Engine;
use rollout::{Command, Proposal, WaveRef};
use tracing::Span;

use crate::history;
use crate::machine::{SchedulerMachine, State};

/// The traceparents of waves that have opened, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct WaveTraces {
    known: BTreeMap<WaveRef, HeaderMap>,
}

impl WaveTraces {
    /// Makes `span` a part of the wave's trace. A wave of which none is known leaves it as it is.
    pub(crate) async fn adopt(
        &mut self,
        engine: &Engine<SchedulerMachine>,
        state: &State,
        wave: &WaveRef,
        span: &Span,
    ) {
        if !self.known.contains_key(wave) {
            // That a trace is incomplete must not stop what it is a trace of.
            let traceparent = history::traceparent_of(engine, state, wave).await.unwrap_or_default();
            let Ok(value) = HeaderValue::try_from(traceparent) else { return };
            if value.is_empty() {
                return;
            }
            let headers = HeaderMap::from_iter([(telemetry::TRACEPARENT.parse().expect("a valid name"), value)]);
            self.known.insert(wave.clone(), headers);
        }
        if let Some(headers) = self.known.get(wave) {
            telemetry::set_parent(span, headers);
        }
    }
}

/// The wave that a proposal is about; none for switch-offs, and for a programme as a whole.
pub(crate) fn wave_of(proposed: &Command) -> Option<&WaveRef> {
    let Command::Propose(proposal) = proposed else { return None };
    match proposal {
        Proposal::BeginNotice { wave }
        | Proposal::SealDispatches { wave, .. }
        | Proposal::FixWave { wave, .. }
        | Proposal::OpenWave { wave }
        | Proposal::SetAside { wave, .. }
        | Proposal::Admit { wave, .. }
        | Proposal::Invite { wave, .. }
        | Proposal::Verify { wave, .. }
        | Proposal::DrainWave { wave }
        | Proposal::EndUnopened { wave, .. }
        | Proposal::SoakWave { wave }
        | Proposal::EndUnwinding { wave }
        | Proposal::EvaluateGate { wave, .. } => Some(wave),
        Proposal::SettleDue { due, .. } => Some(&due.wave),
        Proposal::Disable { .. } | Proposal::HaltProgramme { .. } | Proposal::CompleteProgramme { .. } => None,
    }
}

/// The span of a wave's opening, linked to what caused it: the approval of its plan.
pub(crate) async fn opening(engine: &Engine<SchedulerMachine>, state: &State, wave: &WaveRef) -> Span {
    let span = tracing::info_span!(parent: None, "wave opens", wave = %wave);
    let approval = history::traceparent_of_approval(engine, state, &wave.programme).await;
    telemetry::link(&span, &approval.unwrap_or_default());
    span
}
