//! Writing organisations as the interface gives them, and bundles of them piece by piece, so that a nation need not be
//! held in memory as text.

use super::{
    LIST_SIZE, MOMENT_SYSTEM, ODS_CODE_SYSTEM, PERIOD_SYSTEM, RELATIONSHIP_SYSTEM, ROLE, ROLE_SYSTEM, SUPPLIER,
    TYPED_MOMENT, TYPED_PERIOD,
};
use crate::record::{GP_PRACTICE_ROLE, OrganisationRecord, Period, SuccessionKind};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Which version of a resource it is, and since when it is the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number; here a journal position.
    pub id: u64,
    /// When it was recorded.
    pub last_updated: Timestamp,
}

/// The record as an Organization.
#[must_use]
pub fn organization(record: &OrganisationRecord, version: Version) -> Value {
    let mut extensions: Vec<Value> = record
        .roles
        .iter()
        .map(|held| {
            let mut parts = vec![json!({
                "url": "roleCode",
                "valueCodeableConcept": { "coding": [coding(ROLE_SYSTEM, &held.role, role_name(&held.role))] },
            })];
            parts.extend(typed_period("Operational", held.operational));
            parts.push(json!({ "url": "active", "valueBoolean": held.is_active }));
            json!({ "url": ROLE, "extension": parts })
        })
        .collect();
    extensions.extend(typed_period("Operational", record.operational));
    extensions.extend(typed_period("Legal", record.legal));
    if let Some(changed) = record.changed {
        extensions.push(json!({ "url": TYPED_MOMENT, "extension": [
            { "url": "type", "valueCoding": coding(MOMENT_SYSTEM, "LastChangeDate", "Last Change Date") },
            { "url": "dateTime", "valueDateTime": changed.to_string() },
        ] }));
    }
    if let Some(supplier) = &record.supplier {
        extensions.push(json!({ "url": SUPPLIER, "valueString": supplier.as_str() }));
    }
    if let Some(counted) = &record.list_size {
        extensions.push(json!({ "url": LIST_SIZE, "extension": [
            { "url": "patients", "valueUnsignedInt": counted.patients },
            { "url": "source", "valueString": counted.source },
            { "url": "date", "valueDate": counted.date.to_string() },
        ] }));
    }
    let mut resource = json!({
        "resourceType": "Organization",
        "id": record.code,
        "meta": { "versionId": version.id.to_string(), "lastUpdated": version.last_updated.to_string() },
        "extension": extensions,
        "identifier": [{ "system": ODS_CODE_SYSTEM, "value": record.code }],
        "active": record.is_active,
        "name": record.name,
    });
    if let Some(postcode) = &record.postcode {
        resource["address"] = json!([{ "postalCode": postcode }]);
    }
    resource
}

/// The record's relationships and successions as OrganizationAffiliations.
#[must_use]
pub fn affiliations(record: &OrganisationRecord) -> Vec<Value> {
    let mut resources = Vec::new();
    let mut add = |kind: &str, name: &str, other: &str, is_active: bool, period: Option<Value>| {
        // Ids must be the same whenever the same is exported, and are told apart by what they say.
        let id = format!("{}-{kind}-{other}-{}", record.code, resources.len());
        let mut resource = json!({
            "resourceType": "OrganizationAffiliation",
            "id": id,
            "active": is_active,
            "organization": reference(&record.code),
            "participatingOrganization": reference(other),
            "code": [{ "coding": [coding(RELATIONSHIP_SYSTEM, kind, name)] }],
        });
        if let Some(period) = period {
            resource["extension"] = json!([period]);
        }
        resources.push(resource);
    };
    for held in record.relationships.iter().flatten() {
        let period = typed_period("Operational", held.operational);
        add(&held.kind, relationship_name(&held.kind), &held.target, held.is_active, period);
    }
    for succession in &record.successions {
        let kind = match succession.kind {
            SuccessionKind::Predecessor => "Predecessor",
            SuccessionKind::Successor => "Successor",
        };
        let period = typed_period("Legal", Period { start: succession.date, end: None });
        add(kind, kind, &succession.other, true, period);
    }
    resources
}

/// What a bundle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleKind {
    /// Resources as they are or were.
    Collection,
    /// Versions of resources.
    History,
}

/// Words a bundle piece by piece: [`begin`](Self::begin), each entry, [`end`](Self::end).
#[derive(Clone, Debug)]
pub struct BundleWriter {
    kind: BundleKind,
    has_entries: bool,
}

impl BundleWriter {
    /// A writer of a bundle.
    #[must_use]
    pub fn new(kind: BundleKind) -> Self {
        Self { kind, has_entries: false }
    }

    /// What comes before the entries. `made_at` is the moment that the bundle shows.
    #[must_use]
    pub fn begin(&self, made_at: Timestamp) -> String {
        let kind = match self.kind {
            BundleKind::Collection => "collection",
            BundleKind::History => "history",
        };
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"{kind}\",\"timestamp\":\"{made_at}\",\"entry\":[\n")
    }

    /// A resource, as of `version`.
    #[must_use]
    pub fn entry(&mut self, resource: &Value, version: Version) -> String {
        let text = |name: &str| resource[name].as_str().unwrap_or_default().to_owned();
        let address = format!("{}/{}", text("resourceType"), text("id"));
        let entry = match self.kind {
            BundleKind::Collection => {
                json!({ "fullUrl": format!("urn:citizens-access:{address}"), "resource": resource })
            }
            BundleKind::History => json!({
                "fullUrl": format!("urn:citizens-access:{address}"),
                "resource": resource,
                "request": { "method": "PUT", "url": address },
                "response": { "status": "200", "lastModified": version.last_updated.to_string() },
            }),
        };
        let comma = if std::mem::replace(&mut self.has_entries, true) { ",\n" } else { "" };
        format!("{comma}{entry}")
    }

    /// What comes after the entries.
    #[must_use]
    pub fn end(&self) -> &'static str {
        "\n]}\n"
    }
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    if display.is_empty() {
        return json!({ "system": system, "code": code });
    }
    json!({ "system": system, "code": code, "display": display })
}

fn reference(code: &str) -> Value {
    json!({ "reference": format!("Organization/{code}"), "identifier": { "system": ODS_CODE_SYSTEM, "value": code } })
}

/// None where the period says nothing.
fn typed_period(kind: &str, period: Period) -> Option<Value> {
    if period == Period::default() {
        return None;
    }
    let mut dates = serde_json::Map::new();
    for (name, day) in [("start", period.start), ("end", period.end)] {
        dates.extend(day.map(|day| (name.to_owned(), json!(day.to_string()))));
    }
    Some(json!({ "url": TYPED_PERIOD, "extension": [
        { "url": "dateType", "valueCoding": coding(PERIOD_SYSTEM, kind, kind) },
        { "url": "period", "valuePeriod": dates },
    ] }))
}

fn role_name(role: &str) -> &'static str {
    if role == GP_PRACTICE_ROLE { "GP PRACTICE" } else { "" }
}

fn relationship_name(kind: &str) -> &'static str {
    match kind {
        "RE4" => "IS COMMISSIONED BY",
        "RE5" => "IS LOCATED IN THE GEOGRAPHY OF",
        "RE8" => "IS PARTNER TO",
        _ => "",
    }
}
