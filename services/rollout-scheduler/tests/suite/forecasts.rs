//! A forecast as a client asks for it.

use futures_util::future::join_all;
use proto::registry::v1::PauseEnd;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;
use tonic::{Code, Status};

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

impl World {
    async fn forecast(&self, request: wire::ForecastRequest) -> Result<wire::ForecastResponse, Status> {
        Ok(ForecastServiceClient::new(self.peer("alice")).forecast(request).await?.into_inner())
    }
}

fn of_spring() -> wire::ForecastRequest {
    wire::ForecastRequest { programme: PROGRAMME.into(), seed: 5, runs_count: 40, ..Default::default() }
}

async fn world_of(practices_count: u32) -> World {
    let surgeries = surgeries(81_001, practices_count, "EMIS");
    World::new(Setup::new(surgeries, vec![prompt("EMIS"), prompt("TPP")])).await
}

#[tokio::test]
async fn a_forecast_says_when_the_practices_are_live_and_what_it_assumed() {
    let mut world = world_of(5).await;
    world.approve(ONE_WAVE).await;
    world.pause("A81003", PauseEnd::FurtherNotice).await;
    world.until("2031-05-20T08:00:00Z").await;
    let forecast = world.forecast(of_spring()).await.unwrap();
    let all = &forecast.groups[0];
    assert_eq!((all.subject.as_str(), all.practices_count), (PROGRAMME, 5));
    assert_eq!(forecast.plan, "programmes/spring/plans/1");
    assert_eq!(all.last_go_live.as_ref().unwrap().p50, "2031-06-02");
    assert!(all.never_live.unwrap().p10 >= 1, "one has paused: {all:?}");
    let live: Vec<(&str, i64)> =
        all.months.iter().map(|month| (month.last_day.as_str(), month.practices.unwrap().p90)).collect();
    assert_eq!(live, [("2031-05-31", 0), ("2031-06-30", 4)]);
    let subjects: Vec<&str> = forecast.groups.iter().map(|group| group.subject.as_str()).collect();
    assert_eq!(subjects, [PROGRAMME, "suppliers/EMIS", "icbs/QHM"]);
    // All have their notice and go live on the first day, but for those whom their supplier refuses at first.
    let limits: Vec<(&str, bool)> =
        forecast.limits.iter().map(|limit| (limit.limit.as_str(), limit.practice_days > 0.0)).collect();
    assert_eq!(limits, [("suppliers' refusals", true)]);
    assert!(forecast.assumptions.iter().any(|figure| figure.subject == "share that EMIS refuses for good"));
    assert_eq!(forecast.premises.len(), 7);
    assert_eq!(world.forecast(of_spring()).await.unwrap(), forecast, "the same seed gives the same forecast");
}

#[tokio::test]
async fn a_second_forecast_knows_what_was_recorded_since_the_first() {
    let mut world = world_of(5).await;
    world.approve(ONE_WAVE).await;
    let before = world.forecast(of_spring()).await.unwrap();
    world.until("2031-06-02T18:00:00Z").await;
    let after = world.forecast(of_spring()).await.unwrap();
    let refused = |forecast: &wire::ForecastResponse| {
        let figure = forecast.assumptions.iter().find(|figure| figure.subject == "share that EMIS refuses for now");
        figure.unwrap().mean
    };
    // Five answers without a refusal, beside one refusal in twenty that counts before anything was seen.
    assert_eq!((refused(&before), refused(&after)), (1.0 / 20.0, 1.0 / 25.0));
    assert_eq!(after.groups[0].months[0].practices.unwrap().p10, 5, "they are live by now");
    assert!(before.position < after.position);
}

#[tokio::test]
async fn what_cannot_be_forecast_is_refused() {
    let mut world = world_of(5).await;
    assert_eq!(reason(world.forecast(of_spring()).await), (Code::NotFound, "PROGRAMME_NOT_FOUND".into()));
    world.create(ONE_WAVE).await;
    assert_eq!(reason(world.forecast(of_spring()).await), (Code::FailedPrecondition, "PROGRAMME_NOT_ACTIVE".into()));
    let negative = wire::ForecastRequest { runs_count: -1, ..of_spring() };
    assert_eq!(reason(world.forecast(negative).await), (Code::InvalidArgument, "RUNS_COUNT_INVALID".into()));
    let elsewhere = wire::ForecastRequest { programme: "spring".into(), ..of_spring() };
    assert_eq!(reason(world.forecast(elsewhere).await).0, Code::InvalidArgument);
}

#[tokio::test]
async fn a_hold_is_placed_while_a_forecast_is_made() {
    let mut world = world_of(60).await;
    world.approve(ONE_WAVE).await;
    let long = wire::ForecastRequest { runs_count: 1_000_000, ..of_spring() };
    let mut forecasts = ForecastServiceClient::new(world.peer("alice"));
    let forecast = tokio::spawn(async move { forecasts.forecast(long).await });
    let scope = wire::hold_scope::Scope::National(true);
    let scope = Some(wire::HoldScope { scope: Some(scope) });
    let hold = wire::PlaceHoldRequest { scope, hold_class: wire::HoldClass::Capacity.into(), ..Default::default() };
    assert_eq!(world.hold(hold).await.affected_count, 60);
    assert!(!forecast.is_finished(), "the forecast took no longer than the hold: this proves nothing");
    assert_eq!(forecast.await.unwrap().unwrap().into_inner().runs_count, 2_000, "more are lowered to that");
}

#[tokio::test]
async fn only_a_few_wait_for_their_turn() {
    let mut world = world_of(60).await;
    world.approve(ONE_WAVE).await;
    let answers = join_all((0..12).map(|_| world.forecast(of_spring()))).await;
    let refused: Vec<_> = answers.into_iter().filter(Result::is_err).map(reason).collect();
    assert!((1..=4).contains(&refused.len()), "{refused:?}");
    assert!(refused.iter().all(|refused| *refused == (Code::ResourceExhausted, "FORECASTS_CROWDED".into())));
    assert!(world.forecast(of_spring()).await.is_ok());
}
