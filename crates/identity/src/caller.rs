//! Who calls.

use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap};
use pseudonym::in_text;

use crate::development::read_account;
use crate::{Organisation, Refusal, Role, Roles};

/// Who calls, as every handler sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that acts; it is the actor of what the journal records.
    pub account: Account,
    /// What the account may be at this moment.
    pub roles: Roles,
    /// The organisation it acts for; None where it acts for none in particular, such as the programme's own people.
    pub organisation: Option<Organisation>,
    /// How we know.
    pub via: Via,
}

impl Caller {
    /// A part of this process, called `account`: a service that calls another without a socket.
    ///
    /// # Errors
    /// Where that is no account.
    pub fn of_process(account: &str) -> Result<Self, Refusal> {
        read_account(account, Roles::NONE.with(Role::Service), Via::Process)
    }

    /// The caller whom `ACCOUNT[;roles=ROLE,…][;organisation=NAME]` names, in all roles where it names none: whom to issue a
    /// token to.
    ///
    /// # Errors
    /// Where it names nobody.
    pub fn named(text: &str) -> Result<Self, Refusal> {
        read_account(text, Roles::ALL, Via::Development)
    }

    /// Whoever shows nothing, and so is nobody: in no role, for no organisation. Only what is public is theirs.
    #[must_use]
    pub fn nobody() -> Self {
        let account = Account("nobody".into());
        Self { account, roles: Roles::NONE, organisation: None, via: Via::Nothing }
    }

    /// The caller of `request`.
    ///
    /// # Panics
    /// Where the request did not come through a `server::Server`, which puts a caller into every request or refuses it.
    pub fn of<T>(request: &tonic::Request<T>) -> &Self {
        request.extensions().get::<Self>().expect("server puts a caller into every request that reaches a handler")
    }
}

/// The name of an account: 1 to 128 printable ASCII characters without `;`, `,` and spaces, and without an NHS number, since
/// journals name who acted (rule 16). Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(Arc<str>);

impl Account {
    /// Longest name: room for a SPIFFE id of a service and for any NHS e-mail address.
    pub const BYTES_MAX: usize = 128;

    /// The account called `name`, or a refusal that says what a name is.
    pub fn new(name: &str) -> Result<Self, Refusal> {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';' && byte != b',');
        if name.is_empty() || name.len() > Self::BYTES_MAX || !is_plain || in_text::contains(name) {
            return Err(Refusal::AccountInvalid);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.0)
    }
}

/// How a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// It said so itself ([`DevelopmentCaller`](crate::DevelopmentCaller)); worth nothing outside one's own machine.
    Development,
    /// By a certificate that an authority of ours vouches for, with the SPIFFE id of a service that is configured.
    Certificate,
    /// By a token of an issuer that is believed.
    Token,
    /// Not at all ([`Caller::nobody`]).
    Nothing,
    /// It is a part of this process, which said so when it was put together ([`Caller::of_process`]).
    Process,
}

/// A way to know who calls. It answers from what it has at hand: it is asked once per call and must not wait.
pub trait Authenticate: Send + Sync + 'static {
    /// The caller, from the headers of the request and what is known of its connection (certificates, the address).
    fn authenticate(&self, headers: &HeaderMap, connection: &Extensions) -> Result<Caller, Refusal>;

    /// True where a server may use this on loopback only.
    fn loopback_only(&self) -> bool {
        false
    }
}
