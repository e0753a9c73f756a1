//! Inquiries: asks statistics and hooks about waves whose gates wait, and records what they say (rule 5).
//!
//! Whom to ask, about what, and when again is [`rollout::effects::gate_questions`]'s to say. Whoever does not answer is asked
//! again, and stops no other question; nothing is recorded for it, so that the gate waits, and is INCONCLUSIVE when its time
//! is over.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rollout::effects::{self, FiguresToRead, GateQuestions, HookToAsk};
use rollout::spec::HookName;
use rollout::{Fact, WaveRef};
use tracing::{Instrument, Span};

use crate::errands::{Errand, Grounds, Round};
use crate::grpc::Statistics;
use crate::hooks::GateHooks;
use crate::patience::{Part, PartError, Patience};
use crate::trace::WaveTraces;

/// When a question is looked at again whose answer was recorded: it may have been overtaken by another settlement.
const LOOKED_AT_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// Asks about gates.
pub(crate) struct Inquiries {
    grounds: Grounds,
    /// None where no statistics are configured.
    statistics: Option<Statistics>,
    hooks: GateHooks,
    patience: Patience,
    traces: WaveTraces,
    /// Who is asked for and not configured: said once.
    missing: BTreeSet<Missing>,
}

/// Whom a gate waits for in vain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Missing {
    Statistics,
    Hook(HookName),
}

impl Errand for Inquiries {
    const NAME: &'static str = "scheduler/inquiries";

    async fn perform(&mut self, round: &mut Round) -> Result<(), PartError> {
        let published = self.grounds.engine.published();
        let questions = effects::gate_questions(&published.state.rollout, &self.grounds.followed.view(), round.now);
        self.say_missing(&questions);
        for asked in &questions.figures {
            let part = Part::Figures(asked.wave.clone());
            if self.statistics.is_some() && !self.patience.rests(&part, round.now) {
                let read = self.read_figures(round, asked).await;
                self.patience.heed(part, read, round.now)?;
            }
        }
        for asked in &questions.hooks {
            let part = Part::Hook(asked.wave.clone());
            if self.hooks.get(&asked.hook).is_some() && !self.patience.rests(&part, round.now) {
                let heard = self.ask_hook(round, asked).await;
                self.patience.heed(part, heard, round.now)?;
            }
        }
        for at in [questions.next, self.patience.next(round.now)].into_iter().flatten() {
            round.again_at(at);
        }
        Ok(())
    }
}

impl Inquiries {
    pub(crate) fn new(grounds: Grounds, statistics: Option<Statistics>, hooks: GateHooks) -> Self {
        let (patience, traces, missing) = (Patience::default(), WaveTraces::default(), BTreeSet::new());
        Self { grounds, statistics, hooks, patience, traces, missing }
    }

    async fn read_figures(&mut self, round: &mut Round, asked: &FiguresToRead) -> Result<(), PartError> {
        let Some(statistics) = self.statistics.clone() else { return Ok(()) };
        let span = tracing::info_span!(parent: None, "gate asks statistics", wave = %asked.wave);
        let said = async {
            let figures = statistics.figures(asked).await.map_err(PartError::Statistics)?;
            Ok(Fact::GateFigures {
                wave: asked.wave.clone(),
                practices: figures.practices,
                as_at: figures.as_at,
                positions: figures.positions,
            })
        };
        self.record(round, &asked.wave, span, said).await
    }

    async fn ask_hook(&mut self, round: &mut Round, asked: &HookToAsk) -> Result<(), PartError> {
        let Some(hook) = self.hooks.get(&asked.hook) else { return Ok(()) };
        let span = tracing::info_span!(parent: None, "gate asks hook", wave = %asked.wave, hook = %asked.hook);
        let said = async {
            let answer = hook.ask(asked).await?;
            Ok(Fact::GateHookAnswered {
                wave: asked.wave.clone(),
                hook: asked.hook.clone(),
                last_action_at: asked.last_action_at,
                verdict: answer.verdict,
                reason_code: answer.reason_code,
            })
        };
        self.record(round, &asked.wave, span, said).await
    }

    /// Asks, as a part of the wave's trace, and records what was said.
    async fn record(
        &mut self,
        round: &mut Round,
        wave: &WaveRef,
        span: Span,
        said: impl Future<Output = Result<Fact, PartError>> + Send,
    ) -> Result<(), PartError> {
        let published = self.grounds.engine.published();
        self.traces.adopt(&self.grounds.engine, &published.state, wave, &span).await;
        let recorded = async { self.grounds.learn(round.epoch, &wave.to_string(), said.await?).await };
        recorded.instrument(span).await?;
        round.again_at(round.now.saturating_add(LOOKED_AT_AGAIN_AFTER).unwrap_or(round.now));
        Ok(())
    }

    fn say_missing(&mut self, questions: &GateQuestions) {
        let mut missing = BTreeSet::new();
        if self.statistics.is_none() && !questions.figures.is_empty() {
            missing.insert(Missing::Statistics);
        }
        let hooks = questions.hooks.iter().map(|asked| asked.hook.clone());
        missing.extend(hooks.filter(|hook| self.hooks.get(hook).is_none()).map(Missing::Hook));
        for one in missing.difference(&self.missing) {
            match one {
                Missing::Statistics => {
                    tracing::warn!("a gate waits for statistics, and none are configured: add --statistics");
                }
                Missing::Hook(hook) => {
                    tracing::warn!(%hook, "a gate waits for a hook that is not configured: add --gate-hook");
                }
            }
        }
        self.missing = missing;
    }
}
