//! Tokens of every algorithm, and every way to forge one that is known by name.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jws::{Algorithm, KeyError, KeySet, KeySetError, SigningKey, Token, TokenError};
use serde_json::{Value, json};

/// Made for these tests alone; it opens nothing.
const RSA: &[u8] = include_bytes!("rsa-for-tests.pem");

fn key(algorithm: Algorithm, id: &str) -> SigningKey {
    let generated = match algorithm {
        Algorithm::Rs256 | Algorithm::Rs512 | Algorithm::Ps256 => {
            return SigningKey::from_pem(RSA, id, algorithm).expect("what a test stands on is in order");
        }
        Algorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        Algorithm::EdDsa => &rcgen::PKCS_ED25519,
    };
    let pem = rcgen::KeyPair::generate_for(generated).expect("what a test stands on is in order").serialize_pem();
    SigningKey::from_pem(pem.as_bytes(), id, algorithm).expect("what a test stands on is in order")
}

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes())
}

fn verified(text: &str, keys: &KeySet, allowed: &[Algorithm]) -> Result<Value, TokenError> {
    let token = Token::read(text, allowed)?;
    let key = keys
        .get(token.key_id().expect("what a test stands on is in order"))
        .expect("what a test stands on is in order");
    Ok(serde_json::from_slice(token.verify(key)?).expect("what a test stands on is in order"))
}

#[test]
fn a_token_of_each_algorithm_is_verified_by_its_public_key_and_by_no_other() {
    for algorithm in Algorithm::ALL {
        let (key, other) = (key(algorithm, "one"), key(Algorithm::EdDsa, "one"));
        let claims = json!({"sub": "amira", "exp": 1});
        let token = key.sign(&claims).unwrap();
        let keys = set(&[key.public_jwk()]).unwrap();
        assert_eq!(verified(&token, &keys, &Algorithm::ALL), Ok(claims), "{algorithm}");
        let of_another = set(&[other.public_jwk()]).unwrap();
        assert!(verified(&token, &of_another, &Algorithm::ALL).is_err(), "{algorithm}");
        // One letter of what was signed.
        let (head, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let forged = format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"sub":"amirb","exp":1}"#));
        assert_eq!(verified(&forged, &keys, &Algorithm::ALL), Err(TokenError::Signature), "{algorithm}");
    }
}

#[test]
fn no_token_is_taken_without_a_signature_or_by_a_shared_secret() {
    // HS256 with the public key as its secret: what a verifier falls for that asks the header how to verify.
    for algorithm in ["none", "None", "HS256", "HS384", "HS512", "", "RS1"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "kid": "one"}).to_string());
        let text = format!("{header}.{}.", URL_SAFE_NO_PAD.encode(r#"{"sub":"amira"}"#));
        let refused = Token::read(&text, &Algorithm::ALL).unwrap_err();
        assert_eq!(refused, TokenError::Algorithm { algorithm: algorithm.to_owned() });
    }
}

#[test]
fn the_key_says_how_a_token_is_verified_and_the_header_only_agrees() {
    let rs256 = key(Algorithm::Rs256, "one");
    let keys = set(&[rs256.public_jwk()]).unwrap();
    // The same pair of keys, another algorithm.
    let token = key(Algorithm::Ps256, "one").sign(&json!({})).unwrap();
    assert_eq!(verified(&token, &keys, &Algorithm::ALL), Err(TokenError::OtherAlgorithm { algorithm: "PS256" }));
    let token = key(Algorithm::Es256, "one").sign(&json!({})).unwrap();
    assert_eq!(verified(&token, &keys, &Algorithm::ALL), Err(TokenError::OtherAlgorithm { algorithm: "ES256" }));
    // Taken in general, and not here.
    let token = rs256.sign(&json!({})).unwrap();
    let refused = verified(&token, &keys, &[Algorithm::Es256]).unwrap_err();
    assert_eq!(refused, TokenError::Algorithm { algorithm: "RS256".to_owned() });
}

#[test]
fn what_is_no_token_is_refused() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"one"}"#);
    let critical = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","crit":["exp"]}"#);
    for text in [
        "",
        "a",
        "a.b",
        "....",
        &format!("{header}.!.x"),
        "e30.e30.e30",
        &"x".repeat(Token::BYTES_MAX + 1),
        &format!("{critical}.e30.e30"),
    ] {
        assert!(matches!(Token::read(text, &Algorithm::ALL), Err(TokenError::Malformed(_))), "{text}");
    }
}

#[test]
fn a_set_is_read_but_for_what_verifies_no_token() {
    let good = key(Algorithm::Es256, "good").public_jwk();
    let mut for_encryption = key(Algorithm::Es256, "enc").public_jwk();
    for_encryption["use"] = json!("enc");
    let mut nameless = key(Algorithm::Es256, "x").public_jwk();
    nameless.as_object_mut().unwrap().remove("kid");
    let mut contradictory = key(Algorithm::Es256, "contradictory").public_jwk();
    contradictory["alg"] = json!("RS256");
    let shared = json!({"kty": "oct", "kid": "shared", "k": "c2VjcmV0"});
    let short = json!({"kty": "RSA", "kid": "short", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB"});
    let others = [for_encryption, nameless, contradictory, shared, short];
    let keys = set(&[others.as_slice(), std::slice::from_ref(&good)].concat()).unwrap();
    assert_eq!(keys.ids().collect::<Vec<_>>(), ["good"]);
    assert_eq!(set(&others), Err(KeySetError::Empty { count: 5 }));
    assert!(matches!(set(&[good.clone(), good.clone()]), Err(KeySetError::Malformed(_))));
    let mut private = good.clone();
    private["d"] = json!("AAAA");
    assert_eq!(set(&[private]), Err(KeySetError::Private));
    assert_eq!(set(&vec![good; 65]), Err(KeySetError::TooMany { count: 65, count_max: 64 }));
    assert!(matches!(KeySet::parse(b"[]"), Err(KeySetError::Malformed(_))));
}

#[test]
fn a_private_key_is_printed_nowhere_and_fits_its_algorithm() {
    let key = key(Algorithm::Rs512, "one");
    assert_eq!(format!("{key:?}"), "SigningKey(one by RS512, …)");
    assert_eq!(SigningKey::from_pem(b"nothing", "one", Algorithm::Es256).unwrap_err(), KeyError::Pem);
    assert!(matches!(SigningKey::from_pem(RSA, "one", Algorithm::Es256), Err(KeyError::Unfit { .. })));
}
