//! Resource names, from the wire and to it. `ods` and `rollout` print them; here they are read.

use std::fmt::Display;
use std::str::FromStr;

use api::Error;
use ods::{PracticeCode, Supplier};
use rollout::{HoldId, PlanVersion, ProgrammeId, WaveId, WaveRef};

/// The waves of a programme: one, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waves {
    pub(crate) programme: ProgrammeId,
    /// None where all are meant.
    pub(crate) wave: Option<WaveId>,
}

/// `programmes/spring`.
pub(crate) fn programme(path: &str, name: &str) -> Result<ProgrammeId, Error> {
    let id = api::validate::resource_id(path, name, "programmes")?;
    programme_id(path, id)
}

/// `spring`.
pub(crate) fn programme_id(path: &str, id: &str) -> Result<ProgrammeId, Error> {
    ProgrammeId::new(id).map_err(|error| unfit(path, &error))
}

/// `programmes/spring/waves/3`.
pub(crate) fn wave(path: &str, name: &str) -> Result<WaveRef, Error> {
    match waves(path, name)? {
        Waves { programme, wave: Some(wave) } => Ok(WaveRef { programme, wave }),
        Waves { .. } => Err(malformed(path, name, "programmes/ID/waves/NUMBER")),
    }
}

/// `programmes/spring/waves/3`, or `programmes/spring/waves/-`.
pub(crate) fn waves(path: &str, name: &str) -> Result<Waves, Error> {
    let shape = "programmes/ID/waves/NUMBER";
    let parts: Vec<&str> = name.split('/').collect();
    let ["programmes", id, "waves", number] = parts[..] else { return Err(malformed(path, name, shape)) };
    let programme = programme_id(path, id)?;
    if number == "-" {
        return Ok(Waves { programme, wave: None });
    }
    let number = whole(number).ok_or_else(|| malformed(path, name, shape))?;
    Ok(Waves { programme, wave: Some(WaveId(number)) })
}

/// `programmes/spring/plans/2`.
pub(crate) fn plan(path: &str, name: &str) -> Result<(ProgrammeId, PlanVersion), Error> {
    let shape = "programmes/ID/plans/NUMBER";
    let parts: Vec<&str> = name.split('/').collect();
    let ["programmes", id, "plans", number] = parts[..] else { return Err(malformed(path, name, shape)) };
    let version = whole(number).ok_or_else(|| malformed(path, name, shape))?;
    Ok((programme_id(path, id)?, PlanVersion(version)))
}

/// `programmes/spring/waves/3/enrolments/A81001`.
pub(crate) fn enrolment(path: &str, name: &str) -> Result<(WaveRef, PracticeCode), Error> {
    let Some((of, code)) = name.split_once("/enrolments/") else {
        return Err(malformed(path, name, "programmes/ID/waves/NUMBER/enrolments/CODE"));
    };
    Ok((wave(path, of)?, code_of(path, code)?))
}

/// `holds/7`.
pub(crate) fn hold(path: &str, name: &str) -> Result<HoldId, Error> {
    let number = api::validate::resource_id(path, name, "holds")?;
    whole(number).map(HoldId).ok_or_else(|| malformed(path, name, "holds/NUMBER"))
}

/// `practices/A81001`.
pub(crate) fn practice(path: &str, name: &str) -> Result<PracticeCode, Error> {
    code_of(path, api::validate::resource_id(path, name, "practices")?)
}

/// `suppliers/EMIS`.
pub(crate) fn supplier(path: &str, name: &str) -> Result<Supplier, Error> {
    code_of(path, api::validate::resource_id(path, name, "suppliers")?)
}

/// A code or name of `ods`, given alone.
pub(crate) fn code_of<T>(path: &str, code: &str) -> Result<T, Error>
where
    T: FromStr,
    T::Err: Display,
{
    code.parse().map_err(|error: T::Err| unfit(path, &error))
}

/// A number as names have them: without sign and leading zeros, so that each thing has one name.
fn whole(text: &str) -> Option<u32> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn malformed(path: &str, name: &str, shape: &'static str) -> Error {
    Error::invalid(path, "RESOURCE_NAME_INVALID", "{field} is `{value}`; it must be like {shape}")
        .with("value", name)
        .with("shape", shape)
}

fn unfit(path: &str, problem: &dyn Display) -> Error {
    Error::invalid(path, "RESOURCE_NAME_INVALID", "{field}: {problem}").with("problem", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_print() {
        for name in ["programmes/spring/waves/3", "programmes/a-1/waves/4000000000"] {
            assert_eq!(wave("wave", name).unwrap().to_string(), name);
        }
        let (of, practice) = enrolment("name", "programmes/spring/waves/3/enrolments/A81001").unwrap();
        assert_eq!((of.to_string().as_str(), practice.as_str()), ("programmes/spring/waves/3", "A81001"));
        assert_eq!(hold("name", "holds/7").unwrap(), HoldId(7));
        assert_eq!(plan("name", "programmes/spring/plans/2").unwrap().1, PlanVersion(2));
        assert_eq!(waves("parent", "programmes/spring/waves/-").unwrap().wave, None);
    }

    #[test]
    fn what_is_no_name_says_which_field_it_is_in() {
        let bad = [
            "",
            "programmes/spring",
            "programmes/spring/waves/x",
            "programmes/spring/waves/03",
            "programmes/Spring/waves/3",
        ];
        for name in bad.into_iter().chain(["programmes/spring/waves/-", "programmes/spring/waves/3/enrolments/A81001"])
        {
            let error = wave("wave", name).unwrap_err();
            assert!(error.to_string().starts_with("wave"), "{name}: {error}");
        }
    }
}
