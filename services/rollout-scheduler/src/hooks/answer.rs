//! What a hook says, read from the body of its answer.

use api::validate;
use rollout::state::Verdict;
use serde::Deserialize;

/// What a hook says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HookSays {
    pub(crate) verdict: Verdict,
    pub(crate) reason_code: String,
}

/// The body is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It is no JSON object. Of a list the fields would be read by their order.
    #[error("it is no JSON object")]
    NoObject,
    /// See `docs/operations/gate-hooks.md`.
    #[error("it is not a verdict and a reason_code")]
    Unreadable(#[from] serde_json::Error),
    /// See there.
    #[error("its verdict is none of PASS, FAIL, INCONCLUSIVE")]
    Verdict,
    /// Its reason has no reason's form, or holds what must not be kept.
    #[error("its reason_code is none")]
    Reason(#[from] api::Error),
}

/// What it may answer. A field that is not known is an error: a hook that says more than is understood must not pass.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    verdict: String,
    reason_code: String,
}

/// Reads the body of an answer.
pub(crate) fn read(body: &[u8]) -> Result<HookSays, NoAnswer> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(NoAnswer::NoObject);
    }
    let Answer { verdict, reason_code } = serde_json::from_slice(body)?;
    validate::required("reason_code", &reason_code)?;
    validate::reason_code("reason_code", &reason_code)?;
    let verdict = match verdict.as_str() {
        "PASS" => Verdict::Pass,
        "FAIL" => Verdict::Fail,
        "INCONCLUSIVE" => Verdict::Inconclusive,
        _ => return Err(NoAnswer::Verdict),
    };
    Ok(HookSays { verdict, reason_code })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Valid by its check digit, and nobody's.
    const NUMBER: &str = "9990000069";

    #[test]
    fn what_looks_like_an_answer_is_none() {
        assert!(read(br#" {"verdict":"PASS","reason_code":"SEEN"}"#).is_ok());
        assert!(matches!(read(br#" ["PASS","SEEN"]"#), Err(NoAnswer::NoObject)));
        assert!(matches!(read(br#"{"verdict":{"PASS":null},"reason_code":"SEEN"}"#), Err(NoAnswer::Unreadable(_))));
        assert!(matches!(read(br#"{"verdict":"pass","reason_code":"SEEN"}"#), Err(NoAnswer::Verdict)));
    }

    #[test]
    fn rule_16_what_is_logged_of_an_answer_tells_no_nhs_number_that_is_in_it() {
        for body in [
            format!(r#"{{"verdict":"PASS","reason_code":"{NUMBER}"}}"#),
            r#"{"verdict":"PASS","reason_code":"SEEN-999-000-0069"}"#.to_owned(),
            format!(r#"{{"verdict":"{NUMBER}","reason_code":"SEEN"}}"#),
            format!(r#"{{"verdict":"PASS","reason_code":"SEEN","{NUMBER}":1}}"#),
            format!(r#"{{"verdict":{NUMBER},"reason_code":"SEEN"}}"#),
            format!(r#""{NUMBER}""#),
            NUMBER.to_owned(),
        ] {
            let logged = telemetry::chain(&read(body.as_bytes()).unwrap_err());
            assert!(!api::nhs_number::contains(&logged), "{body}: {logged}");
        }
    }
}
