//! What can be wrong with tokens, keys and sets of keys.

/// A token is not what it must be. No variant repeats the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("it is no compact JSON Web Signature: {0}")]
    Malformed(&'static str),
    /// Its algorithm is unknown, or is not taken here.
    #[error("it is signed by `{algorithm}`, which is not taken")]
    Algorithm {
        /// What its header says, cut to what a name can be.
        algorithm: String,
    },
    /// The key is for another algorithm than its header says.
    #[error("it says `{algorithm}`, and its key is for another")]
    OtherAlgorithm {
        /// What its header says.
        algorithm: &'static str,
    },
    /// The key did not sign it.
    #[error("its signature is wrong")]
    Signature,
}

/// A private key cannot be used. It is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no private key.
    #[error("it holds no private key in PEM")]
    Pem,
    /// The key is of another kind than the algorithm takes, or too short.
    #[error("its key cannot sign {algorithm}: {problem}")]
    Unfit {
        /// The name of the algorithm.
        algorithm: &'static str,
        /// What ring says.
        problem: String,
    },
    /// The machine gives no chance.
    #[error("the machine gives no random numbers")]
    Chance,
}

/// A set of keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is no JSON Web Key Set.
    #[error("it is no JSON Web Key Set: {0}")]
    Malformed(String),
    /// It has more than anybody needs.
    #[error("it has {count} keys; at most {count_max} are taken")]
    TooMany {
        /// How many.
        count: usize,
        /// The limit.
        count_max: usize,
    },
    /// Somebody published what must stay secret.
    #[error("a private key lies in it: withdraw that key at once")]
    Private,
    /// No key in it can verify a token.
    #[error("none of its {count} keys can verify a token: each needs a kid, and kty RSA, EC (P-256) or OKP (Ed25519)")]
    Empty {
        /// How many there are.
        count: usize,
    },
}
