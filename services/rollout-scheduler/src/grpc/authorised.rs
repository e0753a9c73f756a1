//! Whose a hold, a list or a practice is, as the registry has it now: what policies are asked with.

use api::Error;
use authority::{Kind, Resource};
use ods::{IcbCode, PracticeCode, Supplier};
use rollout::state::{Hold, HoldScope};
use rollout::{HoldId, RegistryView};

use super::Handlers;
use super::convert::hold::no_such_hold;
use super::submit::Asked;

/// The condition on a hold that a policy may ask about: whether it is the caller's own, or its organisation's.
const THEIRS: &str = "theirs";

impl Handlers {
    /// Refuses a supplier's list to others.
    pub(super) fn authorise_supplier<T>(asked: &Asked<T>, supplier: &Supplier) -> Result<(), Error> {
        Ok(asked.permission.on(|| Resource::supplier(supplier))?)
    }

    /// Refuses what is said of a practice to those whose it is not.
    pub(super) fn authorise_practice<T>(&self, asked: &Asked<T>, code: PracticeCode) -> Result<(), Error> {
        Ok(asked.permission.on(|| practice(&self.followed.view(), code))?)
    }

    /// Refuses a hold over anything that is not the caller's: of a selection each member must be.
    pub(super) fn authorise_placing<T>(&self, asked: &Asked<T>, scope: &HoldScope) -> Result<(), Error> {
        Ok(asked.permission.on_each(|| concerned(&self.followed.view(), scope))?)
    }

    /// Refuses to lift a hold over anything that is not the caller's, or that somebody else placed there.
    pub(super) fn authorise_lifting<T>(&self, asked: &Asked<T>, id: HoldId) -> Result<(), Error> {
        if asked.permission.is_everywhere() {
            return Ok(());
        }
        let published = self.engine.published();
        // What this replica has not heard of yet is not lifted unseen.
        let hold = published.state.rollout.holds.get(&id).ok_or_else(|| no_such_hold(id))?;
        let theirs = is_of(asked, hold);
        let concerned = concerned(&self.followed.view(), &hold.scope);
        let resources = || concerned.into_iter().map(|resource| resource.given(THEIRS, theirs));
        Ok(asked.permission.on_each(resources)?)
    }
}

/// Whether the caller placed the hold, or whoever answers for it is the caller or the organisation that it acts for.
fn is_of<T>(asked: &Asked<T>, hold: &Hold) -> bool {
    let account = asked.account();
    let organisation = asked.caller.organisation.as_ref().map(ToString::to_string);
    hold.placed_by == account || hold.owner == account || organisation.is_some_and(|name| hold.owner.as_str() == name)
}

fn concerned(view: &RegistryView, scope: &HoldScope) -> Vec<Resource> {
    vec![match scope {
        HoldScope::National => Resource::suite(),
        HoldScope::Supplier(supplier) => Resource::supplier(supplier),
        HoldScope::Region(region) => Resource::new(Kind::Region, region),
        HoldScope::Icb(icb) => Resource::new(Kind::Icb, icb).within(Kind::Region, region_of(view, *icb)),
        HoldScope::Programme(programme) => Resource::new(Kind::Programme, programme),
        HoldScope::Wave(wave) => Resource::new(Kind::Wave, wave).within(Kind::Programme, Some(&wave.programme)),
        HoldScope::Practice(code) => practice(view, *code),
        HoldScope::Selection(members) => return members.iter().map(|code| practice(view, *code)).collect(),
    }]
}

/// The region that an ICB's practices lie in; none where it has none, or where they lie in several.
fn region_of(view: &RegistryView, icb: IcbCode) -> Option<ods::RegionCode> {
    let mut regions = view.iter().filter(|practice| practice.icb == Some(icb)).map(|practice| practice.region);
    let first = regions.next()?;
    regions.all(|region| region == first).then_some(first)?
}

/// Of a practice that the registry has not told of only its code is known, so it is nobody's but its own.
fn practice(view: &RegistryView, code: PracticeCode) -> Resource {
    let resource = Resource::practice(code);
    let Some(known) = view.get(code) else { return resource };
    resource
        .within(Kind::Pcn, known.pcn)
        .within(Kind::SubIcb, known.sub_icb)
        .within(Kind::Icb, known.icb)
        .within(Kind::Region, known.region)
        .within(Kind::Supplier, known.supplier.as_ref())
}
