//! What ODS's interfaces say of an organisation, in one form for both of them, and what that says of a GP practice.
//!
//! An interface gives a record whole: name, dates, roles, relationships and successions, past and present. What of it
//! holds on a day is worked out here. Telephone numbers and the lines of addresses are left out on purpose, since
//! nothing here needs them.

use crate::directory::{PracticeRow, Status};
use crate::json::{DocumentFault, Problem};
use crate::{CodeError, PcnCode, PracticeCode, SubIcbCode, Supplier};
use jiff::civil::Date;
use pseudonym::in_text;

/// The role "GP practice". A practice holds it beside its primary role, "prescribing cost centre" (RO177).
pub const GP_PRACTICE_ROLE: &str = "RO76";

/// The relationship "is commissioned by": of an English practice, its sub-ICB location.
pub const COMMISSIONED_BY: &str = "RE4";

/// The relationship "is partner to": of a practice, its PCN.
pub const PARTNER_TO: &str = "RE8";

/// Longest code of an organisation that is taken for one; ODS has none above ten.
const CODE_BYTES_MAX: usize = 12;

/// An organisation as ODS gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganisationRecord {
    /// Its ODS code, of whatever kind of organisation.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Whether ODS calls it active.
    pub is_active: bool,
    /// Its postcode, where given.
    pub postcode: Option<String>,
    /// From when to when it operates.
    pub operational: Period,
    /// From when to when it exists in law.
    pub legal: Period,
    /// The day of its last change, by ODS.
    pub changed: Option<Date>,
    /// Its roles, past and present.
    pub roles: Vec<HeldRole>,
    /// Its relationships to others, past and present; None where the document says nothing of relationships, which is
    /// not the same as that it has none.
    pub relationships: Option<Vec<Relationship>>,
    /// Whom it succeeded, and who succeeded it.
    pub successions: Vec<Succession>,
    /// The maker of its GP system. ODS does not know it: only a bundle that this software exported says it.
    pub supplier: Option<Supplier>,
    /// Its registered patients. ODS does not know them either.
    pub list_size: Option<CountedPatients>,
}

/// A count of registered patients, with where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedPatients {
    /// Registered patients.
    pub patients: u32,
    /// The publication.
    pub source: String,
    /// The day the count is of.
    pub date: Date,
}

/// From when to when, both inclusive; None where not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub start: Option<Date>,
    /// The last day.
    pub end: Option<Date>,
}

impl Period {
    /// Is the day in it, as far as is said?
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.start.is_none_or(|start| start <= day) && self.end.is_none_or(|end| end >= day)
    }
}

/// A role that an organisation holds or held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRole {
    /// The role's id, `RO76`.
    pub role: String,
    /// Whether ODS calls it active.
    pub is_active: bool,
    /// From when to when it was held.
    pub operational: Period,
}

/// A relationship of an organisation to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// What kind, `RE4`.
    pub kind: String,
    /// Code of the other.
    pub target: String,
    /// Whether ODS calls it active.
    pub is_active: bool,
    /// From when to when it held.
    pub operational: Period,
}

/// A succession between two organisations, as ODS records it at one of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Succession {
    /// Which way.
    pub kind: SuccessionKind,
    /// Code of the other.
    pub other: String,
    /// From when, in law.
    pub date: Option<Date>,
}

/// What the other of a succession is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuccessionKind {
    /// It came before.
    Predecessor,
    /// It comes after.
    Successor,
}

/// What a record says of a GP practice of England, as of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeFacts {
    /// As the files say it; its line is 0, since it is from none. ICB and region are not ODS's to say of a practice:
    /// they follow from its sub-ICB.
    pub row: PracticeRow,
    /// From when it has been commissioned by its sub-ICB.
    pub sub_icb_since: Option<Date>,
    /// From when it has been in its PCN.
    pub pcn_since: Option<Date>,
    /// The next day on which one of the two begins or ends by what ODS says already. ODS will not call that a change on
    /// the day: whoever follows changes must come back.
    pub changes_on: Option<Date>,
    /// Whom it succeeded, and who succeeded it.
    pub successions: Vec<Succession>,
}

impl OrganisationRecord {
    /// Is it a GP practice, or was it ever?
    #[must_use]
    pub fn is_gp_practice(&self) -> bool {
        self.roles.iter().any(|held| held.role == GP_PRACTICE_ROLE)
    }

    /// Was it ever commissioned by a sub-ICB or CCG? Such only England has.
    #[must_use]
    pub fn is_english(&self) -> bool {
        self.relationships_of(COMMISSIONED_BY).any(|held| held.target.parse::<SubIcbCode>().is_ok())
    }

    /// What it says of a GP practice as of `day`.
    ///
    /// # Errors
    /// Where its code is no practice's, or a code of a relationship that holds is none of its kind.
    pub fn practice_facts(&self, day: Date) -> Result<PracticeFacts, CodeError> {
        let code: PracticeCode = self.code.parse()?;
        let commissioner = self.holding(COMMISSIONED_BY, day);
        let pcn = self.holding(PARTNER_TO, day);
        // Without any relationship in the document it would be as well for an interface that left them out.
        let says_of_pcn = self.relationships.as_ref().is_some_and(|held| !held.is_empty());
        let closed = self.closed();
        let row = PracticeRow {
            name: Some(self.name.clone()),
            postcode: self.postcode.clone(),
            // A Welsh board commissions a few practices in England: then nothing is said of a sub-ICB.
            sub_icb: commissioner.and_then(|held| held.target.parse().ok()),
            pcn: match pcn {
                Some(held) => Some(held.target.parse()?),
                None => says_of_pcn.then_some(PcnCode::UNALLOCATED),
            },
            supplier: self.supplier.clone(),
            opened: self.operational.start.or(self.legal.start),
            closed,
            status: Some(if self.is_practising() { Status::Active } else { Status::Closed }),
            list_size: self.list_size.as_ref().map(|counted| counted.patients),
            ..PracticeRow::new(0, code)
        };
        Ok(PracticeFacts {
            row,
            sub_icb_since: commissioner.and_then(|held| held.operational.start),
            pcn_since: pcn.and_then(|held| held.operational.start),
            changes_on: self.changes_on(day),
            successions: self.successions.clone(),
        })
    }

    /// Does ODS call it active, and active as a practice?
    fn is_practising(&self) -> bool {
        let ended =
            |held: &&HeldRole| held.role == GP_PRACTICE_ROLE && !held.is_active && held.operational.end.is_none();
        self.is_active && !self.roles.iter().any(|held| ended(&held))
    }

    /// The day from which it is no practice any more, counted as epraccur's close date is: ODS's last day. One that
    /// goes on as something else (a clinic) ends as a practice with its role.
    fn closed(&self) -> Option<Date> {
        let role_ends = self.roles.iter().filter(|held| held.role == GP_PRACTICE_ROLE).map(|held| held.operational.end);
        // Held twice, with a gap: it is one still, unless every time has ended.
        let role_end = role_ends.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
        let of_organisation =
            if self.is_active { self.operational.end } else { self.operational.end.or(self.legal.end) };
        match (of_organisation, role_end) {
            (Some(whole), Some(role)) => Some(whole.min(role)),
            (whole, role) => whole.or(role),
        }
    }

    fn relationships_of(&self, kind: &str) -> impl Iterator<Item = &Relationship> {
        self.relationships.iter().flatten().filter(move |held| held.kind == kind)
    }

    /// The one of this kind that holds on `day`: of several the one that began last, then the one of the greatest code,
    /// so that it is always the same one.
    fn holding(&self, kind: &str, day: Date) -> Option<&Relationship> {
        let holding = self.relationships_of(kind).filter(|held| held.is_active && held.operational.contains(day));
        holding.max_by(|a, b| (a.operational.start, &a.target).cmp(&(b.operational.start, &b.target)))
    }

    fn changes_on(&self, day: Date) -> Option<Date> {
        let both = self.relationships_of(COMMISSIONED_BY).chain(self.relationships_of(PARTNER_TO));
        let moments = both.flat_map(|held| {
            let after_end = held.operational.end.and_then(|end| end.tomorrow().ok());
            [held.operational.start, after_end]
        });
        moments.flatten().filter(|moment| *moment > day).min()
    }
}

/// The form of an ODS code of whatever kind: what may be asked for by it in an address. An NHS number is none (rule 16).
pub(crate) fn is_code(text: &str) -> bool {
    (1..=CODE_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !in_text::contains(text)
}

/// A period out of its two ends.
pub(crate) fn period(
    start: Option<Date>,
    end: Option<Date>,
    fault: impl FnOnce(Problem) -> DocumentFault,
) -> Result<Period, DocumentFault> {
    match (start, end) {
        (Some(start), Some(end)) if end < start => Err(fault(Problem::EndsBeforeItBegins { start, end })),
        _ => Ok(Period { start, end }),
    }
}
