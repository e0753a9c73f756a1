//! RecordSuccession: mergers, splits, changes of code and closures on the wire.

use api::Error;
use jiff::civil::Date;
use journal::Outcome;
use ods::PracticeCode;
use practice::command::RecordSuccession;
use practice::succession::{SUCCESSION_PRACTICES_MAX, Succession, affected, heirs};
use practice::{Command, SuccessionKind, SuccessionTerms, View};
use proto::registry::v1 as wire;

use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, resource};
use crate::machine::Registry;

pub(crate) async fn record(
    handlers: &Handlers,
    asked: Asked<wire::RecordSuccessionRequest>,
) -> Result<wire::RecordSuccessionResponse, Error> {
    let request = &asked.request;
    let terms = terms_from_wire(request)?;
    let command = Command::RecordSuccession(RecordSuccession {
        terms: terms.clone(),
        recorded_by: asked.caller.account.to_string(),
        reason_code: request.reason_code.clone(),
        if_positions: positions_seen(handlers, &request.etags)?,
        confirm_count: Some(request.confirm_count).filter(|count| *count != 0),
        confirm_hash: Some(request.confirm_hash.clone()).filter(|hash| !hash.is_empty()),
    });
    // A pause that is inherited must not wait for an import.
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent();
    handlers.submit(ask, move |outcome| reply(outcome, &terms)).await
}

fn reply(outcome: &Outcome<'_, Registry>, terms: &SuccessionTerms) -> wire::RecordSuccessionResponse {
    let state = outcome.after;
    let mut codes: Vec<PracticeCode> = Vec::new();
    let later = terms.successors.iter().flat_map(|successor| heirs(state, *successor));
    for code in terms.practices().chain(later) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    let views: Vec<View<'_>> = codes.iter().filter_map(|code| state.practice(*code)).map(View::current).collect();
    let named = |view: &View<'_>| {
        let mut known = view.practice().successions.iter().rev();
        known.find(|known| known.terms == *terms).map(|known| to_wire(*view, known))
    };
    let affected = affected(state, terms);
    wire::RecordSuccessionResponse {
        succession: views.first().and_then(named),
        practices: views.into_iter().map(resource::to_wire).collect(),
        position: outcome.position,
        affected_count: affected.count,
        affected_hash: affected.hash,
    }
}

/// In the order of their codes, as they are kept: the reply finds by it what was recorded.
fn terms_from_wire(request: &wire::RecordSuccessionRequest) -> Result<SuccessionTerms, Error> {
    let kind = match wire::SuccessionKind::try_from(request.kind) {
        Ok(wire::SuccessionKind::Merge) => SuccessionKind::Merge,
        Ok(wire::SuccessionKind::Split) => SuccessionKind::Split,
        Ok(wire::SuccessionKind::Recode) => SuccessionKind::Recode,
        Ok(wire::SuccessionKind::Close) => SuccessionKind::Close,
        Ok(wire::SuccessionKind::Unspecified) | Err(_) => {
            return Err(Error::invalid("kind", "FIELD_REQUIRED", "{field} must be MERGE, SPLIT, RECODE or CLOSE"));
        }
    };
    api::validate::count("predecessors", request.predecessors.len(), SUCCESSION_PRACTICES_MAX)?;
    // None is a closure.
    if !request.successors.is_empty() {
        api::validate::count("successors", request.successors.len(), SUCCESSION_PRACTICES_MAX)?;
    }
    let effective_from: Option<Date> = api::time::date("effective_date", &request.effective_date)?;
    Ok(SuccessionTerms {
        kind,
        predecessors: codes("predecessors", &request.predecessors)?,
        successors: codes("successors", &request.successors)?,
        effective_from: effective_from.ok_or_else(|| {
            Error::invalid("effective_date", "FIELD_REQUIRED", "{field} must be the first day of the succession")
        })?,
    })
}

fn codes(path: &str, names: &[String]) -> Result<Vec<PracticeCode>, Error> {
    let mut codes = Vec::new();
    for (index, practice) in names.iter().enumerate() {
        codes.push(name::practice(&format!("{path}[{index}]"), practice)?);
    }
    codes.sort();
    Ok(codes)
}

fn positions_seen(handlers: &Handlers, etags: &[wire::PracticeEtag]) -> Result<Vec<(PracticeCode, u64)>, Error> {
    if !etags.is_empty() {
        api::validate::count("etags", etags.len(), 2 * SUCCESSION_PRACTICES_MAX)?;
    }
    let mut seen = Vec::new();
    for (index, etag) in etags.iter().enumerate() {
        let code = name::practice(&format!("etags[{index}].practice"), &etag.practice)?;
        api::validate::required(&format!("etags[{index}].etag"), &etag.etag)?;
        seen.extend(handlers.position_of_etag(code, &etag.etag)?.map(|position| (code, position)));
    }
    Ok(seen)
}

pub(crate) fn to_wire(view: View<'_>, succession: &Succession) -> wire::Succession {
    let names = |codes: &[PracticeCode]| codes.iter().map(|code| name::of_practice(*code)).collect();
    wire::Succession {
        kind: kind_to_wire(succession.terms.kind).into(),
        predecessors: names(&succession.terms.predecessors),
        successors: names(&succession.terms.successors),
        effective_date: succession.terms.effective_from.to_string(),
        in_effect: view.is_in_effect(succession),
        recorded_at: Some(api::time::to_wire(succession.recorded_at)),
        recorded_by: succession.recorded_by.clone(),
        reason_code: succession.reason_code.clone(),
    }
}

fn kind_to_wire(kind: SuccessionKind) -> wire::SuccessionKind {
    match kind {
        SuccessionKind::Merge => wire::SuccessionKind::Merge,
        SuccessionKind::Split => wire::SuccessionKind::Split,
        SuccessionKind::Recode => wire::SuccessionKind::Recode,
        SuccessionKind::Close => wire::SuccessionKind::Close,
    }
}
