//! Concerns.

use api::Error;
use proto::scheduler::v1 as wire;
use rollout::state::{Concern, ConcernAbout, Severity};

use super::{moment, name};

pub(crate) fn severity_from_wire(severity: wire::ConcernSeverity) -> Result<Severity, Error> {
    Ok(match severity {
        wire::ConcernSeverity::Unspecified => {
            return Err(Error::invalid("severity", "FIELD_REQUIRED", "{field} is required"));
        }
        wire::ConcernSeverity::Minor => Severity::Minor,
        wire::ConcernSeverity::Significant => Severity::Significant,
        wire::ConcernSeverity::Considerable => Severity::Considerable,
        wire::ConcernSeverity::Major => Severity::Major,
        wire::ConcernSeverity::Catastrophic => Severity::Catastrophic,
    })
}

/// A severity by its word in a document: `major`.
pub(crate) fn severity_of_word(field: &str, word: &str) -> Result<Severity, Error> {
    let found = Severity::ALL.into_iter().find(|severity| severity.as_str() == word);
    found.ok_or_else(|| {
        let words = Severity::ALL.map(Severity::as_str).join(", ");
        Error::invalid(field, "SEVERITY_UNKNOWN", "{field}: {given} is none of {words}")
            .with("given", word)
            .with("words", words)
    })
}

fn severity_to_wire(severity: Severity) -> wire::ConcernSeverity {
    match severity {
        Severity::Minor => wire::ConcernSeverity::Minor,
        Severity::Significant => wire::ConcernSeverity::Significant,
        Severity::Considerable => wire::ConcernSeverity::Considerable,
        Severity::Major => wire::ConcernSeverity::Major,
        Severity::Catastrophic => wire::ConcernSeverity::Catastrophic,
    }
}

pub(crate) fn about_from_wire(about: Option<&wire::report_concern_request::About>) -> Result<ConcernAbout, Error> {
    use wire::report_concern_request::About;
    match about {
        Some(About::Wave(wave)) => Ok(ConcernAbout::Wave(name::wave("wave", wave)?)),
        Some(About::Practice(practice)) => Ok(ConcernAbout::Practice(name::practice("practice", practice)?)),
        None => Err(Error::invalid("about", "FIELD_REQUIRED", "{field} is required: a wave or a practice")),
    }
}

pub(crate) fn concern_to_wire(concern: &Concern) -> wire::Concern {
    wire::Concern {
        name: concern.id.to_string(),
        severity: severity_to_wire(concern.severity).into(),
        about: match &concern.about {
            ConcernAbout::Wave(wave) => wave.to_string(),
            ConcernAbout::Practice(practice) => format!("practices/{practice}"),
        },
        waves: concern.waves.iter().map(ToString::to_string).collect(),
        reason_code: concern.reason_code.clone(),
        reported_by: concern.reported_by.to_string(),
        reported_at: Some(moment(concern.reported_at)),
    }
}
