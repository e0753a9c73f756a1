//! What is in the way of one practice's go-live: with its evidence, who must act, what clears it, when at the earliest.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use crate::calendar::{Shut, civil_datetime, instant};
use crate::eligibility::gone;
use crate::id::{Account, ActivationKey, HoldId, WaveRef};
use crate::plan::Unplaced;
use crate::readiness::{Lack, LackReason};
use crate::room::Full;
use crate::state::{CapScope, EnrolmentStage, HoldClass, ProgrammeStage, Supersession, WaveStage};
use crate::undelivered::Undelivered;
use crate::view::{ItemState, PauseEnd, PauseFacts, PracticeFacts};

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
        /// When it ends, where that is known.
        until: Option<Timestamp>,
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
        /// When it is to be looked at again.
        review_on: Option<Date>,
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
    },
    /// No programme switches this capability on.
    NoProgramme,
    /// It is in no wave of the plan in force.
    NotInPlan {
        /// Why, as far as the plan says.
        reason: Option<Unplaced>,
    },
    /// The programme has no plan in force, or has ended.
    ProgrammeNotActive {
        /// Where it is.
        stage: ProgrammeStage,
    },
    /// An earlier wave has not passed.
    EarlierWave {
        /// The earlier wave.
        wave: WaveRef,
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
    },
    /// It has no notice, although one is being sent, or was (rule 11).
    NoticeUndelivered {
        /// The practice.
        practice: PracticeCode,
        /// What is in the way.
        why: Undelivered,
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
            Self::SetAside { stage, .. } => stage.reason().map_or("SET_ASIDE", |_| stage.state().as_str()),
            Self::NoProgramme => "NO_PROGRAMME",
            Self::NotInPlan { reason } => reason.as_ref().map_or("NOT_IN_PLAN", Unplaced::code),
            Self::ProgrammeNotActive { .. } => "PROGRAMME_NOT_ACTIVE",
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
            Self::UnderWay { .. } => "UNDER_WAY",
            Self::TriedAgain { .. } => "TRIED_AGAIN_LATER",
            Self::Full { .. } => "CAP_REACHED",
        }
    }

    /// Who must act: `practices/A81001`, `suppliers/EMIS`, an account, `programme`, or `time`.
    #[must_use]
    pub fn owner(&self) -> String {
        match self {
            Self::Paused { practice, .. }
            | Self::SwitchOffRequested { practice }
            | Self::NotReady { practice, .. }
            | Self::PartlyOn { practice }
            | Self::Invited { practice } => format!("practices/{practice}"),
            Self::Held { owner, .. } => owner.to_string(),
            Self::Booked { supplier, .. } => format!("suppliers/{supplier}"),
            Self::PracticeNotOpen { .. }
            | Self::Succeeded { .. }
            | Self::SupplierChanged { .. }
            | Self::SetAside { .. }
            | Self::Disputed { .. }
            | Self::Drifted { .. }
            | Self::NoProgramme
            | Self::NotInPlan { .. }
            | Self::ProgrammeNotActive { .. }
            | Self::EarlierWave { .. } => "programme".to_owned(),
            Self::NoNotice { earliest: None, .. } => "programme".to_owned(),
            Self::NoticeUndelivered { practice, why } => why.owner(*practice),
            Self::WaveNotOpen { stage, .. } if !stage.is_before_open() => "programme".to_owned(),
            Self::WaveNotOpen { .. }
            | Self::NoNotice { .. }
            | Self::Shut { .. }
            | Self::UnderWay { .. }
            | Self::TriedAgain { .. }
            | Self::Full { .. } => "time".to_owned(),
        }
    }

    /// What clears it, as a sentence.
    #[must_use]
    pub fn clears_by(&self) -> String {
        match self {
            Self::Paused { until: Some(until), .. } => {
                format!("The pause ends on {}, or the practice lifts it.", Civil(*until))
            }
            Self::Paused { until: None, .. } => "The practice lifts its pause.".to_owned(),
            Self::SwitchOffRequested { .. } => "Access is taken away; then the practice lifts its pause.".to_owned(),
            Self::Held { class: HoldClass::AutomaticGate, hold, .. } => {
                format!("A named person decides the gate, acknowledges {hold} and lifts it.")
            }
            Self::Held { class: HoldClass::Safety, hold, .. } => format!("Two people lift {hold}."),
            Self::Held { hold, .. } => format!("{hold} is lifted."),
            Self::PracticeNotOpen { .. } => "Nothing, while the practice is not open.".to_owned(),
            Self::Succeeded { by, .. } => {
                format!("Nothing: its code is closed. A version of the plan made since takes up {}.", named(by))
            }
            Self::NotReady { lack, .. } => match lack.why {
                LackReason::Stands(ItemState::Expired) | LackReason::OutOfDate { .. } => {
                    format!("The practice completes {} anew.", lack.item)
                }
                LackReason::Stands(_) | LackReason::MustApply => format!("The practice completes {}.", lack.item),
            },
            Self::SupplierChanged { .. } | Self::NotInPlan { .. } | Self::SetAside { .. } => {
                "A later version of the plan takes it up.".to_owned()
            }
            Self::NoProgramme => "A programme for this capability is approved.".to_owned(),
            Self::ProgrammeNotActive { .. } => "A plan is approved.".to_owned(),
            Self::EarlierWave { wave } => format!("{wave} passes its gate."),
            Self::WaveNotOpen { wave, stage, .. } if stage.is_before_open() => format!("{wave} opens."),
            Self::WaveNotOpen { .. } => "A later version of the plan takes it up.".to_owned(),
            Self::NoNotice { working_days, .. } => format!("{working_days} working days' notice has been given."),
            Self::NoticeUndelivered { why, .. } => why.clears_by().to_owned(),
            Self::Shut { .. } => "The next window opens.".to_owned(),
            Self::Booked { date: Some(date), .. } => format!("The supplier takes the list for {date}."),
            Self::Booked { date: None, .. } => "A later version of the plan gives it another date.".to_owned(),
            Self::Invited { .. } => "The practice switches it on in its own system.".to_owned(),
            Self::PartlyOn { .. } => "The practice puts its settings right.".to_owned(),
            Self::Disputed { .. } => "An inspection, or the supplier's next list, says what holds.".to_owned(),
            Self::Drifted { .. } => "A person finds out why, and decides.".to_owned(),
            Self::UnderWay { .. } => "The earlier decision settles.".to_owned(),
            Self::TriedAgain { .. } => "It is tried again.".to_owned(),
            Self::Full { cap: Full::Daily { .. }, .. } => "The next day with a window comes.".to_owned(),
            Self::Full { cap: Full::InFlight { .. }, .. } => "What is under way settles.".to_owned(),
        }
    }

    /// The earliest moment at which it can be out of the way; none where that depends on a person.
    #[must_use]
    pub fn earliest_at(&self) -> Option<Timestamp> {
        match self {
            Self::Paused { until, .. } => *until,
            Self::WaveNotOpen { opens_at, .. } | Self::Shut { opens_at, .. } | Self::Full { opens_at, .. } => *opens_at,
            Self::NoNotice { earliest, .. } => {
                earliest.map(|date| instant(date.to_datetime(jiff::civil::Time::midnight())))
            }
            Self::Booked { list_opens_at, .. } => *list_opens_at,
            Self::TriedAgain { at } => Some(*at),
            _ => None,
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused { number, recorded_at, until: Some(until), .. } => {
                let (recorded_at, until) = (Civil(*recorded_at), Civil(*until));
                write!(out, "paused by the practice (pause {number} of {recorded_at}) until {until}")
            }
            Self::Paused { number, recorded_at, until: None, .. } => {
                write!(out, "paused by the practice (pause {number} of {})", Civil(*recorded_at))
            }
            Self::SwitchOffRequested { .. } => out.write_str("the practice asked for access to be taken away"),
            Self::Held { hold, class, owner, review_on } => {
                write!(out, "{class} hold {hold} of {owner}")?;
                review_on.map_or(Ok(()), |date| write!(out, ", to be reviewed on {date}"))
            }
            Self::PracticeNotOpen { practice } => {
                write!(out, "practices/{practice} is not open, or not in the registry")
            }
            Self::Succeeded { practice, by } => write!(out, "practices/{practice} is succeeded by {}", named(by)),
            Self::NotReady { lack, .. } => write!(out, "not ready: {lack}"),
            Self::SupplierChanged { planned, now: Some(now) } => {
                write!(out, "its supplier is {now}; the plan says {planned}")
            }
            Self::SupplierChanged { planned, now: None } => {
                write!(out, "its supplier is not known; the plan says {planned}")
            }
            Self::SetAside { wave, stage } => {
                write!(out, "{} in {wave}", stage.state())?;
                stage.reason().map_or(Ok(()), |reason| write!(out, " ({reason})"))
            }
            Self::NoProgramme => out.write_str("no programme switches this on"),
            Self::NotInPlan { reason: Some(reason) } => write!(out, "in no wave of the plan: {reason}"),
            Self::NotInPlan { reason: None } => out.write_str("in no wave of the plan"),
            Self::ProgrammeNotActive { stage } => write!(out, "the programme is {}", stage.as_str()),
            Self::EarlierWave { wave } => write!(out, "{wave} has not passed its gate"),
            Self::WaveNotOpen { wave, stage, .. } if stage.is_before_open() => {
                write!(out, "{wave} has not opened yet ({stage})")
            }
            Self::WaveNotOpen { wave, stage, .. } => write!(out, "{wave} takes nobody any more ({stage})"),
            Self::NoNotice { working_days, earliest: Some(earliest) } => {
                write!(out, "{working_days} working days' notice suffices from {earliest} on")
            }
            Self::NoNotice { working_days, earliest: None } => {
                write!(out, "no notice was delivered; {working_days} working days are owed")
            }
            Self::NoticeUndelivered { practice, why } => why.say(*practice, out),
            Self::Shut { reason, .. } => write!(out, "{reason}"),
            Self::Booked { supplier, date: Some(date), .. } => {
                write!(out, "booked for {date}; suppliers/{supplier} has not taken the list")
            }
            Self::Booked { supplier, date: None, .. } => {
                write!(out, "no list for suppliers/{supplier} is left in this wave")
            }
            Self::Invited { .. } => out.write_str("asked to switch it on itself, and has not yet"),
            Self::PartlyOn { .. } => out.write_str("on with settings that hide some of what it should show"),
            Self::Disputed { .. } => out.write_str("those who look disagree about whether it is on"),
            Self::Drifted { .. } => out.write_str("switched on before, and observed off since"),
            Self::UnderWay { key } => write!(out, "{key} is not settled yet"),
            Self::TriedAgain { at } => write!(out, "refused before; tried again on {}", Civil(*at)),
            Self::Full { cap, .. } => write!(out, "{cap}"),
        }
    }
}

/// `practices/B82001, practices/B82002`.
fn named(practices: &[PracticeCode]) -> String {
    let names: Vec<String> = practices.iter().map(|code| format!("practices/{code}")).collect();
    names.join(", ")
}

/// A moment as clocks in London show it, to the minute.
struct Civil(Timestamp);

impl fmt::Display for Civil {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = civil_datetime(self.0);
        write!(out, "{} at {:02}:{:02}", civil.date(), civil.hour(), civil.minute())
    }
}

impl From<&crate::state::Hold> for Blocker {
    fn from(hold: &crate::state::Hold) -> Self {
        Self::Held { hold: hold.id, class: hold.class, owner: hold.owner.clone(), review_on: hold.review_on }
    }
}

impl Blocker {
    /// A pause in the way.
    pub(crate) fn paused(practice: PracticeCode, pause: &PauseFacts) -> Self {
        let until = match pause.end {
            PauseEnd::Until(until) => Some(until),
            PauseEnd::FurtherNotice | PauseEnd::ProgrammeDefault => None,
        };
        Self::Paused { practice, number: pause.number, recorded_at: pause.recorded_at, until }
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
            | Self::Drifted { .. } => 2,
            Self::SupplierChanged { .. } | Self::SetAside { .. } => 3,
            Self::NoProgramme | Self::NotInPlan { .. } | Self::ProgrammeNotActive { .. } => 4,
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
