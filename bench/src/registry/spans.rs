//! What tracing look-ups costs: spans built and sent, to a collector that is there.
//!
//! One in a hundred is traced by default, and may cost three in a hundred of what is done: less than rounds differ by. So one in ten
//! is, of which each costs as much, and ten times three is allowed.

use std::process::Command;

use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{Installation, Shape};
use crate::registry::lookups::check_access;
use crate::report::{Bound, Report, Row};
use crate::rounds::{Side, throughput};

/// CheckAccess with one call in ten recorded, against the same with none.
pub(super) fn measure(report: &mut Report, installation: &Installation, england: &England) -> anyhow::Result<()> {
    let collector = Server::start(Command::new(std::env::current_exe()?).arg("collector"))?;
    let endpoint = collector.url();
    let sent = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str());
    let sampled = [sent, ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")];
    let with = installation.serve(Shape::PerCore(1), &sampled)?;
    let without = installation.serve(Shape::PerCore(1), &[sent, ("OTEL_TRACES_SAMPLER", "always_off")])?;
    let (of_with, of_without) = (check_access(&with, england)?, check_access(&without, england)?);
    let (ours, theirs) = (Side { server: &with, target: &of_with }, Side { server: &without, target: &of_without });
    let target = ("> 0.7: one in a hundred under 3 %", Bound::Above(0.7));
    let compared = throughput(ours, theirs)?;
    report.add(Row::compared("CheckAccess, one in ten traced and sent", "none traced", compared, target));
    with.stop()?;
    without.stop()
}
