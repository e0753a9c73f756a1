//! What a call concerns.

use std::fmt;

/// What a call concerns, and what that lies in, as whoever says it knows now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// All that it lies in, near and far.
    pub(crate) within: Vec<(Kind, String)>,
    /// What else policies may ask about it.
    pub(crate) given: Vec<(&'static str, bool)>,
}

/// What kind of thing a call concerns; the types of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All of it.
    Suite,
    /// England in one figure.
    Nation,
    /// A region of NHS England.
    Region,
    /// An integrated care board.
    Icb,
    /// A part of one.
    SubIcb,
    /// A primary care network.
    Pcn,
    /// A maker of GP systems.
    Supplier,
    /// A practice.
    Practice,
    /// A programme.
    Programme,
    /// A wave of one.
    Wave,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Suite,
        Self::Nation,
        Self::Region,
        Self::Icb,
        Self::SubIcb,
        Self::Pcn,
        Self::Supplier,
        Self::Practice,
        Self::Programme,
        Self::Wave,
    ];

    /// The schema's name of it.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Suite => "Suite",
            Self::Nation => "Nation",
            Self::Region => "Region",
            Self::Icb => "Icb",
            Self::SubIcb => "SubIcb",
            Self::Pcn => "Pcn",
            Self::Supplier => "Supplier",
            Self::Practice => "Practice",
            Self::Programme => "Programme",
            Self::Wave => "Wave",
        }
    }

    /// The collection of its resource names; none where there is only one of it, or where the id is the whole name.
    fn collection(self) -> &'static str {
        match self {
            Self::Suite | Self::Nation | Self::Programme | Self::Wave => "",
            Self::Region => "regions/",
            Self::Icb => "icbs/",
            Self::SubIcb => "sub-icbs/",
            Self::Pcn => "pcns/",
            Self::Supplier => "suppliers/",
            Self::Practice => "practices/",
        }
    }
}

impl Resource {
    /// All of it: what is about nothing in particular, or about everybody.
    pub fn suite() -> Self {
        Self::new(Kind::Suite, "everything")
    }

    /// England in one figure.
    pub fn nation() -> Self {
        Self::new(Kind::Nation, "england")
    }

    /// The practice of this code.
    pub fn practice(code: impl fmt::Display) -> Self {
        Self::new(Kind::Practice, code)
    }

    /// The supplier of this name.
    pub fn supplier(name: impl fmt::Display) -> Self {
        Self::new(Kind::Supplier, name)
    }

    /// One of a kind: by its code or name, a programme or wave by its resource name.
    pub fn new(kind: Kind, id: impl fmt::Display) -> Self {
        Self { kind, id: id.to_string(), within: Vec::new(), given: Vec::new() }
    }

    /// The same, lying in this as well; in nothing more where it is not known in what.
    #[must_use]
    pub fn within(mut self, kind: Kind, id: Option<impl fmt::Display>) -> Self {
        self.within.extend(id.map(|id| (kind, id.to_string())));
        self
    }

    /// The same, of which this is so or not: what the schema has as the context of an action.
    #[must_use]
    pub fn given(mut self, condition: &'static str, is_so: bool) -> Self {
        self.given.push((condition, is_so));
        self
    }
}

/// Its resource name.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.collection(), self.id)
    }
}
