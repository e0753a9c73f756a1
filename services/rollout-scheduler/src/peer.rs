//! What can go wrong with a call to another service.

use tonic::{Code, Status};

use crate::follower::JOURNAL_REWOUND;

/// Why a call to a peer came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// It was refused, or did not get through. A supplier's words are its own, and this is logged (rule 16).
    #[error("the peer answered {}: {}", .0.code(), api::nhs_number::told(.0.message()))]
    Status(Box<Status>),
    /// It answered something that cannot be.
    #[error("the peer's answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// Rule 17: the registry records its answer behind what it had recorded before, so records are gone. Whoever writes there
    /// sees all there is; no replica that lags answers so. Nothing is sealed, and the follower finds out what is gone.
    #[error("JOURNAL_REWOUND: the registry was at position {known}, and records its answer at {found}")]
    Rewound {
        /// Where it was known to be.
        known: u64,
        /// Where it is.
        found: u64,
    },
    /// A field of its answer is not what it must be.
    #[error("the peer's answer makes no sense")]
    Field(#[from] api::Error),
}

impl PeerError {
    /// The reason that the peer gave, UPPER_SNAKE; empty where it gave none.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Status(status) => api::Explained::from(&**status).reason,
            Self::Rewound { .. } => JOURNAL_REWOUND.to_owned(),
            Self::Nonsense(_) | Self::Field(_) => String::new(),
        }
    }

    /// Whether nothing is known of what became of the call, or it was turned away unread: the peer has not said what it
    /// makes of it.
    pub(crate) fn is_unanswered(&self) -> bool {
        let Self::Status(status) = self else { return false };
        matches!(
            status.code(),
            Code::Unavailable
                | Code::DeadlineExceeded
                | Code::Cancelled
                | Code::Unknown
                | Code::Internal
                | Code::Aborted
                | Code::ResourceExhausted
        )
    }
}

impl From<Status> for PeerError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule 16.
    #[test]
    fn what_a_peer_says_is_told_unless_it_has_an_nhs_number_in_it() {
        let told = PeerError::from(Status::unavailable("closed for the night")).to_string();
        assert!(told.ends_with("closed for the night"), "{told}");
        let told = PeerError::from(Status::unavailable("no such patient: 943 476 5919")).to_string();
        assert!(told.contains("withheld") && !told.contains("5919"), "{told}");
    }
}
