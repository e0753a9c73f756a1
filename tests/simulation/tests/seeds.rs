//! Runs of the simulation: over many seeds, the same one twice, and with a guard taken away.
//!
//! `CITIZENS_ACCESS_TEST_SEEDS=17` (or `0..5000`) runs those seeds instead.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// Seeds of each kind: in every run of the tests, and in the long tier.
const SEEDS: u64 = 200;
const SEEDS_LONG: u64 = 2_000;

/// Seeds among which the loss of a guard must be found.
const SEEDS_OF_A_MUTANT: &str = "0..12";

/// Seeds with clocks that are apart: few, since what goes wrong besides is drawn for the others.
const SEEDS_APART: &str = "0..24";
const SEEDS_APART_LONG: &str = "0..500";

/// How often a run is held up.
const STOPS_MAX: usize = 4;

fn simulation(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_simulation")).args(arguments).output().expect("the simulation can be started")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn seeds() -> String {
    std::env::var("CITIZENS_ACCESS_TEST_SEEDS")
        .unwrap_or_else(|_| format!("0..{}", if is_long() { SEEDS_LONG } else { SEEDS }))
}

fn is_long() -> bool {
    std::env::var("CITIZENS_ACCESS_TEST_LONG").is_ok_and(|value| value == "1")
}

/// Tells the report of the long tier; nothing where no report is made.
fn tell(fact: &str) {
    let Some(path) = std::env::var_os("CITIZENS_ACCESS_TEST_REPORT") else { return };
    let report = OpenOptions::new().append(true).open(path);
    report.and_then(|mut report| writeln!(report, "{fact}")).expect("the report's file takes a line");
}

/// Every fault, and every habit of suppliers and the post that does harm, is felt in some run: one that never is would prove
/// nothing.
const FAULTS: [&str; 44] = [
    "registry crashed",
    "scheduler-1 crashed",
    "scheduler-2 crashed",
    "suppliers crashed",
    "a scheduler stood still",
    "a link was cut",
    "a link was cut one way",
    "a link was slow",
    "a commit of the registry failed in vain",
    "a commit of the registry failed and took effect",
    "a commit of the scheduler failed in vain",
    "a commit of the scheduler failed and took effect",
    "a supplier took no requests",
    "a supplier switched another practice",
    "a supplier refused a practice",
    "a supplier said only later what it did",
    "a supplier gave no reply",
    "a practice chose wrong settings",
    "call came in twice",
    "call came late",
    "reply was lost",
    "statistics-1 crashed",
    "statistics-2 crashed",
    "a commit of the statistics failed in vain",
    "a commit of the statistics failed and took effect",
    "a batch was sent again",
    "an event was wrong",
    "an aggregator stood still",
    "a return was sent again",
    "post crashed",
    "post was cut off",
    "the post took no notices",
    "a notice was lost on its way in",
    "the post heard late of a notice",
    "a notice took days",
    "the post's answer was lost",
    "a notice came back",
    "a notice was never heard of again",
    "scheduler-1 crashed as a notice was taken",
    "scheduler-2 crashed as a notice was taken",
    "suppliers crashed as a list was taken",
    "a result was reported twice",
    "a listed key was withdrawn or missed",
    "an invitation lapsed",
];

/// What people do, what becomes of the register, and what ages: each happens in some run too.
const ACTS: [&str; 9] = [
    "a wave was unwound",
    "a practice was reverted",
    "two people lifted a safety hold",
    "a wave was moved",
    "another plan came into force",
    "a practice came to another ICB",
    "a practice came to another supplier",
    "a practice closed",
    "a batch of events was old enough to go",
];

#[track_caller]
fn holds(kind: &str) {
    let seeds = seeds();
    let ran = simulation(&[kind, &seeds]);
    let said = said(&ran);
    assert!(ran.status.success(), "{said}");
    if seeds.contains("..") {
        for fault in FAULTS {
            assert!(said.contains(&format!(": {fault}\n")), "in no run was it felt that {fault}:\n{said}");
        }
        for act in ACTS {
            assert!(said.contains(&format!(": {act}\n")), "in no run {act}:\n{said}");
        }
        assert!(said.contains(": a pause came too late\n"), "in no run was a pause overtaken:\n{said}");
    }
    tell(&format!("seeds {seeds} of the simulation, {kind}: nothing was found"));
}

#[test]
fn safety_holds_whatever_goes_wrong() {
    holds("safety");
}

/// I18.
#[test]
fn i18_once_what_went_wrong_is_put_right_every_wave_ends_and_nothing_is_owed() {
    holds("liveness");
}

/// Two schedulers whose clocks are ten minutes apart, beside a registry and suppliers with clocks of their own: nobody is sealed or
/// invited outside a window by the journal's time (rule 3), nothing is done twice (I1, I14), and nothing is lost (I18).
#[test]
fn i14_schedulers_whose_clocks_are_ten_minutes_apart_repeat_nothing_lose_nothing_and_keep_to_the_windows() {
    let seeds = if is_long() { SEEDS_APART_LONG } else { SEEDS_APART };
    let ran = simulation(&["apart", seeds]);
    let said = said(&ran);
    assert!(ran.status.success(), "{said}");
    for felt in
        ["a scheduler stood still", "a scheduler took over", "a seal came within ten minutes of a window's edge"]
    {
        assert!(said.contains(&format!(": {felt}\n")), "in no run was it felt that {felt}:\n{said}");
    }
    tell(&format!("seeds {seeds} of the simulation, with clocks ten minutes apart: nothing was found"));
}

#[test]
fn without_any_fault_every_wave_ends() {
    let quiet = simulation(&["quiet", "0"]);
    assert!(quiet.status.success(), "{}", said(&quiet));
}

/// In processes of their own: what differs between two of them is chance that no seed has drawn.
#[test]
fn the_same_seed_leaves_the_same_journals_and_logs_behind() {
    for (kind, seed) in [("quiet", "1"), ("safety", "2"), ("safety", "3"), ("liveness", "4"), ("liveness", "5")] {
        let (once, again) = (simulation(&[kind, seed]), simulation(&[kind, seed]));
        assert_eq!(said(&once), said(&again), "{kind} {seed}");
    }
    assert_ne!(said(&simulation(&["safety", "2"])), said(&simulation(&["safety", "3"])));
}

/// h2 measures by the machine's clock what comes too late for a stream that it has reset.
#[test]
fn the_same_seed_leaves_the_same_behind_on_a_machine_that_stands_still_meanwhile() {
    // They came out in two ways until a directory was read on the simulation's own thread.
    for (kind, seed) in [("safety", "14"), ("liveness", "3"), ("liveness", "8")] {
        assert_eq!(said(&simulation(&[kind, seed])), said(&held_up(&[kind, seed])), "{kind} {seed}");
    }
}

/// A run whose process is stopped again and again, for longer than h2 remembers.
fn held_up(arguments: &[&str]) -> Output {
    const GOES_ON: Duration = Duration::from_millis(100);
    const STANDS_STILL: Duration = Duration::from_millis(1_100);
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulation"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = command.spawn().expect("the simulation can be started");
    let pid = Pid::from_child(&run);
    for _ in 0..STOPS_MAX {
        std::thread::sleep(GOES_ON);
        if run.try_wait().expect("it is a child of this process").is_some() {
            break;
        }
        for (signal, lasts) in [(Signal::STOP, STANDS_STILL), (Signal::CONT, Duration::ZERO)] {
            rustix::process::kill_process(pid, signal).expect("it was not waited for, so its number is its own");
            std::thread::sleep(lasts);
        }
    }
    run.wait_with_output().expect("it ends")
}

/// What was cut short in the midst of a line goes on with that seed, and says in the end what an undisturbed run says.
#[test]
fn many_runs_that_were_cut_short_go_on_where_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("progress");
    let progress = path.to_str().expect("a path of letters");
    let undisturbed = simulation(&["safety", "0..3"]);
    let of_two = simulation(&["safety", "0..2", "--progress", progress]);
    assert!(undisturbed.status.success() && of_two.status.success(), "{}{}", said(&undisturbed), said(&of_two));
    let text = fs::read_to_string(&path).expect("what has ended");
    assert_eq!(text.lines().count(), 3, "{text}");
    fs::write(&path, &text[..text.len() - 9]).expect("what has ended");
    let all = simulation(&["safety", "0..3", "--progress", progress]);
    assert_eq!(said(&all), said(&undisturbed));
    let text = fs::read_to_string(&path).expect("what has ended");
    assert_eq!(text.lines().count(), 4, "{text}");

    // Nothing is run again that has ended: what is noted is what is told.
    fs::write(&path, text.replace("\"felt\":{", "\"felt\":{\"as it was noted\":1,")).expect("what has ended");
    let again = said(&simulation(&["safety", "0..3", "--progress", progress]));
    assert!(again.contains("felt in 3 runs, 3 times: as it was noted\n"), "{again}");
    let other = simulation(&["liveness", "0..1", "--progress", progress]);
    assert!(!other.status.success() && said(&other).contains("give another file"), "{}", said(&other));
}

/// Without the guard some run finds a breach of the promise that it keeps.
#[track_caller]
fn is_found(guard: &str, breach: &str) {
    is_found_among(SEEDS_OF_A_MUTANT, guard, breach);
}

#[track_caller]
fn is_found_among(seeds: &str, guard: &str, breach: &str) {
    let ran = simulation(&["safety", seeds, "--without", guard]);
    let said = said(&ran);
    assert!(!ran.status.success() && said.contains(breach), "nothing finds out:\n{said}");
}

#[test]
fn i01_a_supplier_that_forgets_what_it_did_is_found() {
    // Of the first dozen those that are told find out by a pause that was answered wrongly.
    is_found_among("12..24", "suppliers-log", "took effect twice");
}

#[test]
fn i02_a_seal_that_is_lost_is_found() {
    is_found("seals-on-disk", "was never sealed");
}

#[test]
fn i29_sequences_that_are_lost_are_found() {
    is_found("sequences-on-disk", "are counted");
}

#[test]
fn i17_a_supplier_that_forgets_which_keys_it_closed_is_found() {
    is_found("closed-keys", "settled NOT_APPLIED and took effect");
}

/// Rule 11.
#[test]
fn a_notice_whose_seal_is_lost_is_found() {
    is_found("notices-on-disk", "was sent and was never sealed");
}

/// Rule 11.
#[test]
fn evidence_of_what_was_never_delivered_is_found() {
    is_found("true-evidence", "counts as given at");
}
