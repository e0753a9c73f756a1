//! What is observed at a practice: how it is shown, and `accessctl practice observe`.

use anyhow::Context;
use clap::{Args, ValueEnum};
use proto::registry::v1 as registry;

use crate::connection::Connection;
use crate::failure::BadInput;
use crate::moments::{moment, shown};
use crate::mutation::{Change, name};
use crate::output::{Output, Table, word};

#[derive(Args)]
pub(crate) struct Observe {
    /// Its ODS code, such as A81001
    practice: String,
    /// What was seen
    #[arg(value_enum)]
    state: State,
    /// Who saw it
    #[arg(long, value_enum, default_value = "inspection")]
    source: Source,
    /// The moment it is of (London's time); without it now
    #[arg(long, value_name = "MOMENT")]
    as_at: Option<String>,
    /// The capability; without it prospective records
    #[arg(long, default_value = "")]
    capability: String,
    /// Where the evidence lies
    #[arg(long, default_value = "")]
    evidence: String,
    /// With `partial`: a setting that is wrong, as SETTING=EXPECTED/ACTUAL; once for each
    #[arg(long = "wrong-setting", value_name = "SETTING=EXPECTED/ACTUAL")]
    wrong_settings: Vec<String>,
    #[command(flatten)]
    change: Change,
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    Off,
    On,
    Partial,
    Unknown,
}

#[derive(Clone, Copy, ValueEnum)]
enum Source {
    SupplierConfirmation,
    SupplierList,
    Practice,
    Inspection,
}

pub(crate) async fn run(connection: &Connection, output: Output, observe: Observe) -> anyhow::Result<()> {
    let state = match observe.state {
        State::Off => registry::ObservedState::Off,
        State::On => registry::ObservedState::On,
        State::Partial => registry::ObservedState::Partial,
        State::Unknown => registry::ObservedState::Unknown,
    };
    let source = match observe.source {
        Source::SupplierConfirmation => registry::ObservationSource::SupplierConfirmation,
        Source::SupplierList => registry::ObservationSource::SupplierList,
        Source::Practice => registry::ObservationSource::Practice,
        Source::Inspection => registry::ObservationSource::Inspection,
    };
    let observation = registry::Observation {
        practice: name("practices", &observe.practice),
        capability: observe.capability,
        state: state.into(),
        source: source.into(),
        as_at: observe.as_at.as_deref().map(moment).transpose()?,
        evidence: observe.evidence,
        wrong_settings: observe.wrong_settings.iter().map(|text| wrong_setting(text)).collect::<Result<_, _>>()?,
        ..Default::default()
    };
    let request = registry::RecordObservationRequest {
        observations: vec![observation],
        request_id: observe.change.request_id()?,
        reason_code: observe.change.reason_code.clone(),
        note: observe.change.reason.clone(),
        dry_run: observe.change.dry_run,
        ..Default::default()
    };
    let reply = connection.registry().record_observation(request).await?.into_inner();
    let result = reply.results.first().context("the registry answered about no observation")?;
    output.print("citizens_access.registry.v1.RecordObservationResponse", &reply, || {
        Table::facts([
            ("practice", result.practice.clone()),
            ("observation", word(result.verdict().as_str_name(), "OBSERVATION_VERDICT_")),
            ("receipts final", result.receipts_final.join(", ")),
            ("position", reply.position.to_string()),
        ])
    })
}

fn wrong_setting(text: &str) -> Result<registry::WrongSetting, BadInput> {
    let parts = text.split_once('=').and_then(|(setting, values)| Some((setting, values.split_once('/')?)));
    let Some((setting, (expected, actual))) = parts else {
        return Err(BadInput(format!("{text:?} is no wrong setting: write letters=visible/hidden")));
    };
    let (setting, expected, actual) = (setting.to_owned(), expected.to_owned(), actual.to_owned());
    Ok(registry::WrongSetting { setting, expected, actual })
}

/// What holds, in a word.
pub(crate) fn in_a_word(access: &registry::Access) -> String {
    if access.disputed { "DISPUTED".to_owned() } else { word(access.state().as_str_name(), "OBSERVED_STATE_") }
}

/// What the state rests on, where that is more than its own word; and what was noticed beside it.
pub(crate) fn facts(access: &registry::Access) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let more = access.evidence.len() > 1;
    for said in &access.evidence {
        if more || !said.evidence.is_empty() {
            facts.push(("evidence", in_words(said)));
        }
        for wrong in &said.wrong_settings {
            facts.push(("wrong setting", format!("{}: {} instead of {}", wrong.setting, wrong.actual, wrong.expected)));
        }
    }
    for signal in &access.signals {
        let kind = word(signal.kind().as_str_name(), "SIGNAL_KIND_").to_lowercase();
        facts.push(("signal", format!("{kind} as at {}", shown(signal.as_at.as_ref()))));
    }
    facts
}

fn in_words(said: &registry::Evidence) -> String {
    let source = word(said.source().as_str_name(), "OBSERVATION_SOURCE_").to_lowercase();
    let state = word(said.state().as_str_name(), "OBSERVED_STATE_");
    let mut words = format!("{source} says {state} as at {}", shown(said.as_at.as_ref()));
    if !said.evidence.is_empty() {
        words.push_str(&format!(" ({})", said.evidence));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_read_as_it_is_written() {
        let read = wrong_setting("letters=visible/hidden").unwrap();
        assert_eq!(
            (read.setting.as_str(), read.expected.as_str(), read.actual.as_str()),
            ("letters", "visible", "hidden")
        );
        for text in ["letters", "letters=visible", "letters/visible"] {
            assert!(wrong_setting(text).is_err(), "{text}");
        }
    }
}
