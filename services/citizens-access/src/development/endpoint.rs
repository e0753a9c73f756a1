//! A token endpoint for systems: an assertion in, a token out (RFC 6749, 4.4; RFC 7523), by the rules of NHS England's API platform
//! for application-restricted interfaces.

use std::collections::BTreeMap;
use std::time::Duration;

use identity::{Algorithm, Caller};
use jws::{KeySet, Token};
use serde_json::Value;

use super::issuer::DevelopmentIssuer;
use super::replays::{Replays, Seen};

/// An assertion that lives longer is refused.
const ASSERTION_LIFE_MAX_S: u64 = 5 * 60;
/// For how long a token is good.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);

const GRANT: &str = "client_credentials";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A system that may ask for tokens.
#[derive(Debug)]
pub(crate) struct Client {
    /// Whom its tokens name.
    pub(crate) caller: Caller,
    /// Its public keys.
    pub(crate) keys: KeySet,
}

/// The endpoint at one address.
#[derive(Debug)]
pub(crate) struct TokenEndpoint {
    /// Its own address: the audience of every assertion.
    pub(crate) address: String,
    /// By their ids.
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) issuer: DevelopmentIssuer,
    /// Whom its tokens are for.
    pub(crate) audience: String,
    pub(crate) replays: Replays,
}

/// No token: a word of RFC 6749, 5.2, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) error: &'static str,
    pub(crate) description: String,
}

impl TokenEndpoint {
    /// The token for what a form of `name=value` pairs asks.
    pub(crate) fn answer(&mut self, form: &BTreeMap<String, String>, now_s: u64) -> Result<String, Refused> {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        if field("grant_type") != GRANT {
            return Err(refused("unsupported_grant_type", format!("grant_type must be {GRANT}")));
        }
        if field("client_assertion_type") != ASSERTION_TYPE {
            return Err(refused("invalid_request", format!("client_assertion_type must be {ASSERTION_TYPE}")));
        }
        let id = self.client(field("client_assertion"), now_s)?;
        let client = &self.clients[&id];
        let token = self.issuer.token_of(&client.caller, &self.audience, TOKEN_LIFE);
        token.map_err(|error| refused("server_error", error.to_string()))
    }

    /// The client that an assertion proves.
    fn client(&mut self, assertion: &str, now_s: u64) -> Result<String, Refused> {
        let invalid = |problem: String| refused("invalid_client", format!("the assertion {problem}"));
        let token =
            Token::read(assertion, &Algorithm::ALL).map_err(|error| invalid(format!("is no token: {error}")))?;
        let unverified = payload(token.unverified_payload()).ok_or_else(|| invalid("holds no JSON".to_owned()))?;
        let id = text(&unverified, "iss").to_owned();
        let client = self.clients.get(&id).ok_or_else(|| invalid("is of no client that is known (iss)".to_owned()))?;
        let key = token.key_id().and_then(|key| client.keys.get(key));
        let key = key.ok_or_else(|| invalid("is signed by no key of that client (kid)".to_owned()))?;
        let claims = token.verify(key).map_err(|error| invalid(format!("is not believed: {error}")))?;
        let claims = payload(claims).ok_or_else(|| invalid("holds no JSON".to_owned()))?;
        if text(&claims, "sub") != id {
            return Err(invalid("names another subject than issuer (sub)".to_owned()));
        }
        if text(&claims, "aud") != self.address {
            return Err(invalid(format!("is for another audience (aud); it must be {}", self.address)));
        }
        let until_s = claims.get("exp").and_then(Value::as_u64);
        let until_s = until_s.ok_or_else(|| invalid("has no expiry (exp)".to_owned()))?;
        if until_s <= now_s {
            return Err(invalid(format!("expired {} s ago (exp)", now_s - until_s)));
        }
        if until_s - now_s > ASSERTION_LIFE_MAX_S {
            return Err(invalid(format!("lives longer than {ASSERTION_LIFE_MAX_S} s (exp)")));
        }
        let jti = text(&claims, "jti");
        if jti.is_empty() || jti.len() > 128 {
            return Err(invalid("has no id of 1 to 128 bytes (jti)".to_owned()));
        }
        match self.replays.note(&id, jti, until_s, now_s) {
            Seen::New => Ok(id),
            Seen::Before => Err(invalid("was used before (jti)".to_owned())),
            Seen::Full => Err(refused("temporarily_unavailable", "too many assertions are remembered".to_owned())),
        }
    }
}

fn payload(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok().filter(Value::is_object)
}

fn text<'a>(claims: &'a Value, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn refused(error: &'static str, description: String) -> Refused {
    Refused { error, description }
}

#[cfg(test)]
mod tests {
    use jws::SigningKey;
    use serde_json::json;

    use super::*;

    const ADDRESS: &str = "http://127.0.0.1:8300/token";
    const NOW_S: u64 = 2_000_000_000;

    struct Bench {
        _folder: tempfile::TempDir,
        endpoint: TokenEndpoint,
        key: SigningKey,
    }

    fn key() -> SigningKey {
        let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
        SigningKey::from_pem(pem.as_bytes(), "one", Algorithm::Es256).unwrap()
    }

    fn bench() -> Bench {
        let (folder, key) = (tempfile::tempdir().unwrap(), key());
        let keys = KeySet::parse(json!({"keys": [key.public_jwk()]}).to_string().as_bytes()).unwrap();
        let client = Client { caller: Caller::named("nhs-app;roles=service").unwrap(), keys };
        let endpoint = TokenEndpoint {
            address: ADDRESS.to_owned(),
            clients: BTreeMap::from([("app".to_owned(), client)]),
            issuer: DevelopmentIssuer::open_or_make(folder.path()).unwrap(),
            audience: "citizens-access".to_owned(),
            replays: Replays::default(),
        };
        Bench { _folder: folder, endpoint, key }
    }

    /// A good assertion with `changes`.
    fn claims(changes: &Value) -> Value {
        let mut claims = json!({"iss": "app", "sub": "app", "aud": ADDRESS, "jti": "1", "exp": NOW_S + 300});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn form(assertion: &str) -> BTreeMap<String, String> {
        let fields =
            [("grant_type", GRANT), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_good_assertion_gives_a_token_and_only_once() {
        let Bench { _folder, mut endpoint, key } = bench();
        let assertion = key.sign(&claims(&json!({}))).unwrap();
        let token = endpoint.answer(&form(&assertion), NOW_S).unwrap();
        let said = Token::read(&token, &Algorithm::ALL).unwrap();
        let said = payload(said.unverified_payload()).unwrap();
        assert_eq!((said["sub"].as_str(), said["roles"][0].as_str()), (Some("nhs-app"), Some("service")));
        let again = endpoint.answer(&form(&assertion), NOW_S + 1).unwrap_err();
        assert!(again.description.contains("used before"), "{again:?}");
        let next = key.sign(&claims(&json!({"jti": "2"}))).unwrap();
        assert!(endpoint.answer(&form(&next), NOW_S + 1).is_ok());
    }

    #[test]
    fn an_assertion_that_is_not_in_order_gives_none() {
        let Bench { _folder, mut endpoint, key: own } = bench();
        for (changes, said) in [
            (json!({"aud": "http://127.0.0.1:8300/"}), "another audience"),
            (json!({"aud": [ADDRESS]}), "another audience"),
            (json!({"exp": NOW_S}), "expired 0 s ago"),
            (json!({"exp": NOW_S - 60}), "expired 60 s ago"),
            (json!({"exp": NOW_S + 301}), "lives longer"),
            (json!({"exp": "soon"}), "no expiry"),
            (json!({"jti": ""}), "no id"),
            (json!({"sub": "other"}), "another subject"),
            (json!({"iss": "other"}), "no client"),
        ] {
            let refused = endpoint.answer(&form(&own.sign(&claims(&changes)).unwrap()), NOW_S).unwrap_err();
            assert!(refused.error == "invalid_client" && refused.description.contains(said), "{changes}: {refused:?}");
        }
        let forged = key().sign(&claims(&json!({}))).unwrap();
        let refused = endpoint.answer(&form(&forged), NOW_S).unwrap_err();
        assert!(refused.description.contains("signature is wrong"), "{refused:?}");
        let mut other_grant = form(&forged);
        other_grant.insert("grant_type".to_owned(), "password".to_owned());
        assert_eq!(endpoint.answer(&other_grant, NOW_S).unwrap_err().error, "unsupported_grant_type");
        assert_eq!(
            endpoint.answer(&BTreeMap::from([("grant_type".to_owned(), GRANT.to_owned())]), NOW_S).unwrap_err().error,
            "invalid_request"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_when_it_expires() {
        let mut replays = Replays::default();
        for id in 0..10_000 {
            assert_eq!(replays.note("app", &id.to_string(), NOW_S + 1, NOW_S), Seen::New);
        }
        assert_eq!(replays.note("app", "more", NOW_S + 1, NOW_S), Seen::Full);
        assert_eq!(replays.note("app", "more", NOW_S + 9, NOW_S + 2), Seen::New);
    }
}
