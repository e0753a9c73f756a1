//! Organisation Data Terminology, FHIR R4.

use jiff::civil::Date;
use ods::PracticeCode;
use ods::fhir::{FhirPage, ROLE_SYSTEM, diagnostics, page};
use ods::record::GP_PRACTICE_ROLE;

use crate::config::{ApiConfig, ConfigError};
use crate::error::ApiError;
use crate::http::Http;

const ACCEPT: &str = "application/fhir+json";

/// With each organisation its relationships, which are resources of their own.
const WITH_RELATIONSHIPS: &str = "_revinclude=OrganizationAffiliation:primary-organization";

/// Most codes in one search by code: their address stays well below what gateways take (8 kB).
pub const CODES_MAX: usize = 50;

/// A client of Organisation Data Terminology.
#[derive(Debug)]
pub struct FhirApi {
    http: Http,
}

impl FhirApi {
    /// A client; nothing is dialled before the first call.
    ///
    /// # Errors
    /// Where this machine has no root certificates to know the publisher by.
    pub fn new(config: ApiConfig) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(config)? })
    }

    /// A page of the GP practices that changed on `since` or later; all where it is None. `at` is what the page before
    /// gave as its next; None = the first page.
    pub async fn practices(&self, since: Option<Date>, at: Option<&str>) -> Result<FhirPage, ApiError> {
        match at {
            Some(at) => self.page(at).await,
            None => {
                let role = format!("roleCode={}", encoded(&format!("{ROLE_SYSTEM}|{GP_PRACTICE_ROLE}")));
                let since = since.map(|day| format!("&_lastUpdated=ge{day}")).unwrap_or_default();
                self.page(&self.search(&format!("{role}{since}"))).await
            }
        }
    }

    /// The practices of these codes, at most [`CODES_MAX`].
    pub async fn practices_of(&self, codes: &[PracticeCode]) -> Result<FhirPage, ApiError> {
        debug_assert!(codes.len() <= CODES_MAX, "the address would be too long");
        let codes: Vec<&str> = codes.iter().map(PracticeCode::as_str).collect();
        self.page(&self.search(&format!("identifier={}", codes.join(",")))).await
    }

    fn search(&self, query: &str) -> String {
        let count = self.http.config.page_organisations;
        self.http.config.base.below(&format!("/Organization?{query}&_count={count}&{WITH_RELATIONSHIPS}"))
    }

    async fn page(&self, path: &str) -> Result<FhirPage, ApiError> {
        let mut page = self.http.page(path, ACCEPT, page, diagnostics).await?.document;
        if let Some(link) = page.next.take() {
            let below = self.http.config.base.path_of(&link);
            let foreign = || ApiError::ForeignLink { address: self.http.address(path), link: link.clone() };
            page.next = Some(below.ok_or_else(foreign)?);
        }
        Ok(page)
    }
}

/// The text as a value in a query.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
