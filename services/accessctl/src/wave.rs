//! `accessctl wave`: the parts of a programme that go live together.

mod notices;
mod unwind;

use clap::{Args, Subcommand};
use proto::scheduler::v1 as scheduler;

use crate::connection::{Connection, every_page};
use crate::moments::shown;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, number, word};

#[derive(Subcommand)]
pub(crate) enum Wave {
    /// The waves of a programme
    List {
        programme: String,
        /// Also those that only superseded plans have and that have ended
        #[arg(long)]
        all: bool,
    },
    /// One wave: where it is, why nothing moves, its gate
    Show {
        /// programmes/spring-opening/waves/3
        wave: String,
    },
    /// Its practices: where each stands, and where what is observed differs from what was decided
    Practices {
        /// programmes/spring-opening/waves/3, or programmes/spring-opening/waves/- for those of all waves
        wave: String,
        /// CEL, e.g. has(enrolment.drift) or enrolment.state == "WITHDRAWN"
        #[arg(long, default_value = "")]
        filter: String,
    },
    /// A named person's verdict on a gate that did not pass by itself
    Decide(Decide),
    /// Move a wave to a later date
    Reschedule {
        /// programmes/spring-opening/waves/3
        wave: String,
        /// The new first date
        #[arg(long, value_name = "DATE")]
        to: String,
        #[command(flatten)]
        change: Change,
    },
    /// End a wave that has not opened
    Cancel {
        /// programmes/spring-opening/waves/3
        wave: String,
        #[command(flatten)]
        change: Change,
    },
    /// Take access away again where it gave it: two people, on clinical grounds
    Unwind(unwind::Unwind),
    /// Its notices: what was sent, to how many, what failed and what to do
    Notices(notices::Notices),
    /// Have notices tried again that were given up, or that had no contact to go to
    RetryNotices(notices::RetryNotices),
    /// Record that notices came back: they count as never given
    Returned(notices::Returned),
    /// Record that the practices of a wave were told
    Notice {
        /// programmes/spring-opening/waves/3
        wave: String,
        /// How: letter, e-mail, portal
        #[arg(long, default_value = "letter")]
        channel: String,
        /// When it reached them (London's time); now where it is left out
        #[arg(long)]
        delivered_at: Option<String>,
        #[command(flatten)]
        change: Change,
    },
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("verdict").required(true).args(["pass", "fail"]))]
pub(crate) struct Decide {
    /// programmes/spring-opening/waves/3
    wave: String,
    /// The wave is good: close it
    #[arg(long)]
    pass: bool,
    /// It is not: later waves stay shut
    #[arg(long)]
    fail: bool,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(connection: &Connection, output: Output, wave: Wave) -> anyhow::Result<()> {
    let mut programmes = connection.programmes();
    match wave {
        Wave::List { programme, all } => list(connection, output, &programme, all).await,
        Wave::Practices { wave, filter } => practices(connection, output, wave, filter).await,
        Wave::Notices(notices) => notices::show(connection, output, notices).await,
        Wave::RetryNotices(retry) => notices::retry(connection, output, retry).await,
        Wave::Returned(returned) => notices::returned(connection, output, returned).await,
        Wave::Unwind(wanted) => unwind::run(connection, output, wanted).await,
        Wave::Show { wave } => {
            let reply =
                programmes.get_wave(scheduler::GetWaveRequest { name: wave, ..Default::default() }).await?.into_inner();
            output.print("citizens_access.scheduler.v1.GetWaveResponse", &reply, || facts(reply.wave.as_ref()))
        }
        Wave::Decide(decide) => {
            let verdict = if decide.pass { scheduler::GateVerdict::Pass } else { scheduler::GateVerdict::Fail };
            let request = scheduler::DecideGateRequest {
                wave: decide.wave,
                verdict: verdict.into(),
                request_id: decide.change.request_id()?,
                reason_code: decide.change.reason_code.clone(),
                note: decide.change.reason.clone(),
                dry_run: decide.change.dry_run,
                ..Default::default()
            };
            let reply = programmes.decide_gate(request).await?.into_inner();
            output.print("citizens_access.scheduler.v1.DecideGateResponse", &reply, || facts(reply.wave.as_ref()))
        }
        Wave::Reschedule { wave, to, change } => {
            let request = scheduler::RescheduleWaveRequest {
                name: wave,
                opens_on: to,
                request_id: change.request_id()?,
                reason_code: change.reason_code.clone(),
                note: change.reason.clone(),
                dry_run: change.dry_run,
                ..Default::default()
            };
            let reply = programmes.reschedule_wave(request).await?.into_inner();
            output.print("citizens_access.scheduler.v1.RescheduleWaveResponse", &reply, || facts(reply.wave.as_ref()))
        }
        Wave::Cancel { wave, change } => {
            let request = scheduler::CancelWaveRequest {
                name: wave,
                request_id: change.request_id()?,
                reason_code: change.reason_code.clone(),
                note: change.reason.clone(),
                dry_run: change.dry_run,
                ..Default::default()
            };
            let reply = programmes.cancel_wave(request).await?.into_inner();
            output.print("citizens_access.scheduler.v1.CancelWaveResponse", &reply, || facts(reply.wave.as_ref()))
        }
        Wave::Notice { wave, channel, delivered_at, change } => {
            let request = scheduler::RecordNoticeDeliveryRequest {
                wave,
                channel,
                delivered_at: delivered_at.as_deref().map(crate::moments::moment).transpose()?,
                request_id: change.request_id()?,
                reason_code: change.reason_code.clone(),
                note: change.reason.clone(),
                dry_run: change.dry_run,
                ..Default::default()
            };
            let reply = programmes.record_notice_delivery(request).await?.into_inner();
            output.print("citizens_access.scheduler.v1.RecordNoticeDeliveryResponse", &reply, || {
                Table::facts([
                    ("told", format!("{} practices", number(reply.affected_count))),
                    ("position", reply.position.to_string()),
                ])
            })
        }
    }
}

/// Prints the waves of a programme.
pub(crate) async fn list(connection: &Connection, output: Output, programme: &str, all: bool) -> anyhow::Result<()> {
    let list = scheduler::ListWavesRequest {
        parent: name("programmes", programme),
        show_superseded: all,
        ..Default::default()
    };
    let reply = every_page!(connection.programmes(), list_waves, list, waves);
    output.print("citizens_access.scheduler.v1.ListWavesResponse", &reply, || table(&reply.waves))
}

async fn practices(connection: &Connection, output: Output, parent: String, filter: String) -> anyhow::Result<()> {
    let list = scheduler::ListEnrolmentsRequest { parent, filter, ..Default::default() };
    let reply = every_page!(connection.enrolments(), list_enrolments, list, enrolments);
    output.print("citizens_access.scheduler.v1.ListEnrolmentsResponse", &reply, || {
        let mut table = Table::new(&["PRACTICE", "STATE", "WHY", "SUPPLIER", "ICB", "PATIENTS", "SINCE", "DRIFTED TO"]);
        for enrolment in &reply.enrolments {
            table.row([
                enrolment.ods_code.clone(),
                word(enrolment.state().as_str_name(), "ENROLMENT_STATE_"),
                enrolment.reason.clone(),
                enrolment.supplier.clone(),
                enrolment.icb_code.clone(),
                number(enrolment.patients_count),
                shown(enrolment.changed_at.as_ref()),
                enrolment.drift.clone(),
            ]);
        }
        table
    })
}

/// Waves as rows.
pub(crate) fn table(waves: &[scheduler::Wave]) -> Table {
    let mut table =
        Table::new(&["WAVE", "TITLE", "STATE", "OPENS", "PRACTICES", "PATIENTS", "CONFIRMED", "IN THE WAY"]);
    for wave in waves {
        let confirmed: i64 = wave
            .enrolments
            .iter()
            .filter(|count| {
                matches!(count.state(), scheduler::EnrolmentState::Confirmed | scheduler::EnrolmentState::Verified)
            })
            .map(|count| count.practices_count)
            .sum();
        table.row([
            wave.name.clone(),
            wave.display_name.clone(),
            word(wave.state().as_str_name(), "WAVE_STATE_"),
            wave.opens_on.clone(),
            number(wave.practices_count),
            number(wave.patients_count),
            number(confirmed),
            wave.stuck_reasons.join("; "),
        ]);
    }
    table
}

/// `PASS: 640 of 648 commanded practices are live; …`
fn condition_in_words(condition: &scheduler::GateCondition) -> String {
    format!("{}: {}", word(condition.verdict().as_str_name(), "GATE_VERDICT_"), condition.finding)
}

fn facts(wave: Option<&scheduler::Wave>) -> Table {
    let wave = wave.cloned().unwrap_or_default();
    let mut facts = vec![
        ("wave", wave.name.clone()),
        ("title", wave.display_name.clone()),
        ("state", word(wave.state().as_str_name(), "WAVE_STATE_")),
        ("plan", wave.plan.clone()),
        ("opens", shown(wave.opens_at.as_ref())),
        ("last day", wave.closes_on.clone()),
        ("objections until", shown(wave.objections_until.as_ref())),
        ("deferred to", wave.deferred_to.clone()),
        ("practices", number(wave.practices_count)),
        ("patients", number(wave.patients_count)),
    ];
    for count in &wave.enrolments {
        let state = word(count.state().as_str_name(), "ENROLMENT_STATE_").to_lowercase();
        facts.push((
            "enrolments",
            format!("{state}: {} practices, {} patients", number(count.practices_count), number(count.patients_count)),
        ));
    }
    if let Some(waiting) = &wave.waiting_gate {
        facts.push(("gate is judged", format!("from {} on", shown(waiting.ripens_at.as_ref()))));
        facts.extend(waiting.waits_for.iter().map(|whom| ("gate waits for", whom.clone())));
        facts.push(("gate waits until", shown(waiting.waits_until.as_ref())));
        let by_now = waiting.by_now.clone().unwrap_or_default();
        facts.extend(by_now.conditions.iter().map(|condition| ("by now", condition_in_words(condition))));
    }
    if let Some(gate) = &wave.gate {
        facts.push(("gate", word(gate.verdict().as_str_name(), "GATE_VERDICT_")));
        facts.extend(gate.conditions.iter().map(|condition| ("condition", condition_in_words(condition))));
        // What a condition says is not said twice.
        let is_said = |evidence: &String| gate.conditions.iter().any(|condition| condition.finding == *evidence);
        let further = gate.evidence.iter().filter(|evidence| !is_said(evidence));
        facts.extend(further.map(|evidence| ("evidence", evidence.clone())));
        facts.push(("decided by", gate.decided_by.clone()));
    }
    facts.extend(wave.unwinding.as_ref().map(|unwinding| ("unwinding", unwind::in_words(unwinding))));
    facts.extend(wave.stuck_reasons.iter().map(|reason| ("in the way", reason.clone())));
    Table::facts(facts)
}
