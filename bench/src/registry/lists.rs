//! ListPractices with a filter: one call at a time, since each reads the whole register.

use std::time::{Duration, Instant};

use proto::registry::v1 as wire;

use crate::figures::Spread;
use crate::process::Server;
use crate::registry::installation::{client, runtime};
use crate::report::{Report, Row, duration};

/// Selects about one practice in eight, and looks at three fields of each.
pub(super) const FILTER: &str = r#"practice.supplier == "TPP" && practice.list_size < 8000 && practice.live"#;
const CALLS: usize = 15;

/// Times the first page.
pub(crate) fn measure(
    report: &mut Report,
    server: &Server,
    what: &str,
    most: Duration,
    target: &'static str,
) -> anyhow::Result<()> {
    let (times, selected) = runtime()?.block_on(async {
        let mut client = client(server)?;
        let mut times = Vec::new();
        let mut selected = 0;
        for _ in 0..CALLS {
            let request = wire::ListPracticesRequest { filter: FILTER.to_owned(), ..Default::default() };
            let begun = Instant::now();
            selected = client.list_practices(request).await?.into_inner().total_count;
            times.push(begun.elapsed());
        }
        anyhow::Ok((times, selected))
    })?;
    let Some(spread) = Spread::of(times.iter().map(Duration::as_secs_f64)) else { return Ok(()) };
    let written = |seconds| duration(Duration::from_secs_f64(seconds));
    let figure = format!(
        "{} ({} to {}; {selected} selected)",
        written(spread.median),
        written(spread.lowest),
        written(spread.highest)
    );
    report.add(Row::alone(what, figure, target, Some(spread.median < most.as_secs_f64())));
    Ok(())
}
