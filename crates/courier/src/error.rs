//! What can be wrong with a courier, and what to do about it. Neither addresses nor secrets are in any of it.

use std::time::Duration;

use outgoing::NoRoots;

/// What is wrong with a courier: it concerns every message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CourierError {
    /// Nobody answers there: nothing was sent.
    #[error("{address} cannot be reached: {cause}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system says.
        cause: String,
    },
    /// It did not answer, or not whole: whether it was sent is not known.
    #[error("{address} gave no answer: {cause}")]
    NoAnswer {
        /// Where.
        address: String,
        /// Why not.
        cause: String,
    },
    /// It says that it cannot do it at present; whether it was sent is not known.
    #[error("{address} is out of order: it answers {status}")]
    OutOfOrder {
        /// Where.
        address: String,
        /// The status, or the code of the mail server.
        status: u16,
    },
    /// It was given more than it takes: nothing was sent.
    #[error("{address} was given more than it takes ({limit}); it wants to be left alone for {} s", rest.as_secs())]
    Busy {
        /// Where.
        address: String,
        /// Which limit, by its name there.
        limit: String,
        /// For how long.
        rest: Duration,
    },
    /// It does not accept the key, or the password: nothing was sent.
    #[error("{address} refuses our key: it answers {status}")]
    KeyRefused {
        /// Where.
        address: String,
        /// The status, or the code of the mail server.
        status: u16,
    },
    /// It does not have what is needed: nothing was sent.
    #[error("{address} does not have what is needed: {problem}")]
    Unfit {
        /// Where.
        address: String,
        /// What.
        problem: String,
    },
    /// It answers something that cannot be understood; whether it was sent is not known.
    #[error("the answer of {address} cannot be understood: {problem}")]
    NotUnderstood {
        /// Where.
        address: String,
        /// What.
        problem: String,
    },
    /// The folder cannot be written to: nothing was sent.
    #[error("{folder} cannot be written to: {cause}")]
    Folder {
        /// Where.
        folder: String,
        /// What the system says.
        cause: String,
    },
}

impl CourierError {
    /// Whether the message was certainly not sent.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Busy { .. }
            | Self::KeyRefused { .. }
            | Self::Unfit { .. }
            | Self::Folder { .. } => true,
            Self::NoAnswer { .. } | Self::OutOfOrder { .. } | Self::NotUnderstood { .. } => false,
        }
    }

    /// How long it wants to be left alone, where it says so.
    #[must_use]
    pub fn rest(&self) -> Option<Duration> {
        match self {
            Self::Busy { rest, .. } => Some(*rest),
            _ => None,
        }
    }

    /// A stable word, for programs and alerts.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::NoAnswer { .. } => "NO_ANSWER",
            Self::OutOfOrder { .. } => "OUT_OF_ORDER",
            Self::Busy { .. } => "RATE_LIMITED",
            Self::KeyRefused { .. } => "KEY_REFUSED",
            Self::Unfit { .. } => "NOT_SET_UP",
            Self::NotUnderstood { .. } => "ANSWER_NOT_UNDERSTOOD",
            Self::Folder { .. } => "FOLDER_NOT_WRITABLE",
        }
    }

    /// What whoever operates the scheduler can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } => {
                "check the address and this machine's way to it; it is tried again by itself"
            }
            Self::OutOfOrder { .. } | Self::Busy { .. } => "it is tried again by itself",
            Self::KeyRefused { .. } => {
                "give a key that it accepts, and see that this machine's clock is right; it is tried again by itself"
            }
            Self::Unfit { .. } => "set it up there, or name what it has; it is tried again by itself",
            Self::NotUnderstood { .. } => "look at what answers there: it may be a proxy's page",
            Self::Folder { .. } => "make the folder, let the scheduler write to it, and see that its disk has room",
        }
    }
}

/// What is wrong with a courier's configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no secret that could be used.
    #[error("the secret from {origin} is no single line of printable characters")]
    Secret {
        /// Where it was to come from.
        origin: String,
    },
    /// It is no key of GOV.UK Notify's.
    #[error("the key from {origin} is no key of GOV.UK Notify's: a name and two UUIDs, joined by hyphens")]
    NotifyKey {
        /// Where it was to come from.
        origin: String,
    },
    /// It is no template of GOV.UK Notify's.
    #[error("{given:?} is not the id of a template of GOV.UK Notify's, which is a UUID")]
    TemplateId {
        /// What was given.
        given: String,
    },
    /// A text does not read as one.
    #[error("{origin}: {problem}")]
    Text {
        /// Which.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The mail server's address or the sender's cannot be used.
    #[error("{given:?} is no {what}")]
    Mail {
        /// What was given.
        given: String,
        /// What it was to be.
        what: &'static str,
    },
    /// TLS cannot be set up.
    #[error("TLS to the mail server cannot be set up: {cause}")]
    Tls {
        /// Why.
        cause: String,
    },
    /// See there.
    #[error(transparent)]
    Roots(#[from] NoRoots),
}
