//! What is in the way of one practice's go-live: with its evidence, who must act, what clears it, when at the earliest.
//!
//! How each is said in words is [`words`]; whether it is there at all is for [`crate::eligibility`] and [`crate::explain()`].

mod owner;
pub(crate) mod words;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

pub use owner::Owner;

use crate::calendar::{Shut, day_bounds};
use crate::eligibility::gone;
use crate::id::{Account, ActivationKey, HoldId, PlanVersion, ProgrammeId, WaveRef};
use crate::plan::Unplaced;
use crate::readiness::Lack;
use crate::room::Full;
use crate::spec::Violation;
use crate::state::{CapScope, EnrolmentStage, Hold, HoldClass, ProgrammeStage, Reverted, Supersession, WaveStage};
use crate::undelivered::Undelivered;
use crate::view::{PauseEnd, PauseFacts, PracticeFacts};

/// One thing in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocker {
    /// The practice has paused.
    Paused {
        /// The practice.
        practice: PracticeCode,
        /// The pause's number.
        number: u32,
        /// When it was recorded.
        recorded_at: Timestamp,
        /// How it is to end.
        end: PauseEnd,
        /// Whether it takes the practice out of a wave that it waits in, before it ends by itself.
        too_late: bool,
    },
    /// The practice has asked for access to be taken away.
    SwitchOffRequested {
        /// The practice.
        practice: PracticeCode,
    },
    /// A hold covers it.
    Held {
        /// The hold.
        hold: HoldId,
        /// On what grounds.
        class: HoldClass,
        /// Who answers for it.
        owner: Account,
        /// Why, an UPPER_SNAKE code.
        reason_code: String,
        /// Since when.
        since: Timestamp,
        /// When it is to be looked at again.
        review_on: Option<Date>,
        /// For a halt: the wave whose gate raised it.
        halted_wave: Option<WaveRef>,
    },
    /// The practice is closed, dormant, not open yet, or not in the registry.
    PracticeNotOpen {
        /// The practice.
        practice: PracticeCode,
    },
    /// Others have succeeded it, and its code is closed.
    Succeeded {
        /// The practice.
        practice: PracticeCode,
        /// Who goes on.
        by: Vec<PracticeCode>,
    },
    /// A readiness item that the programme demands is not done, or no longer counts.
    NotReady {
        /// The practice.
        practice: PracticeCode,
        /// The item, and why it does not count.
        lack: Lack,
    },
    /// It has another supplier than the plan says.
    SupplierChanged {
        /// The plan's.
        planned: Supplier,
        /// The one it has now; none where unknown.
        now: Option<Supplier>,
    },
    /// Its enrolment has come to an end without it being on.
    SetAside {
        /// The wave.
        wave: WaveRef,
        /// How it ended.
        stage: EnrolmentStage,
        /// Since when.
        since: Timestamp,
    },
    /// No programme switches this capability on.
    NoProgramme,
    /// It is in no wave of the plan in force.
    NotInPlan {
        /// Whose plan.
        programme: ProgrammeId,
        /// Why, as far as the plan says.
        reason: Option<Unplaced>,
    },
    /// The programme has no plan in force, or has ended.
    ProgrammeNotActive {
        /// Which.
        programme: ProgrammeId,
        /// Where it is.
        stage: ProgrammeStage,
    },
    /// The plan in force says what this build knows to be impossible (I8).
    PlanImpossible {
        /// Whose plan.
        programme: ProgrammeId,
        /// Which version.
        version: PlanVersion,
        /// What is wrong; never empty.
        violations: Vec<Violation>,
    },
    /// An earlier wave has not passed.
    EarlierWave {
        /// The earlier wave.
        wave: WaveRef,
        /// Where it is.
        stage: WaveStage,
        /// The first moment at which its gate can have passed; none where it never will, or only if a person says so.
        passes_at: Option<Timestamp>,
    },
    /// The wave is not open.
    WaveNotOpen {
        /// The wave.
        wave: WaveRef,
        /// Where it is.
        stage: WaveStage,
        /// When it opens, as far as is known.
        opens_at: Option<Timestamp>,
    },
    /// Its notice does not reach far enough (rule 11).
    NoNotice {
        /// Working days that are owed.
        working_days: u16,
        /// The first day for which what was delivered suffices; none where nothing was.
        earliest: Option<Date>,
        /// The first day for which a notice would suffice that is delivered today; none where nobody knows yet which days
        /// up to then are bank holidays.
        if_told_today: Option<Date>,
    },
    /// It has no notice, although one is being sent, or was (rule 11).
    NoticeUndelivered {
        /// The practice.
        practice: PracticeCode,
        /// What is in the way.
        why: Undelivered,
        /// As above.
        if_told_today: Option<Date>,
    },
    /// The day or the hour takes no go-live (rule 2).
    Shut {
        /// Why.
        reason: Shut,
        /// When it opens next, as far as is known.
        opens_at: Option<Timestamp>,
    },
    /// The supplier has not taken the list for its booked date.
    Booked {
        /// The supplier.
        supplier: Supplier,
        /// The date; none where its dates have passed.
        date: Option<Date>,
        /// From when the list can be taken.
        list_opens_at: Option<Timestamp>,
    },
    /// Self-service: the practice has been asked.
    Invited {
        /// The practice.
        practice: PracticeCode,
    },
    /// It is on with settings that hide some of what it should show: for a person to look at.
    PartlyOn {
        /// The practice.
        practice: PracticeCode,
    },
    /// Those who look disagree about whether it is on: nothing is done there until somebody has looked again.
    Disputed {
        /// The practice.
        practice: PracticeCode,
    },
    /// It was switched on, and has been observed off since: never switched on again without a person's decision.
    Drifted {
        /// The practice.
        practice: PracticeCode,
    },
    /// People had it switched off again: only a plan made since that names it gives it back (rule 8).
    Reverted {
        /// The practice.
        practice: PracticeCode,
        /// The wave that had switched it on.
        wave: WaveRef,
        /// Who decided.
        by: Account,
        /// When.
        at: Timestamp,
    },
    /// An earlier decision about it is not settled yet, or the registry has not been told.
    UnderWay {
        /// The earlier decision.
        key: ActivationKey,
    },
    /// It was refused and is tried again.
    TriedAgain {
        /// When.
        at: Timestamp,
    },
    /// A cap leaves no room at present (rule 4).
    Full {
        /// Which.
        cap: Full,
        /// When it is looked at again, where that is a matter of time.
        opens_at: Option<Timestamp>,
    },
}

impl Blocker {
    /// An UPPER_SNAKE code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Paused { .. } => "PAUSED_BY_PRACTICE",
            Self::SwitchOffRequested { .. } => "SWITCH_OFF_REQUESTED",
            Self::Held { class: HoldClass::AutomaticGate, .. } => "HALTED",
            Self::Held { .. } => "HELD",
            Self::PracticeNotOpen { .. } => "PRACTICE_NOT_OPEN",
            Self::Succeeded { .. } => "PRACTICE_SUCCEEDED",
            Self::NotReady { .. } => "NOT_READY",
            Self::SupplierChanged { .. } => "SUPPLIER_CHANGED",
            Self::SetAside { stage, .. } => stage.state().as_str(),
            Self::NoProgramme => "NO_PROGRAMME",
            Self::NotInPlan { reason, .. } => reason.as_ref().map_or("NOT_IN_PLAN", Unplaced::code),
            Self::ProgrammeNotActive { .. } => "PROGRAMME_NOT_ACTIVE",
            Self::PlanImpossible { .. } => "PLAN_IMPOSSIBLE",
            Self::EarlierWave { .. } => "EARLIER_WAVE_NOT_PASSED",
            Self::WaveNotOpen { .. } => "WAVE_NOT_OPEN",
            Self::NoNotice { .. } => "NOTICE_OWED",
            Self::NoticeUndelivered { why, .. } => why.code(),
            Self::Shut { .. } => "OUTSIDE_WINDOW",
            Self::Booked { .. } => "WAITS_FOR_BOOKED_DATE",
            Self::Invited { .. } => "INVITED",
            Self::PartlyOn { .. } => "PARTLY_ON",
            Self::Disputed { .. } => "DISPUTED",
            Self::Drifted { .. } => "DRIFTED",
            Self::Reverted { .. } => "REVERTED_BY_A_PERSON",
            Self::UnderWay { .. } => "UNDER_WAY",
            Self::TriedAgain { .. } => "TRIED_AGAIN_LATER",
            Self::Full { .. } => "CAP_REACHED",
        }
    }

    /// Who must act.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::Paused { practice, .. }
            | Self::SwitchOffRequested { practice }
            | Self::NotReady { practice, .. }
            | Self::PartlyOn { practice }
            | Self::Invited { practice } => Owner::Practice(*practice),
            Self::Held { class: HoldClass::AutomaticGate, .. } => Owner::Programme,
            Self::Held { owner, .. } => Owner::Account(owner.clone()),
            Self::Booked { supplier, date: Some(_), .. } => Owner::Supplier(supplier.clone()),
            Self::NoticeUndelivered { practice, why, .. } => why.owner(*practice),
            Self::EarlierWave { passes_at: Some(_), .. }
            | Self::NoNotice { earliest: Some(_), .. }
            | Self::Shut { opens_at: Some(_), .. }
            | Self::UnderWay { .. }
            | Self::TriedAgain { .. }
            | Self::Full { .. } => Owner::Time,
            Self::WaveNotOpen { stage, .. } if stage.is_before_open() => Owner::Time,
            Self::PracticeNotOpen { .. }
            | Self::Succeeded { .. }
            | Self::SupplierChanged { .. }
            | Self::SetAside { .. }
            | Self::Disputed { .. }
            | Self::Drifted { .. }
            | Self::Reverted { .. }
            | Self::NoProgramme
            | Self::NotInPlan { .. }
            | Self::ProgrammeNotActive { .. }
            | Self::PlanImpossible { .. }
            | Self::EarlierWave { .. }
            | Self::NoNotice { .. }
            | Self::Booked { .. }
            | Self::WaveNotOpen { .. }
            | Self::Shut { .. } => Owner::Programme,
        }
    }

    /// The resource that says so: `practices/A81001/pauses/1`, `holds/7`, `programmes/spring/waves/3`; none where it is
    /// a matter of the calendar, of a cap or of a plan that does not exist.
    #[must_use]
    pub fn resource(&self) -> Option<String> {
        Some(match self {
            Self::Paused { practice, number, .. } => format!("practices/{practice}/pauses/{number}"),
            Self::SwitchOffRequested { practice }
            | Self::PracticeNotOpen { practice }
            | Self::Succeeded { practice, .. }
            | Self::NotReady { practice, .. }
            | Self::PartlyOn { practice }
            | Self::Disputed { practice }
            | Self::Drifted { practice }
            | Self::NoticeUndelivered { practice, .. }
            | Self::Invited { practice } => format!("practices/{practice}"),
            Self::Held { hold, .. } => hold.to_string(),
            Self::SupplierChanged { planned, .. } => format!("suppliers/{planned}"),
            Self::Booked { supplier, .. } => format!("suppliers/{supplier}"),
            Self::SetAside { wave, .. }
            | Self::EarlierWave { wave, .. }
            | Self::WaveNotOpen { wave, .. }
            | Self::Reverted { wave, .. } => wave.to_string(),
            Self::NotInPlan { programme, .. } | Self::ProgrammeNotActive { programme, .. } => programme.to_string(),
            Self::PlanImpossible { programme, version, .. } => format!("{programme}/{version}"),
            Self::NoProgramme
            | Self::NoNotice { .. }
            | Self::Shut { .. }
            | Self::UnderWay { .. }
            | Self::TriedAgain { .. }
            | Self::Full { .. } => return None,
        })
    }

    /// The earliest moment at which it can be out of the way; none where that depends on a person.
    #[must_use]
    pub fn earliest_at(&self) -> Option<Timestamp> {
        match self {
            Self::Paused { end: PauseEnd::Until(until), too_late: false, .. } => Some(*until),
            Self::WaveNotOpen { opens_at, .. } | Self::Shut { opens_at, .. } | Self::Full { opens_at, .. } => *opens_at,
            Self::EarlierWave { passes_at, .. } => *passes_at,
            Self::NoNotice { earliest, .. } => earliest.map(|date| day_bounds(date).0),
            Self::Booked { list_opens_at, .. } => *list_opens_at,
            Self::TriedAgain { at } => Some(*at),
            _ => None,
        }
    }

    /// The earliest moment at which it can be out of the way if people do what is theirs at `now`; none where that is never.
    pub(crate) fn cleared_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            blocker if blocker.needs_another_plan() => None,
            Self::NoNotice { earliest: None, if_told_today, .. } | Self::NoticeUndelivered { if_told_today, .. } => {
                if_told_today.map(|date| day_bounds(date).0.max(now))
            }
            blocker => Some(blocker.earliest_at().map_or(now, |at| at.max(now))),
        }
    }

    /// Whether it stays for as long as the plan in force does, whatever else anybody does. One that a supplier refused
    /// may be tried again by a person while its wave is open.
    pub(crate) fn needs_another_plan(&self) -> bool {
        match self {
            Self::PracticeNotOpen { .. }
            | Self::Succeeded { .. }
            | Self::SupplierChanged { .. }
            | Self::SetAside { .. }
            | Self::NoProgramme
            | Self::NotInPlan { .. }
            | Self::ProgrammeNotActive { .. }
            | Self::PlanImpossible { .. }
            | Self::PartlyOn { .. }
            | Self::Drifted { .. }
            | Self::Reverted { .. } => true,
            Self::WaveNotOpen { stage, .. } => !stage.is_before_open(),
            Self::EarlierWave { stage, .. } => stage.has_ended() || *stage == WaveStage::Unwinding,
            Self::Booked { date, .. } => date.is_none(),
            _ => false,
        }
    }
}

impl From<&Hold> for Blocker {
    fn from(hold: &Hold) -> Self {
        Self::Held {
            hold: hold.id,
            class: hold.class,
            owner: hold.owner.clone(),
            reason_code: hold.reason_code.clone(),
            since: hold.placed_at,
            review_on: hold.review_on,
            halted_wave: hold.halted_wave.clone(),
        }
    }
}

impl Blocker {
    /// A pause in the way; `too_late` where it ends too late for a wave that its practice waits in.
    pub(crate) fn paused(practice: PracticeCode, pause: &PauseFacts, too_late: bool) -> Self {
        Self::Paused { practice, number: pause.number, recorded_at: pause.recorded_at, end: pause.end, too_late }
    }

    /// What people had undone.
    pub(crate) fn reverted(practice: PracticeCode, reverted: &Reverted) -> Self {
        let Reverted { wave, by, at, .. } = reverted.clone();
        Self::Reverted { practice, wave, by, at }
    }

    /// A practice that is not open, and who goes on where others have succeeded it; None where it is open.
    pub(crate) fn not_open(facts: &PracticeFacts) -> Option<Self> {
        let practice = facts.code;
        Some(match gone(facts)? {
            Supersession::Succeeded { by } => Self::Succeeded { practice, by },
            _ => Self::PracticeNotOpen { practice },
        })
    }

    /// What people must do comes before what time brings, and the wave before the hour.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Paused { .. } | Self::SwitchOffRequested { .. } => 0,
            Self::Held { .. } => 1,
            Self::PracticeNotOpen { .. }
            | Self::Succeeded { .. }
            | Self::NotReady { .. }
            | Self::PartlyOn { .. }
            | Self::Disputed { .. }
            | Self::Drifted { .. }
            | Self::Reverted { .. } => 2,
            Self::SupplierChanged { .. } | Self::SetAside { .. } => 3,
            Self::NoProgramme
            | Self::NotInPlan { .. }
            | Self::ProgrammeNotActive { .. }
            | Self::PlanImpossible { .. } => 4,
            Self::EarlierWave { .. } | Self::WaveNotOpen { .. } => 5,
            Self::NoNotice { .. } | Self::NoticeUndelivered { .. } | Self::Booked { .. } | Self::Invited { .. } => 6,
            Self::UnderWay { .. } | Self::TriedAgain { .. } | Self::Full { .. } | Self::Shut { .. } => 7,
        }
    }

    /// The cap in the way, if it is one.
    #[must_use]
    pub fn cap_scope(&self) -> Option<&CapScope> {
        match self {
            Self::Full { cap, .. } => Some(cap.scope()),
            _ => None,
        }
    }
}
