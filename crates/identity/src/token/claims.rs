//! What a token says, once its signature is verified.

use serde_json::Value;

use crate::token::{TokenRefusal, TokenRules};
use crate::{Account, Caller, Organisation, Refusal, Role, Roles, Via};

/// Who a token says its bearer is, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) caller: Caller,
    /// Seconds since 1970 from which it is valid, leeway included.
    pub(crate) from_s: u64,
    /// Seconds since 1970 at which it is no longer, leeway included.
    pub(crate) until_s: u64,
}

impl Claims {
    /// Reads a verified payload and holds it against the rules. Times are checked by [`check_times`](Self::check_times).
    pub(crate) fn read(payload: &[u8], rules: &TokenRules) -> Result<Self, Refusal> {
        let claims = object(payload)?;
        if !is_for(claims.get("aud"), &rules.audience) {
            return Err(TokenRefusal::Audience { audience: rules.audience.clone() }.into());
        }
        let leeway_s = rules.leeway.as_secs();
        let until_s = seconds(&claims, "exp")?.ok_or_else(|| missing("exp"))?.saturating_add(leeway_s);
        let from_s = seconds(&claims, "nbf")?.unwrap_or(0).saturating_sub(leeway_s);
        let subject = claims.get("sub").and_then(Value::as_str);
        let subject = subject.ok_or(TokenRefusal::Claim { claim: "sub", wanted: "an account" })?;
        let account = Account::new(subject)?;
        let caller = Caller { account, roles: roles(&claims)?, organisation: organisation(&claims)?, via: Via::Token };
        Ok(Self { caller, from_s, until_s })
    }

    /// Is it valid at `now_s`?
    pub(crate) fn check_times(&self, now_s: u64) -> Result<(), TokenRefusal> {
        if now_s >= self.until_s {
            return Err(TokenRefusal::Expired { ago_s: now_s - self.until_s });
        }
        if now_s < self.from_s {
            return Err(TokenRefusal::NotYetValid { in_s: self.from_s - now_s });
        }
        Ok(())
    }
}

/// Who issued a token, by its own word: so that we know whose key to verify it with.
pub(crate) fn unverified_issuer(payload: &[u8]) -> Result<String, TokenRefusal> {
    let claims = object(payload)?;
    let issuer = claims.get("iss").and_then(Value::as_str);
    issuer.map(str::to_owned).ok_or(TokenRefusal::Claim { claim: "iss", wanted: "an issuer" })
}

type Object = serde_json::Map<String, Value>;

fn object(payload: &[u8]) -> Result<Object, TokenRefusal> {
    let malformed = jws::TokenError::Malformed("its payload is no JSON object");
    serde_json::from_slice(payload).map_err(|_| malformed.into())
}

fn missing(claim: &'static str) -> TokenRefusal {
    TokenRefusal::Claim { claim, wanted: "a number of seconds since 1970" }
}

/// A NumericDate (RFC 7519, 2), which may have a fraction.
fn seconds(claims: &Object, claim: &'static str) -> Result<Option<u64>, TokenRefusal> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let whole = value.as_u64();
    let of_fraction = || value.as_f64().filter(|seconds| (0.0..=1e15).contains(seconds)).map(|seconds| seconds as u64);
    whole.or_else(of_fraction).map(Some).ok_or_else(|| missing(claim))
}

/// One audience, or a list of them.
fn is_for(claim: Option<&Value>, audience: &str) -> bool {
    match claim {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    }
}

/// The roles, all of which must be ours: a role that is misspelt is not a role less.
fn roles(claims: &Object) -> Result<Roles, Refusal> {
    let wanted = || TokenRefusal::Claim { claim: "roles", wanted: "an array of roles" };
    let names = claims.get("roles").and_then(Value::as_array).ok_or_else(wanted)?;
    let role = |name: &Value| -> Result<Role, Refusal> {
        let name = name.as_str().ok_or_else(wanted)?;
        name.parse().map_err(|role| Refusal::RoleUnknown { role })
    };
    names.iter().map(role).collect()
}

fn organisation(claims: &Object) -> Result<Option<Organisation>, Refusal> {
    let Some(name) = claims.get("organisation") else { return Ok(None) };
    let name = name.as_str().ok_or(TokenRefusal::Claim { claim: "organisation", wanted: "an organisation's name" })?;
    name.parse().map(Some).map_err(|organisation| Refusal::OrganisationUnknown { organisation })
}
