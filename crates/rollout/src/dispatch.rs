//! Which notices are to be sent, to which of a practice's contacts, when again, and what is evidence that one was given
//! (rule 11).
//!
//! A notice is sent to whom it can still help: where it would let the practice go live earlier in its wave than what it was
//! told before. So nothing has to be reset here either: a wave that moves earlier owes notice again, one that moves later
//! does not, and whose notice came back is told again. Holds brake go-lives and no notice: the working days run on.
//!
//! Nothing here knows an address. Contacts come from the registry, by number.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;

use crate::calendar::{Calendar, civil_date, day_bounds};
use crate::eligibility::gone;
use crate::id::WaveRef;
use crate::state::{
    Carrier, Correspondence, Dispatch, DispatchRef, DispatchStage, Enrolment, EnrolmentState, Means, Programme,
    ProgrammeStage, State, Template, Trouble, Wave, WaveStage,
};
use crate::view::RegistryView;

/// A letter counts as given on this working day after it was posted: second class post is meant to come within three.
pub const POST_WORKING_DAYS: u16 = 3;

/// An e-mail that a mail server took on counts as given when so much time has passed and nobody has reported that it came
/// back. Mail servers try for some days; GOV.UK Notify's give up after as long.
pub const BOUNCE_TIME: SignedDuration = SignedDuration::from_hours(72);

/// For so long GOV.UK Notify can be asked about a message: "messages that are 7 days old or newer", by its documentation.
pub const EVIDENCE_TIME: SignedDuration = SignedDuration::from_hours(24 * 7);

/// When a contact that could not be reached is tried again, after the first time, the second and so on; then it is given
/// up. A mailbox that is full is emptied within days, and there is no later try that could still count.
pub const TRIED_AGAIN_AFTER: [SignedDuration; 3] =
    [SignedDuration::from_hours(1), SignedDuration::from_hours(8), SignedDuration::from_hours(24)];

/// A practice to which a notice is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotice {
    /// The wave.
    pub wave: WaveRef,
    /// The practice.
    pub practice: PracticeCode,
    /// The first date from which it would suffice.
    pub not_before: Date,
    /// Which text.
    pub template: Template,
}

/// A contact of a practice, as the registry lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its number there.
    pub number: u32,
    /// As what: `practice-manager`.
    pub role: String,
    /// By which means.
    pub means: Means,
}

/// To whom an installation sends, and who carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// The means that are used, the preferred first, each with its carrier.
    pub means: Vec<(Means, Carrier)>,
    /// Roles, the preferred first; any where it is empty, else no other.
    pub roles: Vec<String>,
}

/// A contact to send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// The contact's number.
    pub contact: u32,
    /// By which means.
    pub means: Means,
    /// Who carries it.
    pub carrier: Carrier,
}

/// What became of a dispatch, as its carrier says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DispatchOutcome {
    /// The carrier has taken it on, under an id of its own.
    Taken {
        /// The id.
        id: String,
    },
    /// It was handed over to a carrier that says nothing more.
    HandedOver {
        /// When.
        at: Timestamp,
    },
    /// It has reached the practice.
    Delivered {
        /// When, by the carrier's clock.
        at: Timestamp,
    },
    /// The letter was posted.
    Posted {
        /// When, by the carrier's clock.
        at: Timestamp,
    },
    /// The carrier has never seen it: it is sealed again, under the same reference.
    NeverSeen,
    /// It came to nothing.
    Failed {
        /// Why.
        trouble: Trouble,
    },
}

/// Notices that are to be sent, in the order of programmes, waves and the waves' own; and when the first of those that rest
/// is tried again, none where none does.
#[must_use]
pub fn notices_due(state: &State, view: &RegistryView, now: Timestamp) -> (Vec<DueNotice>, Option<Timestamp>) {
    let mut due = Vec::new();
    let mut next: Option<Timestamp> = None;
    for programme in state.programmes.values() {
        for wave in programme.waves_in_order() {
            for enrolment in untold_state(wave).into_iter().flat_map(|untold| wave.in_state(untold)) {
                let Some(notice) = owed(state, programme, wave, enrolment, now) else { continue };
                let facts = view.get(enrolment.practice);
                // A code that is closed is told nothing, nor is who is on already.
                if facts.is_none_or(|facts| gone(facts).is_some() || facts.observed(&programme.capability).is_on()) {
                    continue;
                }
                let again_at = programme.correspondence(enrolment.practice).and_then(Correspondence::tried_again_at);
                match again_at.filter(|at| now < *at) {
                    Some(at) => next = Some(next.map_or(at, |next| next.min(at))),
                    None => due.push(notice),
                }
            }
        }
    }
    (due, next)
}

/// The state of enrolments that may lack their notice: of those that wait for it, and once members are fixed of those whose
/// notice came back.
fn untold_state(wave: &Wave) -> Option<EnrolmentState> {
    match wave.stage {
        WaveStage::Notice => Some(EnrolmentState::Candidate),
        WaveStage::Fixed | WaveStage::Open => Some(EnrolmentState::Enrolled),
        _ => None,
    }
}

/// The notice that a practice is owed and that is not under way, by the scheduler's own state; none where one could not
/// help. Judged again when it is sealed.
pub(crate) fn owed(
    state: &State,
    programme: &Programme,
    wave: &Wave,
    enrolment: &Enrolment,
    now: Timestamp,
) -> Option<DueNotice> {
    let working_days = wave.rules.notice_working_days;
    let may_lack_it = untold_state(wave) == Some(enrolment.stage.state());
    if working_days == 0 || programme.stage != ProgrammeStage::Active || !may_lack_it {
        return None;
    }
    let calendar = &state.calendar;
    // Fail closed: beyond the known holidays no date can be given (rule 2).
    let not_before = calendar.working_days_after(civil_date(now), working_days).ok()?.max(wave.from);
    let known = programme.noticed_from(calendar, enrolment.practice, working_days);
    if wave.until < not_before || known.is_some_and(|known| known <= not_before) {
        return None;
    }
    let correspondence = programme.correspondence(enrolment.practice);
    let under_way = correspondence.is_some_and(|known| known.is_told_of(not_before));
    if under_way {
        return None;
    }
    let told_before = !programme.notices_of(enrolment.practice).is_empty()
        || correspondence.is_some_and(|known| known.dispatches.iter().any(Dispatch::may_have_been_read));
    let template = if told_before { Template::Moved } else { Template::First };
    Some(DueNotice { wave: wave.id.clone(), practice: enrolment.practice, not_before, template })
}

/// The contact that a notice goes to: by the preferred means and role, the longest known first, but none that is spent. None
/// where there is none.
#[must_use]
pub fn choose(
    state: &State,
    due: &DueNotice,
    contacts: &[Contact],
    preferences: &Preferences,
    now: Timestamp,
) -> Option<Chosen> {
    let programme = state.programme(&due.wave.programme)?;
    let wave = programme.waves.get(&due.wave.wave)?;
    let correspondence = programme.correspondence(due.practice);
    let rank = |contact: &Contact| {
        let means = preferences.means.iter().position(|(means, _)| *means == contact.means)?;
        let role = if preferences.roles.is_empty() {
            0
        } else {
            preferences.roles.iter().position(|role| *role == contact.role)?
        };
        let spent = correspondence.is_some_and(|known| known.is_spent(contact.number));
        let in_time = comes_in_time(&state.calendar, wave, contact.means, now);
        (!spent && in_time).then_some((means, role, contact.number))
    };
    let (means, _, contact) = contacts.iter().filter_map(rank).min()?;
    let (means, carrier) = preferences.means[means];
    Some(Chosen { contact, means, carrier })
}

/// Whether a notice that is sent by these means now can come in time for the wave.
fn comes_in_time(calendar: &Calendar, wave: &Wave, means: Means, now: Timestamp) -> bool {
    let today = civil_date(now);
    let given_on = match means {
        Means::Email => Ok(today),
        Means::Post => calendar.working_days_after(today, POST_WORKING_DAYS),
    };
    let from = given_on.and_then(|day| calendar.working_days_after(day, wave.rules.notice_working_days));
    from.is_ok_and(|from| from <= wave.until)
}

/// When a notice counts as given, by what its carrier says; none where that is no evidence of it, or where the holidays that
/// it depends on are not known yet. Never before it was sealed, nor in the future by a carrier's clock.
pub(crate) fn given_at(
    calendar: &Calendar,
    dispatch: &Dispatch,
    outcome: &DispatchOutcome,
    now: Timestamp,
) -> Option<Timestamp> {
    let within = |at: Timestamp| at.max(dispatch.sealed_at).min(now);
    match outcome {
        DispatchOutcome::Delivered { at } => Some(within(*at)),
        DispatchOutcome::Posted { at } => {
            let day = calendar.working_days_after(civil_date(within(*at)), POST_WORKING_DAYS).ok()?;
            Some(day_bounds(day).0)
        }
        DispatchOutcome::HandedOver { at } if dispatch.carrier == Carrier::Smtp => {
            within(*at).checked_add(BOUNCE_TIME).ok()
        }
        _ => None,
    }
}

/// Dispatches about which something is to be done or found out, with what each is known by, of all programmes.
pub fn open_dispatches(state: &State) -> impl Iterator<Item = (DispatchRef, &Dispatch)> {
    state.programmes.values().flat_map(|programme| {
        programme.dispatches_open.iter().filter_map(|(practice, number)| {
            let name = DispatchRef { programme: programme.id.clone(), practice: *practice, number: *number };
            Some((name, programme.correspondence(*practice)?.get(*number)?))
        })
    })
}

impl Dispatch {
    /// Whether its carrier can no longer be asked what became of it.
    #[must_use]
    pub fn is_beyond_evidence(&self, now: Timestamp) -> bool {
        self.changed_at.checked_add(EVIDENCE_TIME).is_ok_and(|until| until <= now)
    }

    /// Whether somebody at the practice may have it.
    fn may_have_been_read(&self) -> bool {
        !matches!(self.stage, DispatchStage::Sealed | DispatchStage::Failed { .. })
    }
}

impl Correspondence {
    /// Whether a notice of a date not later than this is under way.
    fn is_told_of(&self, date: Date) -> bool {
        let under_way = |one: &&Dispatch| one.is_open() || one.stage == DispatchStage::HandedOver;
        self.dispatches.iter().filter(under_way).any(|one| one.not_before <= date)
    }

    /// Whether nothing more is sent to a contact: its address is wrong, or it was tried often enough.
    #[must_use]
    pub fn is_spent(&self, contact: u32) -> bool {
        let failures = || self.failures().filter(|(one, _)| one.contact == contact);
        failures().any(|(_, trouble)| trouble == Trouble::WrongAddress) || failures().count() > TRIED_AGAIN_AFTER.len()
    }

    /// When the contact that could not be reached last is tried again; none where the last dispatch did not fail, or its
    /// contact is spent.
    #[must_use]
    pub fn tried_again_at(&self) -> Option<Timestamp> {
        let (last, _) = self.failures().last().filter(|(one, _)| one.number + 1 == self.next_number())?;
        if self.is_spent(last.contact) {
            return None;
        }
        let failures = self.failures().filter(|(one, _)| one.contact == last.contact).count();
        let after = TRIED_AGAIN_AFTER.get(failures.checked_sub(1)?)?;
        last.changed_at.checked_add(*after).ok()
    }
}

impl Programme {
    /// What was sent to a practice; none where nothing was, nor looked for.
    #[must_use]
    pub fn correspondence(&self, practice: PracticeCode) -> Option<&Correspondence> {
        self.correspondence.get(&practice).map(AsRef::as_ref)
    }
}
