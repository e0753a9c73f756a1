//! The caller who says who they are, for development and demonstrations on one's own machine.

use std::cell::RefCell;

use http::{Extensions, HeaderMap, HeaderValue};

use crate::{Account, Authenticate, Caller, Organisation, Refusal, Role, Roles, Via};

/// `alice`, who has all roles, or `alice;roles=programme-lead,approver`; and either may act for an organisation:
/// `paula;roles=practice;organisation=practices/A81001`.
pub const ACCOUNT_HEADER: &str = "x-citizens-access-account";

/// Believes the header [`ACCOUNT_HEADER`]. Whoever reaches the port can be anybody, so only loopback is allowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct DevelopmentCaller;

thread_local! {
    /// The header last read on this thread and what it said: a client sends the same one with each call, and reading it
    /// anew would cost an allocation on the hot path.
    static LAST: RefCell<Option<(HeaderValue, Caller)>> = const { RefCell::new(None) };
}

impl Authenticate for DevelopmentCaller {
    fn authenticate(&self, headers: &HeaderMap, _: &Extensions) -> Result<Caller, Refusal> {
        let value = headers.get(ACCOUNT_HEADER).ok_or(Refusal::AccountMissing)?;
        LAST.with_borrow_mut(|last| match last {
            Some((read, caller)) if read == value => Ok(caller.clone()),
            _ => {
                let text = value.to_str().map_err(|_| Refusal::AccountInvalid)?;
                let caller = read_account(text, Roles::ALL, Via::Development)?;
                *last = Some((value.clone(), caller.clone()));
                Ok(caller)
            }
        })
    }

    fn loopback_only(&self) -> bool {
        true
    }
}

/// The caller of `ACCOUNT[;roles=ROLE,…][;organisation=NAME]`, with `roles_default` where no role is named.
pub(crate) fn read_account(text: &str, roles_default: Roles, via: Via) -> Result<Caller, Refusal> {
    let mut parts = text.split(';');
    let account = Account::new(parts.next().unwrap_or_default())?;
    let (mut roles, mut organisation) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some(("roles", names)) if roles.is_none() => {
                roles = Some(names.split(',').map(read_role).collect::<Result<Roles, _>>()?);
            }
            Some(("organisation", name)) if organisation.is_none() => organisation = Some(read_organisation(name)?),
            _ => return Err(Refusal::AccountInvalid),
        }
    }
    Ok(Caller { account, roles: roles.unwrap_or(roles_default), organisation, via })
}

fn read_organisation(name: &str) -> Result<Organisation, Refusal> {
    name.parse().map_err(|name| Refusal::OrganisationUnknown { organisation: name })
}

fn read_role(name: &str) -> Result<Role, Refusal> {
    name.parse().map_err(|name| Refusal::RoleUnknown { role: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(header: &str) -> Result<Caller, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCOUNT_HEADER, header.parse().unwrap());
        DevelopmentCaller.authenticate(&headers, &Extensions::new())
    }

    #[test]
    fn an_account_alone_has_all_roles() {
        let caller = call("alice").unwrap();
        assert_eq!((caller.account.as_str(), caller.roles, caller.via), ("alice", Roles::ALL, Via::Development));
    }

    #[test]
    fn an_account_with_roles_has_just_those() {
        let caller = call("alice;roles=programme-lead,approver").unwrap();
        assert_eq!(caller.account.as_str(), "alice");
        assert_eq!(caller.roles.to_string(), "programme-lead, approver");
    }

    #[test]
    fn an_account_may_act_for_an_organisation() {
        let practice: Organisation = "practices/A81001".parse().unwrap();
        for header in
            ["paula;roles=practice;organisation=practices/A81001", "paula;organisation=practices/A81001;roles=practice"]
        {
            let caller = call(header).unwrap();
            assert_eq!(caller.organisation.as_ref(), Some(&practice));
            assert_eq!(caller.roles, Roles::NONE.with(Role::Practice));
        }
        assert_eq!(call("paula").unwrap().organisation, None);
    }

    #[test]
    fn the_next_header_is_not_taken_for_the_last() {
        assert_eq!(call("alice").unwrap().account.as_str(), "alice");
        assert_eq!(call("bob;roles=auditor").unwrap().account.as_str(), "bob");
        assert_eq!(call("alice;roles=auditor").unwrap().roles, Roles::NONE.with(Role::Auditor));
        assert_eq!(call("alice").unwrap().roles, Roles::ALL);
    }

    #[test]
    fn without_an_account_there_is_no_caller() {
        let refusal = DevelopmentCaller.authenticate(&HeaderMap::new(), &Extensions::new());
        assert_eq!(refusal, Err(Refusal::AccountMissing));
    }

    #[test]
    fn what_is_no_account_is_refused() {
        for header in [
            "",
            ";roles=auditor",
            "al ice",
            "alice,bob",
            "alice;admin",
            "9434765919",
            "alice-943-476-5919",
            "alice;roles",
            "alice;roles=auditor;roles=auditor",
            &"a".repeat(129),
        ] {
            assert_eq!(call(header), Err(Refusal::AccountInvalid), "{header:?}");
        }
        for header in ["alice;roles=", "alice;roles=king", "alice;roles=auditor, operator"] {
            assert!(matches!(call(header), Err(Refusal::RoleUnknown { .. })), "{header:?}");
        }
        for header in ["alice;organisation=", "alice;organisation=A81001"] {
            assert!(matches!(call(header), Err(Refusal::OrganisationUnknown { .. })), "{header:?}");
        }
        assert!(call(&"a".repeat(128)).is_ok());
    }
}
