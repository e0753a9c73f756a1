//! What it costs to ask: a gate, as each call does, and a decision about a practice, as a few do. For comparison the roles alone,
//! as a matrix has them. `cargo run --release -p authority --example cost`
#![expect(clippy::print_stdout, reason = "an example tells what it found")]

use std::hint::black_box;
use std::time::Instant;

use authority::{Authority, Kind, Resource};
use identity::{Account, Caller, Role, RoleMatrix, Roles, Via};

const CHECK: &str = "citizens_access.registry.v1.PracticeRegistryService/CheckAccess";
const PAUSE: &str = "citizens_access.registry.v1.PracticeRegistryService/PausePractice";

fn main() {
    let authority = Authority::standard();
    let account = Account::new("somebody").expect("a name");
    let organisation = Some("icbs/QWE".parse().expect("an organisation"));
    let board = Caller { account, roles: Roles::NONE.with(Role::Icb), organisation, via: Via::Development };
    let roles = RoleMatrix::standard().roles(CHECK).expect("it has a row");
    measure("roles alone", 100_000_000, || black_box(roles).meets(black_box(&board).roles));
    let gate = authority.gate(CHECK);
    measure("a gate", 100_000_000, || black_box(&gate).admit(black_box(&board)).is_ok());
    let permission = authority.gate(PAUSE).permission(&board);
    let practice = |icb: &str| {
        let practice = Resource::practice("A81001").within(Kind::Icb, Some(icb)).within(Kind::Region, Some("Y56"));
        practice.within(Kind::Supplier, Some("EMIS"))
    };
    measure("a decision: one's own", 200_000, || permission.on(|| practice("QWE")).is_ok());
    measure("a decision: another's", 200_000, || permission.on(|| practice("QHM")).is_err());
    let begun = now();
    let policies = authority::Policies::standard();
    println!("reading {} policies: {:?}", policies.policy_count(), begun.elapsed());
}

fn measure(what: &str, count: u32, ask: impl Fn() -> bool) {
    let begun = now();
    for _ in 0..count {
        assert!(black_box(ask()));
    }
    println!("{what}: {:?} each", begun.elapsed() / count);
}

fn now() -> Instant {
    Instant::now()
}
