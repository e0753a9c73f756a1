//! Callers, roles and resources as the policies' language has them.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{Context, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use identity::{Caller, Organisation, Role};

use crate::resource::{Kind, Resource};

/// Reading a type's name costs more than a decision, so each is read once.
static TYPES: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
    let names = Kind::ALL.map(Kind::type_name).into_iter().chain(["Account", "Role"]);
    names.map(|name| (name, EntityTypeName::from_str(name).expect("a plain identifier is a type's name"))).collect()
});

fn uid(type_name: &'static str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(TYPES[type_name].clone(), EntityId::new(id))
}

pub(crate) fn role(role: Role) -> EntityUid {
    uid("Role", role.name())
}

pub(crate) fn account(caller: &Caller) -> EntityUid {
    uid("Account", caller.account.as_str())
}

pub(crate) fn resource_uid(resource: &Resource) -> EntityUid {
    uid(resource.kind.type_name(), &resource.id)
}

/// The caller, in its roles, with the organisation that it acts for.
pub(crate) fn principal(caller: &Caller) -> Entity {
    let parents: HashSet<EntityUid> = caller.roles.iter().map(role).collect();
    let attribute = caller.organisation.as_ref().map(|organisation| {
        let (name, kind) = match organisation {
            Organisation::Practice(_) => ("practice", Kind::Practice),
            Organisation::Icb(_) => ("icb", Kind::Icb),
            Organisation::Region(_) => ("region", Kind::Region),
            Organisation::Supplier(_) => ("supplier", Kind::Supplier),
        };
        let entity = uid(kind.type_name(), organisation.code());
        (name.to_owned(), RestrictedExpression::new_entity_uid(entity))
    });
    Entity::new(account(caller), attribute.into_iter().collect(), parents).expect("a reference cannot fail to evaluate")
}

/// What the call concerns, in all that it lies in.
pub(crate) fn resource(resource: &Resource) -> Entity {
    let within = resource.within.iter().map(|(kind, id)| uid(kind.type_name(), id));
    Entity::new_no_attrs(resource_uid(resource), within.collect())
}

/// What else is known of it.
pub(crate) fn context(resource: &Resource) -> Context {
    let given = resource.given.iter().map(|(name, is_so)| ((*name).to_owned(), RestrictedExpression::new_bool(*is_so)));
    Context::from_pairs(given).expect("conditions have different names, and a truth value cannot fail to evaluate")
}
