//! `accessctl programme`: what is planned, by whom it was approved, how far it is.

mod forecast;
mod preview;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use proto::scheduler::v1 as scheduler;
use pseudonym::in_text;
use serde::Deserialize;
use tonic::Code;

use crate::connection::{Connection, every_page};
use crate::failure::BadInput;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, number, word};

#[derive(Subcommand)]
pub(crate) enum Programme {
    /// What the document would become, against the plan in force; changes nothing
    Plan {
        /// The programme's document, YAML
        file: PathBuf,
    },
    /// Write the document and submit its plan for another person's approval
    Apply {
        /// The programme's document, YAML
        file: PathBuf,
        #[command(flatten)]
        change: Change,
    },
    /// The plan under review as it was submitted, against the one that it follows on: what `approve` approves
    Review {
        programme: String,
        /// Another version of it, whatever became of that
        #[arg(long)]
        plan_version: Option<u32>,
    },
    /// Approve the plan under review, by its hash
    Approve {
        programme: String,
        /// The hash that `apply` printed; without it, of the plan that is under review now
        #[arg(long)]
        plan_hash: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Turn the plan under review down
    Reject {
        programme: String,
        #[command(flatten)]
        change: Change,
    },
    /// Its plans, its figures and its waves
    Status { programme: String },
    /// When its practices will be live, with how much doubt, and what holds it back most
    Forecast {
        programme: String,
        /// What chance is drawn from: the same number gives the same forecast
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many futures are played; without it as many as the scheduler's default
        #[arg(long, default_value_t = 0)]
        runs: i32,
    },
    /// Every programme
    List,
    /// Print each change as it happens
    Watch { programme: String },
}

pub(crate) async fn run(connection: &Connection, output: Output, programme: Programme) -> anyhow::Result<()> {
    match programme {
        Programme::Plan { file } => plan(connection, output, &file).await,
        Programme::Apply { file, change } => apply(connection, output, &file, &change).await,
        Programme::Review { programme, plan_version } => review(connection, output, &programme, plan_version).await,
        Programme::Approve { programme, plan_hash, change } => {
            approve(connection, output, &programme, plan_hash, &change).await
        }
        Programme::Reject { programme, change } => reject(connection, output, &programme, &change).await,
        Programme::Status { programme } => status(connection, output, &programme).await,
        Programme::Forecast { programme, seed, runs } => {
            forecast::run(connection, output, &programme, seed, runs).await
        }
        Programme::List => list(connection, output).await,
        Programme::Watch { programme } => watch(connection, output, &programme).await,
    }
}

/// The only part of a document that is read here: everything else is the scheduler's to judge.
#[derive(Deserialize)]
struct Named {
    name: String,
}

fn document(file: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let named: Named = serde_saphyr::from_str(&text)
        .map_err(|error| BadInput(format!("{} is no programme: {}", file.display(), problem(&error))))?;
    Ok((named.name, text))
}

/// What is wrong with a document, with the lines around it; only where, if an NHS number is among them (rule 16).
fn problem(error: &serde_saphyr::Error) -> String {
    let whole = error.to_string();
    if !in_text::contains(&whole) {
        return whole;
    }
    let place = error.location().map(|at| format!("line {}, column {}: ", at.line(), at.column())).unwrap_or_default();
    format!("{place}{}", in_text::told(&error.without_snippet().to_string()))
}

async fn plan(connection: &Connection, output: Output, file: &Path) -> anyhow::Result<()> {
    let (id, specification) = document(file)?;
    let preview = scheduler::PreviewPlanRequest { name: name("programmes", &id), specification, ..Default::default() };
    let reply = connection.programmes().preview_plan(preview).await?.into_inner();
    preview::show(output, &reply)
}

async fn review(
    connection: &Connection,
    output: Output,
    programme: &str,
    plan_version: Option<u32>,
) -> anyhow::Result<()> {
    let plan = match plan_version {
        None => under_review(connection, programme).await?,
        Some(version) => version_of(connection, programme, version).await?,
    };
    let name = name("programmes", programme);
    let preview = scheduler::PreviewPlanRequest { name, plan: plan.name.clone(), ..Default::default() };
    let reply = connection.programmes().preview_plan(preview).await?.into_inner();
    preview::show(output, &reply)?;
    if output.for_people() {
        // By the hash, so that a plan which took its place meanwhile is not approved unseen.
        let next = match plan.state() {
            scheduler::PlanState::InReview => {
                format!("accessctl programme approve {programme} --plan-hash {}", plan.plan_hash)
            }
            _ => String::new(),
        };
        output.print("citizens_access.scheduler.v1.Plan", &plan, || plan_facts(&plan, &next))?;
    }
    Ok(())
}

async fn apply(connection: &Connection, output: Output, file: &Path, change: &Change) -> anyhow::Result<()> {
    let (id, specification) = document(file)?;
    let mut programmes = connection.programmes();
    let request_id = change.request_id()?;
    // A document whose plan would be refused is not written either: else a programme without a plan stays behind.
    let preview = scheduler::PreviewPlanRequest {
        name: name("programmes", &id),
        specification: specification.clone(),
        ..Default::default()
    };
    programmes.preview_plan(preview).await?;
    let get = scheduler::GetProgrammeRequest { name: name("programmes", &id), ..Default::default() };
    let known = match programmes.get_programme(get).await {
        Ok(reply) => reply.into_inner().programme,
        Err(status) if status.code() == Code::NotFound => None,
        Err(status) => return Err(status.into()),
    };
    if let Some(known) = known {
        let update = scheduler::UpdateProgrammeRequest {
            name: known.name,
            specification,
            request_id: format!("{request_id}/write"),
            etag: known.etag,
            reason_code: change.reason_code.clone(),
            note: change.reason.clone(),
            dry_run: change.dry_run,
        };
        programmes.update_programme(update).await?;
    } else {
        let create = scheduler::CreateProgrammeRequest {
            programme_id: id.clone(),
            specification,
            request_id: format!("{request_id}/write"),
            reason_code: change.reason_code.clone(),
            note: change.reason.clone(),
            dry_run: change.dry_run,
        };
        programmes.create_programme(create).await?;
    }
    if change.dry_run {
        return plan(connection, output, file).await;
    }
    let submit = scheduler::SubmitPlanRequest {
        name: name("programmes", &id),
        request_id: format!("{request_id}/submit"),
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        ..Default::default()
    };
    let reply = programmes.submit_plan(submit).await?.into_inner();
    output.print("citizens_access.scheduler.v1.SubmitPlanResponse", &reply, || {
        plan_facts(
            &reply.plan.clone().unwrap_or_default(),
            "another person looks at it and approves it: accessctl programme review, approve",
        )
    })
}

fn plan_facts(plan: &scheduler::Plan, next: &str) -> Table {
    Table::facts([
        ("plan", plan.name.clone()),
        ("state", word(plan.state().as_str_name(), "PLAN_STATE_")),
        ("hash", plan.plan_hash.clone()),
        ("follows on", plan.parent.clone()),
        ("practices", number(plan.practices_count)),
        ("patients", number(plan.patients_count)),
        ("written by", plan.authors.join(", ")),
        ("decided by", plan.decided_by.clone()),
        ("next", next.to_owned()),
    ])
}

/// The plan of a programme that waits for a decision.
async fn under_review(connection: &Connection, programme: &str) -> anyhow::Result<scheduler::Plan> {
    let programme = known(connection, programme).await?;
    let found = programme.plans.into_iter().rev().find(|plan| plan.state() == scheduler::PlanState::InReview);
    found.ok_or_else(|| BadInput(format!("{} has no plan under review; see `programme apply`", programme.name)).into())
}

async fn version_of(connection: &Connection, programme: &str, version: u32) -> anyhow::Result<scheduler::Plan> {
    let programme = known(connection, programme).await?;
    let name = format!("{}/plans/{version}", programme.name);
    let found = programme.plans.into_iter().find(|plan| plan.name == name);
    found.ok_or_else(|| BadInput(format!("there is no {name}; see `programme status`")).into())
}

async fn known(connection: &Connection, programme: &str) -> anyhow::Result<scheduler::Programme> {
    let get = scheduler::GetProgrammeRequest { name: name("programmes", programme), ..Default::default() };
    Ok(connection.programmes().get_programme(get).await?.into_inner().programme.unwrap_or_default())
}

async fn approve(
    connection: &Connection,
    output: Output,
    programme: &str,
    plan_hash: Option<String>,
    change: &Change,
) -> anyhow::Result<()> {
    let plan = under_review(connection, programme).await?;
    let approve = scheduler::ApprovePlanRequest {
        name: plan.name,
        plan_hash: plan_hash.unwrap_or(plan.plan_hash),
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
    };
    let reply = connection.programmes().approve_plan(approve).await?.into_inner();
    output.print("citizens_access.scheduler.v1.ApprovePlanResponse", &reply, || {
        plan_facts(&reply.plan.clone().unwrap_or_default(), "it runs by itself: accessctl programme status")
    })
}

async fn reject(connection: &Connection, output: Output, programme: &str, change: &Change) -> anyhow::Result<()> {
    let reject = scheduler::RejectPlanRequest {
        name: under_review(connection, programme).await?.name,
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
    };
    let reply = connection.programmes().reject_plan(reject).await?.into_inner();
    output.print("citizens_access.scheduler.v1.RejectPlanResponse", &reply, || {
        plan_facts(&reply.plan.clone().unwrap_or_default(), "")
    })
}

async fn status(connection: &Connection, output: Output, programme: &str) -> anyhow::Result<()> {
    let get = scheduler::GetProgrammeRequest { name: name("programmes", programme), ..Default::default() };
    let reply = connection.programmes().get_programme(get).await?.into_inner();
    output.print("citizens_access.scheduler.v1.GetProgrammeResponse", &reply, || {
        let programme = reply.programme.clone().unwrap_or_default();
        let figures = reply.figures.clone().unwrap_or_default();
        let mut facts = vec![
            ("programme", programme.name.clone()),
            ("title", programme.display_name.clone()),
            ("state", word(programme.state().as_str_name(), "PROGRAMME_STATE_")),
            ("in force", programme.plan_in_force.clone()),
            ("deadline", if programme.deadline.is_empty() { "none".to_owned() } else { programme.deadline.clone() }),
            ("next 3 months", format!("{} practices", number(figures.signed_up_next_three_months))),
        ];
        for count in &figures.enrolments {
            let state = word(count.state().as_str_name(), "ENROLMENT_STATE_").to_lowercase();
            facts.push((
                "enrolments",
                format!(
                    "{state}: {} practices, {} patients",
                    number(count.practices_count),
                    number(count.patients_count)
                ),
            ));
        }
        for plan in &programme.plans {
            let state = word(plan.state().as_str_name(), "PLAN_STATE_").to_lowercase();
            facts.push((
                "plan",
                format!("{}: {state}, {} practices, {}", plan.name, number(plan.practices_count), plan.plan_hash),
            ));
            facts.extend(plan.faults.iter().map(|fault| ("fault", fault.clone())));
        }
        Table::facts(facts)
    })?;
    if output.for_people() {
        crate::wave::list(connection, output, programme, false).await?;
    }
    Ok(())
}

async fn list(connection: &Connection, output: Output) -> anyhow::Result<()> {
    let list = scheduler::ListProgrammesRequest::default();
    let reply = every_page!(connection.programmes(), list_programmes, list, programmes);
    output.print("citizens_access.scheduler.v1.ListProgrammesResponse", &reply, || {
        let mut table = Table::new(&["PROGRAMME", "TITLE", "STATE", "IN FORCE", "DEADLINE"]);
        for programme in &reply.programmes {
            table.row([
                programme.name.clone(),
                programme.display_name.clone(),
                word(programme.state().as_str_name(), "PROGRAMME_STATE_"),
                programme.plan_in_force.clone(),
                programme.deadline.clone(),
            ]);
        }
        table
    })
}

async fn watch(connection: &Connection, output: Output, programme: &str) -> anyhow::Result<()> {
    let watch = scheduler::WatchProgrammeRequest { name: name("programmes", programme), ..Default::default() };
    let mut changes = connection.programmes().watch_programme(watch).await?.into_inner();
    while let Some(change) = changes.message().await? {
        output.print("citizens_access.scheduler.v1.WatchProgrammeResponse", &change, || {
            crate::wave::table(&change.waves)
        })?;
    }
    Ok(())
}
