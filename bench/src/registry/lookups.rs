//! CheckAccess and GetPractice under load.

use std::process::Command;

use proto::registry::v1 as wire;

use crate::bare;
use crate::cores::Cores;
use crate::etcd::Etcd;
use crate::load::Target;
use crate::process::Server;
use crate::registry::RegistryArguments;
use crate::registry::england::England;
use crate::registry::installation::{Installation, Shape};
use crate::report::{Bound, Report, Row};
use crate::rounds::{Side, latency, throughput};

const CHECK_ACCESS: &str = "/citizens_access.registry.v1.PracticeRegistryService/CheckAccess";
const GET_PRACTICE: &str = "/citizens_access.registry.v1.PracticeRegistryService/GetPractice";

/// Against bare tonic and etcd, one after the other, with the registry in its fastest shape.
pub(crate) fn measure(
    report: &mut Report,
    arguments: &RegistryArguments,
    cores: Cores,
    installation: &Installation,
    england: &England,
) -> anyhow::Result<()> {
    let server = installation.serve(Shape::PerCore(1), &[])?;
    let check_access = check_access(&server, england)?;
    let reply_bytes = check_access.reply_bytes()?;
    let bare = Bare::start(cores, reply_bytes, &check_access)?;
    let (ours, theirs) = (Side { server: &server, target: &check_access }, bare.side());
    let compared = throughput(ours, theirs)?;
    let peer = format!("bare tonic, {reply_bytes} bytes");
    report.add(Row::compared("CheckAccess", &peer, compared, ("≥ 0.9, aim 1.0", Bound::AtLeast(0.9))));
    if let Some(compared) = compared {
        // Of what one core can do, also where that was told by the CPU time.
        let half = compared.theirs.median / 2.0;
        let what = format!("CheckAccess p99 at {half:.0}/s");
        let target = ("≤ 1.5, aim 1.25", Bound::AtMost(1.5));
        report.add(Row::compared(&what, &peer, latency(ours, theirs, half)?, target));
    }
    if let Some(program) = &arguments.etcd {
        let etcd = Etcd::start(program, cores, reply_bytes)?;
        let compared = throughput(ours, Side { server: &etcd.server, target: &etcd.range })?;
        let target = ("≥ 6, aim 8", Bound::AtLeast(6.0));
        report.add(Row::compared("CheckAccess", "etcd Range", compared, target));
    }
    let get_practice = get_practice(&server, england)?;
    let reply_bytes = get_practice.reply_bytes()?;
    let bare = Bare::start(cores, reply_bytes, &get_practice)?;
    let compared = throughput(Side { server: &server, target: &get_practice }, bare.side())?;
    let peer = format!("bare tonic, {reply_bytes} bytes");
    let target = ("≥ 0.8, aim 1.0", Bound::AtLeast(0.8));
    report.add(Row::compared("GetPractice", &peer, compared, target));
    server.stop()
}

/// The same calls to the registry in both shapes of its runtime, with one thread on one core.
pub(crate) fn measure_shapes(
    report: &mut Report,
    installation: &Installation,
    england: &England,
) -> anyhow::Result<()> {
    let per_core = installation.serve(Shape::PerCore(1), &[])?;
    let shared = installation.serve(Shape::Shared(1), &[])?;
    let (ours, theirs) = (check_access(&per_core, england)?, check_access(&shared, england)?);
    let (ours, theirs) = (Side { server: &per_core, target: &ours }, Side { server: &shared, target: &theirs });
    let what = "CheckAccess, one thread, --runtime per-core";
    let compared = throughput(ours, theirs)?;
    let target = ("> 1: the default is the faster", Bound::Above(1.0));
    report.add(Row::compared(what, "--runtime shared", compared, target));
    per_core.stop()?;
    shared.stop()
}

/// What a look-up costs among many practices against among few.
pub(crate) fn measure_growth(
    report: &mut Report,
    large: (&Server, &England),
    small: (&Server, &England),
) -> anyhow::Result<()> {
    let (of_large, of_small) = (check_access(large.0, large.1)?, check_access(small.0, small.1)?);
    let compared =
        throughput(Side { server: small.0, target: &of_small }, Side { server: large.0, target: &of_large })?;
    let what = format!("CheckAccess among {}", small.1.practices_count());
    let peer = format!("among {}", large.1.practices_count());
    report.add(Row::compared(&what, &peer, compared, ("≤ 1.5", Bound::AtMost(1.5))));
    Ok(())
}

pub(super) fn check_access(server: &Server, england: &England) -> anyhow::Result<Target> {
    let ask = |code: &String| wire::CheckAccessRequest { ods_code: code.clone(), ..Default::default() };
    Target::new(server.address, CHECK_ACCESS, &england.codes().iter().map(ask).collect::<Vec<_>>())
}

fn get_practice(server: &Server, england: &England) -> anyhow::Result<Target> {
    let ask = |code: &String| wire::GetPracticeRequest { name: format!("practices/{code}"), ..Default::default() };
    Target::new(server.address, GET_PRACTICE, &england.codes().iter().map(ask).collect::<Vec<_>>())
}

/// Bare tonic, asked the same.
struct Bare {
    server: Server,
    target: Target,
}

impl Bare {
    fn start(cores: Cores, reply_bytes: usize, asked: &Target) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--reply-bytes", &reply_bytes.to_string()]);
        let server = cores.on_server(|| Server::start(&mut command))?;
        let target = asked.elsewhere(server.address, bare::PATH)?;
        Ok(Self { server, target })
    }

    fn side(&self) -> Side<'_> {
        Side { server: &self.server, target: &self.target }
    }
}
