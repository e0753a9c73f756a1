//! The declared fields of a resource: what a filter may name, and of which type each is.

use std::collections::BTreeMap;
use std::fmt;

/// The type of a field, by CEL's rules: nothing converts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// A whole number (CEL's `int`, 64 bits).
    Int,
    /// True or false.
    Bool,
    /// A civil date, written in a filter as text: `"2031-04-01"`.
    Date,
    /// A moment, written in a filter as `timestamp("2031-04-01T09:00:00Z")`.
    Timestamp,
    /// A list of text.
    TextList,
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Text => "text",
            Self::Int => "a whole number",
            Self::Bool => "a condition",
            Self::Date => "a date",
            Self::Timestamp => "a moment",
            Self::TextList => "a list of text",
        })
    }
}

/// A declared field: its dotted name and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Dotted, e.g. `practice.list_size`.
    pub name: &'static str,
    /// Its type.
    pub r#type: Type,
}

impl Field {
    /// A field of that name and type. Whether a row has a value for it is for the row to say
    /// ([`Value::Missing`](crate::Value::Missing)).
    #[must_use]
    pub const fn new(name: &'static str, r#type: Type) -> Self {
        Self { name, r#type }
    }
}

/// A field's place among the declared ones, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(u16);

impl FieldId {
    /// The index into the fields in the order in which they were declared.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What is wrong with a declaration. It is a mistake in the program, never in what a user wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not identifiers separated by dots.
    #[error("{name:?} cannot be written in a filter: it is not identifiers separated by dots")]
    NotAName {
        /// The name.
        name: &'static str,
    },
    /// Declared twice, or both a field and the beginning of another's name.
    #[error("`{name}` is declared twice, or is a field and a group of fields")]
    Ambiguous {
        /// The name.
        name: &'static str,
    },
    /// More fields than a [`FieldId`] counts.
    #[error("{count} fields are too many")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// All fields that a filter may name.
#[derive(Debug, Clone)]
pub struct Schema {
    fields: Vec<Field>,
    by_name: BTreeMap<&'static str, FieldId>,
}

impl Schema {
    /// The schema of these fields; their order gives their [`FieldId`]s.
    ///
    /// # Errors
    /// Where a name is none, or is ambiguous.
    pub fn new(fields: &[Field]) -> Result<Self, SchemaError> {
        let mut by_name = BTreeMap::new();
        for (index, field) in fields.iter().enumerate() {
            let id = u16::try_from(index).map_err(|_| SchemaError::TooMany { count: fields.len() })?;
            if !is_dotted_name(field.name) {
                return Err(SchemaError::NotAName { name: field.name });
            }
            if by_name.insert(field.name, FieldId(id)).is_some() {
                return Err(SchemaError::Ambiguous { name: field.name });
            }
        }
        let schema = Self { fields: fields.to_vec(), by_name };
        match fields.iter().find(|field| schema.first_in_group(field.name).is_some()) {
            Some(field) => Err(SchemaError::Ambiguous { name: field.name }),
            None => Ok(schema),
        }
    }

    /// The declared fields, in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of that name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<FieldId> {
        self.by_name.get(name).copied()
    }

    /// The declaration of a field of this schema; of another's, any or a panic.
    pub(crate) fn field(&self, id: FieldId) -> Field {
        self.fields[id.index()]
    }

    /// The first field below `group`, e.g. `practice.code` below `practice`.
    pub(crate) fn first_in_group(&self, group: &str) -> Option<&'static str> {
        self.fields.iter().map(|field| field.name).find(|name| below(name, group))
    }

    /// The declared name nearest to a misspelt one, where one is near enough to be meant. Groups left out in front are
    /// no mistake in spelling: `supplier` is near to `practice.supplier`.
    pub(crate) fn nearest(&self, name: &str) -> Option<&'static str> {
        // A third of the name may be wrong: more suggests the unrelated, less misses `list_siez`.
        let most = (name.chars().count() / 3).max(1);
        let segments = name.split('.').count();
        let near = self.by_name.keys().map(|candidate| (edits(name, last_segments(candidate, segments)), *candidate));
        let near = near.min()?;
        (near.0 <= most).then_some(near.1)
    }
}

fn below(name: &str, group: &str) -> bool {
    name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'))
}

/// The last `count` segments of a dotted name, or all of it.
fn last_segments(name: &str, count: usize) -> &str {
    name.rmatch_indices('.').nth(count - 1).map_or(name, |(dot, _)| &name[dot + 1..])
}

fn is_dotted_name(name: &str) -> bool {
    name.split('.').all(|part| {
        part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other (optimal string alignment).
fn edits(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut two_back = vec![0; right.len() + 1];
    let mut back: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i; right.len() + 1];
        for j in 1..=right.len() {
            let replaced = back[j - 1] + usize::from(left[i - 1] != right[j - 1]);
            row[j] = replaced.min(back[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                row[j] = row[j].min(two_back[j - 2] + 1);
            }
        }
        two_back = std::mem::replace(&mut back, row);
    }
    back[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name_and_keeps_its_place() {
        let schema = Schema::new(&[Field::new("b.x", Type::Int), Field::new("a", Type::Text)]).unwrap();
        assert_eq!(schema.id("b.x").map(FieldId::index), Some(0));
        assert_eq!(schema.id("a").map(FieldId::index), Some(1));
        assert_eq!(schema.id("b"), None);
    }

    #[test]
    fn ambiguous_and_unspeakable_names_are_refused() {
        let declared = |names: &[&'static str]| {
            let fields: Vec<_> = names.iter().map(|name| Field::new(name, Type::Int)).collect();
            Schema::new(&fields).map(|_| ())
        };
        assert_eq!(declared(&["a.b", "a.b"]), Err(SchemaError::Ambiguous { name: "a.b" }));
        assert_eq!(declared(&["a.b.c", "a.b"]), Err(SchemaError::Ambiguous { name: "a.b" }));
        assert_eq!(declared(&["a.b", "a.bc"]), Ok(()));
        for name in ["", ".a", "a.", "a..b", "1a", "a-b", "ä"] {
            assert_eq!(declared(&[name]), Err(SchemaError::NotAName { name }));
        }
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour_and_a_strange_one_finds_none() {
        let schema =
            Schema::new(&[Field::new("practice.list_size", Type::Int), Field::new("practice.supplier", Type::Text)])
                .unwrap();
        assert_eq!(schema.nearest("practice.list_siez"), Some("practice.list_size"));
        assert_eq!(schema.nearest("practise.suplier"), Some("practice.supplier"));
        assert_eq!(schema.nearest("suplier"), Some("practice.supplier"));
        assert_eq!(schema.nearest("zebra"), None);
        assert_eq!(schema.nearest(""), None);
        assert_eq!(edits("ab", "ba"), 1);
        assert_eq!(edits("", "abc"), 3);
    }
}
