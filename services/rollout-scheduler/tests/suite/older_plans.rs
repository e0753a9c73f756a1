//! A plan that an earlier build let through and this one knows to be impossible (I8), as those who call read it.

use std::convert::Infallible;

use clock::Clock;
use jiff::Timestamp;
use journal::{Engine, EngineConfig, InOnePiece, Journal, Machine, MemoryJournal, Meta, Record, Submission};
use proto::scheduler::v1 as wire;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::acts::{ONE_WAVE, PROGRAMME, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

/// Records whatever it is told in the scheduler's journal, as a build that knew less would have.
#[derive(Debug)]
enum Scribe {}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Told {
    #[serde(skip)]
    kind: &'static str,
    payload: Value,
}

impl Machine for Scribe {
    const JOURNAL: &'static str = "scheduler";
    type State = ();
    type Cut = InOnePiece;
    type Command = Told;
    type Event = Told;
    type Rejection = Infallible;

    fn initial() {}

    fn kind(event: &Told) -> &'static str {
        event.kind
    }

    fn decide((): &(), command: &Told, _: Timestamp) -> Result<Vec<Told>, Infallible> {
        Ok(vec![command.clone()])
    }

    fn apply((): &mut (), _: &Told, _: u64, _: Timestamp) {}
}

/// The same events at the same moments by the same accounts, but that anything passes the gate of each plan's first wave.
async fn with_gates_that_anything_passes(records: Vec<Record>) -> MemoryJournal {
    let written = MemoryJournal::default();
    let (clock, hand) = Clock::manual(Timestamp::UNIX_EPOCH);
    let scribe = Engine::<Scribe>::open(Journal::Memory(written.clone()), clock, EngineConfig::default());
    let scribe = scribe.await.unwrap();
    for record in records {
        let mut payload: Value = serde_json::from_str(&record.payload).unwrap();
        if record.kind == "plan-submitted" {
            let success = payload.pointer_mut("/plan/waves/0/rules/gate/min_success").expect("a plan has gates");
            *success = json!(0);
        }
        hand.set(record.recorded_at);
        let meta = Meta { actor: record.actor, request_id: record.position.to_string(), ..Meta::default() };
        // A machine's kinds live for ever; a test's process does not.
        let told = Told { kind: record.kind.leak(), payload };
        scribe.submit(Submission::new(told, meta), |_| Vec::new()).await.unwrap();
    }
    written
}

#[tokio::test]
async fn i08_what_is_impossible_in_a_stored_plan_is_told_by_its_field_and_nobody_is_switched_on() {
    let journal = MemoryJournal::default();
    let setup = Setup::new(surgeries(81_001, 4, "EMIS"), vec![prompt("EMIS")]);
    let mut world = World::new(Setup { journal: Journal::Memory(journal.clone()), ..setup }).await;
    world.approve(ONE_WAVE).await;
    assert_eq!(in_force(&world).await.faults, Vec::<String>::new());

    let written = with_gates_that_anything_passes(journal.all_records().await).await;
    world.crash_scheduler_onto(Journal::Memory(written)).await;
    let faults = ["waves[0].gate.min_success: anything would pass: must be above 0"];
    assert_eq!(in_force(&world).await.faults, faults);
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!((world.live_count().await, in_force(&world).await.faults), (0, faults.map(str::to_owned).to_vec()));
    let holds = world.holds("carol").list_holds(wire::ListHoldsRequest::default()).await.unwrap().into_inner().holds;
    let reasons: Vec<_> = holds.iter().map(|hold| hold.reason_code.as_str()).collect();
    assert_eq!(reasons, ["PLAN_IMPOSSIBLE"]);
}

async fn in_force(world: &World) -> wire::Plan {
    let request = wire::GetProgrammeRequest { name: PROGRAMME.to_owned(), ..Default::default() };
    let programme = world.programmes("carol").get_programme(request).await.unwrap().into_inner().programme.unwrap();
    let [plan] = &programme.plans[..] else { panic!("it has one plan: {programme:?}") };
    assert_eq!(programme.plan_in_force, plan.name);
    plan.clone()
}
