//! Which roles may call which RPC.

use std::collections::BTreeMap;

use crate::{Role, Roles};

/// The file `proto/roles.csv` as it was when this was built.
const STANDARD: &str = include_str!("../../../proto/roles.csv");

/// In the file, instead of roles: whoever is identified.
const ANY: &str = "any";

/// In the file, instead of roles: whoever asks, identified or not.
const PUBLIC: &str = "public";

/// In the file, after a role: for what belongs to the organisation that the caller acts for, and nothing else.
const OWN: &str = ":own";

/// The role matrix: RPC → roles. An RPC without a row may be called by nobody.
///
/// It is what people read; what is enforced are the policies, and a test holds the one against the other.
#[derive(Clone, Debug, Default)]
pub struct RoleMatrix {
    rows: BTreeMap<String, Row>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    roles: Roles,
    own: Roles,
    is_public: bool,
}

impl RoleMatrix {
    /// The matrix of this suite, `proto/roles.csv`.
    pub fn standard() -> Self {
        Self::parse(STANDARD).expect("a test reads the same text")
    }

    /// Reads `rpc,roles` rows below that heading: `package.Service/Method,role role:own …`, `any` or `public`.
    pub fn parse(text: &str) -> Result<Self, MatrixError> {
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        if lines.next().is_none_or(|(_, heading)| heading != "rpc,roles") {
            return Err(MatrixError::Heading);
        }
        let mut rows = BTreeMap::new();
        for (line, text) in lines {
            let (rpc, names) = text.split_once(',').ok_or(MatrixError::Row { line })?;
            if rpc.split('/').filter(|part| !part.is_empty()).count() != 2 {
                return Err(MatrixError::Row { line });
            }
            let row = parse_roles(names).map_err(|role| MatrixError::Role { line, role })?;
            if rows.insert(rpc.to_owned(), row).is_some() {
                return Err(MatrixError::Twice { line, rpc: rpc.to_owned() });
            }
        }
        Ok(Self { rows })
    }

    /// The roles that may call `rpc` (`package.Service/Method`), or None where it has no row.
    pub fn roles(&self, rpc: &str) -> Option<Roles> {
        self.rows.get(rpc).map(|row| row.roles)
    }

    /// Those of them that may only where what it is about is their organisation's.
    pub fn own(&self, rpc: &str) -> Roles {
        self.rows.get(rpc).map(|row| row.own).unwrap_or_default()
    }

    /// Whether it is also for whoever is not identified.
    pub fn is_public(&self, rpc: &str) -> bool {
        self.rows.get(rpc).is_some_and(|row| row.is_public)
    }

    /// Every RPC that has a row, in their order.
    pub fn rpcs(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }
}

fn parse_roles(names: &str) -> Result<Row, String> {
    if names == ANY || names == PUBLIC {
        return Ok(Row { roles: Roles::ALL, own: Roles::NONE, is_public: names == PUBLIC });
    }
    let mut row = Row::default();
    for name in names.split(' ') {
        let role: Role = name.strip_suffix(OWN).unwrap_or(name).parse()?;
        row.roles = row.roles.with(role);
        if name.ends_with(OWN) {
            row.own = row.own.with(role);
        }
    }
    Ok(row)
}

/// What is wrong with a role matrix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// The first line is another.
    #[error("line 1: the heading must be `rpc,roles`")]
    Heading,
    /// Not two columns, or the first is no RPC.
    #[error("line {line}: a row must be `package.Service/Method,role role …`")]
    Row {
        /// Counted from 1.
        line: usize,
    },
    /// A role that does not exist; also where there is none.
    #[error("line {line}: `{role}` is no role")]
    Role {
        /// Counted from 1.
        line: usize,
        /// What stands there.
        role: String,
    },
    /// The RPC has a row already.
    #[error("line {line}: {rpc} has a row already")]
    Twice {
        /// Counted from 1.
        line: usize,
        /// `package.Service/Method`
        rpc: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_matrix_can_be_read() {
        assert!(RoleMatrix::standard().rpcs().count() > 20);
    }

    #[test]
    fn a_row_gives_its_roles() {
        let matrix = RoleMatrix::parse("rpc,roles\na.S/Get,any\na.S/Set,approver operator\n").unwrap();
        assert_eq!(matrix.roles("a.S/Get"), Some(Roles::ALL));
        assert_eq!(matrix.roles("a.S/Set"), Some(Roles::NONE.with(Role::Approver).with(Role::Operator)));
        assert_eq!(matrix.roles("a.S/Drop"), None);
        assert!(!matrix.is_public("a.S/Get"));
        let matrix = RoleMatrix::parse("rpc,roles\na.S/Get,public\n").unwrap();
        assert!(matrix.is_public("a.S/Get") && matrix.roles("a.S/Get") == Some(Roles::ALL));
        let matrix = RoleMatrix::parse("rpc,roles\na.S/Set,operator practice:own\n").unwrap();
        assert_eq!(matrix.roles("a.S/Set"), Some(Roles::NONE.with(Role::Operator).with(Role::Practice)));
        assert_eq!(matrix.own("a.S/Set"), Roles::NONE.with(Role::Practice));
    }

    #[test]
    fn a_slip_in_the_file_is_named_by_its_line() {
        assert_eq!(RoleMatrix::parse("").unwrap_err(), MatrixError::Heading);
        assert_eq!(RoleMatrix::parse("a.S/Get,any\n").unwrap_err(), MatrixError::Heading);
        for row in ["a.S/Get", "a.S,any", "a.S/,any", ""] {
            let error = RoleMatrix::parse(&format!("rpc,roles\n{row}\n")).unwrap_err();
            assert_eq!(error, MatrixError::Row { line: 2 }, "{row}");
        }
        for (row, role) in [("a.S/Get,", ""), ("a.S/Get,king", "king"), ("a.S/Get,any auditor", "any")] {
            let error = RoleMatrix::parse(&format!("rpc,roles\n{row}\n")).unwrap_err();
            assert_eq!(error, MatrixError::Role { line: 2, role: role.to_owned() }, "{row}");
        }
        let twice = RoleMatrix::parse("rpc,roles\na.S/Get,any\na.S/Get,auditor\n").unwrap_err();
        assert_eq!(twice, MatrixError::Twice { line: 3, rpc: "a.S/Get".to_owned() });
    }
}
