//! StatisticsService: questions about figures.

use std::pin::Pin;

use api::Error;
use authority::Permission;
use futures_util::Stream;
use jiff::Timestamp;
use ods::Capability;
use proto::statistics::v1 as wire;
use proto::statistics::v1::statistics_service_server::StatisticsService;
use tally::{Area, Day, Definition, Measure, Period};
use tonic::{Request, Response, Status};

use super::authorised::Detail;
use super::error::{of_comparison, of_period, of_query};
use super::{comparison, compliance, practices, series, summary, watch};
use crate::AccessStatistics;
use crate::query::Frame;

#[tonic::async_trait]
impl StatisticsService for AccessStatistics {
    async fn get_summary(
        &self,
        request: Request<wire::GetSummaryRequest>,
    ) -> Result<Response<wire::GetSummaryResponse>, Status> {
        let _activity = self.clock.activity();
        let permission = Permission::of(&request).clone();
        let query = summary::query(&request.into_inner(), self.clock.now())?;
        self.authorise_area(&permission, &query.area, Detail::Whole)?;
        let summary = self.summary(&query).await.map_err(|error| of_query(&error))?;
        Ok(Response::new(summary::response(&query, summary)))
    }

    type WatchSummaryStream = Pin<Box<dyn Stream<Item = Result<wire::WatchSummaryResponse, Status>> + Send>>;

    async fn watch_summary(
        &self,
        request: Request<wire::WatchSummaryRequest>,
    ) -> Result<Response<Self::WatchSummaryStream>, Status> {
        let permission = Permission::of(&request).clone();
        let figures = watch::watch(self, &permission, &request.into_inner()).await?;
        Ok(Response::new(Box::pin(figures)))
    }

    async fn query_series(
        &self,
        request: Request<wire::QuerySeriesRequest>,
    ) -> Result<Response<wire::QuerySeriesResponse>, Status> {
        let _activity = self.clock.activity();
        let permission = Permission::of(&request).clone();
        let (query, page) = series::query(&request.into_inner(), self.clock.now())?;
        self.authorise_area(&permission, &query.within, series::detail(&query))?;
        let series = self.series(&query).await.map_err(|error| of_query(&error))?;
        Ok(Response::new(series::response(&query, &page, series)))
    }

    async fn compare_practices(
        &self,
        request: Request<wire::ComparePracticesRequest>,
    ) -> Result<Response<wire::ComparePracticesResponse>, Status> {
        let _activity = self.clock.activity();
        let permission = Permission::of(&request).clone();
        let query = comparison::query(&request.into_inner(), self.clock.now())?;
        self.authorise_area(&permission, &query.within, Detail::Parts)?;
        let compared = self.comparison(&query).await.map_err(|error| of_comparison(&error))?;
        Ok(Response::new(comparison::response(&query, compared)))
    }

    async fn batch_get_practice_figures(
        &self,
        request: Request<wire::BatchGetPracticeFiguresRequest>,
    ) -> Result<Response<wire::BatchGetPracticeFiguresResponse>, Status> {
        let _activity = self.clock.activity();
        let query = practices::query(&request.into_inner(), self.clock.now())?;
        let known = self.practices(&query).await.map_err(|error| of_query(&error))?;
        Ok(Response::new(practices::response(&query, known)))
    }

    async fn get_compliance(
        &self,
        request: Request<wire::GetComplianceRequest>,
    ) -> Result<Response<wire::GetComplianceResponse>, Status> {
        let _activity = self.clock.activity();
        let permission = Permission::of(&request).clone();
        let (query, page) = compliance::query(&request.into_inner(), self.clock.now())?;
        let detail = if query.group_by.is_some() { Detail::Parts } else { Detail::Whole };
        self.authorise_area(&permission, &query.within, detail)?;
        let counted = self.compliance(&query).await.map_err(|error| of_query(&error))?;
        Ok(Response::new(compliance::response(&query, &page, counted)))
    }

    async fn list_definitions(
        &self,
        request: Request<wire::ListDefinitionsRequest>,
    ) -> Result<Response<wire::ListDefinitionsResponse>, Status> {
        Ok(Response::new(compliance::definitions(&request.into_inner())?))
    }

    async fn get_definition(
        &self,
        request: Request<wire::GetDefinitionRequest>,
    ) -> Result<Response<wire::GetDefinitionResponse>, Status> {
        Ok(Response::new(compliance::one_definition(&request.into_inner())?))
    }
}

/// A moment that may be left out and is then now; later ones are refused, since nobody knows them.
pub(super) fn moment_until_now(
    path: &str,
    wire: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let moment = api::time::moment(path, wire)?.unwrap_or(now);
    if moment > now {
        return Err(Error::invalid(path, "MOMENT_IN_FUTURE", "{field} is {moment}, which is after now, {now}")
            .with("moment", moment)
            .with("now", now));
    }
    Ok(moment)
}

pub(super) fn frame(capability: &str, known_at: Timestamp, min_position: u64) -> Result<Frame, Error> {
    let capability: Capability = capability.parse().map_err(|_| {
        Error::invalid(
            "capability",
            "CAPABILITY_INVALID",
            "{field} is not a capability, such as capabilities/prospective-records",
        )
    })?;
    Ok(Frame { capability, known_at, min_position })
}

pub(super) fn area(text: &str) -> Result<Area, Error> {
    text.parse().map_err(|_| {
        Error::invalid(
            "area",
            "AREA_INVALID",
            "{field} is `{area}`; it must be england, regions/…, icbs/…, sub-icbs/…, pcns/…, suppliers/… or practices/…",
        )
        .with("area", text)
    })
}

/// A period that may be left out.
pub(super) fn period(wire: Option<&wire::Period>) -> Result<Option<Period>, Error> {
    let Some(wire) = wire else { return Ok(None) };
    let start = api::time::required_date("period.start_date", &wire.start_date)?;
    let end = api::time::required_date("period.end_date", &wire.end_date)?;
    Period::new(Day::from(start), Day::from(end)).map(Some).map_err(|error| of_period("period", &error))
}

pub(super) fn period_to_wire(period: Period) -> wire::Period {
    wire::Period { start_date: period.start().to_string(), end_date: period.end().to_string() }
}

pub(super) fn definition(measure: Measure) -> wire::Definition {
    let Definition { measure, words, area, denominator, not_known } = *measure.definition();
    wire::Definition {
        name: measure.to_string(),
        words: words.to_owned(),
        area: area.to_owned(),
        denominator: denominator.map(|whole| whole.definition().words.to_owned()).unwrap_or_default(),
        not_known,
    }
}

/// A count for the wire; all are far below 2^63.
pub(super) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
