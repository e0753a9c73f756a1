//! The ORD interface, version 2-0-0: `/organisations/{code}`, its search, and `/sync`.
//!
//! Where the publisher's XML has one of several, its JSON has an object in place of the list; both are read.

use crate::json::{self, DocumentFault, Node, Problem};
use crate::record::{self, HeldRole, OrganisationRecord, Period, Relationship, Succession, SuccessionKind};
use serde_json::Value;

/// Reads one organisation.
///
/// # Errors
/// Where the document is broken, or what is needed of it is missing or malformed, with its path.
pub fn organisation(bytes: &[u8]) -> Result<OrganisationRecord, DocumentFault> {
    let document = json::document(bytes)?;
    let root = checked(&document, "Organisation", "an organisation")?;
    let node = root.need("Organisation")?;
    let (operational, legal) = periods(&node)?;
    let location = node.get("GeoLoc").and_then(|place| place.get("Location"));
    let postcode = location.and_then(|place| place.get("PostCode"));
    let relationships = node.get("Rels").map(|rels| rels.items("Rel").iter().map(relationship).collect());
    let successions = node.get("Succs").map(|succs| succs.items("Succ").iter().map(succession).collect());
    Ok(OrganisationRecord {
        code: code(&node.need_at(&["OrgId", "extension"])?)?,
        name: node.need("Name")?.plain()?.ok_or_else(|| node.fault(Problem::Missing))?,
        is_active: is_active(&node)?,
        postcode: postcode.map(|postcode| postcode.plain()).transpose()?.flatten(),
        operational,
        legal,
        changed: node.get("LastChangeDate").map(|changed| changed.date()).transpose()?,
        roles: node.get("Roles").map_or(Ok(Vec::new()), |roles| roles.items("Role").iter().map(role).collect())?,
        relationships: relationships.transpose()?,
        successions: successions.transpose()?.unwrap_or_default(),
        supplier: None,
        list_size: None,
    })
}

/// The codes that a search names, or a sync, in the document's order: a search says them, a sync gives only addresses.
///
/// # Errors
/// Where the document is broken or an item names no organisation.
pub fn codes(bytes: &[u8]) -> Result<Vec<String>, DocumentFault> {
    let document = json::document(bytes)?;
    let root = checked(&document, "Organisations", "a list of organisations")?;
    let named = |item: &Node<'_>| match item.get("OrgId") {
        Some(id) => code(&id),
        None => {
            let link = item.need("OrgLink")?;
            let path = link.text()?.split(['?', '#']).next().unwrap_or_default();
            let last = path.rsplit('/').next().unwrap_or_default();
            checked_code(&link, last)
        }
    };
    root.items("Organisations").iter().map(named).collect()
}

/// What the interface says in place of a document: `{"errorCode": 406, "errorText": "…"}`. None where it says nothing.
#[must_use]
pub fn error_text(bytes: &[u8]) -> Option<String> {
    let document = json::document(bytes).ok()?;
    Node::root(&document).get("errorText")?.plain().ok()?
}

/// The document, if it has the field that all of its kind have.
fn checked<'a>(document: &'a Value, field: &str, expected: &'static str) -> Result<Node<'a>, DocumentFault> {
    let root = Node::root(document);
    match document.as_object() {
        Some(fields) if fields.contains_key(field) => Ok(root),
        Some(fields) => {
            let names = fields.keys().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            Err(root.fault(Problem::OtherDocument { expected, found: format!("a document of {names}") }))
        }
        None => Err(root.fault(Problem::OtherDocument { expected, found: "no object".to_owned() })),
    }
}

fn role(node: &Node<'_>) -> Result<HeldRole, DocumentFault> {
    let (operational, legal) = periods(node)?;
    let role = node.need("id")?.text()?.to_owned();
    Ok(HeldRole { role, is_active: is_active(node)?, operational: or(operational, legal) })
}

fn relationship(node: &Node<'_>) -> Result<Relationship, DocumentFault> {
    let (operational, legal) = periods(node)?;
    Ok(Relationship {
        kind: node.need("id")?.text()?.to_owned(),
        target: code(&node.need_at(&["Target", "OrgId", "extension"])?)?,
        is_active: is_active(node)?,
        operational: or(operational, legal),
    })
}

fn succession(node: &Node<'_>) -> Result<Succession, DocumentFault> {
    let kind = node.need("Type")?;
    let kind = match kind.text()? {
        "Predecessor" => SuccessionKind::Predecessor,
        "Successor" => SuccessionKind::Successor,
        other => {
            let (given, expected) = (crate::code::excerpt(other), "Predecessor nor Successor");
            return Err(kind.fault(Problem::UnknownWord { given, expected }));
        }
    };
    let (operational, legal) = periods(node)?;
    let other = code(&node.need_at(&["Target", "OrgId", "extension"])?)?;
    Ok(Succession { kind, other, date: legal.start.or(operational.start) })
}

/// The operational period and the legal one.
fn periods(node: &Node<'_>) -> Result<(Period, Period), DocumentFault> {
    let (mut operational, mut legal) = (Period::default(), Period::default());
    for date in node.items("Date") {
        let kind = date.need("Type")?;
        let target = match kind.text()? {
            "Operational" => &mut operational,
            "Legal" => &mut legal,
            other => {
                let (given, expected) = (crate::code::excerpt(other), "Operational nor Legal");
                return Err(kind.fault(Problem::UnknownWord { given, expected }));
            }
        };
        let day = |name| date.get(name).map(|day| day.date()).transpose();
        *target = record::period(day("Start")?, day("End")?, |problem| date.fault(problem))?;
    }
    Ok((operational, legal))
}

fn or(operational: Period, legal: Period) -> Period {
    if operational == Period::default() { legal } else { operational }
}

fn is_active(node: &Node<'_>) -> Result<bool, DocumentFault> {
    let status = node.need("Status")?;
    match status.text()? {
        "Active" => Ok(true),
        "Inactive" => Ok(false),
        other => {
            let (given, expected) = (crate::code::excerpt(other), "Active nor Inactive");
            Err(status.fault(Problem::UnknownWord { given, expected }))
        }
    }
}

fn code(node: &Node<'_>) -> Result<String, DocumentFault> {
    checked_code(node, node.text()?)
}

fn checked_code(node: &Node<'_>, text: &str) -> Result<String, DocumentFault> {
    if record::is_code(text) {
        return Ok(text.to_owned());
    }
    Err(node
        .fault(crate::CodeError::new("an ODS code", text, "up to twelve letters and digits, such as A81001").into()))
}
