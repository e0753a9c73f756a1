//! What is carried, and what is heard of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::address::Address;

/// A notice to one contact.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is known by, here and there: printable ASCII without spaces, and nothing personal.
    pub reference: String,
    /// Where it goes.
    pub to: Address,
    /// Which text it has.
    pub text: Text,
    /// What stands in the text's places.
    pub fields: Fields,
    /// The moment that it is dated.
    pub dated: Timestamp,
}

impl Message {
    /// By which means it goes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.to {
            Address::Email(_) => Kind::Email,
            Address::Post(_) => Kind::Letter,
        }
    }
}

/// What stands in a text's `((places))`, by their names.
pub type Fields = BTreeMap<&'static str, String>;

/// By which means a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail.
    Email,
    /// A letter.
    Letter,
}

/// Which text a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    /// Of the first notice that a practice gets.
    First,
    /// Of one that names another date than one before.
    Moved,
}

/// What came of sending a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The courier has taken it on, and can be asked about it by this id.
    Taken {
        /// The id.
        id: String,
    },
    /// It was handed over; nothing more is heard of it.
    HandedOver,
    /// It was refused for what is wrong with it, and certainly not sent.
    Refused {
        /// What.
        trouble: Trouble,
        /// In the courier's words; never with the address in them.
        said: String,
    },
}

/// What became of a message that was taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on its way.
    UnderWay,
    /// It was delivered.
    Delivered {
        /// When, by the courier's clock; None where it does not say.
        at: Option<Timestamp>,
    },
    /// The letter was printed and posted.
    Posted {
        /// When, by the courier's clock; None where it does not say.
        at: Option<Timestamp>,
    },
    /// It was not delivered.
    Failed(Trouble),
    /// The courier knows it no longer.
    Forgotten,
}

/// Why a message was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The address is wrong.
    WrongAddress,
    /// Nobody could be reached there this time.
    Undelivered,
    /// For a reason of the courier's own.
    CourierFailed,
}
