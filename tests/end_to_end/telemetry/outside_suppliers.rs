//! Rule 16, where suppliers answer us: valid NHS numbers in whatever a supplier says, in answers, lists and errors, come out nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use clock::{Clock, SystemClock};
use jiff::SignedDuration;
use proto::supplier::v1 as wire;
use proto::supplier::v1::supplier_service_server::{SupplierService, SupplierServiceServer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};

use super::personal_data::{NUMBER, SPACED, nothing_tells, tells};
use crate::harness::installation::{Installation, PATIENCE, Wanted, clock_offset, programme_of_today};
use crate::harness::otlp::Collector;

/// Practices of the wave: each is answered in another way.
const PRACTICES_COUNT: u32 = 8;

/// Beyond all waits between two questions.
const LATER: SignedDuration = SignedDuration::from_mins(30);

/// A supplier that tells what it should not.
#[derive(Clone, Default)]
struct Talker {
    switches: Arc<AtomicUsize>,
    questions: Arc<AtomicUsize>,
    lists: Arc<AtomicUsize>,
}

impl Talker {
    /// Listens until the test ends; what `--supplier` takes.
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let service = SupplierServiceServer::new(self.clone());
        let serving = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
        format!("EMIS=http://{address}")
    }

    /// Waits until it was asked so often to switch, what became of a switch, and for its list.
    async fn until(&self, wanted: [usize; 3]) {
        let begun = Instant::now();
        let met = || [&self.switches, &self.questions, &self.lists].map(|count| count.load(Ordering::Relaxed));
        while met().iter().zip(wanted).any(|(count, wanted)| *count < wanted) {
            assert!(begun.elapsed() < PATIENCE, "switches, questions, lists: {:?}", met());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The answer of this turn: refused, lost, malformed, or an error with the number in its message or its details.
fn activation(key: Option<&wire::ActivationKey>, turn: usize) -> Result<wire::Activation, Status> {
    let said = format!("asked for by {SPACED}");
    let answer = |outcome: wire::ActivationOutcome| wire::Activation {
        key: key.cloned(),
        outcome: outcome.into(),
        refusal: wire::RefusalReason::SupplierNotTakingRequests.into(),
        detail: said.clone(),
        ..Default::default()
    };
    match turn % 6 {
        0 => Ok(answer(wire::ActivationOutcome::Refused)),
        1 => Err(Status::internal(said)),
        2 => Err(Status::with_details(Code::InvalidArgument, NUMBER, said.into_bytes().into())),
        3 => {
            let key = key.map(|key| wire::ActivationKey { practice: format!("practices/{NUMBER}"), ..key.clone() });
            Ok(wire::Activation { key, ..answer(wire::ActivationOutcome::Applied) })
        }
        4 => Ok(answer(wire::ActivationOutcome::Unspecified)),
        _ => Ok(answer(wire::ActivationOutcome::Unknown)),
    }
}

#[tonic::async_trait]
impl SupplierService for Talker {
    async fn request_activation(
        &self,
        request: Request<wire::RequestActivationRequest>,
    ) -> Result<Response<wire::RequestActivationResponse>, Status> {
        let turn = self.switches.fetch_add(1, Ordering::Relaxed);
        let activation = Some(activation(request.into_inner().key.as_ref(), turn)?);
        Ok(Response::new(wire::RequestActivationResponse { activation }))
    }

    async fn request_deactivation(
        &self,
        request: Request<wire::RequestDeactivationRequest>,
    ) -> Result<Response<wire::RequestDeactivationResponse>, Status> {
        let activation = Some(activation(request.into_inner().key.as_ref(), 0)?);
        Ok(Response::new(wire::RequestDeactivationResponse { activation }))
    }

    async fn get_activation(
        &self,
        request: Request<wire::GetActivationRequest>,
    ) -> Result<Response<wire::GetActivationResponse>, Status> {
        let turn = self.questions.fetch_add(1, Ordering::Relaxed);
        let activation = Some(activation(request.into_inner().key.as_ref(), turn)?);
        Ok(Response::new(wire::GetActivationResponse { activation }))
    }

    async fn cancel_activation(
        &self,
        request: Request<wire::CancelActivationRequest>,
    ) -> Result<Response<wire::CancelActivationResponse>, Status> {
        let activation = Some(activation(request.into_inner().key.as_ref(), 1)?);
        Ok(Response::new(wire::CancelActivationResponse { activation }))
    }

    async fn list_enabled_practices(
        &self,
        _: Request<wire::ListEnabledPracticesRequest>,
    ) -> Result<Response<wire::ListEnabledPracticesResponse>, Status> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let now_s = Clock::System(SystemClock::with_offset(clock_offset())).now().as_second();
        let now = UNIX_EPOCH + Duration::from_secs(now_s.unsigned_abs());
        Ok(Response::new(wire::ListEnabledPracticesResponse {
            practices: vec![wire::EnabledPractice {
                practice: format!("practices/{NUMBER}"),
                state: wire::EnabledState::On.into(),
                ..Default::default()
            }],
            as_of: Some(now.into()),
            ..Default::default()
        }))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_what_a_supplier_answers_comes_out_nowhere() {
    let collector = Collector::start().await;
    let talker = Talker::default();
    let environment = collector.environment_of_everything();
    let wanted = Wanted {
        practices_count: PRACTICES_COUNT,
        supplier_elsewhere: Some(talker.listen().await),
        environment,
        metrics: true,
        ..Wanted::default()
    };
    let mut installation = Installation::all_in_one(&wanted);
    installation.import();
    let document = installation.programme("summer.yaml", &programme_of_today(""));
    installation.accessctl("leo").say(&["programme", "apply", &document]);
    installation.accessctl("ada").say(&["programme", "approve", "summer-opening"]);

    // Every way of answering is met.
    talker.until([6, 0, 1]).await;
    // Minutes later it is asked what became of what was not settled.
    installation.clock_offset_s = clock_offset().saturating_add(LATER).as_secs().to_string();
    let (ended, installation) = installation.restarted(&wanted);
    assert!(ended.status.success() && !tells(ended.said().as_bytes()), "{}", ended.said());
    talker.until([6, 5, 1]).await;
    let operator = installation.accessctl("olga");
    let practice = installation.england.practice(0);
    let wave = "programmes/summer-opening/waves/1";
    for words in [["wave", "show", wave], ["wave", "practices", wave], ["practice", "explain", &practice]] {
        let said = operator.run(&words);
        assert!(!tells(said.stdout.as_bytes()) && !tells(said.stderr.as_bytes()), "{words:?}: {said:?}");
    }
    nothing_tells(installation, &collector).await;
}
