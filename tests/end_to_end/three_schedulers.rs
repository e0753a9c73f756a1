//! Three schedulers on one PostgreSQL, and whichever performs effects is killed or frozen again and again, each time with calls
//! to switch on at the supplier's door.
//!
//! Separate processes on the system clock, one of which takes over once the lease has run out. Every practice is switched on
//! exactly once by the supplier's own log, whatever became of whoever had sent it (I1 to I3).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use database::{Db, Store};
use rustix::process::Signal;
use supplier_simulator::{Direction, read_log};

use crate::harness::installation::{Installation, PATIENCE, Wanted, clock_offset, programme_of_today, until_live};
use crate::harness::journals::{self, Lease, found_at_rest};
use crate::harness::offer;
use crate::harness::server::Server;
use crate::harness::supplier::{Arrival, ShutDoor, SupplierServer};

/// How often the one that performs effects is interrupted: in every run of the tests (each way once), and in the long tier.
const INTERRUPTIONS_COUNT: usize = 6;
const INTERRUPTIONS_COUNT_LONG: usize = 60;
/// Practices under way at once: as many go live between two interruptions, at most.
const IN_FLIGHT: usize = 6;
/// The folders of the schedulers' own files.
const SCHEDULERS: [&str; 3] = ["scheduler", "scheduler-2", "scheduler-3"];
/// Between two looks at who holds the lease.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What happens to the one that performs effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interruption {
    /// Killed, and started again once another one has taken over.
    Killed,
    /// Killed, and started again at once: the lease is its own still.
    KilledAndStarted,
    /// It stands still, and goes on once another one has taken over.
    Frozen,
}

/// When what it had sent goes in at the supplier's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoesIn {
    /// Before anybody has taken over: the answer reaches nobody, or one that has lost the lease by the time it hears it.
    Unheard,
    /// Beside the same key, which its successor has sent again.
    WithItsResend,
}

const INTERRUPTIONS: [(Interruption, GoesIn); 6] = [
    (Interruption::Killed, GoesIn::Unheard),
    (Interruption::Frozen, GoesIn::WithItsResend),
    (Interruption::KilledAndStarted, GoesIn::WithItsResend),
    (Interruption::Frozen, GoesIn::Unheard),
    (Interruption::Killed, GoesIn::WithItsResend),
    (Interruption::KilledAndStarted, GoesIn::Unheard),
];

/// Three schedulers, their registry and their supplier.
struct Schedulers {
    installation: Installation,
    /// The second and the third.
    beside: Vec<Server>,
    supplier: SupplierServer,
    /// The journal, to see who performs.
    journal: Db,
    /// Practices of which a call has come to the supplier.
    asked_for: BTreeSet<String>,
    resent_count: usize,
}

impl Schedulers {
    fn at(&mut self, which: usize) -> &mut Server {
        match which {
            0 => self.installation.scheduler_mut(),
            _ => &mut self.beside[which - 1],
        }
    }

    fn which(&mut self, replica: &str) -> usize {
        let which = (0..SCHEDULERS.len()).find(|which| self.at(*which).address() == replica);
        which.unwrap_or_else(|| panic!("{replica} is none of the three"))
    }

    fn start(&mut self, which: usize) {
        let arguments = self.installation.scheduler_beside(SCHEDULERS[which], &self.supplier);
        let address = self.at(which).address().to_owned();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        *self.at(which) = Server::start_at("scheduler", &address, &arguments);
    }

    async fn lease(&self) -> Lease {
        journals::leases(&self.journal).await.pop().expect("somebody performs effects")
    }

    /// Who performs effects once somebody has taken over after `before`.
    async fn taken_over(&self, before: &Lease) -> Lease {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lease = self.lease().await;
            if lease.epoch > before.epoch {
                return lease;
            }
            assert!(Instant::now() < deadline, "nobody took over after {before:?}");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    fn note(&mut self, arrival: Arrival) -> bool {
        let is_first = self.asked_for.insert(arrival.practice);
        self.resent_count += usize::from(!is_first);
        is_first
    }

    /// A call comes to the door: of a practice that none came of before, or of one of those.
    async fn arrival(&mut self, of_another: bool) {
        loop {
            let arrival = self.supplier.arrival(PATIENCE).await;
            if self.note(arrival) == of_another {
                return;
            }
        }
    }

    /// Whoever waits at `door` goes in, and whoever comes from now on waits at the one that is returned.
    fn let_in(&mut self, door: &ShutDoor) -> ShutDoor {
        let next = self.supplier.shut_the_door();
        for arrival in self.supplier.arrived() {
            self.note(arrival);
        }
        door.open();
        next
    }

    /// Interrupts whoever performs effects, with calls at `door`; the next door.
    async fn interrupt(&mut self, (how, goes_in): (Interruption, GoesIn), door: ShutDoor) -> ShutDoor {
        self.arrival(true).await;
        let before = self.lease().await;
        let which = self.which(&before.replica);
        match how {
            Interruption::Frozen => self.at(which).signal(Signal::STOP),
            Interruption::Killed | Interruption::KilledAndStarted => self.at(which).kill(),
        }
        let door = if goes_in == GoesIn::Unheard { self.let_in(&door) } else { door };
        if how == Interruption::KilledAndStarted {
            self.start(which);
        }
        let lease = self.taken_over(&before).await;
        if how != Interruption::KilledAndStarted {
            assert_ne!(lease.replica, before.replica, "{how:?}: another one takes over");
        }
        // Whoever performs now sends again what had no answer.
        self.arrival(false).await;
        let door = self.let_in(&door);
        match how {
            Interruption::Killed => self.start(which),
            Interruption::Frozen => self.at(which).signal(Signal::CONT),
            Interruption::KilledAndStarted => {}
        }
        door
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i01_i02_i03_whichever_of_three_schedulers_is_killed_or_frozen_every_practice_is_switched_on_once() {
    let interruptions_count = if offer::is_long() { INTERRUPTIONS_COUNT_LONG } else { INTERRUPTIONS_COUNT };
    // Each interruption lets as many in as are under way; a few are left for the end.
    let practices_count = IN_FLIGHT * (interruptions_count + 2);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("suppliers.jsonl");
    let supplier = SupplierServer::start(&log, clock_offset()).await;
    let count = u32::try_from(practices_count).expect("some hundreds");
    let wanted = Wanted { practices_count: count, supplier: Some(&supplier), ..Wanted::default() };
    let Some(installation) = Installation::separate(&wanted).await else { return };
    let beside = SCHEDULERS[1..].iter().map(|folder| {
        let arguments = installation.scheduler_beside(folder, &supplier);
        Server::start("scheduler", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let beside = beside.collect();
    installation.import();
    let lead = installation.accessctl("leo");
    let mut door = supplier.shut_the_door();
    let caps = format!("caps: {{in_flight: {{national: {{practices: {IN_FLIGHT}}}}}}}\ngate:");
    let file = installation.programme("summer.yaml", &programme_of_today("").replace("gate:", &caps));
    lead.say(&["programme", "apply", &file]);
    lead.as_account("ada").say(&["programme", "approve", "summer-opening"]);

    let store: Store = installation.store().url().parse().expect("a store");
    let journal = Db::open(&store, "scheduler").await.expect("the journal's database opens");
    let (asked_for, resent_count) = (BTreeSet::new(), 0);
    let mut schedulers = Schedulers { installation, beside, supplier, journal, asked_for, resent_count };
    for interruption in INTERRUPTIONS.into_iter().cycle().take(interruptions_count) {
        door = schedulers.interrupt(interruption, door).await;
    }
    door.open();
    let practices: Vec<String> =
        (0..practices_count).map(|index| schedulers.installation.england.practice(index)).collect();
    until_live(schedulers.installation.registry(), &practices).await;

    let leases = journals::leases(&schedulers.journal).await;
    assert!(leases.is_sorted_by(|one, next| one.epoch < next.epoch), "epochs rise: {leases:?}");
    assert!(leases.len() > interruptions_count, "one for each interruption, and the first: {leases:?}");
    assert!(schedulers.resent_count >= interruptions_count, "each time something is sent again");
    schedulers.journal.close().await;
    for one in schedulers.beside {
        let ended = one.stop();
        assert!(ended.status.success(), "{}", ended.said());
    }
    let kept = schedulers.installation.stop().expect("separate servers have a store");
    for name in ["registry", "scheduler"] {
        let verified = lead.say(&["journal", "verify", "--journal", name, "--store", kept.url()]);
        assert!(verified.contains("whole"), "{verified}");
    }

    let entries = read_log(&log).expect("the supplier's log is whole");
    let effects = entries.iter().filter_map(supplier_simulator::Entry::effect).filter(|effect| effect.changed);
    let mut switched: Vec<_> = effects.map(|effect| (effect.practice.to_string(), effect.direction)).collect();
    switched.sort();
    let mut expected: Vec<_> = practices.into_iter().map(|practice| (practice, Direction::Enable)).collect();
    expected.sort();
    assert_eq!(switched, expected, "each exactly once");
    let evidence = journals::evidence(&store, &entries).await;
    assert_eq!(found_at_rest(&evidence), Vec::<String>::new());
    assert_eq!(evidence.unseen(), Vec::<String>::new(), "the registry says the same (I28)");
    offer::tell(&format!(
        "{interruptions_count} kills and freezes of whichever of three schedulers on one PostgreSQL performed effects: \
         {practices_count} practices, each switched on once, under {} epochs",
        leases.len()
    ));
}
