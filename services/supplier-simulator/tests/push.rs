//! The push mode, through the wire's own types: keys, delays, refusals, lost replies, restarts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clock::{Clock, ManualClock};
use jiff::{SignedDuration, Timestamp};
use proto::supplier::v1::supplier_service_server::SupplierService as _;
use proto::supplier::v1::{
    Activation, ActivationKey, ActivationOutcome, CancelActivationRequest, Direction, GetActivationRequest,
    ListEnabledPracticesRequest, RefusalReason, RequestActivationRequest, RequestDeactivationRequest,
};
use supplier_simulator::{Delay, LogTarget, Share, SharedLog, Simulator, SimulatorConfig, SupplierProfile, read_log};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

const SUPPLIER: &str = "suppliers/EMIS";

struct World {
    simulator: Simulator,
    clock: ManualClock,
    shutdown: CancellationToken,
}

impl World {
    fn open(log: LogTarget, profile: SupplierProfile) -> Self {
        let start: Timestamp = "2031-03-03T09:00:00Z".parse().unwrap();
        let (clock, manual) = Clock::manual(start);
        let suppliers = vec![profile];
        let config = SimulatorConfig { log, clock, seed: 11, suppliers, real_delay_per_call: Duration::ZERO };
        let simulator = Simulator::open(config).unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn({
            let (simulator, shutdown) = (simulator.clone(), shutdown.clone());
            async move { simulator.run(None, shutdown).await.unwrap() }
        });
        Self { simulator, clock: manual, shutdown }
    }

    async fn enable(&self, practice: &str, generation: u32) -> Result<Activation, Status> {
        let request = RequestActivationRequest {
            supplier: SUPPLIER.into(),
            key: Some(key(practice, Direction::Enable, generation)),
        };
        let reply = self.simulator.request_activation(Request::new(request)).await?;
        Ok(reply.into_inner().activation.unwrap())
    }

    async fn disable(&self, practice: &str, generation: u32) -> Result<Activation, Status> {
        let request = RequestDeactivationRequest {
            supplier: SUPPLIER.into(),
            key: Some(key(practice, Direction::Disable, generation)),
        };
        let reply = self.simulator.request_deactivation(Request::new(request)).await?;
        Ok(reply.into_inner().activation.unwrap())
    }

    async fn get(&self, practice: &str, generation: u32) -> Activation {
        let key = Some(key(practice, Direction::Enable, generation));
        let request = GetActivationRequest { supplier: SUPPLIER.into(), key };
        self.simulator.get_activation(Request::new(request)).await.unwrap().into_inner().activation.unwrap()
    }

    async fn cancel(&self, practice: &str, generation: u32) -> Activation {
        let key = Some(key(practice, Direction::Enable, generation));
        let request = CancelActivationRequest { supplier: SUPPLIER.into(), key };
        self.simulator.cancel_activation(Request::new(request)).await.unwrap().into_inner().activation.unwrap()
    }

    fn enables_in_effect(&self) -> usize {
        let enable = supplier_simulator::Direction::Enable;
        self.simulator.effects().iter().filter(|effect| effect.direction == enable).count()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn key(practice: &str, direction: Direction, generation: u32) -> ActivationKey {
    ActivationKey {
        capability: String::new(),
        practice: format!("practices/{practice}"),
        direction: direction.into(),
        generation,
    }
}

fn profile() -> SupplierProfile {
    SupplierProfile::prompt("EMIS".parse().unwrap())
}

fn slow() -> SupplierProfile {
    let hour = SignedDuration::from_hours(1);
    SupplierProfile { delay: Delay { min: hour, max: hour }, answers_within: hour * 2, ..profile() }
}

fn share(share: f64) -> Share {
    Share::try_from(share).unwrap()
}

fn log_file(folder: &tempfile::TempDir) -> (LogTarget, PathBuf) {
    let path = folder.path().join("suppliers.jsonl");
    (LogTarget::File(path.clone()), path)
}

/// Polls a call once: it has arrived at the supplier and waits there.
async fn arrives<F: Future>(call: &mut std::pin::Pin<&mut F>) {
    let pending = poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "the call was to wait for its delay");
}

/// I1.
#[tokio::test]
async fn the_same_key_takes_effect_once_however_often_it_is_sent() {
    let world = World::open(LogTarget::Memory, profile());
    for _ in 0..3 {
        assert_eq!(world.enable("A81001", 1).await.unwrap().outcome(), ActivationOutcome::Applied);
    }
    assert_eq!(world.enables_in_effect(), 1);
}

#[tokio::test]
async fn a_slow_supplier_answers_when_its_delay_is_over() {
    let world = World::open(LogTarget::Memory, slow());
    let mut call = pin!(world.enable("A81001", 1));
    arrives(&mut call).await;
    assert_eq!(world.get("A81001", 1).await.outcome(), ActivationOutcome::Accepted);
    world.clock.advance(SignedDuration::from_hours(1));
    let answer = call.await.unwrap();
    assert_eq!(answer.outcome(), ActivationOutcome::Applied);
    assert_eq!(answer.applied_at.unwrap().seconds, world.clock.now().as_second());
}

#[tokio::test]
async fn a_supplier_that_takes_longer_than_callers_wait_answers_accepted_and_does_it_all_the_same() {
    let world =
        World::open(LogTarget::Memory, SupplierProfile { answers_within: SignedDuration::from_secs(10), ..slow() });
    let mut call = pin!(world.enable("A81001", 1));
    arrives(&mut call).await;
    world.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(call.await.unwrap().outcome(), ActivationOutcome::Accepted);
    world.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(world.enable("A81001", 1).await.unwrap().outcome(), ActivationOutcome::Applied);
}

#[tokio::test]
async fn a_key_takes_effect_although_its_caller_gave_up_waiting() {
    let world = World::open(LogTarget::Memory, slow());
    {
        let mut call = pin!(world.enable("A81001", 1));
        arrives(&mut call).await;
    }
    world.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(world.enable("A81001", 1).await.unwrap().outcome(), ActivationOutcome::Applied);
    assert_eq!(world.enables_in_effect(), 1);
}

#[tokio::test]
async fn a_lost_reply_hides_an_effect_that_asking_finds() {
    let world = World::open(LogTarget::Memory, SupplierProfile { lost_reply_share: share(1.0), ..profile() });
    for _ in 0..2 {
        let status = world.enable("A81001", 1).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    }
    assert_eq!(world.get("A81001", 1).await.outcome(), ActivationOutcome::Applied);
    assert_eq!(world.enables_in_effect(), 1);
}

#[tokio::test]
async fn a_key_that_was_closed_unseen_never_takes_effect() {
    let world = World::open(LogTarget::Memory, profile());
    assert_eq!(world.get("A81001", 1).await.outcome(), ActivationOutcome::Unknown);
    assert_eq!(world.cancel("A81001", 1).await.outcome(), ActivationOutcome::Closed);
    assert_eq!(world.enable("A81001", 1).await.unwrap().outcome(), ActivationOutcome::Closed);
    assert_eq!(world.enables_in_effect(), 0);
}

#[tokio::test]
async fn closing_a_key_in_its_delay_stops_it_and_closing_it_later_does_not() {
    let world = World::open(LogTarget::Memory, slow());
    let mut call = pin!(world.enable("A81001", 1));
    arrives(&mut call).await;
    assert_eq!(world.cancel("A81001", 1).await.outcome(), ActivationOutcome::Closed);
    assert_eq!(call.await.unwrap().outcome(), ActivationOutcome::Closed);

    let mut call = pin!(world.enable("A81001", 2));
    arrives(&mut call).await;
    world.clock.advance(SignedDuration::from_hours(1));
    call.await.unwrap();
    assert_eq!(world.cancel("A81001", 2).await.outcome(), ActivationOutcome::Applied);
    assert_eq!(world.enables_in_effect(), 1);
}

#[tokio::test]
async fn a_generation_lower_than_one_seen_is_refused_even_where_it_came_first() {
    let world = World::open(LogTarget::Memory, slow());
    let mut enable = pin!(world.enable("A81001", 1));
    arrives(&mut enable).await;
    let mut disable = pin!(world.disable("A81001", 2));
    arrives(&mut disable).await;
    world.clock.advance(SignedDuration::from_hours(1));
    let overtaken = enable.await.unwrap();
    assert_eq!(overtaken.outcome(), ActivationOutcome::Refused);
    assert_eq!(overtaken.refusal(), RefusalReason::GenerationSuperseded);
    assert_eq!(disable.await.unwrap().outcome(), ActivationOutcome::Applied);
    assert_eq!(world.enables_in_effect(), 0);
}

#[tokio::test]
async fn a_supplier_that_takes_no_requests_still_switches_off() {
    let world = World::open(LogTarget::Memory, profile());
    world.enable("A81001", 1).await.unwrap();
    world.simulator.set_takes_requests(&"EMIS".parse().unwrap(), false).unwrap();
    let refused = world.enable("A81002", 1).await.unwrap();
    assert_eq!(refused.refusal(), RefusalReason::SupplierNotTakingRequests);
    assert_eq!(world.disable("A81001", 2).await.unwrap().outcome(), ActivationOutcome::Applied);
    world.simulator.set_takes_requests(&"EMIS".parse().unwrap(), true).unwrap();
    assert_eq!(world.enable("A81002", 2).await.unwrap().outcome(), ActivationOutcome::Applied);
}

#[tokio::test]
async fn about_the_given_share_of_practices_is_refused_and_always_the_same_ones() {
    let refused = async || {
        let world = World::open(LogTarget::Memory, SupplierProfile { refused_share: share(0.3), ..profile() });
        let mut refused = Vec::new();
        for number in 0..400 {
            let practice = format!("A{number:05}");
            if world.enable(&practice, 1).await.unwrap().outcome() == ActivationOutcome::Refused {
                refused.push(practice);
            }
        }
        refused
    };
    let first = refused().await;
    assert!((80..160).contains(&first.len()), "{}", first.len());
    assert_eq!(first, refused().await);
}

#[tokio::test]
async fn a_key_that_is_carried_out_at_another_practice_is_said_to_be_done_and_shows_in_the_list() {
    let log = SharedLog::default();
    let target = LogTarget::Shared(log.clone());
    World::open(target.clone(), profile()).cancel("A81001", 1).await;
    World::open(target.clone(), profile()).disable("A81001", 2).await.unwrap();
    let world = World::open(target, SupplierProfile { mistaken_share: share(1.0), ..profile() });
    assert_eq!(world.enable("A81002", 1).await.unwrap().outcome(), ActivationOutcome::Applied);
    let request = ListEnabledPracticesRequest { supplier: SUPPLIER.into(), ..Default::default() };
    let list = world.simulator.list_enabled_practices(Request::new(request)).await.unwrap().into_inner().practices;
    let names: Vec<&str> = list.iter().map(|practice| practice.practice.as_str()).collect();
    assert_eq!(names, ["practices/A81001"], "the one before it of which it had heard");
    let last = log.entries().iter().filter_map(supplier_simulator::Entry::effect).next_back().unwrap();
    assert_eq!((last.practice.to_string().as_str(), last.generation, last.by_mistake), ("A81001", None, true));
}

#[tokio::test]
async fn after_a_crash_it_goes_on_with_what_it_had_taken_on() {
    let folder = tempfile::tempdir().unwrap();
    let (target, path) = log_file(&folder);
    {
        let world = World::open(target.clone(), slow());
        let mut call = pin!(world.enable("A81001", 1));
        arrives(&mut call).await;
        world.cancel("A81002", 1).await;
        world.simulator.set_takes_requests(&"EMIS".parse().unwrap(), false).unwrap();
    }
    let world = World::open(target, slow());
    assert_eq!(world.enable("A81002", 1).await.unwrap().outcome(), ActivationOutcome::Closed);
    assert_eq!(world.enable("A81003", 1).await.unwrap().refusal(), RefusalReason::SupplierNotTakingRequests);
    let mut call = pin!(world.enable("A81001", 1));
    arrives(&mut call).await;
    world.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(call.await.unwrap().outcome(), ActivationOutcome::Applied);
    let effects: Vec<_> = read_log(&path).unwrap().iter().filter_map(supplier_simulator::Entry::effect).collect();
    assert_eq!(effects, world.simulator.effects());
    assert_eq!(effects.len(), 1);
}

#[tokio::test]
async fn the_list_of_enabled_practices_pages_in_order_and_says_since_when() {
    let world = World::open(LogTarget::Memory, profile());
    for practice in ["A81003", "A81001", "A81002"] {
        world.enable(practice, 1).await.unwrap();
    }
    world.disable("A81002", 2).await.unwrap();
    let mut request = ListEnabledPracticesRequest { supplier: SUPPLIER.into(), page_size: 1, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let reply = world.simulator.list_enabled_practices(Request::new(request.clone())).await.unwrap().into_inner();
        seen.extend(reply.practices);
        if reply.next_page_token.is_empty() {
            break;
        }
        request.page_token = reply.next_page_token;
    }
    let names: Vec<&str> = seen.iter().map(|practice| practice.practice.as_str()).collect();
    assert_eq!(names, ["practices/A81001", "practices/A81003"]);
    assert_eq!(seen[0].since.unwrap().seconds, world.clock.now().as_second());
    assert_eq!(seen[0].generation, 1);
}

#[tokio::test]
async fn a_malformed_key_or_an_unknown_supplier_is_said_to_be_so() {
    let world = World::open(LogTarget::Memory, profile());
    let cases = [
        (SUPPLIER, key("A8100", Direction::Enable, 1), Code::InvalidArgument),
        (SUPPLIER, key("A81001", Direction::Unspecified, 1), Code::InvalidArgument),
        (SUPPLIER, key("A81001", Direction::Disable, 1), Code::InvalidArgument),
        ("EMIS", key("A81001", Direction::Enable, 1), Code::InvalidArgument),
        ("suppliers/Nobody", key("A81001", Direction::Enable, 1), Code::NotFound),
    ];
    for (supplier, key, code) in cases {
        let request = RequestActivationRequest { supplier: supplier.into(), key: Some(key.clone()) };
        let status = world.simulator.request_activation(Request::new(request)).await.unwrap_err();
        assert_eq!(status.code(), code, "{supplier} {key:?}: {status}");
    }
}
