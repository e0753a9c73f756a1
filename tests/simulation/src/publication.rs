//! A publication of what a run left behind: announced, made, judged, and frozen. A supplier corrects its returns thereafter, and an
//! aggregator that is opened anew tells of the same issue the same bytes.
//!
//! What is published and whether it discloses is the statistics' own tests'; here it rests on what faults left behind.

use anyhow::Context;
use evidence::Issue;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use ods::civil::{civil_date, day_end};
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::publication_service_client::PublicationServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use sha2::{Digest, Sha256};

use crate::figures::Auditor;
use crate::hosts::Installation;

/// The week of the waves, and its last day.
const WEEK: &str = "publications/2031-W23";
const WEEK_END: Date = date(2031, 6, 8);

const FORMATS: [wire::PublicationFormat; 2] = [wire::PublicationFormat::Csv, wire::PublicationFormat::Summary];

/// One story in so many is published: it costs as much as all else that is asked.
const PUBLISHED_ONE_IN: u64 = 4;

/// Made at `now`, while nothing else runs; None before the week is over, and of most stories. Records the issue and returns in the
/// journal of statistics, so that whatever else is looked at is looked at before.
pub(crate) async fn issue(
    installation: &Installation,
    auditor: &Auditor,
    now: Timestamp,
) -> anyhow::Result<Option<Issue>> {
    if civil_date(now) <= WEEK_END || !installation.plan().seed.is_multiple_of(PUBLISHED_ONE_IN) {
        return Ok(None);
    }
    let told = told(auditor).await?;
    let mut publications = PublicationServiceClient::new(auditor.peer());
    let announced = wire::SetReleaseRequest {
        publication: WEEK.to_owned(),
        release_time: Some(api::time::to_wire(now + SignedDuration::from_hours(24))),
        request_id: "auditor/announced".to_owned(),
        ..Default::default()
    };
    publications.set_release(announced).await?;
    let asked = wire::CreatePublicationRequest {
        publication: WEEK.to_owned(),
        request_id: "auditor/made".to_owned(),
        ..Default::default()
    };
    let issue = publications.create_publication(asked).await?.into_inner().publication.context("an issue")?;
    let of_england = |figure: &&wire::PublishedFigure| figure.definition == "definitions/patients-with-access";
    let published = issue.figures.iter().find(of_england).map(|figure| figure.value.clone()).unwrap_or_default();
    let made = files(auditor).await?;
    correct(installation, auditor).await?;
    let later = files(&Auditor::open(installation, now).await?).await?;
    Ok(Some(Issue { name: WEEK.to_owned(), made, later, published, told }))
}

/// How long it is, and a hash of it.
pub(crate) fn report(issue: &Issue) -> String {
    format!("{WEEK}: {} bytes, {}", issue.made.len(), hex::encode(Sha256::digest(&issue.made)))
}

/// England's patients with access at the end of the week.
async fn told(auditor: &Auditor) -> anyhow::Result<i64> {
    let as_at = day_end(WEEK_END) - SignedDuration::from_micros(1);
    let asked = wire::GetSummaryRequest { as_at: Some(api::time::to_wire(as_at)), ..Default::default() };
    let summary = StatisticsServiceClient::new(auditor.peer()).get_summary(asked).await?.into_inner();
    Ok(summary.patients_with_access.context("every figure is there")?.value)
}

/// The bytes of the first issue's files.
async fn files(auditor: &Auditor) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for format in FORMATS {
        let asked = wire::DownloadPublicationRequest {
            name: WEEK.to_owned(),
            issue: 1,
            format: format.into(),
            ..Default::default()
        };
        let mut pieces = PublicationServiceClient::new(auditor.peer()).download_publication(asked).await?.into_inner();
        while let Some(piece) = pieces.message().await? {
            bytes.extend_from_slice(&piece.data);
        }
    }
    Ok(bytes)
}

/// Says something else of every practice that anybody returned.
async fn correct(installation: &Installation, auditor: &Auditor) -> anyhow::Result<()> {
    for supplier in ["EMIS", "TPP"] {
        let of_it = installation.plan().surgeries.iter().filter(|surgery| surgery.supplier == supplier);
        let returns: Vec<wire::PracticeReturn> = of_it
            .map(|surgery| wire::PracticeReturn {
                practice: format!("practices/{}", surgery.code),
                accounts_with_access: 1,
                ..Default::default()
            })
            .collect();
        if returns.is_empty() {
            continue;
        }
        let request = wire::SubmitReturnsRequest {
            supplier: format!("suppliers/{supplier}"),
            period_start_date: "2031-05-01".to_owned(),
            period_end_date: "2031-05-31".to_owned(),
            returns,
            request_id: format!("auditor/{supplier}"),
            ..Default::default()
        };
        IngestServiceClient::new(auditor.peer()).submit_returns(request).await?;
    }
    Ok(())
}
