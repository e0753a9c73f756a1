//! Suppliers that send their returns: each in an order of its own, corrections among them, again under the same request id until
//! there is an answer, and now and then once more after it.
//!
//! What they sent and what was acknowledged is what the journal of statistics is held against.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use client::Peer;
use clock::Clock;
use database::sql;
use evidence::{Recorded, SentReturns, returns_breaches};
use futures_util::FutureExt;
use jiff::Timestamp;
use ods::draw_for;
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tonic::Status;

use crate::hosts::{Installation, PRODUCERS, STATISTICS};
use crate::plan::{Plan, Returning};
use crate::producers::is_no_answer;

/// How long an answer is waited for before the other aggregator is asked.
const ANSWER_PATIENCE: Duration = Duration::from_millis(150);

/// Between two attempts.
const PATIENCE: Duration = Duration::from_millis(10);

/// How often a submission that was answered is sent again.
const AGAIN_SHARE: f64 = 0.3;

/// What the notes call that.
pub(crate) const RETURNED_AGAIN: &str = "a return was sent again";

/// What was sent, in order, and what was acknowledged. Clones share it; it outlives every process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Returned(Arc<Mutex<Vec<SentReturns>>>);

impl Returned {
    pub(crate) fn sent(&self) -> Vec<SentReturns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_sent(&self, returns: SentReturns) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(returns);
    }

    fn note_acknowledged(&self, request_id: &str, position: u64) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sent.iter_mut().find(|returns| returns.request_id == request_id);
        known.expect("what is answered was sent").acknowledged = Some(position);
    }
}

/// All that send returns.
pub(crate) struct Returners {
    clock: Clock,
    statistics: Vec<Peer>,
    installation: Installation,
    seed: u64,
}

impl Returners {
    /// On the producers' machine.
    pub(crate) fn new(installation: &Installation, plan: &Plan) -> anyhow::Result<Self> {
        let peer = |to: &&'static str| installation.peer(PRODUCERS, to, "supplier-desk;roles=service", 1);
        let statistics = STATISTICS.iter().map(peer).collect::<Result<_, _>>()?;
        let clock = installation.clock_of(PRODUCERS);
        Ok(Self { clock, statistics, installation: installation.clone(), seed: plan.seed })
    }

    /// Sends everything, until all of it is acknowledged.
    pub(crate) async fn live(self, plan: &Plan) -> anyhow::Result<()> {
        let all = Arc::new(self);
        let mut by_supplier: BTreeMap<&'static str, Vec<Returning>> = BTreeMap::new();
        for returning in &plan.returnings {
            by_supplier.entry(returning.supplier).or_default().push(returning.clone());
        }
        let mut lives = JoinSet::new();
        for returnings in by_supplier.into_values() {
            let all = Arc::clone(&all);
            lives.spawn(async move { all.send_all(&returnings).await });
        }
        while let Some(ended) = lives.join_next().await {
            ended??;
        }
        Ok(())
    }

    async fn send_all(&self, returnings: &[Returning]) -> anyhow::Result<()> {
        for (number, returning) in returnings.iter().enumerate() {
            let Returning { at, supplier, accounts } = returning;
            let request_id = format!("returns/{supplier}/{number}");
            drop(self.clock.sleep_until(*at, &request_id).await);
            let returned = self.installation.returned();
            returned.note_sent(SentReturns {
                sender: (*supplier).to_owned(),
                request_id: request_id.clone(),
                accounts: accounts.clone(),
                acknowledged: None,
            });
            let request = request(returning, &request_id);
            let position = self.until_answered(number, &request).await?;
            returned.note_acknowledged(&request_id, position);
            if draw_for(self.seed, "returns-again", supplier, number as u64, 0).happens(AGAIN_SHARE) {
                self.installation.rung().note(RETURNED_AGAIN);
                let again = self.until_answered(number + 1, &request).await?;
                anyhow::ensure!(again == position, "{request_id} is at {position}, and then at {again}");
            }
        }
        Ok(())
    }

    /// The position at which they are recorded, once somebody says it; the one asked first is another one each time.
    async fn until_answered(&self, first: usize, request: &wire::SubmitReturnsRequest) -> anyhow::Result<u64> {
        for attempt in first.. {
            let which = attempt % STATISTICS.len();
            match self.ask(which, request).await {
                Ok(position) => return Ok(position),
                Err(status) if is_no_answer(&status) => {
                    self.installation.note_no_answer(STATISTICS[which]);
                    tokio::time::sleep(PATIENCE).await;
                }
                Err(status) => return Err(status).with_context(|| request.request_id.clone()),
            }
        }
        anyhow::bail!("there are no more attempts")
    }

    async fn ask(&self, which: usize, request: &wire::SubmitReturnsRequest) -> Result<u64, Status> {
        let mut client = IngestServiceClient::new(self.statistics[which].clone());
        let answer = tokio::time::timeout(ANSWER_PATIENCE, client.submit_returns(request.clone())).await;
        Ok(answer.map_err(|_| Status::deadline_exceeded("no answer"))??.into_inner().position)
    }
}

fn request(returning: &Returning, request_id: &str) -> wire::SubmitReturnsRequest {
    let row = |(practice, accounts): (&String, &u64)| wire::PracticeReturn {
        practice: format!("practices/{practice}"),
        accounts_with_access: i64::try_from(*accounts).unwrap_or(i64::MAX),
        ..wire::PracticeReturn::default()
    };
    wire::SubmitReturnsRequest {
        supplier: format!("suppliers/{}", returning.supplier),
        period_start_date: "2031-05-01".to_owned(),
        period_end_date: "2031-05-31".to_owned(),
        returns: returning.accounts.iter().map(row).collect(),
        request_id: request_id.to_owned(),
        ..wire::SubmitReturnsRequest::default()
    }
}

/// What was sent, beside what the journal of statistics holds.
pub(crate) struct Ledger {
    sent: Vec<SentReturns>,
    journal: Vec<Recorded>,
}

impl Ledger {
    /// As it is now, while nothing runs.
    pub(crate) fn of(installation: &Installation) -> anyhow::Result<Self> {
        let journal = journal(installation).now_or_never().context("memory keeps somebody waiting")??;
        Ok(Self { sent: installation.returned().sent(), journal })
    }

    pub(crate) fn breaches(&self) -> anyhow::Result<Vec<String>> {
        Ok(returns_breaches(&self.sent, &self.journal)?)
    }

    /// What was sent and is not acknowledged: nothing, once what went wrong is put right.
    pub(crate) fn unacknowledged(&self) -> Vec<String> {
        let open = self.sent.iter().filter(|returns| returns.acknowledged.is_none());
        open.map(|returns| format!("returns {} were never acknowledged", returns.request_id)).collect()
    }

    /// How many submissions, and a hash of what is recorded.
    pub(crate) fn report(&self) -> String {
        let payloads: String = self.journal.iter().map(|record| record.payload.as_str()).collect();
        let hash = hex::encode(Sha256::digest(payloads));
        format!("{} submissions sent, {} records, {hash}", self.sent.len(), self.journal.len())
    }
}

async fn journal(installation: &Installation) -> anyhow::Result<Vec<Recorded>> {
    let statement =
        sql("select position, recorded_at_us, request_id, kind, payload from journal_records order by position");
    let mut records = Vec::new();
    for row in installation.statistics_db().fetch_all(statement).await? {
        records.push(Recorded {
            position: u64::try_from(row.get::<i64>("position")?)?,
            recorded_at: Timestamp::from_microsecond(row.get("recorded_at_us")?)?,
            request_id: row.get("request_id")?,
            kind: row.get("kind")?,
            payload: row.get("payload")?,
        });
    }
    Ok(records)
}
