//! What tracing one look-up in a hundred costs: spans built and sent, to a collector that is there.

use std::process::Command;

use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{Installation, Shape};
use crate::registry::lookups::check_access;
use crate::report::{Bound, Report, Row};
use crate::rounds::{Side, throughput};

/// CheckAccess with one call in a hundred recorded, against the same with none.
pub(super) fn measure(report: &mut Report, installation: &Installation, england: &England) -> anyhow::Result<()> {
    let collector = Server::start(Command::new(std::env::current_exe()?).arg("collector"))?;
    let endpoint = collector.url();
    let sampled = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str())];
    let with = installation.serve(Shape::PerCore(1), &sampled)?;
    let without = installation.serve(Shape::PerCore(1), &[sampled[0], ("OTEL_TRACES_SAMPLER", "always_off")])?;
    let (of_with, of_without) = (check_access(&with, england)?, check_access(&without, england)?);
    let (ours, theirs) = (Side { server: &with, target: &of_with }, Side { server: &without, target: &of_without });
    let target = ("> 0.97", Bound::Above(0.97));
    let compared = throughput(ours, theirs)?;
    report.add(Row::compared("CheckAccess, one in a hundred traced and sent", "none traced", compared, target));
    with.stop()?;
    without.stop()
}
