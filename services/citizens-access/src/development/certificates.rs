//! `dev-certs`: an authority that is forgotten at once, and a certificate for each service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tls::{Authority, Subject};

use super::issuer::{DevelopmentIssuer, ISSUER};

/// Of all development certificates, where nothing is said. `.test` belongs to nobody (RFC 6761).
pub(crate) const TRUST_DOMAIN: &str = "citizens-access.test";

/// The services that get a certificate each: the name of its files, of its account and at the end of its SPIFFE id.
pub(crate) const SERVICES: [&str; 5] = ["registry", "scheduler", "statistics", "citizens-access", "suppliers"];

#[derive(Args, Clone, Debug)]
pub(crate) struct CertificateArguments {
    /// The folder that they go to; what lies there of an earlier run is replaced
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// In whose name the services have their SPIFFE ids
    #[arg(long, value_name = "NAME", default_value = TRUST_DOMAIN)]
    trust_domain: String,
    /// How long they are valid; an authority's own would be renewed after hours as well
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=24 * 90))]
    hours: u32,
    /// Another name or address by which the services are called, besides localhost; as often as you like
    #[arg(long = "name", value_name = "HOST")]
    names: Vec<String>,
}

/// Makes everything and says what to do with it.
pub(crate) fn run(arguments: &CertificateArguments) -> anyhow::Result<()> {
    let CertificateArguments { to, trust_domain, hours, names } = arguments;
    make(to, trust_domain, Duration::from_secs(u64::from(*hours) * 3_600), names)?;
    DevelopmentIssuer::open_or_make(to)?;
    let folder = to.display();
    println!(
        "For development only. {folder} holds certificates for {hours} hours and the keys of an issuer of tokens.\n"
    );
    println!("citizens-access serve registry --tls-cert {folder}/registry.pem --tls-key {folder}/registry-key.pem \\");
    println!("    --tls-ca {folder}/ca.pem --token-issuer {ISSUER}={folder}/jwks.json \\");
    let services =
        ["registry", "scheduler", "statistics"].map(|name| format!("--service {name}={}", id(trust_domain, name)));
    println!("    {}\n", services.join(" "));
    println!(
        "citizens-access dev-token --issuer {folder} 'amira;roles=programme-lead,approver' > {folder}/amira.token"
    );
    println!(
        "accessctl --endpoint https://localhost:50051 --ca {folder}/ca.pem --token-file {folder}/amira.token practice list"
    );
    Ok(())
}

/// A certificate of each service in `folder`, and `ca.pem`. The authority's key is not written: nobody vouches for more.
pub(crate) fn make(folder: &Path, trust_domain: &str, life: Duration, names: &[String]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let authority = Authority::new(&format!("Citizens' Access development ({trust_domain})"), life)?;
    let mut subject = Subject {
        uris: Vec::new(),
        names: vec!["localhost".to_owned()],
        addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
    };
    for name in names {
        match name.parse::<IpAddr>() {
            Ok(address) => subject.addresses.push(address),
            Err(_) => subject.names.push(name.clone()),
        }
    }
    let bundle = folder.join("ca.pem");
    for service in SERVICES {
        subject.uris = vec![id(trust_domain, service)];
        // A minute for clocks that are not quite together.
        authority.issue(&subject, -60, life)?.write_to(folder, service, &bundle)?;
    }
    authority.write_to(&bundle)?;
    Ok(())
}

fn id(trust_domain: &str, service: &str) -> String {
    format!("spiffe://{trust_domain}/{service}")
}
