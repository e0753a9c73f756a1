//! What makes a token believable, besides its signature.

use std::time::Duration;

use jws::Algorithm;

/// What this server wants of every token. Each part is named in its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// Whom a token must be for.
    pub audience: String,
    /// The algorithms that are taken; all of them are asymmetric (see [`jws`]).
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be from ours. Small: each second is one more for a token that was withdrawn.
    pub leeway: Duration,
    /// For how long keys are believed that could not be fetched again. A day: an issuer's outage is mended by then, and a
    /// withdrawn key is believed no longer.
    pub keys_stale_max: Duration,
}

impl TokenRules {
    /// Whom tokens are for where nothing is said.
    pub const AUDIENCE_DEFAULT: &'static str = "citizens-access";
    /// RFC 8725, 3.1: named one by one. RS512 is left to those who need it.
    pub const ALGORITHMS_DEFAULT: [Algorithm; 4] =
        [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];
    /// Clocks that are kept by NTP are within a second; this forgives one that was not asked for a while.
    pub const LEEWAY_DEFAULT: Duration = Duration::from_secs(30);
    /// Longest leeway that can be asked for.
    pub const LEEWAY_MAX: Duration = Duration::from_secs(120);
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            audience: Self::AUDIENCE_DEFAULT.to_owned(),
            algorithms: Self::ALGORITHMS_DEFAULT.to_vec(),
            leeway: Self::LEEWAY_DEFAULT,
            keys_stale_max: Duration::from_secs(24 * 60 * 60),
        }
    }
}
