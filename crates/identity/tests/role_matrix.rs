//! The role matrix and the services agree: each RPC has its row, each row its RPC.

use std::collections::BTreeSet;

use identity::{Role, RoleMatrix, Roles};

#[test]
fn every_rpc_has_a_row_and_every_row_an_rpc() {
    let matrix = RoleMatrix::standard();
    let rows: BTreeSet<&str> = matrix.rpcs().collect();
    let rpcs: BTreeSet<&str> = proto::RPCS.iter().map(|rpc| rpc.path.trim_start_matches('/')).collect();
    let without_row: Vec<_> = rpcs.difference(&rows).collect();
    let without_rpc: Vec<_> = rows.difference(&rpcs).collect();
    assert!(
        without_row.is_empty(),
        "add to proto/roles.csv, policies/ and docs/operations/authority.md: {without_row:#?}"
    );
    assert!(without_rpc.is_empty(), "not an RPC, take out of proto/roles.csv: {without_rpc:#?}");
}

/// Rule 7: approving is for approvers alone. Domain, "The pause": only the practice lifts its pause.
#[test]
fn what_one_role_alone_may_do_is_for_that_role_alone() {
    let matrix = RoleMatrix::standard();
    for (rpc, role) in [
        ("citizens_access.scheduler.v1.ProgrammeService/ApprovePlan", Role::Approver),
        ("citizens_access.registry.v1.PracticeRegistryService/ResumePractice", Role::Practice),
        ("citizens_access.registry.v1.PracticeRegistryService/AcquirePermits", Role::Service),
        ("citizens_access.registry.v1.PracticeRegistryService/SettlePermits", Role::Service),
    ] {
        assert_eq!(matrix.roles(rpc), Some(Roles::NONE.with(role)), "{rpc}");
    }
}
