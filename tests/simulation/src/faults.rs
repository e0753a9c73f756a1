//! What goes wrong with machines and between them, when, and how it is known that it did.
//!
//! A fault lasts at least as long as planned, and until it has been felt: a cut link that nobody used, or a machine that stood
//! still while nobody had anything to do, would show nothing. That every one was felt is asserted at the end of each run; but for
//! a supplier that takes no requests, a post that cannot be reached or takes no notices, and what waits for a cue.

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use journal::MemoryFault;
use turmoil::Sim;

use crate::hosts::{Installation, MACHINES, PEOPLE, POST, PRODUCERS, REGISTRY, SCHEDULERS, STATISTICS, SUPPLIERS};
use crate::time::Time;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A machine's process ends, and is started again.
    Crash(&'static str),
    /// A scheduler's or an aggregator's process stands still, as after SIGSTOP: its clock, its calls, its store and what is sent to
    /// it.
    StandStill(&'static str),
    /// What two machines send each other is lost.
    Cut(&'static str, &'static str),
    /// What the first sends the second is lost.
    CutOneWay(&'static str, &'static str),
    /// What two machines send each other comes later.
    Hold(&'static str, &'static str),
    /// A journal's next commit fails; whether it takes effect all the same.
    LoseCommit { of: Committing, takes_effect: bool },
    /// A supplier refuses every request to switch on.
    TakesNoRequests(&'static str),
    /// What a machine and the schedulers send each other is lost.
    CutOff(&'static str),
    /// The post refuses every call.
    TakesNoNotices,
}

/// What a fault waits for, so that it comes at the worst moment. Where it never comes, nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// A supplier has just claimed its list, and has not heard yet that it is its own.
    ListTaken,
    /// The post has just taken a notice on, and the scheduler has not heard of it yet.
    NoticeTaken,
}

/// When, after it was planned, the post or a supplier is there again although nobody has asked it for anything: most practices have had
/// their notice by then, or the waves are over.
const ASKED_FOR_NOTHING: SignedDuration = SignedDuration::from_hours(96);

/// For how long a cue is waited for.
const CUE_TIME_MAX: SignedDuration = SignedDuration::from_hours(8);

/// Whose commits fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committing {
    Registry,
    Scheduler,
    Statistics,
}

impl Committing {
    fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Scheduler => "scheduler",
            Self::Statistics => "statistics",
        }
    }

    fn machines(self) -> Vec<&'static str> {
        match self {
            Self::Registry => vec![REGISTRY],
            Self::Scheduler => SCHEDULERS.to_vec(),
            Self::Statistics => STATISTICS.to_vec(),
        }
    }

    fn failed_count(self, installation: &Installation) -> u64 {
        match self {
            Self::Registry => installation.registry_journal().commits_failed_count().now_or_never(),
            Self::Scheduler => installation.scheduler_journal().commits_failed_count().now_or_never(),
            Self::Statistics => installation.statistics_db().commits_failed_count().now_or_never(),
        }
        .unwrap_or(0)
    }

    fn fail_next(self, takes_effect: bool, installation: &Installation) {
        let fault = if takes_effect { MemoryFault::AfterCommit } else { MemoryFault::BeforeCommit };
        match self {
            Self::Registry => installation.registry_journal().fail_next_commit(fault).now_or_never(),
            Self::Scheduler => installation.scheduler_journal().fail_next_commit(fault).now_or_never(),
            Self::Statistics => {
                let of_database =
                    if takes_effect { database::MemoryFault::AfterCommit } else { database::MemoryFault::BeforeCommit };
                installation.statistics_db().fail_next_commit(of_database).now_or_never()
            }
        }
        .expect("nobody is at a store between two ticks");
    }
}

/// When it is to go wrong, and for how long at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) at: Timestamp,
    pub(crate) ticks: u64,
    pub(crate) fault: Fault,
    /// What it waits for from then on; none where it comes at once.
    pub(crate) cue: Option<Cue>,
}

impl Planned {
    /// What it is counted as.
    pub(crate) fn name(&self) -> String {
        let name = self.fault.name();
        match self.cue {
            None => name,
            Some(Cue::ListTaken) => format!("{name} as a list was taken"),
            Some(Cue::NoticeTaken) => format!("{name} as a notice was taken"),
        }
    }

    /// Whether both are about the same machine at about the same time.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let is_near = self.at.duration_since(other.at).abs() < SignedDuration::from_hours(6);
        let theirs = other.fault.machines();
        is_near && self.fault.machines().iter().any(|machine| theirs.contains(machine))
    }
}

impl Fault {
    /// What it is counted as.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Crash(machine) => format!("{machine} crashed"),
            Self::StandStill(machine) if STATISTICS.contains(&machine) => "an aggregator stood still".to_owned(),
            Self::StandStill(_) => "a scheduler stood still".to_owned(),
            Self::Cut(..) => "a link was cut".to_owned(),
            Self::CutOneWay(..) => "a link was cut one way".to_owned(),
            Self::Hold(..) => "a link was slow".to_owned(),
            Self::LoseCommit { of, takes_effect } => {
                let how = if takes_effect { "and took effect" } else { "in vain" };
                format!("a commit of the {} failed {how}", of.word())
            }
            Self::TakesNoRequests(_) => "a supplier took no requests".to_owned(),
            Self::CutOff(machine) => format!("{machine} was cut off"),
            Self::TakesNoNotices => "the post took no notices".to_owned(),
        }
    }

    /// Whether nobody may have anything to do any more with whom it strikes: a supplier none of whose practices has had its notice,
    /// or the post once everybody has.
    fn may_meet_nobody(self) -> bool {
        matches!(self, Self::TakesNoRequests(_) | Self::CutOff(POST) | Self::TakesNoNotices)
    }

    fn machines(self) -> Vec<&'static str> {
        match self {
            Self::Crash(machine) | Self::StandStill(machine) => vec![machine],
            Self::Cut(one, other) | Self::CutOneWay(one, other) | Self::Hold(one, other) => vec![one, other],
            Self::LoseCommit { of, .. } => of.machines(),
            Self::TakesNoRequests(_) => vec![SUPPLIERS],
            Self::CutOff(machine) => vec![machine, SCHEDULERS[0], SCHEDULERS[1]],
            Self::TakesNoNotices => vec![POST],
        }
    }
}

/// The faults of a run.
pub(crate) struct Faults {
    faults: Vec<Standing>,
}

/// A fault and where it stands.
pub(crate) struct Standing {
    pub(crate) planned: Planned,
    stage: Stage,
    /// How much of its cue there had been when it began to wait.
    cue_before: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Planned,
    /// Since when, in ticks; and how much of what shows it there had been by then.
    Going {
        since: u64,
        before: u64,
    },
    Over {
        before: u64,
    },
}

impl Faults {
    pub(crate) fn new(planned: &[Planned]) -> Self {
        let standing = |planned: &Planned| Standing { planned: *planned, stage: Stage::Planned, cue_before: None };
        Self { faults: planned.iter().map(standing).collect() }
    }

    /// Begins what is due, ends what has lasted and been felt. At one machine one thing goes wrong at a time: what is due
    /// while another is going on waits for its end.
    pub(crate) fn tick(&mut self, sim: &mut Sim<'_>, time: &mut Time, installation: &Installation, tick: u64) {
        let going = self.faults.iter().filter(|standing| matches!(standing.stage, Stage::Going { .. }));
        let mut busy: Vec<&str> = going.flat_map(|standing| standing.planned.fault.machines()).collect();
        for standing in &mut self.faults {
            let Planned { ticks, fault, .. } = standing.planned;
            let is_due = standing.stage == Stage::Planned && standing.is_due(time.now(), installation);
            match standing.stage {
                Stage::Planned if is_due && !fault.machines().iter().any(|one| busy.contains(one)) => {
                    busy.extend(fault.machines());
                    let before = shown(fault, installation);
                    tracing::info!(at = %time.now(), ?fault, "begins");
                    begin(fault, sim, time, installation);
                    standing.stage = Stage::Going { since: tick, before };
                }
                // That a process crashed shows when it has come up again.
                Stage::Going { since, before }
                    if tick - since >= ticks
                        && (standing.may_end_unfelt(time.now()) || shown(fault, installation) > before) =>
                {
                    tracing::info!(at = %time.now(), ?fault, "ends");
                    end(fault, sim, time, installation);
                    standing.stage = Stage::Over { before };
                }
                _ => {}
            }
        }
    }

    /// Those that happened and were felt, by name.
    pub(crate) fn felt(&self, installation: &Installation) -> Vec<String> {
        let felt = self.faults.iter().filter(|standing| standing.was_felt(installation));
        felt.map(|standing| standing.planned.name()).collect()
    }

    /// Those that were planned and not felt, but for those that may stay so.
    pub(crate) fn unfelt(&self, installation: &Installation) -> Vec<String> {
        let unfelt = self.faults.iter().filter(|one| !one.may_stay_unfelt() && !one.was_felt(installation));
        unfelt.map(|standing| format!("{} at {}", standing.planned.name(), standing.planned.at)).collect()
    }

    /// Those that met nobody, which they may: by name.
    pub(crate) fn unmet(&self, installation: &Installation) -> Vec<String> {
        let unmet = self.faults.iter().filter(|one| one.may_stay_unfelt() && !one.was_felt(installation));
        unmet.map(|standing| standing.planned.name()).collect()
    }
}

impl Standing {
    /// Whether it begins now, as far as it depends on nothing else that goes wrong.
    fn is_due(&mut self, now: Timestamp, installation: &Installation) -> bool {
        let Planned { at, cue, .. } = self.planned;
        let Some(cue) = cue.filter(|_| at <= now) else { return at <= now };
        if at + CUE_TIME_MAX < now {
            return false;
        }
        let there = cue.count(installation);
        *self.cue_before.get_or_insert(there) < there
    }

    /// A supplier that takes no requests until the waves are over has met everybody there was; so has a post that takes no notices,
    /// or cannot be reached, until long after most of them.
    fn may_end_unfelt(&self, now: Timestamp) -> bool {
        let Planned { at, fault, .. } = self.planned;
        matches!(fault, Fault::Crash(_)) || (fault.may_meet_nobody() && at + ASKED_FOR_NOTHING < now)
    }

    /// What waits for a cue that never comes does not begin. Who is asked for nothing shows nothing either.
    fn may_stay_unfelt(&self) -> bool {
        match self.stage {
            Stage::Planned => self.planned.cue.is_some(),
            Stage::Going { .. } => false,
            Stage::Over { .. } => self.planned.fault.may_meet_nobody(),
        }
    }

    fn was_felt(&self, installation: &Installation) -> bool {
        match self.stage {
            Stage::Planned => false,
            Stage::Going { before, .. } | Stage::Over { before } => shown(self.planned.fault, installation) > before,
        }
    }
}

impl Cue {
    fn count(self, installation: &Installation) -> u64 {
        match self {
            Self::ListTaken => installation.lists_taken_count(),
            Self::NoticeTaken => installation.post().taken_count(),
        }
    }
}

/// What grows when a fault is felt.
fn shown(fault: Fault, installation: &Installation) -> u64 {
    let sent = |from: &str, to: &str| installation.traffic().sent(from, to);
    match fault {
        Fault::Crash(machine) => installation.starts_of(machine),
        Fault::StandStill(machine) if STATISTICS.contains(&machine) => installation.unanswered_count(machine),
        Fault::StandStill(machine) => installation.gate(machine).waited_count(),
        // What is answered one way only is not answered.
        Fault::Cut(one, other) | Fault::CutOneWay(one, other) | Fault::Hold(one, other) => {
            sent(one, other) + sent(other, one)
        }
        Fault::LoseCommit { of, .. } => of.failed_count(installation),
        Fault::TakesNoRequests(supplier) => installation.refusals_of(supplier),
        Fault::CutOff(machine) => SCHEDULERS.iter().map(|one| sent(one, machine)).sum(),
        Fault::TakesNoNotices => installation.post().refused_count(),
    }
}

fn begin(fault: Fault, sim: &mut Sim<'_>, time: &mut Time, installation: &Installation) {
    match fault {
        Fault::Crash(machine) => {
            sim.crash(machine);
            installation.crashed(machine);
        }
        Fault::StandStill(machine) => {
            installation.gate(machine).shut();
            time.stand(machine_of(machine), true);
            for other in others(machine) {
                sim.hold(machine, *other);
            }
        }
        Fault::Cut(one, other) => sim.partition(one, other),
        Fault::CutOneWay(from, to) => sim.partition_oneway(from, to),
        Fault::Hold(one, other) => sim.hold(one, other),
        Fault::LoseCommit { of, takes_effect } => of.fail_next(takes_effect, installation),
        Fault::TakesNoRequests(supplier) => installation.take_requests(supplier, false),
        Fault::CutOff(machine) => SCHEDULERS.iter().for_each(|one| sim.partition(machine, *one)),
        Fault::TakesNoNotices => installation.post().take_notices(false),
    }
}

fn end(fault: Fault, sim: &mut Sim<'_>, time: &mut Time, installation: &Installation) {
    match fault {
        Fault::Crash(machine) => sim.bounce(machine),
        Fault::StandStill(machine) => {
            time.stand(machine_of(machine), false);
            installation.gate(machine).open();
            for other in others(machine) {
                sim.release(machine, *other);
            }
        }
        Fault::Cut(one, other) => sim.repair(one, other),
        Fault::CutOneWay(from, to) => sim.repair_oneway(from, to),
        Fault::Hold(one, other) => sim.release(one, other),
        Fault::LoseCommit { .. } => {}
        Fault::TakesNoRequests(supplier) => installation.take_requests(supplier, true),
        Fault::CutOff(machine) => SCHEDULERS.iter().for_each(|one| sim.repair(machine, *one)),
        Fault::TakesNoNotices => installation.post().take_notices(true),
    }
}

fn machine_of(name: &str) -> usize {
    MACHINES.iter().position(|machine| *machine == name).expect("a machine of the installation")
}

/// Whom a scheduler or an aggregator talks with; with each other neither does.
fn others(machine: &str) -> &'static [&'static str] {
    if STATISTICS.contains(&machine) {
        &[REGISTRY, SCHEDULERS[0], SCHEDULERS[1], PRODUCERS]
    } else {
        &[REGISTRY, SUPPLIERS, PEOPLE, POST, STATISTICS[0], STATISTICS[1]]
    }
}
