//! The roles of the programme, and sets of them.

use std::fmt;
use std::str::FromStr;

/// What somebody is in the programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Plans waves, moves dates, holds.
    ProgrammeLead,
    /// Approves or rejects plans.
    Approver,
    /// Holds on safety grounds, and judges gates.
    SafetyOfficer,
    /// Speaks for one practice, as its data controller.
    Practice,
    /// Speaks for an integrated care board.
    Icb,
    /// Speaks for a region of NHS England.
    Region,
    /// A maker of GP systems.
    Supplier,
    /// Reads exact figures and publishes them.
    Statistician,
    /// Reads the record and verifies it.
    Auditor,
    /// Another service of ours, or an NHS system such as the NHS App.
    Service,
    /// Runs the servers and imports the directory.
    Operator,
}

impl Role {
    /// Every role, in the order of the declaration.
    pub const ALL: [Self; 11] = [
        Self::ProgrammeLead,
        Self::Approver,
        Self::SafetyOfficer,
        Self::Practice,
        Self::Icb,
        Self::Region,
        Self::Supplier,
        Self::Statistician,
        Self::Auditor,
        Self::Service,
        Self::Operator,
    ];

    /// The name on the wire, in files and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProgrammeLead => "programme-lead",
            Self::Approver => "approver",
            Self::SafetyOfficer => "safety-officer",
            Self::Practice => "practice",
            Self::Icb => "icb",
            Self::Region => "region",
            Self::Supplier => "supplier",
            Self::Statistician => "statistician",
            Self::Auditor => "auditor",
            Self::Service => "service",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    /// The text that is no role.
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or_else(|| name.to_owned())
    }
}

/// A set of roles. One word, so that a check is one `and`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles(u16);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// Every role.
    pub const ALL: Self = Self((1 << Role::ALL.len()) - 1);

    /// The set with `role` in it as well.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u16)
    }

    /// True where `role` is in the set.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & 1 << role as u16 != 0
    }

    /// True where the two sets share a role.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The set as one word, for whoever keeps it in an atomic; see [`from_word`](Self::from_word).
    pub const fn to_word(self) -> u16 {
        self.0
    }

    /// The set that [`to_word`](Self::to_word) gave; bits that are no role are dropped.
    pub const fn from_word(word: u16) -> Self {
        Self(word & Self::ALL.0)
    }

    /// The roles of the set, in the order of the declaration.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, role) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{role}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roles({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_known_by_its_name_and_no_other_is() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert!(Roles::ALL.contains(role));
        }
        assert_eq!("Approver".parse::<Role>(), Err("Approver".to_owned()));
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let roles: Roles = [Role::Approver, Role::Service].into_iter().collect();
        assert_eq!(roles.to_string(), "approver, service");
        assert!(roles.meets(Roles::NONE.with(Role::Service)));
        assert!(!roles.meets(Roles::NONE.with(Role::Operator)));
        assert!(!Roles::NONE.meets(Roles::ALL));
        assert_eq!(roles.without(Roles::NONE.with(Role::Service)), Roles::NONE.with(Role::Approver));
        assert_eq!(Roles::from_word(roles.to_word()), roles);
        assert_eq!(Roles::from_word(u16::MAX), Roles::ALL);
    }
}
