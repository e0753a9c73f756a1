//! SubmitReturns: from the wire to a command, and the reply to it.

use api::Error;
use authority::Permission;
use identity::Caller;
use journal::{Meta, Outcome, Submission as JournalSubmission};
use ods::{Capability, PracticeCode, Supplier};
use prost::Message as _;
use proto::statistics::v1 as wire;
use sha2::{Digest as _, Sha256};
use tally::{Day, Figures, Sender, Submission, SubmitReturns};
use tonic::Request;

use super::error::of_rejection;
use crate::AccessStatistics;
use crate::returns::{ReturnsCommand, ReturnsMachine};

/// Longest name that is looked at: beyond it there is none.
pub(super) const NAME_CHARS_MAX: usize = 200;

pub(super) async fn submit(
    statistics: &AccessStatistics,
    request: Request<wire::SubmitReturnsRequest>,
) -> Result<wire::SubmitReturnsResponse, Error> {
    let (caller, permission) = (Caller::of(&request).clone(), Permission::of(&request).clone());
    let request = request.into_inner();
    let mutation = api::mutation!(request)?;
    let sender = Sender { account: caller.account.to_string(), reason_code: mutation.reason_code.clone() };
    let command = command(&request, sender)?;
    let practices = command.returns.iter().map(|(practice, _)| *practice);
    let SubmitReturns { submission: Submission { supplier, period_end, .. }, .. } = &command;
    statistics.authorise_return(&permission, supplier, Day::from(*period_end).start(), practices)?;
    let meta = Meta::of(&caller, &mutation);
    let dry_run = mutation.dry_run;
    let asked = command.clone();
    let submission = JournalSubmission { dry_run, ..JournalSubmission::new(ReturnsCommand::Returns(command), meta) };
    let encode = move |outcome: &Outcome<'_, ReturnsMachine>| response(&asked, outcome).encode_to_vec();
    let accepted = statistics.returns.submit(submission, encode).await;
    let accepted = accepted.map_err(|error| journal::grpc::refusal(error, |rejection| of_rejection(&rejection)))?;
    wire::SubmitReturnsResponse::decode(&*accepted.reply).map_err(|error| Error::internal(&error))
}

fn command(request: &wire::SubmitReturnsRequest, sender: Sender) -> Result<SubmitReturns, Error> {
    let submission = Submission {
        supplier: supplier(&request.supplier)?,
        capability: capability(&request.capability)?,
        period_start: api::time::required_date("period_start_date", &request.period_start_date)?,
        period_end: api::time::required_date("period_end_date", &request.period_end_date)?,
        sender: Some(sender),
    };
    let returns = request.returns.iter().enumerate().map(|(index, row)| figures(index, row));
    Ok(SubmitReturns { submission, returns: returns.collect::<Result<_, _>>()? })
}

/// The supplier of that resource name; the bare name is taken too.
pub(super) fn supplier(name: &str) -> Result<Supplier, Error> {
    name.strip_prefix("suppliers/").unwrap_or(name).parse().map_err(|_| {
        Error::invalid("supplier", "SUPPLIER_INVALID", "{field} is not a supplier, such as suppliers/EMIS")
    })
}

pub(super) fn capability(name: &str) -> Result<Capability, Error> {
    api::validate::free_text("capability", name, NAME_CHARS_MAX)?;
    name.parse().map_err(|_| {
        Error::invalid(
            "capability",
            "CAPABILITY_INVALID",
            "{field} is not a capability, such as capabilities/prospective-records",
        )
    })
}

fn figures(index: usize, row: &wire::PracticeReturn) -> Result<(PracticeCode, Figures), Error> {
    let practice = row.practice.strip_prefix("practices/").unwrap_or(&row.practice);
    let practice = practice.parse().map_err(|_| {
        let path = format!("returns[{index}].practice");
        Error::invalid(path, "PRACTICE_INVALID", "{field} is not a practice, such as practices/A81001")
    })?;
    let count = |field: &str, value: i64| {
        u64::try_from(value).map_err(|_| {
            let path = format!("returns[{index}].{field}");
            Error::invalid(path, "COUNT_NEGATIVE", "{field} is {value}; it must be 0 or more").with("value", value)
        })
    };
    let given = |count: u64| (count > 0).then_some(count);
    let figures = Figures {
        accounts_with_access: count("accounts_with_access", row.accounts_with_access)?,
        online_accounts: given(count("online_accounts", row.online_accounts)?),
        patients_registered: given(count("patients_registered", row.patients_registered)?),
        excluded_by_review_code: count("excluded_by_review_code", row.excluded_by_review_code)?,
        exclusions_overridden: count("exclusions_overridden", row.exclusions_overridden)?,
    };
    Ok((practice, figures))
}

fn response(asked: &SubmitReturns, outcome: &Outcome<'_, ReturnsMachine>) -> wire::SubmitReturnsResponse {
    let comparison = outcome.before.compare(asked);
    let mut affected = [comparison.first.as_slice(), comparison.revised.as_slice()].concat();
    affected.sort();
    let mut hash = Sha256::new();
    for practice in &affected {
        hash.update(format!("practices/{practice}\n"));
    }
    let count = |list: &[PracticeCode]| i32::try_from(list.len()).unwrap_or(i32::MAX);
    wire::SubmitReturnsResponse {
        first_count: count(&comparison.first),
        revised_count: count(&comparison.revised),
        unchanged_count: count(&comparison.unchanged),
        position: outcome.position,
        affected_count: count(&affected),
        affected_hash: hex::encode(hash.finalize()),
    }
}
