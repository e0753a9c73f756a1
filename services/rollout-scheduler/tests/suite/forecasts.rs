//! A forecast as a client asks for it.

use proto::registry::v1::PauseEnd;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;
use tonic::Status;

use crate::acts::{ONE_WAVE, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

impl World {
    async fn forecast(&self, request: wire::ForecastRequest) -> Result<wire::ForecastResponse, Status> {
        let mut forecasts = ForecastServiceClient::new(self.replicas[0].peer.with_account("alice").unwrap());
        Ok(forecasts.forecast(request).await?.into_inner())
    }
}

fn of_spring() -> wire::ForecastRequest {
    wire::ForecastRequest { programme: "programmes/spring".into(), seed: 5, runs_count: 40, ..Default::default() }
}

#[tokio::test]
async fn a_forecast_says_when_the_practices_are_live_and_what_it_assumed() {
    let mut world = World::new(Setup::new(surgeries(81_001, 5, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await;
    let refused = world.forecast(of_spring()).await;
    assert_eq!(reason(refused).1, "PROGRAMME_NOT_FOUND");
    world.approve(ONE_WAVE).await;
    world.pause("A81003", PauseEnd::FurtherNotice).await;
    world.until("2031-05-20T08:00:00Z").await;
    let forecast = world.forecast(of_spring()).await.unwrap();
    let all = &forecast.groups[0];
    assert_eq!((all.subject.as_str(), all.practices_count), ("programmes/spring", 5));
    assert_eq!(all.last_go_live.as_ref().unwrap().p50, "2031-06-02");
    assert!(all.never_live.unwrap().p10 >= 1, "one has paused: {all:?}");
    assert!(forecast.groups.iter().any(|group| group.subject == "suppliers/EMIS"));
    assert!(forecast.assumptions.iter().any(|figure| figure.subject == "pauses per practice and day"));
    assert_eq!(world.forecast(of_spring()).await.unwrap(), forecast);
}

#[tokio::test]
async fn what_cannot_be_forecast_is_refused() {
    let world = World::new(Setup::new(surgeries(81_001, 5, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await;
    let negative = wire::ForecastRequest { runs_count: -1, ..of_spring() };
    assert_eq!(reason(world.forecast(negative).await), (tonic::Code::InvalidArgument, "RUNS_COUNT_INVALID".into()));
}
