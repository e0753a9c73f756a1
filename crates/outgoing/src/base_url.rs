//! Where a service is: its address, and what lies below it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

/// The address below which an interface's resources lie: `https://…`, or `http://` on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: String,
    /// Without a slash at its end.
    path: String,
}

/// It is no address that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} is not the address of an interface: {problem}")]
pub struct BadAddress {
    /// What was given.
    given: String,
    /// What is wrong with it.
    problem: &'static str,
}

impl BaseUrl {
    /// Is it spoken to in the clear?
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.scheme == Scheme::HTTP
    }

    /// A resource below it; `rest` begins with a slash.
    #[must_use]
    pub fn below(&self, rest: &str) -> String {
        format!("{}{rest}", self.path)
    }

    /// The whole address of a path and query on its server.
    ///
    /// # Errors
    /// Where it is no path and query.
    pub fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let authority = self.authority.as_str();
        Uri::builder().scheme(self.scheme.clone()).authority(authority).path_and_query(path_and_query).build()
    }

    /// Path and query of a link that a page gives, if it leads below this address; to another place the key must not
    /// go.
    #[must_use]
    pub fn path_of(&self, link: &str) -> Option<String> {
        let uri: Uri = link.parse().ok()?;
        let same_server = match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => *scheme == self.scheme && authority.as_str() == self.authority,
            // A link may be relative to the server.
            (None, None) => true,
            _ => false,
        };
        let below = uri.path().strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        (same_server && below).then(|| uri.path_and_query().map(ToString::to_string))?
    }
}

impl FromStr for BaseUrl {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |problem| BadAddress { given: text.to_owned(), problem };
        let uri: Uri = text.parse().map_err(|_| bad("it is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(bad("it has no scheme and host, as https://api.service.nhs.uk/… has"));
        };
        if authority.as_str().contains('@') {
            // Its value is not repeated: it may be a secret.
            let given = format!("{scheme}://…@{}", authority.host());
            let problem = "it holds a user; give the key by a file";
            return Err(BadAddress { given, problem });
        }
        if uri.query().is_some() {
            return Err(bad("it has a query"));
        }
        if *scheme != Scheme::HTTPS && !(*scheme == Scheme::HTTP && is_loopback(authority.host())) {
            return Err(bad("only https is spoken, and http on this machine alone"));
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme: scheme.clone(), authority: authority.to_string(), path })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn only_https_is_spoken_but_to_this_machine() {
        for good in ["https://ods.example/fhir/", "http://127.0.0.1:9", "http://localhost:9/ORD", "http://[::1]:9"] {
            base(good);
        }
        for bad in ["http://ods.example/fhir", "ftp://ods.example", "ods.example", "https://ods.example/?a=b", ""] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
        let said = "https://user:secret@ods.example/".parse::<BaseUrl>().unwrap_err().to_string();
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn a_link_is_followed_only_below_the_address() {
        let base = base("https://ods.example/fhir");
        let next = base.path_of("https://ods.example/fhir/Organization?_offset=2");
        assert_eq!(next.as_deref(), Some("/fhir/Organization?_offset=2"));
        assert_eq!(base.path_of("/fhir/Organization?x").as_deref(), Some("/fhir/Organization?x"));
        for foreign in [
            "https://evil.example/fhir/Organization",
            "http://ods.example/fhir/Organization",
            "https://ods.example:444/fhir/Organization",
            "https://ods.example/fhirs/Organization",
            "https://ods.example/",
            "not a link",
        ] {
            assert_eq!(base.path_of(foreign), None, "{foreign}");
        }
    }
}
