//! A small issuer of tokens, and `dev-token`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use client::Issue;
use identity::{Algorithm, Caller, TokenRules};
use jws::SigningKey;
use serde_json::{Value, json};
use tls::now_s;

/// The claim `iss` of its tokens.
pub(crate) const ISSUER: &str = "https://issuer.citizens-access.test";

/// The key's file, in the folder of `dev-certs`.
const KEY_FILE: &str = "issuer-key.pem";
/// Its public half, which servers are given.
const KEYS_FILE: &str = "jwks.json";

/// Accounts whose tokens are kept: a world has some hundred.
const ISSUED_MAX: usize = 10_000;

#[derive(Args, Clone, Debug)]
pub(crate) struct TokenArguments {
    /// The folder of `dev-certs`
    #[arg(long, value_name = "DIR")]
    issuer: PathBuf,
    /// To whom: amira, or amira;roles=programme-lead,approver, or paula;roles=practice;organisation=practices/A81001
    account: String,
    /// How long it is valid
    #[arg(long, value_name = "HOURS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=24 * 90))]
    hours: u32,
    /// Whom it is for
    #[arg(long, value_name = "AUDIENCE", default_value = TokenRules::AUDIENCE_DEFAULT)]
    audience: String,
}

/// Prints a token.
pub(crate) fn run(arguments: &TokenArguments) -> anyhow::Result<()> {
    let issuer = DevelopmentIssuer::open(&arguments.issuer)?;
    let caller = Caller::named(&arguments.account)?;
    let life = Duration::from_secs(u64::from(arguments.hours) * 3_600);
    println!("{}", issuer.token_of(&caller, &arguments.audience, life)?);
    Ok(())
}

/// Signs tokens with a key in a folder of a developer's machine.
pub(crate) struct DevelopmentIssuer {
    key: SigningKey,
    /// The file with its public half.
    pub(crate) keys: PathBuf,
    /// Tokens by the account they were asked for, with the second in which each was made: who acts a thousand times shows one
    /// token.
    issued: Mutex<BTreeMap<String, (String, u64)>>,
}

impl std::fmt::Debug for DevelopmentIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DevelopmentIssuer({})", self.keys.display())
    }
}

impl DevelopmentIssuer {
    /// For how long tokens of a demo are valid: longer than anybody looks at one.
    const LIFE: Duration = Duration::from_secs(24 * 3_600);

    /// The issuer whose key lies in `folder`.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(KEY_FILE);
        let pem = std::fs::read(&file).with_context(|| format!("cannot read {}; see dev-certs", file.display()))?;
        Self::with(&pem, folder).with_context(|| format!("{} cannot be used", file.display()))
    }

    /// The same; where there is none yet, with a new key. A key that is there stays, so that its tokens do.
    pub(crate) fn open_or_make(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(KEY_FILE);
        if file.exists() {
            return Self::open(folder);
        }
        let pem = rcgen::KeyPair::generate()?.serialize_pem();
        let issuer = Self::with(pem.as_bytes(), folder)?;
        write_secret(&file, &pem).with_context(|| format!("cannot write {}", file.display()))?;
        let keys = json!({"keys": [issuer.key.public_jwk()]});
        std::fs::write(&issuer.keys, format!("{keys:#}\n"))
            .with_context(|| format!("cannot write {}", issuer.keys.display()))?;
        Ok(issuer)
    }

    fn with(pem: &[u8], folder: &Path) -> anyhow::Result<Self> {
        let key = SigningKey::from_pem(pem, "development", Algorithm::Es256)?;
        Ok(Self { key, keys: folder.join(KEYS_FILE), issued: Mutex::default() })
    }

    /// A token that says who `caller` is.
    pub(crate) fn token_of(&self, caller: &Caller, audience: &str, life: Duration) -> anyhow::Result<String> {
        let now_s = now_s();
        let mut claims = json!({
            "iss": ISSUER,
            "aud": audience,
            "sub": caller.account.as_str(),
            "roles": caller.roles.iter().map(identity::Role::name).collect::<Vec<_>>(),
            "iat": now_s,
            "exp": now_s + life.as_secs(),
        });
        if let Some(organisation) = &caller.organisation {
            claims["organisation"] = Value::from(organisation.to_string());
        }
        ensure!(!life.is_zero(), "a token that is valid for no time is none");
        Ok(self.key.sign(&claims)?)
    }

    /// Its public half, as servers fetch it.
    pub(crate) fn published(&self) -> anyhow::Result<Vec<u8>> {
        std::fs::read(&self.keys).with_context(|| format!("cannot read {}", self.keys.display()))
    }
}

impl Issue for DevelopmentIssuer {
    fn token(&self, account: &str) -> Option<String> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let now_s = now_s();
        if let Some((token, made_s)) = issued.get(account)
            && now_s < made_s + Self::LIFE.as_secs() / 2
        {
            return Some(token.clone());
        }
        let caller = Caller::named(account).ok()?;
        let token = self.token_of(&caller, TokenRules::AUDIENCE_DEFAULT, Self::LIFE).ok()?;
        if issued.len() >= ISSUED_MAX {
            issued.clear();
        }
        issued.insert(account.to_owned(), (token.clone(), now_s));
        Some(token)
    }
}

/// Writes a new file that only its owner reads.
pub(crate) fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            std::fs::remove_file(path)?;
            options.open(path)?
        }
        opened => opened?,
    };
    file.write_all(text.as_bytes())
}
