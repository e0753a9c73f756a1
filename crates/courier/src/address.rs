//! An address, which nothing prints.

use std::fmt;

/// Most lines of a postal address that are carried.
const POST_LINES_MAX: usize = 7;

/// Fewest: two that say where, and the postcode.
const POST_LINES_MIN: usize = 3;

/// Where a message goes. `Debug` does not show it, so that it gets into no log and no trace.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// An e-mail address.
    Email(lettre::Address),
    /// The lines of a postal address, the postcode last.
    Post(Vec<String>),
}

/// It is no address that can be carried to; which, is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is no e-mail address.
    #[error("it is no e-mail address")]
    Email,
    /// Its lines are too few or too many.
    #[error("a postal address has from three to seven lines")]
    Lines,
}

impl Address {
    /// An e-mail address.
    ///
    /// # Errors
    /// Where it is none.
    pub fn email(text: &str) -> Result<Self, BadAddress> {
        text.trim().parse().map(Self::Email).map_err(|_| BadAddress::Email)
    }

    /// A postal address in lines; empty ones do not count.
    ///
    /// # Errors
    /// Where it has too few or too many.
    pub fn post(text: &str) -> Result<Self, BadAddress> {
        let lines: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if (POST_LINES_MIN..=POST_LINES_MAX).contains(&lines.len()) {
            Ok(Self::Post(lines))
        } else {
            Err(BadAddress::Lines)
        }
    }

    /// Whether a text repeats some of it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        match self {
            Self::Email(address) => {
                [address.user(), address.domain()].iter().any(|part| text.contains(&part.to_lowercase()))
            }
            Self::Post(lines) => lines.iter().any(|line| text.contains(&line.to_lowercase())),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Address(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_by_its_form_and_never_printed() {
        let email = Address::email(" manager@hill.example\n").unwrap();
        let post = Address::post("Hill Surgery\n\n 1 Hill Road \nHillton\nZZ1 1ZZ\n").unwrap();
        assert_eq!(format!("{email:?} {post:?}"), "Address(…) Address(…)");
        let Address::Post(lines) = &post else { panic!("it is a postal one") };
        assert_eq!(lines.len(), 4);
        assert!(email.is_in("<Manager@hill.example> is unknown") && post.is_in("no such place: HILLTON"));
        assert!(!email.is_in("mailbox full") && !post.is_in("printer on fire"));
        for bad in ["manager", "a b@hill.example", "@hill.example", ""] {
            assert_eq!(Address::email(bad), Err(BadAddress::Email));
        }
        for bad in ["Hill Surgery\nZZ1 1ZZ", "1\n2\n3\n4\n5\n6\n7\n8"] {
            assert_eq!(Address::post(bad), Err(BadAddress::Lines));
        }
    }
}
