//! How a server is told who calls.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tonic::Status;

use crate::peer::{ACCOUNT_HEADER, PeerError};
use crate::token::TokenSource;

/// How a server is told who calls. Cheap to clone; no secret of it is printed.
#[derive(Clone)]
pub enum Proof {
    /// By our word: `alice`, or `scheduler;roles=service`. Servers believe it only with `--insecure`.
    Account(HeaderValue),
    /// By the certificate of the connection, or by being a part of the same process: nothing is said.
    Connection,
    /// By a token.
    Token(Arc<TokenSource>),
    /// By tokens of an issuer in this process, one for each account.
    Issued {
        /// Who issues them.
        issuer: Arc<dyn Issue>,
        /// `Bearer TOKEN`.
        header: HeaderValue,
    },
}

/// Issues tokens to accounts; for demonstrations and tests.
pub trait Issue: Send + Sync {
    /// A token for `alice;roles=auditor`; None where that is no account.
    fn token(&self, account: &str) -> Option<String>;
}

impl Proof {
    /// Our word for it.
    ///
    /// # Errors
    /// Where an account cannot be in a header.
    pub fn account(account: &str) -> Result<Self, PeerError> {
        let value = HeaderValue::from_str(account);
        value.map(Self::Account).map_err(|_| PeerError::Account { account: account.to_owned() })
    }

    /// A token that `issuer` makes for `account`.
    ///
    /// # Errors
    /// Where it makes none.
    pub fn issued(issuer: Arc<dyn Issue>, account: &str) -> Result<Self, PeerError> {
        let token = issuer.token(account).and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        let header = token.ok_or_else(|| PeerError::Account { account: account.to_owned() })?;
        Ok(Self::Issued { issuer, header })
    }

    /// The same for another account. What proves an account goes on proving the one that it proves.
    pub(crate) fn for_account(&self, account: &str) -> Result<Self, PeerError> {
        match self {
            Self::Account(_) => Self::account(account),
            Self::Issued { issuer, .. } => Self::issued(Arc::clone(issuer), account),
            Self::Connection | Self::Token(_) => Ok(self.clone()),
        }
    }

    /// Says it in `headers`, unless they say something already.
    pub(crate) async fn show(&self, headers: &mut HeaderMap) -> Result<(), Status> {
        match self {
            Self::Account(account) => {
                headers.entry(ACCOUNT_HEADER).or_insert_with(|| account.clone());
            }
            Self::Connection => {}
            Self::Token(source) => {
                if !headers.contains_key(AUTHORIZATION) {
                    headers.insert(AUTHORIZATION, source.header().await?);
                }
            }
            Self::Issued { header, .. } => {
                headers.entry(AUTHORIZATION).or_insert_with(|| header.clone());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => f.debug_tuple("Account").field(account).finish(),
            Self::Connection => f.write_str("Connection"),
            Self::Token(source) => f.debug_tuple("Token").field(source).finish(),
            Self::Issued { .. } => f.write_str("Issued(…)"),
        }
    }
}
