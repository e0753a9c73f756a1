//! The model walked at random beside one registry and one scheduler that have all its practices, on a clock that goes on.
//!
//! The model runs the real code with one practice each and leaves time out. Here every question it asks is put to the whole as
//! well: the answers, and after each step all that the model sees of every practice, must be the same. So nothing that was
//! found within the model's bounds is owed to what it leaves out.

use jiff::{SignedDuration, Timestamp};
use ods::{PracticeCode, draw_for};
use rollout::PracticeFacts;

use crate::explore::is_long;
use crate::model::{Action, Bounds, Model, State};
use crate::moment::now;
use crate::mutation::Mutation;
use crate::scheduler::{Scope, Submission};
use crate::table::FIRST;
use crate::turn::{Asked, Turn};
use crate::{registry, scheduler};

/// More of everything than is explored.
const BOUNDS: Bounds =
    Bounds { schedulers: 4, pauses: 4, resumes: 3, holds: 3, lifts: 3, faults: 4, generation_admitted_max: 2 };

/// Longer than any wait after a lost reply or a refusal.
const STEP: SignedDuration = SignedDuration::from_mins(6);

/// The window is open for ten hours.
const STEPS_MAX: u64 = 90;

/// One registry and one scheduler.
struct Whole {
    practices: Vec<PracticeCode>,
    registry: practice::State,
    scheduler: rollout_scheduler::State,
    /// The registry before anything happened.
    first: Vec<PracticeFacts>,
    now: Timestamp,
}

impl Whole {
    fn new(practices_count: usize) -> Self {
        let code = |number: usize| format!("A8100{number}").parse().expect("a code");
        let practices: Vec<PracticeCode> = (1..=practices_count).map(code).collect();
        let registry = registry::opened(&practices);
        let first: Vec<_> = practices.iter().map(|practice| registry::facts(&registry, *practice)).collect();
        let scheduler = scheduler::opened(&first);
        Self { practices, registry, scheduler, first, now: now() }
    }

    /// Asks the whole what the model asked of one practice, and compares the answers.
    fn ask(&mut self, asked: Asked) {
        match asked {
            Asked::Registry { at, ask, granted } => {
                let question = self.question(at, ask);
                let (state, answer) = registry::answer(&self.registry, &question);
                self.registry = state;
                assert_eq!(answer, granted, "{asked:?}");
            }
            Asked::Scheduler { at, submission, seen, note } => {
                if !self.is_of(at, submission) {
                    return;
                }
                let facts = |(number, practice): (usize, &PracticeCode)| match seen {
                    FIRST if number == at => self.first[number].clone(),
                    _ => registry::facts(&self.registry, *practice),
                };
                let seen: Vec<_> = self.practices.iter().enumerate().map(facts).collect();
                let practice = self.practices[at];
                let place = scheduler::Place { practice, seen: &seen, now: self.now, mutation: Mutation::Nothing };
                let written = scheduler::write(&self.scheduler, &place, submission);
                self.scheduler = written.state;
                assert_eq!(written.note, note, "{asked:?}");
            }
        }
    }

    fn question(&self, at: usize, ask: registry::Ask) -> registry::Asked {
        registry::Asked { practice: self.practices[at], ask, now: self.now, mutation: Mutation::Nothing }
    }

    /// The model submits what concerns everybody once for each practice; the whole takes it once.
    fn is_of(&self, at: usize, submission: Submission) -> bool {
        match submission {
            Submission::TakeLease(_) | Submission::LiftHold(_) => at == 0,
            Submission::PlaceHold { scope: Scope::Everybody, .. } => at == 0,
            Submission::PlaceHold { scope, .. } => scope == Scope::Here,
            Submission::Fenced { .. } => true,
        }
    }

    /// All that the model sees is the same here.
    fn agrees<const N: usize>(&self, model: &Model<N>, state: &State<N>) {
        let all_is_due = self.now + SignedDuration::from_hours(24);
        for (place, practice) in state.places.iter().zip(&self.practices) {
            assert_eq!(registry::known(&self.registry, *practice), *model.tables.registry_known(place.registry));
            let known = scheduler::known(&self.scheduler, *practice, all_is_due);
            assert_eq!(known, *model.tables.scheduler_known(place.scheduler));
        }
    }
}

/// One walk; how many steps it took.
fn walk<const N: usize>(model: &Model<N>, seed: u64) -> u64 {
    let mut whole = Whole::new(N);
    let mut state = model.first();
    whole.agrees(model, &state);
    let mut taken = Vec::new();
    for step in 0..STEPS_MAX {
        let actions: Vec<Action> = model.actions(&state);
        // Whatever changes nothing in the model changes nothing in the whole either, and is walked as well.
        let which = draw_for(seed, "walk", "action", step, 0).below(actions.len() as u64);
        let Some(action) = actions.get(usize::try_from(which).expect("a few actions")) else { break };
        taken.push(format!("{action:?}"));
        let mut turn = Turn { model, state, recorded: Some(Vec::new()) };
        turn.take(*action);
        let asked = turn.recorded.take().unwrap_or_default();
        state = turn.state;
        let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            asked.into_iter().for_each(|asked| whole.ask(asked));
            whole.agrees(model, &state);
        }));
        assert!(compared.is_ok(), "seed {seed}: the model and the whole differ after\n{}", taken.join("\n"));
        whole.now += STEP;
    }
    taken.len() as u64
}

fn walks<const N: usize>(count: u64) {
    let model = Model::<N>::new(BOUNDS, Mutation::Nothing);
    let steps: u64 = (1..=count).map(|seed| walk(&model, seed)).sum();
    assert!(steps > count * STEPS_MAX / 2, "{steps} steps in {count} walks are too few to tell");
}

#[test]
fn one_registry_and_scheduler_of_two_practices_answer_as_the_model_does() {
    walks::<2>(if is_long() { 2_000 } else { 40 });
}

#[test]
fn one_registry_and_scheduler_of_three_practices_answer_as_the_model_does() {
    walks::<3>(if is_long() { 2_000 } else { 20 });
}
