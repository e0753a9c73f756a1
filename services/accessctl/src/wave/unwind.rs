//! `accessctl wave unwind`: takes access away again where a wave gave it. Two people, on clinical grounds.

use clap::{Args, ValueEnum};
use proto::scheduler::v1 as scheduler;

use crate::connection::Connection;
use crate::moments::shown;
use crate::mutation::Change;
use crate::output::{Output, Table, number, word};

#[derive(Args)]
pub(crate) struct Unwind {
    /// programmes/spring-opening/waves/3
    wave: String,
    /// On what clinical grounds; what happened, in words, is --reason, which must be given
    #[arg(long)]
    clinical_reason: Grounds,
    /// For the second person: as the first one's call printed it
    #[arg(long, default_value = "")]
    etag: String,
    #[command(flatten)]
    change: Change,
}

/// On what clinical grounds.
#[derive(Clone, Copy, ValueEnum)]
enum Grounds {
    /// Somebody came to harm by what was shown
    HarmReported,
    /// Somebody is likely to
    RiskOfHarm,
    /// Somebody saw what they must not see
    InformationDisclosed,
    /// More shows than was meant to, or less
    WrongSettings,
}

pub(super) async fn run(connection: &Connection, output: Output, wanted: Unwind) -> anyhow::Result<()> {
    let reason = match wanted.clinical_reason {
        Grounds::HarmReported => scheduler::ClinicalReason::HarmReported,
        Grounds::RiskOfHarm => scheduler::ClinicalReason::RiskOfHarm,
        Grounds::InformationDisclosed => scheduler::ClinicalReason::InformationDisclosed,
        Grounds::WrongSettings => scheduler::ClinicalReason::WrongSettings,
    };
    let request = scheduler::UnwindWaveRequest {
        wave: wanted.wave,
        clinical_reason: reason.into(),
        etag: wanted.etag,
        request_id: wanted.change.request_id()?,
        reason_code: wanted.change.reason_code.clone(),
        note: wanted.change.reason.clone(),
        dry_run: wanted.change.dry_run,
    };
    let reply = connection.programmes().unwind_wave(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.UnwindWaveResponse", &reply, || {
        let unwinding = reply.wave.as_ref().and_then(|wave| wave.unwinding.clone()).unwrap_or_default();
        let mut facts = vec![
            ("wave", reply.wave.as_ref().map(|wave| wave.name.clone()).unwrap_or_default()),
            ("unwinding", in_words(&unwinding)),
            ("switches off", format!("{} practices", number(reply.affected_count))),
            ("patients", number(reply.patients_count)),
            ("asked back", format!("{} practices that something is under way at", number(reply.under_way_count))),
        ];
        if unwinding.state() == scheduler::UnwindingState::AwaitingSecondPerson {
            facts.push(("next", format!("another person repeats it with --etag {}", unwinding.etag)));
        }
        facts.push(("position", reply.position.to_string()));
        Table::facts(facts)
    })
}

/// Where it is, and who had it so.
pub(super) fn in_words(unwinding: &scheduler::WaveUnwinding) -> String {
    let state = word(unwinding.state().as_str_name(), "UNWINDING_STATE_");
    let grounds = word(unwinding.clinical_reason().as_str_name(), "CLINICAL_REASON_").to_lowercase();
    let begun = match unwinding.begun_by.as_str() {
        "" => format!("until {}", shown(unwinding.second_person_until.as_ref())),
        by => format!("begun by {by} on {}", shown(unwinding.begun_at.as_ref())),
    };
    format!(
        "{state} ({grounds}), asked for by {} on {}, {begun}",
        unwinding.asked_by,
        shown(unwinding.asked_at.as_ref())
    )
}
