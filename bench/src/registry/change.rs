//! How long a change takes to a watcher on the same machine.

use std::time::{Duration, Instant};

use anyhow::Context;
use proto::registry::v1 as wire;
use tonic::Streaming;

use crate::figures::p99;
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{client, observation, runtime};
use crate::report::{Report, Row, duration};

const CHANGES: usize = 500;
const MOST: Duration = Duration::from_millis(10);

/// Records one observation after the other, and waits for each at a watcher.
pub(crate) fn measure(report: &mut Report, server: &Server, england: &England) -> anyhow::Result<()> {
    let (mut after_reply, mut after_request) = runtime()?.block_on(async {
        let mut client = client(server)?;
        let mut watcher = client.clone();
        let mut changes = watcher.watch_practices(wire::WatchPracticesRequest::default()).await?.into_inner();
        read_to_bookmark(&mut changes).await?;
        let (mut after_reply, mut after_request) = (Vec::new(), Vec::new());
        for (index, code) in england.codes().iter().cycle().take(CHANGES).enumerate() {
            let state = if index.is_multiple_of(2) { wire::ObservedState::Off } else { wire::ObservedState::Partial };
            let request = wire::RecordObservationRequest {
                observations: vec![observation(code, state)],
                request_id: format!("change-{index}"),
                ..Default::default()
            };
            let asked = Instant::now();
            // Both are waited for at once: the change may overtake the reply.
            let (accepted, seen) =
                tokio::join!(async { client.record_observation(request).await.map(|_| Instant::now()) }, async {
                    read_to_bookmark(&mut changes).await.map(|()| Instant::now())
                },);
            let (accepted, seen) = (accepted?, seen?);
            after_reply.push(seen.saturating_duration_since(accepted));
            after_request.push(seen - asked);
        }
        anyhow::Ok((after_reply, after_request))
    })?;
    let p99 = |latencies: &mut [Duration]| p99(latencies).context("there were changes");
    let (accepted, asked) = (p99(&mut after_reply)?, p99(&mut after_request)?);
    let figure = format!("p99 {} ({} from the request)", duration(accepted), duration(asked));
    report.add(Row::alone("change accepted → seen by a watcher", figure, "p99 < 10 ms", Some(accepted < MOST)));
    Ok(())
}

async fn read_to_bookmark(changes: &mut Streaming<wire::WatchPracticesResponse>) -> anyhow::Result<()> {
    while !changes.message().await?.context("the watch ended")?.bookmark {}
    Ok(())
}
