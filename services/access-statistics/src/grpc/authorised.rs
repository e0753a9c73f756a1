//! Whose figures are asked for, and whose returns are handed in, as the registry tells now: what policies are asked with.
//!
//! An area lies in whatever all of its practices lie in: so an ICB lies in its region, and a sub-ICB in its ICB, without anybody
//! keeping a list of them.

use std::collections::BTreeSet;

use api::Error;
use authority::{Kind, Permission, Resource};
use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};
use tally::{Area, Directory, Viewpoint};

use crate::AccessStatistics;

/// Whether figures are of an area as a whole, or of what lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// One figure.
    Whole,
    /// A figure for each of several.
    Parts,
}

impl AccessStatistics {
    /// Refuses exact figures of an area that is not the caller's. Of England everybody may have the total (rule 13).
    pub(super) fn authorise_area(&self, permission: &Permission, area: &Area, detail: Detail) -> Result<(), Error> {
        Ok(permission.on(|| match (area, detail) {
            (Area::England, Detail::Whole) => Resource::nation(),
            (Area::England, Detail::Parts) => Resource::suite(),
            _ => resource(&self.pictures.borrow().directory, area),
        })?)
    }

    /// Refuses a return of another supplier, or about a practice that has another's system now and had another's when the
    /// period ended: a practice that has changed since is still counted by the one it had.
    pub(super) fn authorise_return(
        &self,
        permission: &Permission,
        supplier: &Supplier,
        period_end: Timestamp,
        practices: impl IntoIterator<Item = PracticeCode>,
    ) -> Result<(), Error> {
        permission.on(|| Resource::supplier(supplier))?;
        Ok(permission.on_each(|| {
            let picture = self.pictures.borrow().clone();
            let area = Area::Supplier(supplier.clone());
            let known_at = self.clock.now();
            let then = Viewpoint { as_at: period_end, known_at, capability: Capability::default() };
            let then: BTreeSet<PracticeCode> =
                picture.directory.open_in(&area, &then).map(|practice| practice.code).collect();
            practices.into_iter().map(move |code| {
                let had = then.contains(&code).then_some(supplier);
                resource(&picture.directory, &Area::Practice(code)).within(Kind::Supplier, had)
            })
        })?)
    }
}

fn resource(directory: &Directory, area: &Area) -> Resource {
    let (kind, code) = named(area);
    containing(directory, area).into_iter().fold(Resource::new(kind, code), |resource, around| {
        let (kind, code) = named(&around);
        resource.within(kind, Some(code))
    })
}

/// What all practices of an area lie in, besides the area itself.
fn containing(directory: &Directory, area: &Area) -> BTreeSet<Area> {
    let around = |code: PracticeCode| directory.latest_areas(code).collect::<BTreeSet<Area>>();
    if let Area::Practice(code) = area {
        return around(*code);
    }
    let mut shared: Option<BTreeSet<Area>> = None;
    for (code, _) in directory.records() {
        let areas = around(code);
        if areas.contains(area) {
            shared = Some(match shared {
                None => areas,
                Some(before) => before.intersection(&areas).cloned().collect(),
            });
        }
    }
    let mut shared = shared.unwrap_or_default();
    shared.remove(area);
    shared
}

fn named(area: &Area) -> (Kind, String) {
    match area {
        Area::England => (Kind::Nation, "england".to_owned()),
        Area::Region(code) => (Kind::Region, code.to_string()),
        Area::Icb(code) => (Kind::Icb, code.to_string()),
        Area::SubIcb(code) => (Kind::SubIcb, code.to_string()),
        Area::Pcn(code) => (Kind::Pcn, code.to_string()),
        Area::Supplier(name) => (Kind::Supplier, name.to_string()),
        Area::Practice(code) => (Kind::Practice, code.to_string()),
    }
}
