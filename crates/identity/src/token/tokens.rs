//! From the header to the caller.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderValue;
use jws::Token;

use crate::token::cache::{self, Known};
use crate::token::claims::{Claims, unverified_issuer};
use crate::token::key_source::Fetcher;
use crate::token::keys::{Keys, Unknown};
use crate::token::{KeySourceError, KeysState, TokenRefusal, TokenRules, TrustedIssuer};
use crate::{Account, Caller, Refusal};

/// When a client whose key is being fetched is to try again.
const FETCH_RETRY_AFTER: Duration = Duration::from_millis(500);

/// The tokens of the issuers that are believed.
///
/// A token is verified once for each thread and set of keys; after that a call costs a comparison of its header. Accounts of all
/// issuers are one name space: believe an issuer only for accounts that nobody else issues.
#[derive(Debug)]
pub struct Tokens {
    rules: TokenRules,
    issuers: Vec<(String, Keys)>,
    /// Accounts of services, which no token may name.
    reserved: BTreeSet<Account>,
}

impl Tokens {
    /// Fetches the keys of all issuers.
    ///
    /// # Errors
    /// Where those of one cannot be had: a server that starts so would refuse everybody.
    pub async fn open(rules: TokenRules, issuers: &[TrustedIssuer]) -> Result<Self, KeySourceError> {
        let mut opened = Vec::with_capacity(issuers.len());
        for TrustedIssuer { name, keys } in issuers {
            opened.push((name.clone(), Keys::open(Fetcher::new(keys)?, keys.to_string()).await?));
        }
        Ok(Self { rules, issuers: opened, reserved: BTreeSet::new() })
    }

    /// Refuses tokens that name one of these accounts.
    #[must_use]
    pub fn reserving(mut self, accounts: impl Iterator<Item = Account>) -> Self {
        self.reserved.extend(accounts);
        self
    }

    /// Follows the keys of all issuers for ever.
    pub async fn follow(&self) -> std::convert::Infallible {
        join_all(self.issuers.iter().map(|(_, keys)| keys.follow())).await;
        // Where there is no issuer.
        std::future::pending().await
    }

    /// Fetches the keys of all issuers now, as an operator asks for it (SIGHUP).
    pub async fn fetch_now(&self) {
        join_all(self.issuers.iter().map(|(_, keys)| keys.fetch())).await;
    }

    /// How the keys of each issuer stand.
    #[must_use]
    pub fn state(&self) -> Vec<KeysState> {
        self.issuers.iter().map(|(name, keys)| keys.state(name, self.rules.keys_stale_max)).collect()
    }

    /// Who bears the token in this header, at `now_s` seconds since 1970.
    ///
    /// # Errors
    /// Where it is not to be believed, or cannot be judged now.
    pub(crate) fn caller(&self, header: &HeaderValue, now_s: u64) -> Result<Caller, Refusal> {
        let found = cache::find(header, |known| {
            let (_, keys) = self.issuers.get(known.issuer)?;
            if keys.version() != known.keys_version {
                return None;
            }
            let judged = self.check_age(keys, now_s).and_then(|()| known.claims.check_times(now_s));
            Some(judged.map(|()| known.claims.caller.clone()))
        });
        match found {
            Some(judged) => Ok(judged?),
            None => self.verify(header, now_s),
        }
    }

    fn verify(&self, header: &HeaderValue, now_s: u64) -> Result<Caller, Refusal> {
        let text = header.to_str().ok().and_then(bearer).ok_or(TokenRefusal::Scheme)?;
        let token = Token::read(text, &self.rules.algorithms).map_err(TokenRefusal::from)?;
        let named = unverified_issuer(token.unverified_payload())?;
        let known = self.issuers.iter().enumerate().find(|(_, (name, _))| *name == named);
        let Some((place, (_, keys))) = known else { return Err(TokenRefusal::Issuer { issuer: named }.into()) };
        self.check_age(keys, now_s)?;
        // Before the set: a set that comes between has the token verified anew, not the other way round.
        let keys_version = keys.version();
        let id =
            token.key_id().ok_or(jws::TokenError::Malformed("its header has no kid")).map_err(TokenRefusal::from)?;
        let set = keys.set();
        let Some(key) = set.get(id) else { return Err(unknown(keys.want(), id).into()) };
        let claims = Claims::read(token.verify(key).map_err(TokenRefusal::from)?, &self.rules)?;
        claims.check_times(now_s)?;
        let caller = claims.caller.clone();
        if self.reserved.contains(&caller.account) {
            return Err(TokenRefusal::AccountReserved { account: caller.account.to_string() }.into());
        }
        cache::keep(header, Known { claims, issuer: place, keys_version });
        Ok(caller)
    }

    fn check_age(&self, keys: &Keys, now_s: u64) -> Result<(), TokenRefusal> {
        let age_s = keys.age_s(now_s);
        if age_s > self.rules.keys_stale_max.as_secs() { Err(TokenRefusal::KeysStale { age_s }) } else { Ok(()) }
    }
}

fn unknown(unknown: Unknown, id: &str) -> TokenRefusal {
    match unknown {
        Unknown::Fetching => TokenRefusal::KeyBeingFetched { retry_after: FETCH_RETRY_AFTER },
        Unknown::Absent => TokenRefusal::Key { key: id.chars().take(64).collect() },
    }
}

/// The token behind `Bearer`, whose letters' case does not matter (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}
