//! What the policies allow equals what a plain function says, for random callers and practices.
//!
//! The function is written by hand, from `docs/domain.md` and not from the policies.

use std::collections::BTreeSet;

use authority::{Kind, Policies, Resource};
use identity::{Account, Caller, Organisation, Role, Roles, Via};
use proptest::prelude::*;

/// A practice as a register has it.
#[derive(Clone, Debug)]
struct Practice {
    code: &'static str,
    icb: Option<&'static str>,
    region: Option<&'static str>,
    supplier: Option<&'static str>,
    /// Whether the hold over it is the caller's own.
    held_by_caller: bool,
}

/// What somebody wants with a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Pause,
    Resume,
    SwitchOff,
    Ready,
    Advise,
    Observe,
    Contact,
    History,
    Explain,
    Hold,
    Lift,
    Look,
}

impl Wish {
    const ALL: [Self; 12] = [
        Self::Pause,
        Self::Resume,
        Self::SwitchOff,
        Self::Ready,
        Self::Advise,
        Self::Observe,
        Self::Contact,
        Self::History,
        Self::Explain,
        Self::Hold,
        Self::Lift,
        Self::Look,
    ];

    fn rpc(self) -> &'static str {
        match self {
            Self::Pause => "citizens_access.registry.v1.PracticeRegistryService/PausePractice",
            Self::Resume => "citizens_access.registry.v1.PracticeRegistryService/ResumePractice",
            Self::SwitchOff => "citizens_access.registry.v1.PracticeRegistryService/RequestSwitchOff",
            Self::Ready => "citizens_access.registry.v1.PracticeRegistryService/UpdateReadiness",
            Self::Advise => "citizens_access.registry.v1.PracticeRegistryService/RecordAdvice",
            Self::Observe => "citizens_access.registry.v1.PracticeRegistryService/RecordObservation",
            Self::Contact => "citizens_access.registry.v1.PracticeRegistryService/SetContact",
            Self::History => "citizens_access.registry.v1.PracticeRegistryService/ListPracticeChanges",
            Self::Explain => "citizens_access.scheduler.v1.EnrolmentService/ExplainPractice",
            Self::Hold => "citizens_access.scheduler.v1.HoldService/PlaceHold",
            Self::Lift => "citizens_access.scheduler.v1.HoldService/LiftHold",
            Self::Look => "citizens_access.registry.v1.PracticeRegistryService/CheckAccess",
        }
    }
}

/// Whether somebody who is this role and nothing else may.
fn may_as(role: Role, organisation: Option<&str>, wish: Wish, practice: &Practice) -> bool {
    if wish == Wish::Look {
        return true;
    }
    let acts_for = |collection: &str, code: Option<&str>| {
        let name = code.map(|code| format!("{collection}/{code}"));
        organisation.is_some() && organisation == name.as_deref()
    };
    let is_it = acts_for("practices", Some(practice.code));
    let looks_after_it = match role {
        Role::Icb => acts_for("icbs", practice.icb),
        Role::Region => acts_for("regions", practice.region),
        _ => false,
    };
    match role {
        Role::Practice => is_it && !matches!(wish, Wish::Advise | Wish::Hold | Wish::Lift),
        Role::Icb | Role::Region => {
            let not_theirs = matches!(wish, Wish::Resume | Wish::SwitchOff | Wish::Contact);
            looks_after_it && !not_theirs && (wish != Wish::Lift || practice.held_by_caller)
        }
        Role::Supplier => {
            acts_for("suppliers", practice.supplier)
                && match wish {
                    Wish::Observe | Wish::Explain | Wish::Hold => true,
                    Wish::Lift => practice.held_by_caller,
                    _ => false,
                }
        }
        Role::ProgrammeLead => wish != Wish::Resume,
        Role::SafetyOfficer => !matches!(wish, Wish::Resume | Wish::Ready | Wish::Observe | Wish::Contact),
        Role::Service => !matches!(wish, Wish::Resume | Wish::Contact | Wish::Lift),
        Role::Approver => matches!(wish, Wish::History | Wish::Explain | Wish::Lift),
        Role::Operator => matches!(wish, Wish::History | Wish::Explain | Wish::Hold | Wish::Lift),
        Role::Statistician | Role::Auditor => matches!(wish, Wish::History | Wish::Explain),
    }
}

fn roles() -> impl Strategy<Value = BTreeSet<usize>> {
    proptest::collection::btree_set(0..Role::ALL.len(), 0..4)
}

fn organisation() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::of(prop::sample::select(vec![
        "practices/A81001",
        "practices/A82002",
        "icbs/QWE",
        "icbs/QHM",
        "regions/Y56",
        "regions/Y63",
        "suppliers/EMIS",
        "suppliers/TPP",
        // Names of one collection are not those of another.
        "practices/QWE",
        "icbs/A81001",
        "suppliers/Y56",
    ]))
}

fn practice() -> impl Strategy<Value = Practice> {
    let one = |codes: [&'static str; 2]| prop::sample::select(codes.to_vec());
    let code = one(["A81001", "A82002"]);
    let place = (proptest::option::of(one(["QWE", "QHM"])), proptest::option::of(one(["Y56", "Y63"])));
    let supplier = proptest::option::of(one(["EMIS", "TPP"]));
    (code, place, supplier, any::<bool>()).prop_map(|(code, (icb, region), supplier, held_by_caller)| Practice {
        code,
        icb,
        region,
        supplier,
        held_by_caller,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_policies_allow_is_what_a_plain_function_says(
        roles in roles(),
        organisation in organisation(),
        practice in practice(),
        wish in prop::sample::select(Wish::ALL.to_vec()),
    ) {
        thread_local! {
            static POLICIES: Policies = Policies::standard();
        }
        let roles: Vec<Role> = roles.into_iter().map(|index| Role::ALL[index]).collect();
        let expected = roles.iter().any(|role| may_as(*role, organisation, wish, &practice));
        let caller = Caller {
            account: Account::new("somebody").expect("a name"),
            roles: roles.iter().copied().collect::<Roles>(),
            organisation: organisation.map(|name| name.parse::<Organisation>().expect("an organisation")),
            via: Via::Development,
        };
        // Whoever is nothing is let in nowhere, also where whoever is known may look.
        let expected = expected && !roles.is_empty();
        let resource = Resource::practice(practice.code)
            .within(Kind::Icb, practice.icb)
            .within(Kind::Region, practice.region)
            .within(Kind::Supplier, practice.supplier)
            .given("theirs", practice.held_by_caller);
        let allowed = POLICIES.with(|policies| policies.allow(&caller, wish.rpc(), &resource));
        prop_assert_eq!(allowed, expected, "{:?} for {:?}: {:?} of {:?}", roles, organisation, wish, practice);
    }
}
