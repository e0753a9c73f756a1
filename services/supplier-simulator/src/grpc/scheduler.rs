//! The scheduler, as suppliers and their practices call it.

use client::Peer;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, PracticeCode, Supplier};
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use proto::supplier::v1::ActivationKey;
use tonic::{Code, Status};

use super::activation::{activation, key_from_wire, key_to_wire};
use crate::ledger::Outcome;
use crate::signed::Seal;
use crate::simulator::SimulatorError;
use evidence::Key;

/// What a page of enrolments holds at most, as the scheduler's contract has it.
const PAGE_SIZE_MAX: i32 = 1_000;

/// A supplier's list, read.
pub(crate) struct DueList {
    pub(crate) version: String,
    pub(crate) rows: Vec<DueRow>,
    pub(crate) withdrawn: Vec<Key>,
    pub(crate) seal: Seal,
}

/// One row of a list.
pub(crate) struct DueRow {
    pub(crate) key: Key,
    pub(crate) date: Date,
    /// The moment before which it must be claimed; none where any moment will do.
    pub(crate) cut_off_at: Option<Timestamp>,
    pub(crate) claimed: bool,
}

/// An invited practice, with the enrolment that says so.
pub(crate) struct Invited {
    pub(crate) capability: Capability,
    pub(crate) practice: PracticeCode,
    pub(crate) enrolment: String,
}

#[derive(Clone)]
pub(crate) struct SchedulerClient {
    programmes: ProgrammeServiceClient<Peer>,
    enrolments: EnrolmentServiceClient<Peer>,
}

impl SchedulerClient {
    pub(crate) fn new(scheduler: Peer) -> Self {
        Self {
            programmes: ProgrammeServiceClient::new(scheduler.clone()),
            enrolments: EnrolmentServiceClient::new(scheduler),
        }
    }

    /// A supplier's list as it is now; whether to believe it is for [`crate::signed`] to say.
    pub(crate) async fn due_list(&mut self, supplier: &Supplier) -> Result<DueList, SimulatorError> {
        let request = wire::ListDueActivationsRequest { supplier: name(supplier), min_position: 0 };
        let reply = self.enrolments.list_due_activations(request).await.map_err(refused)?.into_inner();
        let rows: Result<Vec<DueRow>, api::Error> = reply.activations.iter().map(row).collect();
        let withdrawn = keys("withdrawn", &reply.withdrawn);
        let seal = seal(&reply);
        Ok(DueList {
            version: reply.list_version,
            rows: rows.map_err(nonsense)?,
            withdrawn: withdrawn.map_err(nonsense)?,
            seal: seal.map_err(nonsense)?,
        })
    }

    /// Claims rows of a list: the keys that are the supplier's now. None where the list has changed meanwhile.
    pub(crate) async fn claim(
        &mut self,
        supplier: &Supplier,
        list_version: &str,
        rows: &[&DueRow],
        request_id: String,
    ) -> Result<Option<Vec<Key>>, SimulatorError> {
        let request = wire::ClaimActivationsRequest {
            supplier: name(supplier),
            list_version: list_version.to_owned(),
            keys: rows.iter().map(|row| key_to_wire(&row.key)).collect(),
            request_id,
            ..wire::ClaimActivationsRequest::default()
        };
        match self.enrolments.claim_activations(request).await {
            Ok(reply) => keys("claimed", &reply.into_inner().claimed).map(Some).map_err(nonsense),
            Err(status) if status.code() == Code::Aborted => Ok(None),
            Err(status) => Err(refused(status)),
        }
    }

    /// Reports what became of claimed keys, at most as many as a report holds. That a result is not taken is logged:
    /// the scheduler knows better then.
    pub(crate) async fn report(
        &mut self,
        supplier: &Supplier,
        results: &[(Key, Outcome)],
        request_id: String,
    ) -> Result<(), SimulatorError> {
        let request = wire::ReportActivationResultsRequest {
            supplier: name(supplier),
            results: results.iter().map(|(key, outcome)| activation(key, Some(*outcome))).collect(),
            request_id,
            ..wire::ReportActivationResultsRequest::default()
        };
        let reply = self.enrolments.report_activation_results(request).await.map_err(refused)?.into_inner();
        for rejected in &reply.rejected {
            tracing::warn!(%supplier, reason = rejected.reason, "a result was not taken");
        }
        Ok(())
    }

    /// Every practice of the supplier that is invited now, by any programme.
    pub(crate) async fn invited(&mut self, supplier: &Supplier) -> Result<Vec<Invited>, SimulatorError> {
        let mut invited = Vec::new();
        let mut request = wire::ListProgrammesRequest::default();
        loop {
            let page = self.programmes.list_programmes(request.clone()).await.map_err(refused)?.into_inner();
            for programme in &page.programmes {
                self.invited_by(&programme.name, supplier, &mut invited).await?;
            }
            if page.next_page_token.is_empty() {
                return Ok(invited);
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn invited_by(
        &mut self,
        programme: &str,
        supplier: &Supplier,
        invited: &mut Vec<Invited>,
    ) -> Result<(), SimulatorError> {
        let mut request = wire::ListEnrolmentsRequest {
            parent: format!("{programme}/waves/-"),
            page_size: PAGE_SIZE_MAX,
            filter: format!(r#"enrolment.state == "INVITED" && enrolment.supplier == "{supplier}""#),
            ..wire::ListEnrolmentsRequest::default()
        };
        loop {
            let page = self.enrolments.list_enrolments(request.clone()).await.map_err(refused)?.into_inner();
            for enrolment in page.enrolments {
                invited.push(invitation(enrolment)?);
            }
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Whether an enrolment is still an invitation.
    pub(crate) async fn is_invited(&mut self, enrolment: &str) -> Result<bool, SimulatorError> {
        let request = wire::GetEnrolmentRequest { name: enrolment.to_owned(), min_position: 0 };
        let reply = self.enrolments.get_enrolment(request).await.map_err(refused)?.into_inner();
        Ok(reply.enrolment.is_some_and(|enrolment| enrolment.state() == wire::EnrolmentState::Invited))
    }
}

fn name(supplier: &Supplier) -> String {
    format!("suppliers/{supplier}")
}

fn row(row: &wire::DueActivation) -> Result<DueRow, api::Error> {
    Ok(DueRow {
        key: key_from_wire("activations.key", &row.key.clone().unwrap_or_default())?,
        date: api::time::required_date("activations.date", &row.date)?,
        cut_off_at: api::time::moment("activations.cut_off_at", row.cut_off_at.as_ref())?,
        claimed: row.claimed,
    })
}

fn seal(reply: &wire::ListDueActivationsResponse) -> Result<Seal, api::Error> {
    Ok(Seal {
        valid_until: api::time::moment("valid_until", reply.valid_until.as_ref())?.unwrap_or_default(),
        position: reply.position,
        signature: reply.signature.to_vec(),
        signing_key: reply.signing_key.clone(),
    })
}

fn keys(path: &str, wire: &[ActivationKey]) -> Result<Vec<Key>, api::Error> {
    wire.iter().map(|key| key_from_wire(path, key)).collect()
}

fn invitation(enrolment: wire::Enrolment) -> Result<Invited, SimulatorError> {
    let nonsense = |error: ods::CodeError| SimulatorError::Reply(error.to_string());
    let practice = enrolment.practice.strip_prefix("practices/").unwrap_or_default();
    Ok(Invited {
        capability: enrolment.capability.parse().map_err(nonsense)?,
        practice: practice.parse().map_err(nonsense)?,
        enrolment: enrolment.name,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "an adapter for map_err")]
fn nonsense(error: api::Error) -> SimulatorError {
    SimulatorError::Reply(error.to_string())
}

fn refused(status: Status) -> SimulatorError {
    SimulatorError::Scheduler(Box::new(status))
}
