//! FHIR R4 as the Organisation Data Terminology interface speaks it: Organization with NHS England's extensions for
//! roles and dates, and OrganizationAffiliation for relationships and successions, in a Bundle.
//!
//! [`page`] reads, [`organization`] and [`affiliations`] write; what is written is read back as it was. Of the
//! resources only what a directory needs is read.

mod read;
mod write;

pub use read::{FhirPage, Rejected, diagnostics, page};
pub use write::{BundleKind, BundleWriter, Version, affiliations, organization};

/// Identifies an organisation by its ODS code.
const ODS_CODE_SYSTEM: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// The roles of ODS.
pub const ROLE_SYSTEM: &str =
    "https://digital.nhs.uk/services/organisation-data-service/CodeSystem/ODSOrganisationRole";
/// The kinds of relationship of ODS.
const RELATIONSHIP_SYSTEM: &str =
    "https://digital.nhs.uk/services/organisation-data-service/CodeSystem/ODSRelationship";
/// Operational or Legal.
const PERIOD_SYSTEM: &str = "https://fhir.nhs.uk/England/CodeSystem/England-PeriodType";
/// LastChangeDate.
const MOMENT_SYSTEM: &str = "https://fhir.nhs.uk/England/CodeSystem/England-ODSDateTime";

const ROLE: &str = "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-OrganisationRole";
const TYPED_PERIOD: &str = "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-TypedPeriod";
const TYPED_MOMENT: &str = "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-TypedDateTime";

/// What ODS does not know and a practice registry does. Nobody has registered such extensions, so they claim no web
/// address.
const SUPPLIER: &str = "urn:citizens-access:gp-system-supplier";
const LIST_SIZE: &str = "urn:citizens-access:list-size";
