//! What events say of each practice and each activation that they name.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, PracticeCode, RegionCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::id::ActivationKey;
use crate::spec::Mode;
use crate::state::{Carrier, Cause, DispatchStage, EnrolmentStage, Means, Outcome, Template, Voiding};

/// One stage and those who moved to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentMove {
    /// The stage they are in now.
    pub to: EnrolmentStage,
    /// Who.
    pub practices: Vec<PracticeCode>,
}

/// A practice that got its slot and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The practice.
    pub practice: PracticeCode,
    /// Its new generation.
    pub generation: u32,
    /// Its supplier, as the registry has it.
    pub supplier: Supplier,
    /// Its ICB.
    pub icb: Option<IcbCode>,
    /// Its region.
    pub region: Option<RegionCode>,
    /// Its registered patients, as the registry has them: what the slot counts against caps (rule 4).
    pub list_size: u32,
    /// What it weighs in the wave's figures, where that is another number: the patients it was settled with (I7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_list_size: Option<u32>,
    /// How it is switched on.
    pub mode: Mode,
    /// With booked dates: the date.
    pub booked_on: Option<Date>,
}

/// A practice that objected in time and joins a later wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// The practice.
    pub practice: PracticeCode,
    /// How the later wave switches it on.
    pub mode: Mode,
    /// With booked dates: the date.
    pub planned_on: Option<Date>,
}

/// A notice that counts as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedDispatch {
    /// To which practice.
    pub practice: PracticeCode,
    /// Its number there.
    pub number: u32,
    /// The date it gives: not before it.
    pub not_before: Date,
    /// Which text.
    pub template: Template,
    /// The contact's number at the practice; its address is nowhere here (rule 16).
    pub contact: u32,
    /// By which means.
    pub means: Means,
    /// Who carries it.
    pub carrier: Carrier,
}

/// One stage and the dispatches that moved to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispatchMove {
    /// The stage they are in now.
    pub to: DispatchStage,
    /// Which, each by its practice and its number there.
    pub dispatches: Vec<(PracticeCode, u32)>,
}

/// An activation that was given up before its seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voided {
    /// Which.
    pub key: ActivationKey,
    /// Why.
    pub reason: Voiding,
    /// The practice is not tried again before this moment; none where its turn may come at once.
    pub not_before: Option<Timestamp>,
}

/// An activation that settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Which.
    pub key: ActivationKey,
    /// How.
    pub outcome: Outcome,
    /// Where its practice is then in the wave; none where that does not change.
    pub then: Option<EnrolmentStage>,
    /// The practice is not tried again before this moment.
    pub not_before: Option<Timestamp>,
}

/// A practice that is to be switched off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisableIntent {
    /// The key.
    pub key: ActivationKey,
    /// Why.
    pub cause: Cause,
    /// Who carries it out.
    pub supplier: Supplier,
    /// How.
    pub mode: Mode,
}

/// Where an activation stands that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Standing {
    /// The supplier has taken it on: asked again then.
    Acked {
        /// When.
        ask_at: Timestamp,
    },
    /// The reply was lost: asked then.
    Unknown {
        /// When.
        ask_at: Timestamp,
    },
    /// The supplier never saw it: sent again then, under the same key.
    Resend {
        /// When.
        send_at: Timestamp,
    },
}

/// Practices that moved, gathered by the stage they moved to, in the order in which the stages first came up.
#[must_use]
pub(crate) fn gather(moves: BTreeMap<PracticeCode, EnrolmentStage>) -> Vec<EnrolmentMove> {
    let mut gathered: Vec<EnrolmentMove> = Vec::new();
    for (practice, to) in moves {
        match gathered.iter_mut().find(|one| one.to == to) {
            Some(one) => one.practices.push(practice),
            None => gathered.push(EnrolmentMove { to, practices: vec![practice] }),
        }
    }
    gathered
}
