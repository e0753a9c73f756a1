//! Which interface of the directory's publisher the registry follows: the options of `serve` about it.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use ods_api::{ApiConfig, ApiKey, BaseUrl};
use practice_registry::{SyncConfig, SyncSource};

/// The key itself, where no file holds it. It is no option: whoever lists processes would read it.
const KEY_VARIABLE: &str = "CITIZENS_ACCESS_ODS_API_KEY";

#[derive(Args, Clone, Debug)]
pub(crate) struct OdsArguments {
    /// Keep the directory in step with this interface of the Organisation Data Service; without it, only files change
    /// it
    #[arg(long, env = "CITIZENS_ACCESS_ODS_SYNC", value_enum, value_name = "INTERFACE")]
    ods_sync: Option<Interface>,
    /// Where the interface is, where not at the publisher's own address
    #[arg(long, env = "CITIZENS_ACCESS_ODS_URL", value_name = "URL", requires = "ods_sync")]
    ods_url: Option<BaseUrl>,
    /// A file that holds the key for the interface; or set CITIZENS_ACCESS_ODS_API_KEY
    #[arg(long, env = "CITIZENS_ACCESS_ODS_API_KEY_FILE", value_name = "FILE", requires = "ods_sync")]
    ods_api_key_file: Option<PathBuf>,
    /// How often: 24h, 90m; never = only by `accessctl directory sync`
    #[arg(long, env = "CITIZENS_ACCESS_ODS_EVERY", value_name = "TIME", default_value = "24h")]
    ods_every: Every,
    /// How long after a failure it is tried again
    #[arg(long, value_name = "TIME", default_value = "1h")]
    ods_retry_after: SignedDuration,
    /// Requests a second at most; the publisher wants fewer than five
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    ods_requests_per_second: u32,
}

/// The publisher's interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Interface {
    /// Organisation Data Terminology, FHIR R4; wants a key
    Fhir,
    /// ORD 2-0-0
    Ord,
}

impl Interface {
    fn source(self) -> SyncSource {
        match self {
            Self::Fhir => SyncSource::Fhir,
            Self::Ord => SyncSource::Ord,
        }
    }

    /// The publisher's own address.
    fn address(self) -> &'static str {
        match self {
            Self::Fhir => "https://api.service.nhs.uk/organisation-data-terminology-api/fhir",
            Self::Ord => "https://directory.spineservices.nhs.uk/ORD/2-0-0",
        }
    }
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Every(Option<SignedDuration>);

impl std::str::FromStr for Every {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text == "never" {
            return Ok(Self(None));
        }
        let every: SignedDuration =
            text.parse().with_context(|| format!("{text:?} is no time, such as 24h, nor never"))?;
        // Oftener, a day of changes would be read again and again for the few that are new.
        ensure!(every >= SignedDuration::from_mins(10), "{text} is too often: ten minutes at least");
        Ok(Self(Some(every)))
    }
}

impl OdsArguments {
    /// What the registry of `replica` follows; None where it follows nothing.
    pub(crate) fn config(&self, replica: &str) -> anyhow::Result<Option<SyncConfig>> {
        let Some(interface) = self.ods_sync else { return Ok(None) };
        let base = match &self.ods_url {
            Some(base) => base.clone(),
            None => interface.address().parse()?,
        };
        let api =
            ApiConfig { key: self.key()?, requests_per_second: self.ods_requests_per_second, ..ApiConfig::new(base) };
        ensure!(self.ods_retry_after > SignedDuration::ZERO, "--ods-retry-after must be a time above nought");
        let config = SyncConfig {
            every: self.ods_every.0,
            retry_after: self.ods_retry_after,
            ..SyncConfig::new(interface.source(), api, replica.to_owned())
        };
        config.check()?;
        Ok(Some(config))
    }

    /// Is anything to be followed?
    pub(crate) fn is_given(&self) -> bool {
        self.ods_sync.is_some()
    }

    /// In words; without the key.
    pub(crate) fn in_words(&self, config: &SyncConfig) -> String {
        let key = match (&config.api.key, &self.ods_api_key_file) {
            (None, _) => "without a key".to_owned(),
            (Some(_), Some(file)) => format!("with the key in {}", file.display()),
            (Some(_), None) => format!("with the key in {KEY_VARIABLE}"),
        };
        let every = config.every.map_or_else(|| "only when asked".to_owned(), |every| format!("every {every:#}"));
        format!("the directory follows {}, {key}, {every}", config.api.base)
    }

    fn key(&self) -> anyhow::Result<Option<ApiKey>> {
        if let Some(file) = &self.ods_api_key_file {
            return Ok(Some(ApiKey::from_file(file)?));
        }
        match std::env::var(KEY_VARIABLE) {
            Ok(key) => Ok(Some(ApiKey::new(&key, KEY_VARIABLE)?)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => anyhow::bail!("{KEY_VARIABLE} is no text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_is_a_time_of_ten_minutes_or_more_or_never() {
        assert_eq!("never".parse::<Every>().unwrap(), Every(None));
        assert_eq!("24h".parse::<Every>().unwrap(), Every(Some(SignedDuration::from_hours(24))));
        for bad in ["", "0s", "-1h", "9m", "daily"] {
            assert!(bad.parse::<Every>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_publishers_own_addresses_can_be_asked() {
        for interface in [Interface::Fhir, Interface::Ord] {
            interface.address().parse::<BaseUrl>().unwrap();
        }
    }
}
