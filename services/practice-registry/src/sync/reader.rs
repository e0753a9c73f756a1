//! Reads the pages of a run from its interface.

use std::collections::BTreeSet;

use jiff::civil::Date;
use ods::PracticeCode;
use ods::fhir::{FhirPage, Rejected};
use ods_api::{ApiConfig, ApiError, CODES_MAX, ConfigError, FhirApi, OrdApi};
use practice::sync::{Sync, SyncRejection, SyncSource, Syncs, Then};

use crate::sync::page::PageRead;

/// Organisations that are read from ORD between two records of the journal, one call each: what is read again after a
/// crash, some ten seconds at the publisher's rate.
const ORD_PAGE_ORGANISATIONS: usize = 50;

/// ORD's status for what it does not take; also for changes of longer ago than it keeps.
const NOT_ACCEPTABLE: u16 = 406;

/// A client of one interface, and what it remembers of the run.
#[derive(Debug)]
pub(crate) enum Reader {
    Fhir(FhirApi),
    Ord(OrdApi, Option<Listing>),
}

/// The organisations that ORD listed for a run.
#[derive(Debug)]
pub(crate) struct Listing {
    sync: u32,
    pass: u32,
    codes: BTreeSet<String>,
}

/// Why a page was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The interface failed.
    Failed(ApiError),
    /// It has forgotten where the run was: it must begin anew.
    Forgotten(ApiError),
    /// It does not tell changes of so long ago: everything must be read.
    TooLongAgo,
}

impl Reader {
    pub(crate) fn new(source: SyncSource, config: ApiConfig) -> Result<Self, ConfigError> {
        Ok(match source {
            SyncSource::Fhir => Self::Fhir(FhirApi::new(config)?),
            SyncSource::Ord => Self::Ord(OrdApi::new(config)?, None),
        })
    }

    /// The next page of the run, and where it goes on after it.
    pub(crate) async fn next_page(
        &mut self,
        syncs: &Syncs,
        sync: &Sync,
        today: Date,
    ) -> Result<(PageRead, Then), Unread> {
        match self {
            Self::Fhir(api) => fhir_page(api, syncs, sync, today).await,
            Self::Ord(api, listing) => {
                let listed = match listing.take() {
                    Some(listed) if (listed.sync, listed.pass) == (sync.number, sync.pass) => listed,
                    // Also after a restart: what was read already is known to the run.
                    _ => list(api, syncs, sync, today).await?,
                };
                let page = ord_page(api, sync, &listed.codes).await;
                *listing = Some(listed);
                page.map_err(Unread::Failed)
            }
        }
    }
}

async fn fhir_page(api: &FhirApi, syncs: &Syncs, sync: &Sync, today: Date) -> Result<(PageRead, Then), Unread> {
    // All of them are among everything.
    let due: Vec<PracticeCode> = match sync.since {
        Some(_) => syncs.returns_due(today).take(CODES_MAX).collect(),
        None => Vec::new(),
    };
    if !due.is_empty() {
        let page = api.practices_of(&due).await.map_err(Unread::Failed)?;
        return Ok((PageRead { came_back: due, total: None, ..page_read(page) }, Then::Page(None)));
    }
    let mut page = api.practices(sync.since, sync.next.as_deref()).await.map_err(|error| match error {
        ApiError::NotFound { .. } if sync.next.is_some() => Unread::Forgotten(error),
        _ => Unread::Failed(error),
    })?;
    let then = page.next.take().map_or(Then::End, |next| Then::Page(Some(next)));
    Ok((page_read(page), then))
}

fn page_read(page: FhirPage) -> PageRead {
    let rejection = |Rejected { id, fault }| SyncRejection { code: id, reason: fault.to_string() };
    PageRead {
        records: page.records,
        rejections: page.rejections.into_iter().map(rejection).collect(),
        came_back: Vec::new(),
        total: page.total,
    }
}

async fn list(api: &OrdApi, syncs: &Syncs, sync: &Sync, today: Date) -> Result<Listing, Unread> {
    let codes = match sync.since {
        None => api.practices().await.map_err(Unread::Failed)?,
        Some(since) => {
            let changed = api.changed_since(since).await.map_err(|error| match error {
                ApiError::NotAcceptable { status: NOT_ACCEPTABLE, .. } => Unread::TooLongAgo,
                _ => Unread::Failed(error),
            })?;
            // Of all kinds of organisation, those that may be practices by their codes.
            let may_be_practices = changed.into_iter().filter(|code| code.parse::<PracticeCode>().is_ok());
            may_be_practices.chain(syncs.returns_due(today).map(|code| code.to_string())).collect()
        }
    };
    Ok(Listing { sync: sync.number, pass: sync.pass, codes })
}

/// The next organisations of the listing. Where one fails, those before it are taken in first; the next page meets it
/// again.
async fn ord_page(api: &OrdApi, sync: &Sync, listed: &BTreeSet<String>) -> Result<(PageRead, Then), ApiError> {
    let mut unread: Vec<&String> = listed.iter().filter(|code| !sync.read.contains(*code)).collect();
    let then = if unread.len() > ORD_PAGE_ORGANISATIONS { Then::Page(None) } else { Then::End };
    unread.truncate(ORD_PAGE_ORGANISATIONS);
    let mut page = PageRead { total: Some(counted(listed.len())), ..PageRead::default() };
    for (asked, code) in unread.into_iter().enumerate() {
        match api.organisation(code).await {
            Ok(Some(record)) => page.records.push(record),
            Ok(None) => page.reject(code, "ORD has listed it and has no record of it".to_owned()),
            Err(ApiError::Document { source, .. }) if !source.is_truncation() => page.reject(code, source.to_string()),
            Err(error) if asked == 0 => return Err(error),
            Err(_) => return Ok((page, Then::Page(None))),
        }
    }
    Ok((page, then))
}

impl PageRead {
    fn reject(&mut self, code: &str, reason: String) {
        self.rejections.push(SyncRejection { code: code.to_owned(), reason });
    }
}

fn counted(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
