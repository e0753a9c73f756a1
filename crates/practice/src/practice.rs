//! A practice: everything that was ever said of it, decided by it, permitted and observed at it.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};
use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use crate::access::Access;
use crate::advice::Advice;
use crate::contact::Contact;
use crate::derived::Derived;
use crate::directory::{Lifetime, ListSize, Status};
use crate::facts::Facts;
use crate::pause::Pause;
use crate::readiness::ReadinessFact;
use crate::small_map::SmallMap;
use crate::stored;
use crate::succession::Succession;

/// A practice and its history. Nothing in it is ever dropped. There may be a million, most of them with little to say, so
/// its lists take eight bytes where they are empty: see [`thin_vec`] and [`SmallMap`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Practice {
    /// Its ODS code.
    pub code: PracticeCode,
    /// The status that events have brought it to; what the calendar alone would say may be ahead of it (rule 15).
    pub status: Status,
    /// Its name.
    pub name: Facts<String>,
    /// Its postcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Facts<String>>,
    /// From when to when it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Facts<Lifetime>>,
    /// Maker of its GP system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Facts<Supplier>>,
    /// Its network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcn: Option<Facts<PcnCode>>,
    /// Its sub-ICB location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_icb: Option<Facts<SubIcbCode>>,
    /// Its ICB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icb: Option<Facts<IcbCode>>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Facts<RegionCode>>,
    /// Its registered patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_size: Option<Facts<ListSize>>,
    /// By capability; only those of which anything is known here.
    #[serde(default, skip_serializing_if = "SmallMap::is_empty")]
    pub access: SmallMap<Capability, Access>,
    /// In the order of recording: pause number `n` is at `n - 1`.
    #[serde(default, skip_serializing_if = "ThinVec::is_empty")]
    pub pauses: ThinVec<Pause>,
    /// By item, each in the order of recording, never empty.
    #[serde(default, skip_serializing_if = "SmallMap::is_empty")]
    pub readiness: SmallMap<String, Vec<ReadinessFact>>,
    /// The successions that name it, on either side, also of coming days; in the order of recording.
    #[serde(default, skip_serializing_if = "ThinVec::is_empty")]
    pub successions: ThinVec<Succession>,
    /// Advice to wait and support cases, in the order of recording: number `n` is at `n - 1`.
    #[serde(default, skip_serializing_if = "ThinVec::is_empty")]
    pub advice: ThinVec<Advice>,
    /// In the order of recording: number `n` is at `n - 1`.
    #[serde(default, skip_serializing_if = "ThinVec::is_empty")]
    pub contacts: ThinVec<Contact>,
    /// When it was first recorded.
    #[serde(with = "stored::moment")]
    pub created_at: Timestamp,
    /// When its last change was recorded.
    #[serde(with = "stored::moment")]
    pub changed_at: Timestamp,
    /// Journal positions of all its changes, rising; never empty once the practice is in a state.
    pub positions: ThinVec<u64>,
    /// What a reader has derived from all of this.
    #[serde(skip)]
    pub derived: Derived,
}

impl Practice {
    pub(crate) fn new(code: PracticeCode, name: Facts<String>, recorded_at: Timestamp) -> Self {
        Self {
            code,
            status: Status::Active,
            name,
            postcode: None,
            lifetime: None,
            supplier: None,
            pcn: None,
            sub_icb: None,
            icb: None,
            region: None,
            list_size: None,
            access: SmallMap::default(),
            pauses: ThinVec::new(),
            readiness: SmallMap::default(),
            successions: ThinVec::new(),
            advice: ThinVec::new(),
            contacts: ThinVec::new(),
            created_at: recorded_at,
            changed_at: recorded_at,
            positions: ThinVec::new(),
            derived: Derived::default(),
        }
    }

    /// Journal position of its last change.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.positions.last().copied().unwrap_or(0)
    }

    /// From when to when it is open, as far as is known now, by the directory and by its succession: whichever closes it
    /// first. So no file that is behind the times opens a closed code (rule 9).
    #[must_use]
    pub fn present_lifetime(&self) -> Lifetime {
        let closing = self.closing().map(|closing| closing.terms.effective_from);
        self.directory_lifetime().closed_by(closing)
    }

    /// From when to when the directory says that it is open.
    pub(crate) fn directory_lifetime(&self) -> Lifetime {
        self.lifetime.as_ref().map(|facts| facts.latest().value).unwrap_or_default()
    }

    /// What events have brought it to on `day`: closed for good once it was succeeded, else as the directory says. Not
    /// ahead of the succession's event, with which the successors inherit.
    pub(crate) fn status_on(&self, day: Date) -> Status {
        if self.succeeded().is_some() { Status::Closed } else { self.directory_lifetime().status_on(day) }
    }

    /// The succession that closes it, also one of a coming day; at most one ever does.
    #[must_use]
    pub fn closing(&self) -> Option<&Succession> {
        self.successions.iter().find(|succession| succession.terms.predecessors.contains(&self.code))
    }

    /// The succession that has closed it.
    #[must_use]
    pub fn succeeded(&self) -> Option<&Succession> {
        self.closing().filter(|closing| closing.effected_at.is_some())
    }

    /// The pause of this number.
    #[must_use]
    pub fn pause(&self, number: u32) -> Option<&Pause> {
        self.pauses.get(place(number)?)
    }

    /// The advice of this number.
    #[must_use]
    pub fn advice(&self, number: u32) -> Option<&Advice> {
        self.advice.get(place(number)?)
    }

    /// The contact of this number.
    #[must_use]
    pub fn contact(&self, number: u32) -> Option<&Contact> {
        self.contacts.get(place(number)?)
    }

    /// The pauses that hold.
    pub fn pauses_in_force(&self) -> impl Iterator<Item = &Pause> {
        self.pauses.iter().filter(|pause| pause.is_in_force())
    }

    /// Observed access to a capability of which anything is known here.
    #[must_use]
    pub fn access(&self, capability: &Capability) -> Option<&Access> {
        self.access.get(capability)
    }

    pub(crate) fn access_mut(&mut self, capability: &Capability) -> &mut Access {
        self.access.get_or_default(capability)
    }

    pub(crate) fn pause_mut(&mut self, number: u32) -> Option<&mut Pause> {
        self.pauses.get_mut(place(number)?)
    }

    pub(crate) fn advice_mut(&mut self, number: u32) -> Option<&mut Advice> {
        self.advice.get_mut(place(number)?)
    }

    pub(crate) fn contact_mut(&mut self, number: u32) -> Option<&mut Contact> {
        self.contacts.get_mut(place(number)?)
    }
}

/// Where number `number` of a list is that counts from 1.
fn place(number: u32) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}
