//! What a failed handshake means, and what to do.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use crate::client::OtherServer;

/// Says why a handshake failed and what to do, where `error` or what caused it is rustls's.
#[must_use]
pub fn explain(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(of_rustls(found));
        }
        // What an I/O error holds is not among its sources.
        let held = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        next = match held {
            Some(held) => Some(held as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

fn of_rustls(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(problem) => of_server(problem),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(_) => {
            "what answers there does not speak TLS: is it served with --insecure? Then http:// is its address"
                .to_owned()
        }
        other => other.to_string(),
    }
}

fn of_server(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "no authority that is believed here vouches for the server's certificate: name its authority's with --ca"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("{problem}: the server's certificate must be renewed there")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("{problem}: is this machine's clock right?")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "{problem}: call the server by a name that its certificate has, or say its SPIFFE id with --server-id"
            )
        }
        CertificateError::Other(other) => match other.0.downcast_ref::<OtherServer>() {
            Some(other) => format!("{other}: is that its address, and is its id the one that was agreed?"),
            None => other.to_string(),
        },
        other => format!("the server's certificate is not in order: {other}"),
    }
}

/// What the server made of us.
fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateExpired => {
            "the server refuses our certificate, which has expired or is not valid yet: have it renewed, and look at the clocks"
                .to_owned()
        }
        AlertDescription::UnknownCA => {
            "the server does not believe the authority of our certificate: have it signed by one in the server's trust bundle"
                .to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::DecryptError => {
            format!("the server refuses our certificate ({alert:?}): its log says why")
        }
        AlertDescription::ProtocolVersion => "the server speaks another version of TLS; here it is 1.3 only".to_owned(),
        other => format!("the server ended the handshake: {other:?}"),
    }
}
