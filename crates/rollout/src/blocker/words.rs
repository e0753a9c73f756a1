//! Blockers in the words of those who run a practice: what is so, and what clears it. Times are London's.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use super::Blocker;
use crate::calendar::civil_datetime;
use crate::id::WaveRef;
use crate::plan::Unplaced;
use crate::readiness::LackReason;
use crate::room::Full;
use crate::state::{Deferral, EnrolmentStage, HoldClass, ProgrammeStage, Supersession, WaveStage, Withdrawal};
use crate::view::{ItemState, PauseEnd};

/// What another version of the plan is needed for.
const A_LATER_VERSION: &str = "A later version of the plan takes it up.";

impl Blocker {
    /// What clears it, as a sentence.
    #[must_use]
    pub fn clears_by(&self) -> String {
        match self {
            Self::Paused { end: PauseEnd::Until(until), too_late: true, .. } => {
                format!("The practice lifts its pause: it ends on {}, too late for the wave.", At(*until))
            }
            Self::Paused { end: PauseEnd::Until(until), .. } => {
                format!("The pause ends on {}, or the practice lifts it.", At(*until))
            }
            Self::Paused { .. } => "The practice lifts its pause.".to_owned(),
            Self::SwitchOffRequested { .. } => "Access is taken away; then the practice lifts its pause.".to_owned(),
            Self::Held { class: HoldClass::AutomaticGate, halted_wave: None, hold, .. } => {
                format!("A named person acknowledges {hold} and lifts it.")
            }
            Self::Held { class: HoldClass::AutomaticGate, hold, .. } => {
                format!("A named person decides the gate, acknowledges {hold} and lifts it.")
            }
            Self::Held { class: HoldClass::Safety, hold, .. } => format!("Two people lift {hold}."),
            Self::Held { hold, .. } => format!("Somebody lifts {hold}."),
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
            Self::Reverted { .. } | Self::NotInPlan { reason: Some(Unplaced::Reverted), .. } => {
                "A later version of the plan names the practice in a wave's list.".to_owned()
            }
            Self::SupplierChanged { .. } | Self::NotInPlan { .. } => A_LATER_VERSION.to_owned(),
            Self::SetAside { stage, .. } => set_aside_clears_by(stage).to_owned(),
            Self::NoProgramme => "A programme for it is approved.".to_owned(),
            Self::ProgrammeNotActive { stage: ProgrammeStage::Draft, .. } => "A plan is approved.".to_owned(),
            Self::ProgrammeNotActive { .. } => "Another programme takes it up.".to_owned(),
            Self::PlanImpossible { .. } => "A later version of the plan is right, and is approved.".to_owned(),
            Self::EarlierWave { wave, stage: WaveStage::Gate, .. } => {
                format!("A named person decides the gate of {}.", Wave(wave))
            }
            Self::EarlierWave { wave, .. } if self.needs_another_plan() => {
                format!("A later version of the plan does without {}.", Wave(wave))
            }
            Self::EarlierWave { wave, .. } => sentence(&format!("{} passes its gate", Wave(wave))),
            Self::WaveNotOpen { wave, opens_at: Some(at), .. } => {
                sentence(&format!("{} opens, on {}", Wave(wave), At(*at)))
            }
            Self::WaveNotOpen { wave, stage, .. } if stage.is_before_open() => {
                sentence(&format!("{} opens", Wave(wave)))
            }
            Self::WaveNotOpen { .. } => A_LATER_VERSION.to_owned(),
            Self::NoNotice { working_days, .. } => format!("{working_days} working days' notice has been given."),
            Self::NoticeUndelivered { why, .. } => why.clears_by().to_owned(),
            Self::Shut { opens_at: Some(at), .. } => format!("The next window opens on {}.", At(*at)),
            Self::Shut { opens_at: None, .. } => A_LATER_VERSION.to_owned(),
            Self::Booked { date: Some(date), .. } => format!("The supplier takes the list for {}.", Day(*date)),
            Self::Booked { date: None, .. } => "A later version of the plan gives it another date.".to_owned(),
            Self::Invited { .. } => "The practice switches it on in its own system.".to_owned(),
            Self::PartlyOn { .. } => "The practice puts its settings right.".to_owned(),
            Self::Disputed { .. } => "An inspection, or the supplier's next list, says what holds.".to_owned(),
            Self::Drifted { .. } => "A person finds out why, and decides.".to_owned(),
            Self::UnderWay { .. } => "The earlier decision settles.".to_owned(),
            Self::TriedAgain { .. } => "It is tried again.".to_owned(),
            Self::Full { cap: Full::Daily { .. }, opens_at: Some(at) } => format!("Its turn comes on {}.", At(*at)),
            Self::Full { cap: Full::Daily { .. }, opens_at: None } => {
                "Others give up their turn, or a later version of the plan gives it another day.".to_owned()
            }
            Self::Full { cap: Full::InFlight { .. }, .. } => "What is under way settles.".to_owned(),
        }
    }

    /// The evidence, as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence(&self.to_string())
    }
}

/// A clause as a sentence. One that begins with a name, `practices/A81001`, keeps it as it is written.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let name = clause.split(' ').next().is_some_and(|word| word.contains('/'));
    match letters.next().filter(|_| !name) {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => format!("{clause}."),
    }
}

fn set_aside_clears_by(stage: &EnrolmentStage) -> &'static str {
    match stage {
        EnrolmentStage::Refused { .. } | EnrolmentStage::Failed { .. } | EnrolmentStage::NotApplied => {
            "A person has it tried again while the wave is open, or a later version of the plan takes it up."
        }
        EnrolmentStage::Reverting => "Its supplier confirms that access is off; then a later version of the plan.",
        _ => A_LATER_VERSION,
    }
}

/// The evidence, as a clause.
impl fmt::Display for Blocker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused { number, recorded_at, end, .. } => {
                write!(out, "the practice has paused (pause {number} of {}), ", At(*recorded_at))?;
                match end {
                    PauseEnd::Until(until) => write!(out, "until {}", At(*until)),
                    PauseEnd::FurtherNotice => out.write_str("until further notice"),
                    PauseEnd::ProgrammeDefault => out.write_str("to end as the programme's default says"),
                }
            }
            Self::SwitchOffRequested { .. } => out.write_str("the practice asked for access to be taken away"),
            Self::Held { .. } => self.held(out),
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
            Self::SetAside { wave, stage, since } => {
                set_aside(wave, stage, out)?;
                write!(out, " ({})", Day(civil_datetime(*since).date()))
            }
            Self::NoProgramme => out.write_str("no programme switches this on"),
            Self::NotInPlan { reason: Some(reason), .. } => write!(out, "in no wave of the plan: {reason}"),
            Self::NotInPlan { reason: None, .. } => out.write_str("in no wave of the plan"),
            Self::ProgrammeNotActive { programme, stage: ProgrammeStage::Draft } => {
                write!(out, "{programme} has no plan in force yet")
            }
            Self::ProgrammeNotActive { programme, stage } => write!(out, "{programme} is {}", stage.as_str()),
            Self::PlanImpossible { programme, version, violations } => {
                write!(out, "{programme}/{version} cannot be carried out: ")?;
                for (index, violation) in violations.iter().enumerate() {
                    write!(out, "{}{violation}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::EarlierWave { wave, stage, .. } if self.needs_another_plan() => {
                write!(out, "{} ended without passing its gate ({stage})", Wave(wave))
            }
            Self::EarlierWave { wave, stage, .. } => {
                write!(out, "{} has not passed its gate yet: {}", Wave(wave), standing(*stage))
            }
            Self::WaveNotOpen { wave, stage, .. } if stage.is_before_open() => {
                write!(out, "{} has not opened yet: {}", Wave(wave), standing(*stage))
            }
            Self::WaveNotOpen { wave, stage, .. } => {
                write!(out, "{} takes nobody any more: {}", Wave(wave), standing(*stage))
            }
            Self::NoNotice { working_days, earliest: Some(earliest), .. } => {
                write!(out, "{working_days} working days' notice suffices from {} on", Day(*earliest))
            }
            Self::NoNotice { working_days, earliest: None, if_told_today } => {
                write!(out, "no notice was delivered; {working_days} working days are owed")?;
                let from = if_told_today.map(|date| write!(out, ": told today, it can go live from {} on", Day(date)));
                from.unwrap_or(Ok(()))
            }
            Self::NoticeUndelivered { practice, why, .. } => why.say(*practice, out),
            Self::Shut { reason, .. } => write!(out, "nobody goes live now: {reason}"),
            Self::Booked { supplier, date: Some(date), .. } => {
                write!(out, "booked for {}; suppliers/{supplier} has not taken the list", Day(*date))
            }
            Self::Booked { supplier, date: None, .. } => {
                write!(out, "no list for suppliers/{supplier} is left in this wave")
            }
            Self::Invited { .. } => out.write_str("the practice was asked to switch it on itself, and has not yet"),
            Self::PartlyOn { .. } => out.write_str("on with settings that hide some of what it should show"),
            Self::Disputed { .. } => out.write_str("those who look disagree about whether it is on"),
            Self::Drifted { .. } => out.write_str("it was switched on before, and has been observed off since"),
            Self::Reverted { wave, by, at, .. } => {
                write!(out, "access that {} gave was taken away again by {by}, on {}", Wave(wave), At(*at))
            }
            Self::UnderWay { key } => write!(out, "an earlier decision is not settled yet ({key})"),
            Self::TriedAgain { at } => write!(out, "refused before; tried again on {}", At(*at)),
            Self::Full { cap, .. } => write!(out, "{cap}"),
        }
    }
}

impl Blocker {
    fn held(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Held { hold, class, owner, reason_code, since, review_on, halted_wave } = self else {
            return Ok(());
        };
        let since = At(*since);
        match halted_wave {
            Some(wave) => write!(out, "the gate of {} did not pass, and halted the programme on {since}", Wave(wave))?,
            None if *class == HoldClass::AutomaticGate => {
                write!(out, "the plan in force cannot be carried out, and halted the programme on {since}")?;
            }
            None => write!(out, "held by {owner} since {since}")?,
        }
        write!(out, " ({class} hold {hold}: {})", in_words(reason_code))?;
        review_on.map_or(Ok(()), |date| write!(out, ", to be reviewed on {}", Day(date)))
    }
}

/// How an enrolment came to an end without the practice being on.
fn set_aside(wave: &WaveRef, stage: &EnrolmentStage, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = Wave(wave);
    match stage {
        EnrolmentStage::Deferred { reason } => match reason {
            Deferral::Objected { to } => {
                let to = WaveRef { programme: wave.programme.clone(), wave: *to };
                write!(out, "it asked in time not to be in {name}, which defers to {}", Wave(&to))
            }
            Deferral::NoNotice => write!(out, "no notice of {name} reached it in time"),
            Deferral::WaveEnded => write!(out, "the time of {name} ran out before its turn came"),
            Deferral::CutOffMissed => write!(out, "its supplier did not take the list of {name} by the cut-off"),
            Deferral::SupplierChanged => write!(out, "it has another supplier than {name} was planned for"),
        },
        EnrolmentStage::Withdrawn { reason } => {
            write!(out, "it was taken out of {name}: ")?;
            match reason {
                Withdrawal::Paused { number, late: false } => write!(out, "it had paused (pause {number})"),
                Withdrawal::Paused { number, late: true } => {
                    write!(out, "it had paused after objections had ended (pause {number})")
                }
                Withdrawal::AlreadyOn => out.write_str("it was on already"),
                Withdrawal::SwitchOffRequested => out.write_str("it had asked for access to be taken away"),
            }
        }
        EnrolmentStage::Superseded { reason } => match reason {
            Supersession::PracticeClosed => write!(out, "it was taken out of {name}: it had closed"),
            Supersession::Succeeded { by } => write!(out, "{} took its place in {name}", named(by)),
            Supersession::Replanned => write!(out, "a later version of the plan left it out of {name}"),
            Supersession::Cancelled => write!(out, "{name} was cancelled"),
            Supersession::Unwound => write!(out, "{name} was unwound before its turn came"),
        },
        EnrolmentStage::Refused { code } => write!(out, "its supplier refused it in {name}: {}", in_words(code)),
        EnrolmentStage::Failed { code } => {
            write!(out, "its supplier refused it again and again in {name}: {}", in_words(code))
        }
        EnrolmentStage::NotApplied => write!(out, "in {name} it was cancelled before it took effect"),
        EnrolmentStage::Lapsed => write!(out, "it was asked to switch it on itself, and did not while {name} was open"),
        EnrolmentStage::Reverting => write!(out, "access that {name} gave is being taken away again"),
        EnrolmentStage::Reverted => write!(out, "access that {name} gave was taken away again"),
        other => write!(out, "{} in {name}", other.state()),
    }
}

/// Where a wave is.
fn standing(stage: WaveStage) -> &'static str {
    match stage {
        WaveStage::Planned => "it is planned",
        WaveStage::Notice => "its practices are being told",
        WaveStage::Fixed => "its members are settled",
        WaveStage::Open => "its practices are being switched on",
        WaveStage::Draining => "what was sent is being waited for",
        WaveStage::Soaking => "its evidence is ripening",
        WaveStage::Gate => "a named person is to decide its gate",
        WaveStage::Closed => "it has ended",
        WaveStage::Cancelled => "it was cancelled",
        WaveStage::Superseded => "a later version of the plan took its place",
        WaveStage::Unwinding => "two people are having it unwound",
        WaveStage::Unwound => "it was unwound",
    }
}

/// `practices/B82001, practices/B82002`.
fn named(practices: &[PracticeCode]) -> String {
    let names: Vec<String> = practices.iter().map(|code| format!("practices/{code}")).collect();
    names.join(", ")
}

/// `wave 3 of programmes/spring`.
struct Wave<'a>(&'a WaveRef);

impl fmt::Display for Wave<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "wave {} of {}", self.0.wave.0, self.0.programme)
    }
}

/// `6 May 2031`.
pub(crate) struct Day(pub(crate) Date);

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.strftime("%-d %B %Y"))
    }
}

/// `6 May 2031 at 09:00`, as clocks in London show it.
pub(crate) struct At(pub(crate) Timestamp);

impl fmt::Display for At {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = civil_datetime(self.0);
        write!(out, "{} at {:02}:{:02}", Day(civil.date()), civil.hour(), civil.minute())
    }
}

/// A code as words: `UNTIL_FURTHER_NOTICE` is until further notice.
fn in_words(code: &str) -> String {
    code.to_lowercase().replace('_', " ")
}
