//! The policies in force, and what is asked of them: by a server for an RPC, by a handler for what a call concerns.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arc_swap::ArcSwap;
use identity::{Caller, Refusal, RoleMatrix, Roles};

use crate::policies::Rule;
use crate::{Denied, Policies, Resource};

/// The policies in force. Clones are the same: what replaces them in one replaces them in all, and for every gate.
#[derive(Clone, Debug)]
pub struct Authority {
    policies: Arc<ArcSwap<Policies>>,
    gates: Arc<Mutex<Vec<Arc<Gate>>>>,
}

/// Reading the program's own takes milliseconds, and a simulation starts its servers again and again.
static STANDARD: LazyLock<Arc<Policies>> = LazyLock::new(|| Arc::new(Policies::standard()));

impl Authority {
    /// By the program's own policies.
    pub fn standard() -> Self {
        Self::of(Arc::clone(&STANDARD))
    }

    /// By these policies.
    pub fn new(policies: Policies) -> Self {
        Self::of(Arc::new(policies))
    }

    /// By a matrix of roles alone, for a server whose RPCs the schema does not know: whoever may call one may whatever it
    /// concerns, but for what the matrix marks as one's own, which nobody may.
    pub fn of_roles(matrix: &RoleMatrix) -> Self {
        Self::new(Policies::of_matrix(matrix))
    }

    fn of(policies: Arc<Policies>) -> Self {
        Self { policies: Arc::new(ArcSwap::new(policies)), gates: Arc::default() }
    }

    /// The policies in force now.
    pub fn policies(&self) -> Arc<Policies> {
        self.policies.load_full()
    }

    /// Has others in force from now on: for calls that come, and for calls under way that have not asked yet.
    pub fn replace(&self, policies: Policies) {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        self.policies.store(Arc::new(policies));
        for gate in gates.iter() {
            gate.set();
        }
    }

    /// What a server asks about an RPC (`package.Service/Method`).
    pub fn gate(&self, rpc: &str) -> Arc<Gate> {
        let gate = Gate { rpc: rpc.to_owned(), word: AtomicU64::new(0), policies: Arc::clone(&self.policies) };
        let gate = Arc::new(gate);
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gate.set();
        gates.push(Arc::clone(&gate));
        gate
    }
}

/// Who may call one RPC, by roles: one word, so that it costs a call one look.
#[derive(Debug)]
pub struct Gate {
    rpc: String,
    /// [`Roles`] that may, above them those that may whatever it concerns, above them [`KNOWN`], [`ASKED`] and [`PUBLIC`].
    word: AtomicU64,
    policies: Arc<ArcSwap<Policies>>,
}

/// The schema has the RPC.
const KNOWN: u64 = 1 << 32;
/// Its service says what a call concerns.
const ASKED: u64 = 1 << 33;
/// Whoever shows nothing may.
const PUBLIC: u64 = 1 << 34;

impl Gate {
    fn set(&self) {
        let policies = self.policies.load();
        let word = policies.rule(&self.rpc).map_or(0, |rule: &Rule| {
            let roles = u64::from(rule.may.to_word()) | u64::from(rule.everywhere.to_word()) << 16;
            let asked = if rule.is_asked { ASKED } else { 0 };
            let public = if rule.is_public { PUBLIC } else { 0 };
            roles | KNOWN | asked | public
        });
        self.word.store(word, Ordering::Release);
    }

    /// Whether whoever shows nothing is let in, as [`Caller::nobody`].
    pub fn admits_nobody(&self) -> bool {
        self.word.load(Ordering::Acquire) & PUBLIC != 0
    }

    /// Lets the caller in who may call this RPC on something; on what, its handler asks of the [`Permission`].
    ///
    /// # Errors
    /// Nobody may, none of the caller's roles may, or a policy says no.
    pub fn admit(&self, caller: &Caller) -> Result<(), Refusal> {
        let word = self.word.load(Ordering::Acquire);
        let may = low(word);
        if !may.meets(caller.roles) {
            let rpc = self.rpc.clone();
            return Err(if word & KNOWN == 0 {
                Refusal::RpcWithoutRoles { rpc }
            } else {
                Refusal::RoleMissing { account: caller.account.clone(), rpc, needed: may }
            });
        }
        if word & ASKED != 0 || low(word >> 16).meets(caller.roles) {
            return Ok(());
        }
        // Nobody asks later: a set that an installation wrote has a condition on what is about nothing in particular.
        if self.policies.load().allow(caller, &self.rpc, &Resource::suite()) {
            return Ok(());
        }
        Err(Refusal::RoleMissing { account: caller.account.clone(), rpc: self.rpc.clone(), needed: may })
    }

    /// What its handler asks.
    pub fn permission(self: &Arc<Self>, caller: &Caller) -> Permission {
        Permission { caller: caller.clone(), gate: Arc::clone(self) }
    }
}

/// The roles in the lowest 16 bits.
fn low(word: u64) -> Roles {
    Roles::from_word(u16::try_from(word & u64::from(u16::MAX)).unwrap_or_default())
}

/// What a caller may do with the RPC that it calls: asked by the handler, with what the call concerns.
#[derive(Clone, Debug)]
pub struct Permission {
    caller: Caller,
    gate: Arc<Gate>,
}

impl Permission {
    /// The permission of `request`.
    ///
    /// # Panics
    /// Where the request did not come through a `server::Server`, which leaves one with every request.
    pub fn of<T>(request: &tonic::Request<T>) -> &Self {
        request
            .extensions()
            .get::<Self>()
            .expect("server leaves a permission with every request that reaches a handler")
    }

    /// Whether the caller may whatever the call concerns.
    pub fn is_everywhere(&self) -> bool {
        low(self.gate.word.load(Ordering::Acquire) >> 16).meets(self.caller.roles)
    }

    /// Whether the caller may do this with what the call concerns; `resource` is asked for only where it makes a difference.
    ///
    /// # Errors
    /// It is not theirs.
    pub fn on(&self, resource: impl FnOnce() -> Resource) -> Result<(), Denied> {
        if self.is_everywhere() { Ok(()) } else { self.decide(&resource()) }
    }

    /// The same for several: all of them, or the first that is not theirs.
    ///
    /// # Errors
    /// One is not theirs.
    pub fn on_each<I: IntoIterator<Item = Resource>>(&self, resources: impl FnOnce() -> I) -> Result<(), Denied> {
        if self.is_everywhere() {
            return Ok(());
        }
        resources().into_iter().try_for_each(|resource| self.decide(&resource))
    }

    fn decide(&self, resource: &Resource) -> Result<(), Denied> {
        let (caller, rpc) = (&self.caller, &self.gate.rpc);
        let policies = self.gate.policies.load();
        if policies.allow(caller, rpc, resource) {
            return Ok(());
        }
        Err(Denied {
            account: caller.account.clone(),
            rpc: rpc.clone(),
            organisation: caller.organisation.clone(),
            resource: resource.to_string(),
            everywhere: policies.roles_everywhere(rpc),
        })
    }
}

#[cfg(test)]
mod tests {
    use api::Error;
    use identity::{Account, Role, Via};

    use super::*;
    use crate::PolicySource;

    const CHECK: &str = "citizens_access.registry.v1.PracticeRegistryService/CheckAccess";
    const PAUSE: &str = "citizens_access.registry.v1.PracticeRegistryService/PausePractice";
    const RESUME: &str = "citizens_access.registry.v1.PracticeRegistryService/ResumePractice";

    fn caller(role: Role, organisation: Option<&str>) -> Caller {
        let organisation = organisation.map(|name| name.parse().unwrap());
        let account = Account::new("paula").unwrap();
        Caller { account, roles: Roles::NONE.with(role), organisation, via: Via::Development }
    }

    fn house(text: &str) -> Policies {
        Policies::read(&PolicySource::of_texts([("house.cedar".to_owned(), text.to_owned())])).unwrap()
    }

    #[test]
    fn a_refusal_says_for_whom_one_acts_and_what_it_takes() {
        let authority = Authority::standard();
        let said = |rpc: &str, organisation: Option<&str>| {
            let permission = authority.gate(rpc).permission(&caller(Role::Practice, organisation));
            Error::from(permission.on(|| Resource::practice("A82002")).unwrap_err()).to_string()
        };
        assert_eq!(
            said(PAUSE, Some("practices/A81001")),
            "you act for practices/A81001; practices/A82002 is not yours (paula calls \
             citizens_access.registry.v1.PracticeRegistryService/PausePractice, which takes an organisation whose it is, or \
             one of programme-lead, safety-officer, service)"
        );
        assert_eq!(
            said(RESUME, None),
            "you act for no organisation, so practices/A82002 is not yours (paula calls \
             citizens_access.registry.v1.PracticeRegistryService/ResumePractice, which takes an organisation whose it is)"
        );
    }

    #[test]
    fn whoever_may_everywhere_is_not_asked_on_what() {
        let authority = Authority::standard();
        let permission = authority.gate(PAUSE).permission(&caller(Role::ProgrammeLead, None));
        permission.on(|| unreachable!("it makes no difference")).unwrap();
        permission.on_each::<[Resource; 0]>(|| unreachable!("it makes no difference")).unwrap();
    }

    #[test]
    fn of_several_the_first_that_is_not_ones_own_is_told() {
        let authority = Authority::standard();
        let permission = authority.gate(PAUSE).permission(&caller(Role::Practice, Some("practices/A81001")));
        permission.on_each(|| [Resource::practice("A81001")]).unwrap();
        let denied = permission.on_each(|| ["A81001", "A82002", "A83003"].map(Resource::practice)).unwrap_err();
        assert_eq!(denied.resource, "practices/A82002");
    }

    #[test]
    fn other_policies_count_from_the_next_question_on() {
        let authority = Authority::standard();
        let (gate, auditor) = (authority.gate(CHECK), caller(Role::Auditor, None));
        gate.admit(&auditor).unwrap();
        authority.replace(house("permit (principal in Role::\"operator\", action, resource);"));
        assert!(matches!(gate.admit(&auditor), Err(Refusal::RoleMissing { .. })));
        gate.admit(&caller(Role::Operator, None)).unwrap();
        let permission = authority.gate(PAUSE).permission(&caller(Role::Operator, None));
        permission.on(|| Resource::practice("A81001")).unwrap();
        authority.replace(Policies::standard());
        gate.admit(&auditor).unwrap();
        permission.on(|| Resource::practice("A81001")).unwrap_err();
    }

    /// Nobody asks later what a look-up concerns, so a condition on it is looked at when the caller is let in.
    #[test]
    fn a_condition_where_nobody_asks_is_looked_at_before_the_call() {
        let condition = "permit (principal, action in Action::\"look\", resource) when { principal has icb };";
        let authority = Authority::new(house(condition));
        let gate = authority.gate(CHECK);
        gate.admit(&caller(Role::Icb, Some("icbs/QWE"))).unwrap();
        assert!(matches!(gate.admit(&caller(Role::Icb, None)), Err(Refusal::RoleMissing { .. })));
    }

    #[test]
    fn by_a_matrix_alone_roles_decide_and_nothing_is_anybodys_own() {
        let matrix = RoleMatrix::parse("rpc,roles\na.S/Get,any\na.S/Set,operator practice:own\n").unwrap();
        let authority = Authority::of_roles(&matrix);
        authority.gate("a.S/Get").admit(&caller(Role::Practice, None)).unwrap();
        let gate = authority.gate("a.S/Set");
        gate.permission(&caller(Role::Operator, None)).on(Resource::suite).unwrap();
        gate.permission(&caller(Role::Practice, Some("practices/A81001"))).on(Resource::suite).unwrap_err();
        let unknown = authority.gate("a.S/Drop").admit(&caller(Role::Operator, None));
        assert!(matches!(unknown, Err(Refusal::RpcWithoutRoles { .. })));
    }
}
