//! Reading a page of a search.

use super::{LIST_SIZE, ODS_CODE_SYSTEM, ROLE, SUPPLIER, TYPED_MOMENT, TYPED_PERIOD};
use crate::json::{self, DocumentFault, Node, Problem};
use crate::record::{
    self, CountedPatients, HeldRole, OrganisationRecord, Period, Relationship, Succession, SuccessionKind,
};
use std::collections::BTreeMap;

/// A page of a search, or a whole bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FhirPage {
    /// Its organisations, in its order, each with the relationships that the page gives.
    pub records: Vec<OrganisationRecord>,
    /// The organisations that are left out, and why.
    pub rejections: Vec<Rejected>,
    /// The address of the next page; None on the last.
    pub next: Option<String>,
    /// How many organisations the search finds on all pages, where the interface says it.
    pub total: Option<u32>,
}

/// An organisation that cannot be understood, or one of whose relationships cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What the server calls it, which for ODS is its code; where it has not even that, its place on the page.
    pub id: String,
    /// What is wrong.
    pub fault: DocumentFault,
}

/// Reads a page. An organisation that cannot be understood is left out and named among the rejections; the rest is
/// used.
///
/// # Errors
/// Where the document is broken, or no Bundle.
pub fn page(bytes: &[u8]) -> Result<FhirPage, DocumentFault> {
    let document = json::document(bytes)?;
    let root = Node::root(&document);
    let kind = resource_type(&root)?;
    if kind != "Bundle" {
        let said = outcome(&root).map(|said| format!(" ({said})")).unwrap_or_default();
        let found = format!("a resource of type {}{said}", crate::code::excerpt(kind));
        return Err(root.fault(Problem::OtherDocument { expected: "a Bundle", found }));
    }
    let mut page = FhirPage { records: Vec::new(), rejections: Vec::new(), next: None, total: None };
    page.total = root.get("total").map(|total| total.count()).transpose()?;
    for link in root.items("link") {
        if link.need("relation")?.text()? == "next" {
            page.next = Some(link.need("url")?.text()?.to_owned());
        }
    }
    let mut affiliations = Affiliations::default();
    for entry in root.items("entry") {
        let resource = entry.need("resource")?;
        match resource_type(&resource)? {
            "Organization" => match organisation(&resource) {
                Ok(record) => page.records.push(record),
                Err(fault) => page.rejections.push(Rejected { id: id(&resource), fault }),
            },
            "OrganizationAffiliation" => affiliations.read(&resource),
            // An interface may add hints about the search (OperationOutcome) and whatever else it finds useful.
            _ => {}
        }
    }
    affiliations.give_to(&mut page);
    Ok(page)
}

fn id(resource: &Node<'_>) -> String {
    let given = resource.get("id").and_then(|id| id.text().ok()).filter(|id| record::is_code(id));
    given.map_or_else(|| resource.fault(Problem::Missing).path, str::to_owned)
}

/// What an OperationOutcome says, which comes in place of a document. None where it says nothing.
#[must_use]
pub fn diagnostics(bytes: &[u8]) -> Option<String> {
    let document = json::document(bytes).ok()?;
    outcome(&Node::root(&document))
}

fn outcome(root: &Node<'_>) -> Option<String> {
    let issue = root.items("issue").into_iter().next()?;
    let details = issue.get("details");
    let said = issue
        .get("diagnostics")
        .or_else(|| details.as_ref().and_then(|details| details.get("text")))
        .or_else(|| details.as_ref().and_then(|details| details.items("coding").first()?.get("display")))?;
    said.plain().ok().flatten()
}

fn resource_type<'a>(node: &Node<'a>) -> Result<&'a str, DocumentFault> {
    node.need("resourceType")?.text()
}

fn organisation(node: &Node<'_>) -> Result<OrganisationRecord, DocumentFault> {
    let (operational, legal) = periods(node)?;
    let postcode = node.items("address").into_iter().find_map(|address| address.get("postalCode"));
    let mut record = OrganisationRecord {
        code: ods_code(node)?,
        name: node.need("name")?.plain()?.ok_or_else(|| node.fault(Problem::Missing))?,
        is_active: node.need("active")?.boolean()?,
        postcode: postcode.map(|postcode| postcode.plain()).transpose()?.flatten(),
        operational,
        legal,
        changed: None,
        roles: Vec::new(),
        relationships: None,
        successions: Vec::new(),
        supplier: None,
        list_size: None,
    };
    for extension in node.items("extension") {
        match extension.need("url")?.text()? {
            ROLE => record.roles.push(role(&extension)?),
            TYPED_MOMENT => {
                let changed = part(&extension, "dateTime", "valueDateTime")?;
                record.changed = changed.map(|at| at.date()).transpose()?;
            }
            SUPPLIER => record.supplier = Some(extension.need("valueString")?.code()?),
            LIST_SIZE => record.list_size = Some(list_size(&extension)?),
            _ => {}
        }
    }
    Ok(record)
}

/// The identifier in ODS's system. The resource's id is the server's own affair.
fn ods_code(node: &Node<'_>) -> Result<String, DocumentFault> {
    let identifiers = node.items("identifier");
    let ods = |identifier: &&Node<'_>| {
        identifier.get("system").is_some_and(|system| system.text().ok() == Some(ODS_CODE_SYSTEM))
    };
    let identifier = identifiers.iter().find(ods).ok_or_else(|| {
        let path = node.fault(Problem::Missing).path;
        DocumentFault { path: format!("{path}.identifier"), problem: Problem::Missing }
    })?;
    checked_code(&identifier.need("value")?)
}

fn role(node: &Node<'_>) -> Result<HeldRole, DocumentFault> {
    let concept = part(node, "roleCode", "valueCodeableConcept")?.ok_or_else(|| node.fault(Problem::Missing))?;
    let role = coding(&concept)?.text()?.to_owned();
    let is_active = part(node, "active", "valueBoolean")?.map_or(Ok(true), |active| active.boolean())?;
    let (operational, legal) = periods(node)?;
    let operational = if operational == Period::default() { legal } else { operational };
    Ok(HeldRole { role, is_active, operational })
}

fn list_size(node: &Node<'_>) -> Result<CountedPatients, DocumentFault> {
    let need = |url, value| part(node, url, value)?.ok_or_else(|| node.fault(Problem::Missing));
    Ok(CountedPatients {
        patients: need("patients", "valueUnsignedInt")?.count()?,
        source: need("source", "valueString")?.plain()?.unwrap_or_default(),
        date: need("date", "valueDate")?.date()?,
    })
}

/// The value of the part `url` of an extension; None where there is no such part.
fn part<'a>(extension: &Node<'a>, url: &str, value: &str) -> Result<Option<Node<'a>>, DocumentFault> {
    for part in extension.items("extension") {
        if part.need("url")?.text()? == url {
            return part.need(value).map(Some);
        }
    }
    Ok(None)
}

/// The first code of a concept.
fn coding<'a>(concept: &Node<'a>) -> Result<Node<'a>, DocumentFault> {
    let codings = concept.items("coding");
    codings.first().ok_or_else(|| concept.fault(Problem::Missing))?.need("code")
}

/// The operational period and the legal one.
fn periods(node: &Node<'_>) -> Result<(Period, Period), DocumentFault> {
    let (mut operational, mut legal) = (Period::default(), Period::default());
    for extension in node.items("extension") {
        if extension.need("url")?.text()? != TYPED_PERIOD {
            continue;
        }
        let kind = part(&extension, "dateType", "valueCoding")?.ok_or_else(|| extension.fault(Problem::Missing))?;
        let kind = kind.need("code")?;
        let target = match kind.text()? {
            "Operational" => &mut operational,
            "Legal" => &mut legal,
            other => {
                let (given, expected) = (crate::code::excerpt(other), "Operational nor Legal");
                return Err(kind.fault(Problem::UnknownWord { given, expected }));
            }
        };
        let Some(period) = part(&extension, "period", "valuePeriod")? else { continue };
        let day = |name| period.get(name).map(|day| day.date()).transpose();
        *target = record::period(day("start")?, day("end")?, |problem| period.fault(problem))?;
    }
    Ok((operational, legal))
}

/// Relationships and successions, by the code of the organisation that has them.
#[derive(Default)]
struct Affiliations {
    relationships: BTreeMap<String, Vec<Relationship>>,
    successions: BTreeMap<String, Vec<Succession>>,
    faults: BTreeMap<String, DocumentFault>,
    /// There is one of which not even the owner can be made out.
    has_stray: bool,
}

impl Affiliations {
    fn read(&mut self, node: &Node<'_>) {
        let owner = node.need("organization").and_then(|organisation| reference(&organisation));
        match owner {
            Ok(owner) => {
                if let Err(fault) = self.read_of(owner.clone(), node) {
                    self.faults.insert(owner, fault);
                }
            }
            Err(_) => self.has_stray = true,
        }
    }

    fn read_of(&mut self, owner: String, node: &Node<'_>) -> Result<(), DocumentFault> {
        let other = reference(&node.need("participatingOrganization")?)?;
        let concepts = node.items("code");
        let kind = coding(concepts.first().ok_or_else(|| node.fault(Problem::Missing))?)?;
        let (operational, legal) = periods(node)?;
        let date = legal.start.or(operational.start);
        let succession = match kind.text()? {
            "Predecessor" => Some(SuccessionKind::Predecessor),
            "Successor" => Some(SuccessionKind::Successor),
            _ => None,
        };
        if let Some(kind) = succession {
            self.successions.entry(owner).or_default().push(Succession { kind, other, date });
            return Ok(());
        }
        let relationship = Relationship {
            kind: kind.text()?.to_owned(),
            target: other,
            is_active: node.need("active")?.boolean()?,
            operational: if operational == Period::default() { legal } else { operational },
        };
        self.relationships.entry(owner).or_default().push(relationship);
        Ok(())
    }

    /// Gives each organisation its own. One of whose relationships cannot be read is rejected: with the rest it would
    /// seem to be in no PCN. Of a page with a stray, for the same reason, no organisation is known to have all of its
    /// own.
    fn give_to(mut self, page: &mut FhirPage) {
        for mut record in std::mem::take(&mut page.records) {
            if let Some(fault) = self.faults.remove(&record.code) {
                page.rejections.push(Rejected { id: record.code, fault });
                continue;
            }
            record.relationships = self.relationships.remove(&record.code).filter(|_| !self.has_stray);
            record.successions = self.successions.remove(&record.code).unwrap_or_default();
            page.records.push(record);
        }
    }
}

/// The ODS code that a reference stands for: its identifier's, or the last part of its address.
fn reference(node: &Node<'_>) -> Result<String, DocumentFault> {
    if let Some(value) = node.get("identifier").and_then(|identifier| identifier.get("value")) {
        return checked_code(&value);
    }
    let address = node.need("reference")?;
    let last = address.text()?.rsplit('/').next().unwrap_or_default();
    if record::is_code(last) { Ok(last.to_owned()) } else { Err(no_code(&address, last)) }
}

fn checked_code(node: &Node<'_>) -> Result<String, DocumentFault> {
    let text = node.text()?;
    if record::is_code(text) { Ok(text.to_owned()) } else { Err(no_code(node, text)) }
}

fn no_code(node: &Node<'_>, text: &str) -> DocumentFault {
    node.fault(crate::CodeError::new("an ODS code", text, "up to twelve letters and digits, such as A81001").into())
}
