//! Tokens: what anybody may put behind `Bearer`, what an issuer may have signed, and the key sets that issuers publish.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};
use identity::{Algorithm, Authenticate as _, Caller, Credentials, KeySource, TokenRules, Tokens, TrustedIssuer};
use jws::{KeySet, SigningKey};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";

/// An issuer, and a server that believes it.
struct Office {
    key: SigningKey,
    credentials: Credentials,
}

static OFFICE: LazyLock<Office> = LazyLock::new(|| {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key can be made");
    let key = SigningKey::from_pem(pair.serialize_pem().as_bytes(), "one", Algorithm::EdDsa).expect("it signs");
    let set = std::env::temp_dir().join(format!("fuzz-token-{}.json", std::process::id()));
    std::fs::write(&set, json!({"keys": [key.public_jwk()]}).to_string()).expect("a temporary file can be written");
    let issuer = TrustedIssuer { name: ISSUER.to_owned(), keys: KeySource::File(set.clone()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tokens = runtime.block_on(Tokens::open(TokenRules::default(), &[issuer])).expect("its keys are there");
    std::fs::remove_file(set).expect("it was written");
    Office { key, credentials: Credentials { tokens: Some(tokens.into()), ..Credentials::default() } }
});

/// Who bears this; None where it is not believed.
fn bearer(token: &[u8]) -> Option<Caller> {
    let value = HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok()?;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    OFFICE.credentials.authenticate(&headers, &Extensions::new()).ok()
}

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(bearer(bytes), None, "nobody guesses a token");

    // Header, payload and signature as somebody may write them who knows how a token looks.
    let mut parts = bytes.splitn(3, |byte| *byte == 0).map(|part| URL_SAFE_NO_PAD.encode(part));
    let forged = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default).join(".");
    assert_eq!(bearer(forged.as_bytes()), None, "nobody forges a token: {forged}");

    // What the issuer signed is believed or not; who it names is whom we take it for.
    if let Ok(mut claims) = serde_json::from_slice::<Value>(bytes) {
        if let Some(claims) = claims.as_object_mut() {
            claims.insert("iss".to_owned(), ISSUER.into());
        }
        let token = OFFICE.key.sign(&claims).expect("it signs");
        if let Some(caller) = bearer(token.as_bytes()) {
            assert_eq!(claims["sub"].as_str(), Some(caller.account.as_str()), "{claims}");
            let organisation = caller.organisation.map(|organisation| organisation.to_string());
            assert_eq!(claims.get("organisation").and_then(Value::as_str), organisation.as_deref(), "{claims}");
            assert!(claims["aud"].to_string().contains(TokenRules::AUDIENCE_DEFAULT), "{claims}");
        }
    }

    if let Ok(keys) = KeySet::parse(bytes) {
        assert!((1..=KeySet::KEYS_MAX).contains(&keys.ids().count()));
    }
});
