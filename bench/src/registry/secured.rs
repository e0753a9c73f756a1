//! What proving who one is costs a look-up: mutual TLS on the connection, a token with each call.

use std::path::Path;
use std::process::Command;

use crate::bare;
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{Installation, Shape};
use crate::registry::lookups::check_access;
use crate::report::{Bound, Report, Row};
use crate::rounds::{Side, throughput};

/// CheckAccess as a service asks it, against bare tonic with the same TLS, and against the same in the clear where callers
/// are believed.
pub(super) fn measure(report: &mut Report, installation: &Installation, england: &England) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let shown = folder.display().to_string();
    run(installation.program(), &["dev-certs", "--to", &shown])?;
    let token = run(installation.program(), &["dev-token", "--issuer", &shown, "nhs-app;roles=service"])?;
    let credentials = credentials(folder)?;
    let server = installation.serve_secured(folder)?;
    let target = check_access(&server, england)?.proving(&credentials, &token)?;
    let ours = Side { server: &server, target: &target };
    let what = "CheckAccess, mutual TLS and token";

    let reply_bytes = target.reply_bytes()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", "--reply-bytes", &reply_bytes.to_string(), "--tls", &shown]);
    let bare = installation.cores().on_server(|| Server::start(&mut command))?;
    let of_bare = target.elsewhere(bare.address, bare::PATH)?.proving(&credentials, &token)?;
    let compared = throughput(ours, Side { server: &bare, target: &of_bare })?;
    let peer = format!("bare tonic, the same TLS, {reply_bytes} bytes");
    report.add(Row::compared(what, &peer, compared, ("≥ 0.9", Bound::AtLeast(0.9))));

    let open = installation.serve(Shape::PerCore(1), &[])?;
    let of_open = check_access(&open, england)?;
    let compared = throughput(ours, Side { server: &open, target: &of_open })?;
    report.add(Row::compared_only(what, "in the clear, callers believed", compared));
    open.stop()?;
    server.stop()
}

/// Those of the scheduler, whose certificate the registry trusts.
fn credentials(folder: &Path) -> anyhow::Result<tls::Credentials> {
    let file = |name: &str| folder.join(name);
    let identity = tls::IdentityFiles { certificate: file("scheduler.pem"), key: file("scheduler-key.pem") };
    let trust = tls::Trust::Bundle(file("ca.pem"));
    Ok(tls::Credentials::open(tls::Files { identity: Some(identity), trust })?)
}

/// What a command of the server's program prints.
fn run(program: &Path, words: &[&str]) -> anyhow::Result<String> {
    let ended = Command::new(program).args(words).output()?;
    anyhow::ensure!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(String::from_utf8(ended.stdout)?.trim().to_owned())
}
