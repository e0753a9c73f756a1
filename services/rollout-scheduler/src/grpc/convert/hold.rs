//! Holds.

use std::collections::BTreeSet;

use api::Error;
use proto::scheduler::v1 as wire;
use rollout::HoldId;
use rollout::state::{Brake, Hold, HoldClass, HoldScope};

use super::{etag, moment, name};

/// How many members of a selection a reply lists at most; their count is exact.
const MEMBERS_LISTED_MAX: usize = 1_000;

/// Whom a hold is to cover, as asked for: members are not chosen yet.
#[derive(Clone, Debug)]
pub(crate) enum ScopeAsked {
    /// As it stands.
    Plain(HoldScope),
    /// Those for which this CEL holds now.
    Filter(String),
}

pub(crate) fn scope_from_wire(scope: Option<&wire::HoldScope>) -> Result<ScopeAsked, Error> {
    use wire::hold_scope::Scope;
    let required = || Error::invalid("scope", "FIELD_REQUIRED", "{field} is required");
    Ok(ScopeAsked::Plain(match scope.and_then(|scope| scope.scope.as_ref()).ok_or_else(required)? {
        Scope::National(true) => HoldScope::National,
        Scope::National(false) => return Err(required()),
        Scope::Supplier(supplier) => HoldScope::Supplier(name::supplier("scope.supplier", supplier)?),
        Scope::Region(region) => {
            let code = api::validate::resource_id("scope.region", region, "regions")?;
            HoldScope::Region(name::code_of("scope.region", code)?)
        }
        Scope::Icb(icb) => {
            let code = api::validate::resource_id("scope.icb", icb, "icbs")?;
            HoldScope::Icb(name::code_of("scope.icb", code)?)
        }
        Scope::Programme(programme) => HoldScope::Programme(name::programme("scope.programme", programme)?),
        Scope::Wave(wave) => HoldScope::Wave(name::wave("scope.wave", wave)?),
        Scope::Practice(practice) => HoldScope::Practice(name::practice("scope.practice", practice)?),
        Scope::Selection(selection) => return selection_from_wire(selection),
    }))
}

fn selection_from_wire(selection: &wire::Selection) -> Result<ScopeAsked, Error> {
    if !selection.filter.is_empty() && !selection.practices.is_empty() {
        return Err(Error::invalid(
            "scope.selection",
            "SELECTION_AMBIGUOUS",
            "{field} has a filter and a list; give one",
        ));
    }
    if !selection.filter.is_empty() {
        return Ok(ScopeAsked::Filter(selection.filter.clone()));
    }
    let mut members = BTreeSet::new();
    for (number, practice) in selection.practices.iter().enumerate() {
        members.insert(name::practice(&format!("scope.selection.practices[{number}]"), practice)?);
    }
    Ok(ScopeAsked::Plain(HoldScope::Selection(members.into_iter().collect())))
}

fn scope_to_wire(scope: &HoldScope) -> wire::HoldScope {
    use wire::hold_scope::Scope;
    let wire = match scope {
        HoldScope::National => Scope::National(true),
        HoldScope::Supplier(supplier) => Scope::Supplier(format!("suppliers/{supplier}")),
        HoldScope::Region(region) => Scope::Region(format!("regions/{region}")),
        HoldScope::Icb(icb) => Scope::Icb(format!("icbs/{icb}")),
        HoldScope::Programme(programme) => Scope::Programme(programme.to_string()),
        HoldScope::Wave(wave) => Scope::Wave(wave.to_string()),
        HoldScope::Practice(practice) => Scope::Practice(format!("practices/{practice}")),
        HoldScope::Selection(members) => {
            let listed = members.iter().take(MEMBERS_LISTED_MAX).map(|code| format!("practices/{code}"));
            Scope::Selection(wire::Selection { filter: String::new(), practices: listed.collect() })
        }
    };
    wire::HoldScope { scope: Some(wire) }
}

pub(crate) fn brake_from_wire(brake: wire::Brake) -> Brake {
    match brake {
        wire::Brake::Unspecified | wire::Brake::Hold => Brake::Hold,
        wire::Brake::Stop => Brake::Stop,
    }
}

pub(crate) fn class_from_wire(class: wire::HoldClass) -> Result<HoldClass, Error> {
    Ok(match class {
        wire::HoldClass::Unspecified => {
            return Err(Error::invalid("hold_class", "FIELD_REQUIRED", "{field} is required"));
        }
        wire::HoldClass::Safety => HoldClass::Safety,
        wire::HoldClass::Supplier => HoldClass::Supplier,
        wire::HoldClass::Legal => HoldClass::Legal,
        wire::HoldClass::Capacity => HoldClass::Capacity,
        wire::HoldClass::AutomaticGate => HoldClass::AutomaticGate,
    })
}

fn class_to_wire(class: HoldClass) -> wire::HoldClass {
    match class {
        HoldClass::Safety => wire::HoldClass::Safety,
        HoldClass::Supplier => wire::HoldClass::Supplier,
        HoldClass::Legal => wire::HoldClass::Legal,
        HoldClass::Capacity => wire::HoldClass::Capacity,
        HoldClass::AutomaticGate => wire::HoldClass::AutomaticGate,
    }
}

/// A hold; `practices_count` is how many practices it covers now.
pub(crate) fn hold_to_wire(hold: &Hold, practices_count: u64) -> wire::Hold {
    let state = if hold.lifted.is_some() {
        wire::HoldState::Lifted
    } else if hold.lift_asked.is_some() {
        wire::HoldState::AwaitingSecondPerson
    } else {
        wire::HoldState::Active
    };
    wire::Hold {
        name: hold.id.to_string(),
        brake: (match hold.brake {
            Brake::Hold => wire::Brake::Hold,
            Brake::Stop => wire::Brake::Stop,
        })
        .into(),
        scope: Some(scope_to_wire(&hold.scope)),
        hold_class: class_to_wire(hold.class).into(),
        owner: hold.owner.to_string(),
        reason_code: hold.reason_code.clone(),
        review_on: hold.review_on.map(|date| date.to_string()).unwrap_or_default(),
        state: state.into(),
        placed_by: hold.placed_by.to_string(),
        placed_at: Some(moment(hold.placed_at)),
        lifted_by: hold.lifted.as_ref().map(|lifted| lifted.by.to_string()).unwrap_or_default(),
        lifted_at: hold.lifted.as_ref().map(|lifted| moment(lifted.at)),
        acknowledged_by: hold.acknowledged.as_ref().map(|seen| seen.by.to_string()).unwrap_or_default(),
        practices_count: i64::try_from(practices_count).unwrap_or(i64::MAX),
        wave: hold.halted_wave.as_ref().map(ToString::to_string).unwrap_or_default(),
        etag: etag::of(hold.changed_at_position),
    }
}

/// How a hold that does not exist is said.
pub(crate) fn no_such_hold(id: HoldId) -> Error {
    Error::not_found("HOLD_NOT_FOUND", "{hold} does not exist").with("hold", id)
}
