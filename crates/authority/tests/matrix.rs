//! The matrix that people read (`proto/roles.csv`) and the policies that are enforced say the same, for every RPC and every
//! role; and there is no RPC without a row, nor one that the schema does not know.

use authority::{Kind, Policies, Resource};
use identity::{Account, Caller, Organisation, Role, RoleMatrix, Roles, Via};

fn rpcs() -> impl Iterator<Item = &'static str> {
    proto::RPCS.iter().map(|rpc| rpc.path.trim_start_matches('/'))
}

fn caller(role: Role, organisation: Option<&Organisation>) -> Caller {
    let account = Account::new("somebody").expect("a name");
    Caller { account, roles: Roles::NONE.with(role), organisation: organisation.cloned(), via: Via::Development }
}

/// The organisation that somebody in this role acts for; none where the role acts for the whole programme.
fn organisation_of(role: Role) -> Option<Organisation> {
    let name = match role {
        Role::Practice => "practices/A81001",
        Role::Icb => "icbs/QWE",
        Role::Region => "regions/Y56",
        Role::Supplier => "suppliers/EMIS",
        Role::ProgrammeLead
        | Role::Approver
        | Role::SafetyOfficer
        | Role::Statistician
        | Role::Auditor
        | Role::Service
        | Role::Operator => return None,
    };
    Some(name.parse().expect("an organisation"))
}

fn of_practice(code: &str, icb: &str, region: &str, supplier: &str) -> Resource {
    let practice = Resource::practice(code).within(Kind::Icb, Some(icb)).within(Kind::Region, Some(region));
    practice.within(Kind::Supplier, Some(supplier))
}

/// What is nobody's own of those above.
fn of_others() -> Vec<Resource> {
    [
        of_practice("A82002", "QHM", "Y63", "TPP"),
        // Where nothing is known of it, it is nobody's.
        Resource::practice("A83003"),
        Resource::new(Kind::Icb, "QHM").within(Kind::Region, Some("Y63")),
        Resource::new(Kind::Region, "Y63"),
        Resource::supplier("TPP"),
        Resource::new(Kind::Programme, "programmes/autumn-2022"),
        Resource::new(Kind::Wave, "programmes/autumn-2022/waves/1")
            .within(Kind::Programme, Some("programmes/autumn-2022")),
        Resource::suite(),
    ]
    .map(|resource| resource.given("theirs", true))
    .to_vec()
}

#[test]
fn every_rpc_has_a_row_and_is_known_to_the_schema() {
    let (matrix, policies) = (RoleMatrix::standard(), Policies::standard());
    for rpc in rpcs() {
        let row = matrix.roles(rpc).unwrap_or_else(|| panic!("{rpc} has no row in proto/roles.csv"));
        let known = policies.roles(rpc);
        let known = known.unwrap_or_else(|| panic!("{rpc} is no action in policies/citizens-access.cedarschema"));
        assert_eq!(known, row, "{rpc}: policies/*.cedar on the left, proto/roles.csv on the right");
        assert_eq!(policies.roles_everywhere(rpc), row.without(matrix.own(rpc)), "{rpc}: whatever it concerns");
        assert_eq!(policies.is_public(rpc), matrix.is_public(rpc), "{rpc}: for whoever asks");
    }
}

#[test]
fn every_role_may_what_its_row_says_on_its_own_and_on_others() {
    let (matrix, policies) = (RoleMatrix::standard(), Policies::standard());
    let own = of_practice("A81001", "QWE", "Y56", "EMIS").given("theirs", true);
    let mut decided = 0;
    for rpc in rpcs() {
        let (row, only_own) = (matrix.roles(rpc).expect("the test above"), matrix.own(rpc));
        for role in Role::ALL {
            let organisation = organisation_of(role);
            let somebody = caller(role, organisation.as_ref());
            assert_eq!(policies.allow(&somebody, rpc, &own), row.contains(role), "{role}: {rpc} on {own}");
            for other in of_others() {
                let may = row.contains(role) && !only_own.contains(role);
                assert_eq!(policies.allow(&somebody, rpc, &other), may, "{role}: {rpc} on {other}");
                decided += 1;
            }
            if only_own.contains(role) {
                let stray = caller(role, None);
                assert!(!policies.allow(&stray, rpc, &own), "{role} for no organisation: {rpc} on {own}");
            }
        }
    }
    assert!(decided > 8_000, "{decided}");
}

/// Rule 13: only the total for England is exact for everybody.
#[test]
fn boards_and_regions_read_the_total_for_england_and_no_other_areas() {
    let policies = Policies::standard();
    for role in [Role::Icb, Role::Region] {
        let organisation = organisation_of(role);
        let somebody = caller(role, organisation.as_ref());
        for rpc in ["GetCompliance", "GetSummary", "QuerySeries", "WatchSummary"] {
            let rpc = format!("citizens_access.statistics.v1.StatisticsService/{rpc}");
            assert!(policies.allow(&somebody, &rpc, &Resource::nation()), "{role}: {rpc}");
            assert!(!policies.allow(&somebody, &rpc, &Resource::suite()), "{role}: {rpc}");
        }
        let returns = "citizens_access.statistics.v1.ReturnsService/ListReturns";
        assert!(!policies.allow(&somebody, returns, &Resource::nation()), "{role}");
    }
}

#[test]
fn boards_regions_and_suppliers_lift_no_hold_of_others() {
    let policies = Policies::standard();
    let lift = "citizens_access.scheduler.v1.HoldService/LiftHold";
    for role in [Role::Icb, Role::Region, Role::Supplier] {
        let organisation = organisation_of(role);
        let somebody = caller(role, organisation.as_ref());
        let hold = |theirs: bool| of_practice("A81001", "QWE", "Y56", "EMIS").given("theirs", theirs);
        assert!(policies.allow(&somebody, lift, &hold(true)), "{role}");
        assert!(!policies.allow(&somebody, lift, &hold(false)), "{role}");
    }
}

/// `docs/operations/authority.md` has the matrix as a table.
#[test]
fn the_page_shows_the_matrix() {
    let page = include_str!("../../../docs/operations/authority.md");
    let matrix = RoleMatrix::standard();
    for rpc in matrix.rpcs() {
        let (row, own) = (matrix.roles(rpc).unwrap_or_default(), matrix.own(rpc));
        let cell = |role: &Role| match (own.contains(*role), row.contains(*role)) {
            (true, _) => "own",
            (false, true) => "yes",
            (false, false) => "",
        };
        let cells: Vec<&str> = Role::ALL.iter().map(cell).collect();
        let name = &rpc[rpc.rfind('.').map_or(0, |dot| dot + 1)..];
        let mark = if matrix.is_public(rpc) { " ¹" } else { "" };
        let line = format!("| {name}{mark} | {} |", cells.join(" | "));
        assert!(page.lines().any(|known| known == line), "put into docs/operations/authority.md: {line}");
    }
}
