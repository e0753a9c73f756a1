//! ORD 2-0-0.

use std::collections::BTreeSet;

use http::HeaderMap;
use jiff::civil::Date;
use ods::OrganisationRecord;
use ods::record::GP_PRACTICE_ROLE;

use crate::config::{ApiConfig, ConfigError};
use crate::error::ApiError;
use crate::http::Http;

const ACCEPT: &str = "application/json";

/// The primary role of GP practices, "prescribing cost centre".
const PRIMARY_ROLE: &str = "RO177";

/// The most that a search gives at a time.
const LIMIT: u32 = 1_000;

/// How many organisations a search finds on all its pages.
const TOTAL_HEADER: &str = "x-total-count";

/// How often a list is read before it is said that it never stands still.
const LISTINGS_MAX: u32 = 3;

/// A client of ORD.
#[derive(Debug)]
pub struct OrdApi {
    http: Http,
}

impl OrdApi {
    /// A client; nothing is dialled before the first call.
    ///
    /// # Errors
    /// Where this machine has no root certificates to know the publisher by.
    pub fn new(config: ApiConfig) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(config)? })
    }

    /// The codes of all organisations, of every kind, that changed on `day` or later. ORD refuses a day too long ago.
    pub async fn changed_since(&self, day: Date) -> Result<BTreeSet<String>, ApiError> {
        let path = self.http.config.base.below(&format!("/sync?LastChangeDate={day}&_format=json"));
        let page = self.http.page(&path, ACCEPT, ods::ord::codes, ods::ord::error_text).await?;
        Ok(page.document.into_iter().collect())
    }

    /// The codes of all GP practices, open or not. The pages are read again where they do not hold as many as ORD says
    /// there are: somebody changed the directory between two of them.
    pub async fn practices(&self) -> Result<BTreeSet<String>, ApiError> {
        let mut listing = 1;
        loop {
            let (listed, total) = self.listing().await?;
            let listed_count = u32::try_from(listed.len()).unwrap_or(u32::MAX);
            match total {
                Some(total) if listed_count < total && listing < LISTINGS_MAX => listing += 1,
                Some(total) if listed_count < total => {
                    let address = self.http.address(&self.search(0));
                    return Err(ApiError::KeepsChanging { address, total, listed: listed_count });
                }
                _ => return Ok(listed),
            }
        }
    }

    /// One organisation; None where ORD has none of this code.
    pub async fn organisation(&self, code: &str) -> Result<Option<OrganisationRecord>, ApiError> {
        let path = self.http.config.base.below(&format!("/organisations/{code}?_format=json"));
        match self.http.page(&path, ACCEPT, ods::ord::organisation, ods::ord::error_text).await {
            Ok(page) => Ok(Some(page.document)),
            Err(ApiError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All pages of the search, and how many there are by the last of them that said so.
    async fn listing(&self) -> Result<(BTreeSet<String>, Option<u32>), ApiError> {
        let (mut listed, mut total, mut offset) = (BTreeSet::new(), None, 0);
        loop {
            let path = self.search(offset);
            let page = self.http.page(&path, ACCEPT, ods::ord::codes, ods::ord::error_text).await?;
            let count = u32::try_from(page.document.len()).unwrap_or(u32::MAX);
            listed.extend(page.document);
            total = total_count(&page.headers).or(total);
            offset += count;
            // By the header where there is one: a page may be shorter than was asked for and not the last.
            let is_last = total.map_or(count < LIMIT, |total| offset >= total);
            if is_last || count == 0 {
                return Ok((listed, total));
            }
        }
    }

    fn search(&self, offset: u32) -> String {
        // ORD takes no offset of nought.
        let offset = if offset == 0 { String::new() } else { format!("&Offset={offset}") };
        let query = format!("PrimaryRoleId={PRIMARY_ROLE}&NonPrimaryRoleId={GP_PRACTICE_ROLE}&Limit={LIMIT}{offset}");
        self.http.config.base.below(&format!("/organisations?{query}&_format=json"))
    }
}

fn total_count(headers: &HeaderMap) -> Option<u32> {
    headers.get(TOTAL_HEADER)?.to_str().ok()?.trim().parse().ok()
}
