//! Gates that ask: statistics for their figures, a hook for its word (rule 5, I6).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proto::scheduler::v1 as wire;
use proto::statistics::v1 as statistics_wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use rollout_scheduler::{GateHook, GateHooks};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::Code;

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

/// The wave goes live on Monday 2 June at nine; its evidence is ripe a day later and waited for until 11:00 a week after.
const TIMES: &str = "soak: 24h, timeout: 146h";

const EXCLUSIONS: &str = "exclusions: {max_share: 0.02}";
const HOOK: &str = "hook: clinical-review";

/// Four practices in one wave whose gate has this condition.
async fn world(condition: &str, has_statistics: bool, gate_hooks: GateHooks) -> World {
    let setup = Setup { has_statistics, gate_hooks, ..Setup::new(surgeries(81_001, 4, "EMIS"), vec![prompt("EMIS")]) };
    let mut world = World::new(setup).await;
    let guarded = ONE_WAVE.replace("soak: 24h, timeout: 48h", &format!("{TIMES}, {condition}"));
    assert_ne!(guarded, ONE_WAVE);
    world.approve(&guarded).await;
    world
}

impl World {
    /// The supplier's return for the week to 8 June: so many patients of each practice are excluded.
    async fn submit_returns(&mut self, excluded: i64) {
        let row = |number: u32| statistics_wire::PracticeReturn {
            practice: format!("practices/A{number}"),
            accounts_with_access: 1_000,
            excluded_by_review_code: excluded,
            ..Default::default()
        };
        let request = statistics_wire::SubmitReturnsRequest {
            supplier: "suppliers/EMIS".to_owned(),
            period_start_date: "2031-06-02".to_owned(),
            period_end_date: "2031-06-08".to_owned(),
            returns: (81_001..=81_004).map(row).collect(),
            request_id: self.request_id(),
            ..Default::default()
        };
        let peer = self.statistics.clone().unwrap().with_account("emis").unwrap();
        IngestServiceClient::new(peer).submit_returns(request).await.unwrap();
    }

    /// How often statistics or a hook were heard.
    async fn heard(&self, kind: &str) -> usize {
        let records = self.replicas[0].scheduler.journal().records(0, 10_000).await.unwrap();
        records.iter().filter(|record| record.kind == kind).count()
    }
}

fn condition(wave: &wire::Wave, kind: wire::GateConditionKind) -> wire::GateCondition {
    let gate = wave.gate.clone().expect("it is evaluated");
    gate.conditions.into_iter().find(|one| one.kind() == kind).expect("it has the condition")
}

#[tokio::test]
async fn returns_that_come_after_the_wave_decide_its_gate() {
    for (excluded, verdict) in [(90, wire::GateVerdict::Pass), (200, wire::GateVerdict::Fail)] {
        let mut world = world(EXCLUSIONS, true, GateHooks::default()).await;
        world.until("2031-06-09T08:00:00Z").await;
        let wave = world.wave(1).await;
        assert_eq!((wave.state(), &wave.gate), (wire::WaveState::Soaking, &None), "no return is of a day since");
        let ripening = "wave 1 of programmes/spring takes nobody any more: its evidence is ripening";
        assert_eq!(wave.stuck_reasons, [ripening], "nobody waits");
        let waiting = wave.waiting_gate.unwrap();
        assert_eq!(waiting.waits_for, ["statistics, for figures of a day since"]);
        assert_eq!(waiting.by_now.unwrap().verdict(), wire::GateVerdict::Inconclusive);
        world.submit_returns(excluded).await;
        world.until("2031-06-09T09:30:00Z").await;
        let wave = world.wave(1).await;
        let found = condition(&wave, wire::GateConditionKind::Exclusions);
        assert_eq!((found.verdict(), found.count, found.unknown_count), (verdict, 4 * excluded, 0));
        let gate = wave.gate.unwrap();
        let read = gate.statistics.unwrap();
        assert_eq!((gate.verdict, read.returns_position > 0, read.registry_position > 0), (verdict.into(), true, true));
    }
}

/// I21, and "a gate that cannot reach statistics is INCONCLUSIVE".
#[tokio::test]
async fn statistics_that_do_not_answer_are_asked_again_until_the_gates_time_is_over() {
    for heals in [true, false] {
        let mut world = world(EXCLUSIONS, true, GateHooks::default()).await;
        world.until("2031-06-09T07:30:00Z").await;
        let heard = world.heard("gate-figures-read").await;
        assert!(heard > 100, "asked every hour for six days: {heard}");
        world.statistics_faults.fail("BatchGetPracticeFigures", Code::Unavailable);
        world.submit_returns(90).await;
        world.until("2031-06-09T09:00:00Z").await;
        assert_eq!(world.heard("gate-figures-read").await, heard);
        if heals {
            world.statistics_faults.heal();
        }
        world.until("2031-06-09T09:02:00Z").await;
        assert_eq!(world.wave(1).await.gate.is_some(), heals, "asked again within a minute");
        world.until("2031-06-09T11:00:00Z").await;
        let verdict = world.wave(1).await.gate.unwrap().verdict();
        assert_eq!(verdict, if heals { wire::GateVerdict::Pass } else { wire::GateVerdict::Inconclusive });
    }
}

#[tokio::test]
async fn a_gate_that_asks_whom_nobody_configured_is_inconclusive() {
    for condition in [EXCLUSIONS, HOOK] {
        let mut world = world(condition, false, GateHooks::default()).await;
        world.until("2031-06-12T08:00:00Z").await;
        assert_eq!(world.wave(1).await.gate.unwrap().verdict(), wire::GateVerdict::Inconclusive);
    }
}

/// A hook: what it was asked, and what it answers.
#[derive(Clone, Default)]
struct Review {
    asked: Arc<Mutex<Vec<Value>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Review {
    /// Listens, and answers one after the other.
    async fn listen(answers: &[(u16, String)]) -> (Self, GateHooks) {
        let review = Self { answers: Arc::new(Mutex::new(answers.to_vec().into())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/gate", listener.local_addr().unwrap()).parse().unwrap();
        let mut hooks = GateHooks::default();
        let hook = GateHook::new(base, Some("Bearer s3cret".parse().unwrap())).unwrap();
        assert!(hooks.add("clinical-review".to_owned().try_into().unwrap(), hook));
        tokio::spawn({
            let review = review.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let review = review.clone();
                    let service = service_fn(move |request| review.clone().answer(request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
                }
            }
        });
        (review, hooks)
    }

    async fn answer(self, request: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut asked: Value = serde_json::from_slice(&body).unwrap();
        asked["path"] = json!(head.uri.path());
        asked["authorization"] = json!(head.headers["authorization"].to_str().unwrap());
        asked["traceparent"] = json!(head.headers.contains_key("traceparent"));
        self.asked.lock().unwrap().push(asked);
        let (status, answer) = self.answers.lock().unwrap().pop_front().expect("it is not asked more often");
        Ok(http::Response::builder().status(status).body(Full::new(answer.into())).unwrap())
    }
}

fn says(verdict: &str, reason_code: &str) -> (u16, String) {
    (200, json!({ "verdict": verdict, "reason_code": reason_code }).to_string())
}

#[tokio::test]
async fn a_hook_is_told_counts_and_asked_until_it_can_say() {
    let (review, hooks) = Review::listen(&[says("INCONCLUSIVE", "NOT_YET"), says("PASS", "REVIEWED")]).await;
    let mut world = world(HOOK, false, hooks).await;
    world.until("2031-06-12T08:00:00Z").await;
    let wave = world.wave(1).await;
    let found = condition(&wave, wire::GateConditionKind::Hook);
    assert_eq!(
        (found.verdict(), found.finding.as_str()),
        (wire::GateVerdict::Pass, "clinical-review says PASS: REVIEWED")
    );
    assert_eq!(world.heard("gate-hook-answered").await, 2);

    let asked = review.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    let told = &asked[0];
    assert_eq!((&told["wave"], &told["hook"]), (&json!("programmes/spring/waves/1"), &json!("clinical-review")));
    assert_eq!((&told["practices_switched_on"], &told["live"], &told["unsettled"]), (&json!(4), &json!(4), &json!(0)));
    assert_eq!((&told["path"], &told["authorization"]), (&json!("/gate"), &json!("Bearer s3cret")));
    assert!(!told.to_string().contains("A81001"), "nobody is named: {told}");
}

/// I6: what is no answer never passes a gate.
#[tokio::test]
async fn i06_what_a_hook_says_otherwise_counts_for_nothing() {
    let broken = [
        (500, says("PASS", "REVIEWED").1),
        (200, "<html>PASS</html>".to_owned()),
        (200, json!(["PASS", "REVIEWED"]).to_string()),
        (200, json!({ "verdict": "PASS" }).to_string()),
        (200, json!({ "verdict": "PASS", "reason_code": "R", "but": "wait" }).to_string()),
        says("PASS", ""),
        says("PASS", "patient 943 476 5919"),
        says("MAYBE", "REVIEWED"),
        says("FAIL", "RECORDS_MIXED_UP"),
    ];
    let (review, hooks) = Review::listen(&broken).await;
    let mut world = world(HOOK, false, hooks).await;
    world.until("2031-06-12T08:00:00Z").await;
    assert_eq!(review.asked.lock().unwrap().len(), broken.len());
    assert_eq!(world.heard("gate-hook-answered").await, 1);
    let wave = world.wave(1).await;
    assert_eq!(wave.gate.unwrap().verdict(), wire::GateVerdict::Fail);
}
