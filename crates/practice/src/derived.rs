//! What a reader derives from a practice: kept beside it, so that it is there with the practice and gone with its next
//! change.

use std::any::Any;
use std::fmt;
use std::sync::OnceLock;

/// Room for one value that follows from the practice it lies in. No part of the practice: it is never stored, a copy has
/// none, and practices are equal whatever is in it.
#[derive(Default)]
pub struct Derived(OnceLock<Box<dyn Any + Send + Sync>>);

impl Derived {
    /// The value, made where nobody has asked since the practice changed last.
    ///
    /// # Panics
    /// Where it is asked for values of two types: it has room for one.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> &T {
        let value = self.0.get_or_init(|| Box::new(make()));
        value.downcast_ref().expect("one type of value is derived from practices")
    }
}

impl Clone for Derived {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.get().is_some() { "Derived" } else { "Derived(nothing)" })
    }
}

impl PartialEq for Derived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Derived {}
