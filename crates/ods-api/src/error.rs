//! What can go wrong with an interface, and what to do about it.

use ods::DocumentFault;

/// Why an interface did not give what was asked for. It was asked again where that may help, within its limits.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody answers there, or the connection broke off.
    #[error("{address} cannot be reached: {cause}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system says.
        cause: String,
    },
    /// It did not answer in time.
    #[error("{address} did not answer within {seconds} s")]
    TooSlow {
        /// Where.
        address: String,
        /// The limit.
        seconds: u64,
    },
    /// It says that it cannot answer at present.
    #[error("{address} is out of order: it answers {status}")]
    OutOfOrder {
        /// Where.
        address: String,
        /// The HTTP status, a 5xx.
        status: u16,
    },
    /// It was asked too often.
    #[error("{address} was asked too often; it wants to be left alone for {retry_after_s} s")]
    RateLimited {
        /// Where.
        address: String,
        /// For how long.
        retry_after_s: u64,
    },
    /// It does not accept the key, or asks for one.
    #[error("{address} refuses the API key: it answers {status}")]
    KeyRefused {
        /// Where.
        address: String,
        /// 401 or 403.
        status: u16,
    },
    /// It does not accept what it was asked; by ORD also where it was asked for changes of too long ago.
    #[error("{address} does not accept the request: it answers {status}{}{said}", if said.is_empty() { "" } else { ": " })]
    NotAcceptable {
        /// Where.
        address: String,
        /// The HTTP status, a 4xx.
        status: u16,
        /// In its words.
        said: String,
    },
    /// There is nothing there.
    #[error("there is nothing at {address}: it answers {status}")]
    NotFound {
        /// Where.
        address: String,
        /// 404 or 410.
        status: u16,
    },
    /// It sends to another place. No redirect is followed: the key must go nowhere else.
    #[error("{address} sends to another place ({location}), and no redirect is followed")]
    Redirected {
        /// Where.
        address: String,
        /// Where it sends to.
        location: String,
    },
    /// A page's link leads to another server.
    #[error("{address} links to {link} for the next page, which is not below its own address")]
    ForeignLink {
        /// Where.
        address: String,
        /// The link.
        link: String,
    },
    /// The answer has no end.
    #[error("{address} answers with more than {bytes_max} bytes")]
    TooLong {
        /// Where.
        address: String,
        /// The limit.
        bytes_max: usize,
    },
    /// The answer is no JSON by its own account.
    #[error("{address} answers with {content_type}, not JSON")]
    NotJson {
        /// Where.
        address: String,
        /// What it says it is.
        content_type: String,
    },
    /// The answer cannot be understood.
    #[error("the answer of {address} cannot be understood")]
    Document {
        /// Where.
        address: String,
        /// Where in it and why.
        source: Box<DocumentFault>,
    },
    /// The list never stood still while it was read.
    #[error("{address} says there are {total} organisations and lists {listed}, each time it is asked")]
    KeepsChanging {
        /// Where.
        address: String,
        /// How many there are, by its own account.
        total: u32,
        /// How many were listed.
        listed: u32,
    },
}

impl ApiError {
    /// A stable word, for programs and alerts.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::TooSlow { .. } => "TOO_SLOW",
            Self::OutOfOrder { .. } => "OUT_OF_ORDER",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::KeyRefused { .. } => "API_KEY_REFUSED",
            Self::NotAcceptable { .. } => "NOT_ACCEPTABLE",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Redirected { .. } => "REDIRECTED",
            Self::ForeignLink { .. } => "FOREIGN_LINK",
            Self::TooLong { .. } => "ANSWER_TOO_LONG",
            Self::NotJson { .. } => "NOT_JSON",
            Self::Document { .. } => "ANSWER_NOT_UNDERSTOOD",
            Self::KeepsChanging { .. } => "DIRECTORY_KEEPS_CHANGING",
        }
    }

    /// What whoever operates the registry can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::TooSlow { .. } => {
                "check the address (--ods-url) and this machine's way to it; it is tried again by itself"
            }
            Self::OutOfOrder { .. } | Self::RateLimited { .. } => "it is tried again by itself",
            Self::KeyRefused { .. } => "give a key that the publisher issued for this interface (--ods-api-key-file)",
            Self::NotAcceptable { .. } => {
                "check that --ods-url is of the interface that --ods-sync names, and its version"
            }
            Self::NotFound { .. } | Self::Redirected { .. } | Self::ForeignLink { .. } => {
                "check the address (--ods-url): the publisher may have moved the interface"
            }
            Self::TooLong { .. } => "ask for fewer organisations a page",
            Self::NotJson { .. } => "look at what answers there: it may be a proxy's page",
            Self::Document { .. } => {
                "the publisher may have changed the interface: look for a newer version of this software"
            }
            Self::KeepsChanging { .. } => "try at a quieter time; it is tried again by itself",
        }
    }

    /// With its sources, in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        match self {
            Self::Document { source, .. } => format!("{self}: {source}; {}", self.remedy()),
            _ => format!("{self}; {}", self.remedy()),
        }
    }
}
