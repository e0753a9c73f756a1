//! A key that signs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::{Algorithm, KeyError};

/// A private key with the algorithm it signs by and the id of its public half. It is printed nowhere.
pub struct SigningKey {
    id: String,
    algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} by {}, …)", self.id, self.algorithm)
    }
}

impl SigningKey {
    /// The first private key in `pem` (PKCS #8, or PKCS #1 for RSA), to sign by `algorithm`; `id` is its `kid`.
    ///
    /// # Errors
    /// Where there is none, or none for that algorithm.
    pub fn from_pem(pem: &[u8], id: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Pem)?;
        let unfit = |problem: String| KeyError::Unfit { algorithm: algorithm.name(), problem };
        let pair = match (algorithm, &der) {
            (Algorithm::Rs256 | Algorithm::Rs512 | Algorithm::Ps256, PrivateKeyDer::Pkcs8(key)) => {
                RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map(Pair::Rsa)
            }
            (Algorithm::Rs256 | Algorithm::Rs512 | Algorithm::Ps256, PrivateKeyDer::Pkcs1(key)) => {
                RsaKeyPair::from_der(key.secret_pkcs1_der()).map(Pair::Rsa)
            }
            (Algorithm::Es256, PrivateKeyDer::Pkcs8(key)) => {
                let (by, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
                EcdsaKeyPair::from_pkcs8(by, key.secret_pkcs8_der(), &chance).map(Pair::P256)
            }
            (Algorithm::EdDsa, PrivateKeyDer::Pkcs8(key)) => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()).map(Pair::Ed25519)
            }
            _ => {
                return Err(unfit(
                    "it is of another kind; `openssl pkcs8 -topk8 -nodes` makes PKCS #8 of it".to_owned(),
                ));
            }
        };
        Ok(Self { id: id.to_owned(), algorithm, pair: pair.map_err(|error| unfit(error.to_string()))? })
    }

    /// Its `kid`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The token that says `claims`.
    ///
    /// # Errors
    /// Where the machine gives no random numbers.
    pub fn sign(&self, claims: &Value) -> Result<String, KeyError> {
        let header = json!({"alg": self.algorithm.name(), "kid": self.id, "typ": "JWT"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.signature(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let chance = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let by: &'static dyn RsaEncoding = match self.algorithm {
                    Algorithm::Rs512 => &RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(by, &chance, message, &mut signature).map_err(|_| KeyError::Chance)?;
                Ok(signature)
            }
            Pair::P256(pair) => Ok(pair.sign(&chance, message).map_err(|_| KeyError::Chance)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public half, as a member of a key set.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (id, algorithm) = (&self.id, self.algorithm.name());
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": id, "alg": algorithm, "use": "sig", "n": encode(&public.n), "e": encode(&public.e)})
            }
            Pair::P256(pair) => {
                // Uncompressed: 4, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "alg": algorithm, "use": "sig", "x": encode(x), "y": encode(y)})
            }
            Pair::Ed25519(pair) => {
                let x = encode(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "alg": algorithm, "use": "sig", "x": x})
            }
        }
    }
}
