//! A small world around the core: a registry with permits and receipts, suppliers that answer as told, and time.
//!
//! Single-threaded and exact, so that a test can place a pause or a hold between any two steps. Each event is checked as
//! it is recorded against what must always hold.

mod asked;
mod calls;
mod texts;

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdSet;
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use ods::{Capability, PracticeCode, Supplier};
use rollout::calendar::{BankHolidays, Calendar};
use rollout::forecast::Scenario;
use rollout::plan::{Expansion, Plan, expand};
use rollout::spec::{ProgrammeSpec, Violation};
use rollout::state::{Brake, Document, EnrolmentState, HoldClass, HoldScope, PauseRef, Verdict, WaveStage};
use rollout::{
    Account, Act, ActivationKey, Command, Direction, Drift, Event, Fact, HoldId, ItemState, Observed, PauseEnd,
    PracticeFacts, ProgrammeId, Proposal, ReadinessFacts, Rejection, Report, State, SupplierAnswer, Target, WaveId,
    WaveRef, apply, decide_and_fold, drift, step,
};

pub(crate) use asked::Statistics;
pub(crate) use texts::{SPRING, STAGED, one_wave};

use crate::laws::Laws;
use crate::registry::Registry;

/// More rounds than this without rest is a proposal that comes again and again.
const ROUNDS_MAX: usize = 20_000;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) registry: Registry,
    pub(crate) now: Timestamp,
    pub(crate) history: Vec<(Timestamp, Event)>,
    /// How each supplier answers; who is not named applies at once.
    pub(crate) suppliers: BTreeMap<Supplier, Behaviour>,
    /// Whether suppliers with booked dates take their lists by themselves.
    pub(crate) claims: bool,
    /// What statistics say of practices.
    pub(crate) statistics: Statistics,
    /// What hooks say; none where they do not answer.
    pub(crate) hook: Option<Verdict>,
    /// What took effect, as the suppliers would log it.
    pub(crate) effects: Vec<(Timestamp, ActivationKey)>,
    requests: BTreeMap<ActivationKey, Request>,
    /// When a supplier with a pace comes to another request.
    free_at: BTreeMap<Supplier, Timestamp>,
    laws: Laws,
}

/// What a supplier has made of a key.
#[derive(Clone)]
struct Request {
    done_at: Timestamp,
    outcome: SupplierAnswer,
}

/// How a supplier answers.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    Applies,
    AppliesAfter(SignedDuration),
    Refuses {
        retryable: bool,
    },
    /// Takes the request on and refuses it so much later, for this time.
    RefusesAfter(SignedDuration),
    /// Takes the request on and loses the reply: the key is asked about later.
    LosesReplies,
    /// Loses the request itself, the first time.
    LosesRequests,
    /// Never answers anything.
    Silent,
    /// Does and refuses as a future of a forecast says, at that future's pace.
    Drawn(Arc<Scenario>),
}

pub(crate) fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn code(number: u32) -> PracticeCode {
    format!("A{number:05}").parse().unwrap()
}

pub(crate) fn supplier(name: &str) -> Supplier {
    name.parse().unwrap()
}

pub(crate) fn target(practice: PracticeCode) -> Target {
    Target { practice, capability: Capability::default() }
}

pub(crate) fn programme() -> ProgrammeId {
    ProgrammeId::new("spring").unwrap()
}

pub(crate) fn wave(number: u32) -> WaveRef {
    WaveRef { programme: programme(), wave: WaveId(number) }
}

pub(crate) fn alice() -> Account {
    Account::new("alice")
}

pub(crate) fn bob() -> Account {
    Account::new("bob")
}

pub(crate) fn carol() -> Account {
    Account::new("carol")
}

/// Tuesday 1 April 2031, nine in the morning in London.
pub(crate) const START: &str = "2031-04-01T08:00:00Z";

pub(crate) fn calendar() -> Calendar {
    let holidays = [
        (date(2031, 1, 1), "New Year's Day"),
        (date(2031, 4, 11), "Good Friday"),
        (date(2031, 4, 14), "Easter Monday"),
        (date(2031, 5, 5), "Early May bank holiday"),
        (date(2031, 5, 26), "Spring bank holiday"),
        (date(2031, 8, 25), "Summer bank holiday"),
        (date(2031, 12, 25), "Christmas Day"),
        (date(2031, 12, 26), "Boxing Day"),
    ];
    Calendar { bank_holidays: BankHolidays::from_iter(holidays), ..Calendar::default() }
}

/// Practice number `number`: suppliers by turns, in two ICBs and regions, with lists from 2,000 to 12,000 patients.
pub(crate) fn practice(number: u32) -> PracticeFacts {
    PracticeFacts {
        code: code(number),
        supplier: Some(supplier(if number.is_multiple_of(2) { "EMIS" } else { "TPP" })),
        icb: Some(if number.is_multiple_of(3) { "QOC" } else { "QHM" }.parse().unwrap()),
        sub_icb: None,
        region: Some(if number.is_multiple_of(3) { "Y60" } else { "Y63" }.parse().unwrap()),
        pcn: None,
        list_size: 2_000 + (number * 2_711) % 10_000,
        open: true,
        successors: Vec::new(),
        readiness: Vec::new(),
        advice: Vec::new(),
        pauses: Vec::new(),
        access: Vec::new(),
    }
}

/// A readiness item that was begun and is not done.
pub(crate) fn begun(item: &str) -> ReadinessFacts {
    ReadinessFacts {
        item: item.into(),
        state: ItemState::InProgress,
        owner: String::new(),
        due_date: None,
        expires_at: None,
        recorded_at: moment(START),
    }
}

pub(crate) fn document(text: &str) -> Arc<Document> {
    let spec: ProgrammeSpec = serde_saphyr::from_str(text).unwrap();
    Arc::new(Document { text: text.to_owned(), spec })
}

impl World {
    pub(crate) fn new(practices: impl IntoIterator<Item = PracticeFacts>) -> Self {
        let mut world = Self {
            state: State::default(),
            registry: Registry::new(practices, moment(START)),
            now: moment(START),
            history: Vec::new(),
            suppliers: BTreeMap::from([(supplier("EMIS"), Behaviour::Applies), (supplier("TPP"), Behaviour::Applies)]),
            claims: true,
            statistics: Statistics::default(),
            hook: Some(Verdict::Pass),
            effects: Vec::new(),
            requests: BTreeMap::new(),
            free_at: BTreeMap::new(),
            laws: Laws::default(),
        };
        world.act(&alice(), Act::UpdateCalendar { calendar: calendar() }).unwrap();
        world
    }

    /// A world of so many practices with this document in force and everybody told.
    pub(crate) fn running(practices_count: u32, text: &str) -> Self {
        let mut world = Self::new((1..=practices_count).map(practice));
        world.put_in_force(text).unwrap();
        world.settle();
        world.tell_everybody();
        world.settle();
        world
    }

    /// The proposal to evaluate a wave's gate, with everybody live.
    pub(crate) fn gate_proposal(&self, number: u32) -> Command {
        let (wave, registry_position) = (wave(number), self.registry.view.position);
        Command::Propose(Proposal::EvaluateGate { wave, not_live: OrdSet::new(), registry_position })
    }

    /// Records what comes of a command; says whether anything did.
    pub(crate) fn submit(&mut self, command: &Command) -> Result<bool, Rejection> {
        let (events, left) = decide_and_fold(&self.state, command, self.now, self.state.position)?;
        let moved = !events.is_empty();
        for event in events {
            let before = self.state.clone();
            let position = self.state.position + 1;
            apply(&mut self.state, &event, position, self.now);
            self.laws.check(&before, &event, &self.state, &self.registry.view, self.now);
            self.history.push((self.now, event));
        }
        assert!(left == self.state, "what deciding leaves is not what its events fold to");
        Ok(moved)
    }

    pub(crate) fn act(&mut self, by: &Account, act: Act) -> Result<bool, Rejection> {
        self.submit(&Command::Person { by: by.clone(), reason_code: "TEST".into(), act })
    }

    pub(crate) fn learn(&mut self, fact: Fact) -> bool {
        self.submit(&Command::Learn(fact)).unwrap()
    }

    pub(crate) fn expand(&self, text: &str) -> Result<Plan, Vec<Violation>> {
        let spec = Arc::new(document(text).spec.clone());
        expand(Expansion { spec: &spec, state: &self.state, view: &self.registry.view, now: self.now })
    }

    /// Alice writes and submits, bob approves.
    pub(crate) fn put_in_force(&mut self, text: &str) -> Result<(), Rejection> {
        let plan = self.submit_plan(text)?;
        self.act(
            &bob(),
            Act::ApprovePlan { programme: plan.programme.clone(), version: plan.version, hash: plan.hash },
        )?;
        Ok(())
    }

    /// Alice writes and submits.
    pub(crate) fn submit_plan(&mut self, text: &str) -> Result<Arc<Plan>, Rejection> {
        let document = document(text);
        let programme = document.spec.name.clone();
        if self.state.programme(&programme).is_none() {
            self.act(&alice(), Act::CreateProgramme { document })?;
        } else {
            self.act(&alice(), Act::UpdateProgramme { programme, document })?;
        }
        let plan = Arc::new(self.expand(text).map_err(Rejection::Invalid)?);
        self.act(&alice(), Act::SubmitPlan { plan: plan.clone() })?;
        Ok(plan)
    }

    /// A letter to every practice of every wave that has not ended, delivered now.
    pub(crate) fn tell_everybody(&mut self) {
        let waves = self.state.programmes.values().flat_map(|programme| programme.waves.values());
        let waves: Vec<WaveRef> = waves.filter(|wave| !wave.stage.has_ended()).map(|wave| wave.id.clone()).collect();
        for wave in waves {
            let (practices, channel) = (Vec::new(), "letter".to_owned());
            self.learn(Fact::NoticeDelivered { wave, practices, delivered_at: self.now, channel });
        }
    }

    pub(crate) fn hold(&mut self, scope: HoldScope, class: HoldClass, brake: Brake) -> HoldId {
        let hold = self.state.next_hold();
        let owner = carol();
        self.act(&carol(), Act::PlaceHold { brake, scope, class, owner, review_on: None }).unwrap();
        hold
    }

    pub(crate) fn lift(&mut self, hold: HoldId) {
        self.act(&carol(), Act::LiftHold { hold, etag: None }).unwrap();
    }

    /// Everything that can move now, moves.
    pub(crate) fn settle(&mut self) -> Report {
        for _ in 0..ROUNDS_MAX {
            let (commands, report) = step(&self.state, &self.registry.view, self.now);
            let mut moved = false;
            for command in &commands {
                moved |= self.submit(command).unwrap();
            }
            moved |= self.perform();
            if !moved {
                assert!(commands.is_empty(), "proposed for ever and always dropped: {commands:#?}");
                return report;
            }
        }
        panic!("never comes to rest at {}: {:#?}", self.now, step(&self.state, &self.registry.view, self.now).0);
    }

    /// Time passes to `until`, with everything that falls due on the way.
    pub(crate) fn run_until(&mut self, until: &str) -> Report {
        let until = moment(until);
        loop {
            let report = self.settle();
            match self.next_moment(&report).filter(|next| *next <= until) {
                Some(next) => {
                    assert!(self.now < next, "woken at {next}, which is not after {}", self.now);
                    self.jump(next);
                }
                None => {
                    self.jump(until);
                    return self.settle();
                }
            }
        }
    }

    /// When something happens next: by the scheduler's word, at a supplier, at the registry.
    pub(crate) fn next_moment(&self, report: &Report) -> Option<Timestamp> {
        let done_at = self.requests.values().map(|request| request.done_at).filter(|at| self.now < *at).min();
        let lapse = self.registry.lapses().filter(|at| self.now < *at).min();
        [report.next_due, done_at, lapse].into_iter().flatten().min()
    }

    /// Time passes and nobody looks: an outage of the scheduler.
    pub(crate) fn jump(&mut self, to: Timestamp) {
        self.now = to;
        self.registry.lapse(to);
    }

    pub(crate) fn pause(&mut self, number: u32, end: PauseEnd) -> PauseRef {
        self.registry.pause(code(number), end, self.now)
    }

    /// Whether the practice is on, by the suppliers' own log.
    pub(crate) fn is_on(&self, code: PracticeCode) -> bool {
        self.is_target_on(&target(code))
    }

    /// Whether a capability is on at a practice, by the suppliers' own log.
    pub(crate) fn is_target_on(&self, target: &Target) -> bool {
        let last = self.effects.iter().rfind(|(_, key)| key.target() == *target);
        last.is_some_and(|(_, key)| key.direction == Direction::Enable)
    }

    pub(crate) fn count_on(&self) -> usize {
        self.registry.view.iter().filter(|facts| self.is_on(facts.code)).count()
    }

    pub(crate) fn stage(&self, number: u32) -> WaveStage {
        self.state.wave(&wave(number)).unwrap().stage
    }

    /// How many enrolments of a wave are in a state.
    pub(crate) fn count(&self, number: u32, state: EnrolmentState) -> u32 {
        self.state.wave(&wave(number)).unwrap().load_in(state).practices
    }

    pub(crate) fn enrolment(&self, number: u32, practice: PracticeCode) -> EnrolmentState {
        self.state.wave(&wave(number)).unwrap().enrolment(practice).unwrap().stage.state()
    }

    /// How many events there are of a kind.
    pub(crate) fn count_events(&self, kind: &str) -> usize {
        self.history.iter().filter(|(_, event)| event.kind() == kind).count()
    }

    /// The state that the history folds to, by way of its JSON.
    pub(crate) fn folded(&self) -> State {
        let mut state = State::default();
        for (position, (at, event)) in (1..).zip(&self.history) {
            let text = serde_json::to_string(event).unwrap();
            assert!(text.contains(&format!("\"event\":\"{}\"", event.kind())), "{text}");
            apply(&mut state, &serde_json::from_str(&text).unwrap(), position, *at);
        }
        state
    }

    /// How the practice has drifted, by its enrolment in that wave.
    pub(crate) fn drifted(&self, number: u32, practice: PracticeCode) -> Option<Drift> {
        let enrolment = self.state.wave(&wave(number)).unwrap().enrolment(practice).unwrap();
        let decided = self.state.access(&target(practice));
        drift(enrolment, decided, self.registry.view.get(practice).unwrap(), &target(practice).capability)
    }

    /// The practice observed as given, by somebody.
    pub(crate) fn observe(&mut self, number: u32, observed: Observed) {
        self.registry.observe(&target(code(number)), observed, self.now);
    }
}
