//! A set of policies, checked, with what is known of it before the first call.
//!
//! What a role may do whatever the call concerns is read off the policies' heads: a permit that names the role, or nobody in
//! particular, and has neither conditions nor a resource. Anything else about that RPC (a condition, a resource, a `forbid`,
//! an account by name) means that policies are evaluated, so that the table never says more than the policies do.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Effect, Entities, Entity, EntityUid, Policy, PolicyId, PolicySet,
    PrincipalConstraint, Request, ResourceConstraint, Schema, ValidationMode, Validator,
};
use identity::{Caller, Role, RoleMatrix, Roles};
use miette::Diagnostic;

use crate::source::SCHEMA;
use crate::{Kind, PolicyError, PolicySource, Resource, entities};

/// The schema is the program's own text, and a test reads it.
static SCHEMA_READ: LazyLock<Schema> =
    LazyLock::new(|| Schema::from_cedarschema_str(SCHEMA.1).expect("a test reads the same text").0);

/// The group of actions that may be public.
const PUBLIC: &str = "public";

/// A set of policies that was checked.
#[derive(Clone, Debug)]
pub struct Policies {
    sha256: String,
    policy_count: usize,
    rules: HashMap<String, Rule>,
}

/// What holds of one RPC.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Roles that may call it on something.
    pub(crate) may: Roles,
    /// Those that may whatever it concerns.
    pub(crate) everywhere: Roles,
    /// Whether its service says what a call concerns; else it is about nothing in particular.
    pub(crate) is_asked: bool,
    /// Whether whoever shows nothing may call it.
    pub(crate) is_public: bool,
    deciding: Option<Deciding>,
}

/// What is evaluated of one RPC: the policies that name it, and no others.
#[derive(Clone, Debug)]
struct Deciding {
    action: EntityUid,
    entity: Entity,
    policies: PolicySet,
}

impl Policies {
    /// Reads and checks a set.
    ///
    /// # Errors
    /// The first thing that is wrong, with file and line.
    pub fn read(source: &PolicySource) -> Result<Self, PolicyError> {
        let files = parse(source)?;
        check(&files)?;
        Ok(Self::of(source, &files))
    }

    /// The program's own. A test checks them: at each start that would take longer than all else that is done about policies.
    pub fn standard() -> Self {
        let source = PolicySource::standard();
        let files = parse(&source).expect("a test reads the same texts");
        Self::of(&source, &files)
    }

    fn of(source: &PolicySource, files: &[File<'_>]) -> Self {
        let mut policies = Vec::new();
        for File { name, set, .. } in files {
            policies.extend(set.policies().map(|one| one.new_id(PolicyId::new(format!("{name}#{}", one.id())))));
        }
        let mut rules = HashMap::new();
        let actions = SCHEMA_READ.action_entities().expect("a test reads the same text");
        for entity in actions.iter() {
            let action = entity.uid();
            let Some(kinds) = SCHEMA_READ.resources_for_action(&action) else { continue };
            let is_asked = kinds.map(ToString::to_string).any(|kind| kind != Kind::Suite.type_name());
            let name = action.id().unescaped().to_owned();
            // A group of actions is nothing that is called.
            if !name.contains('/') {
                continue;
            }
            let groups: Vec<&EntityUid> = actions.ancestors(&action).into_iter().flatten().collect();
            let own: Vec<&Policy> = policies.iter().filter(|policy| names(policy, &action, &groups)).collect();
            let mut rule = Rule::of(&own, entity.clone(), is_asked);
            // The schema says what can be public, the policies whether it is.
            let can_be_public = groups.iter().any(|group| group.id().unescaped() == PUBLIC);
            rule.is_public = can_be_public && rule.decides(&Caller::nobody(), &Resource::suite());
            rules.insert(name, rule);
        }
        Self { sha256: source.sha256(), policy_count: policies.len(), rules }
    }

    /// By a matrix alone: whoever may call an RPC may whatever it concerns, but for what is marked as one's own, which nobody
    /// may. For servers whose RPCs the schema does not know.
    pub(crate) fn of_matrix(matrix: &RoleMatrix) -> Self {
        let rule = |rpc: &str| Rule {
            may: matrix.roles(rpc).unwrap_or_default(),
            everywhere: matrix.roles(rpc).unwrap_or_default().without(matrix.own(rpc)),
            is_asked: true,
            is_public: matrix.is_public(rpc),
            deciding: None,
        };
        let rules = matrix.rpcs().map(|rpc| (action_of(rpc).to_owned(), rule(rpc))).collect();
        Self { sha256: String::new(), policy_count: 0, rules }
    }

    /// SHA-256 over schema and policies, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// How many policies there are.
    pub fn policy_count(&self) -> usize {
        self.policy_count
    }

    /// The roles that may call `rpc` (`package.Service/Method`) on something; None where the schema has no such RPC.
    pub fn roles(&self, rpc: &str) -> Option<Roles> {
        self.rule(rpc).map(|rule| rule.may)
    }

    /// Those that may whatever the call concerns.
    pub fn roles_everywhere(&self, rpc: &str) -> Roles {
        self.rule(rpc).map(|rule| rule.everywhere).unwrap_or_default()
    }

    /// Whether whoever shows nothing may call `rpc`.
    pub fn is_public(&self, rpc: &str) -> bool {
        self.rule(rpc).is_some_and(|rule| rule.is_public)
    }

    /// Whether `caller` may call `rpc` on `resource`.
    pub fn allow(&self, caller: &Caller, rpc: &str, resource: &Resource) -> bool {
        self.rule(rpc).is_some_and(|rule| rule.allows(caller, resource))
    }

    pub(crate) fn rule(&self, rpc: &str) -> Option<&Rule> {
        self.rules.get(action_of(rpc))
    }
}

/// The schema's name of an RPC: without its package, since services have names of their own.
fn action_of(rpc: &str) -> &str {
    let service = rpc.find('/').unwrap_or(rpc.len());
    rpc[..service].rfind('.').map_or(rpc, |dot| &rpc[dot + 1..])
}

impl Rule {
    fn of(policies: &[&Policy], entity: Entity, is_asked: bool) -> Self {
        let (mut may, mut everywhere) = (Roles::NONE, Roles::NONE);
        for policy in policies.iter().filter(|policy| policy.effect() == Effect::Permit) {
            let head = head(policy);
            may = head.roles.iter().fold(may, Roles::with);
            if !head.is_conditional {
                everywhere = head.roles.iter().fold(everywhere, Roles::with);
            }
        }
        if policies.iter().any(|policy| policy.effect() == Effect::Forbid) {
            everywhere = Roles::NONE;
        }
        let set = PolicySet::from_policies(policies.iter().map(|policy| (*policy).clone()));
        let policies = set.expect("they were in one set before");
        let deciding = Some(Deciding { action: entity.uid(), entity, policies });
        Self { may, everywhere, is_asked, is_public: false, deciding }
    }

    pub(crate) fn allows(&self, caller: &Caller, resource: &Resource) -> bool {
        self.everywhere.meets(caller.roles) || (self.may.meets(caller.roles) && self.decides(caller, resource))
    }

    /// What the policies say, whatever roles there are.
    fn decides(&self, caller: &Caller, resource: &Resource) -> bool {
        self.deciding.as_ref().is_some_and(|deciding| deciding.allows(caller, resource))
    }
}

impl Deciding {
    fn allows(&self, caller: &Caller, resource: &Resource) -> bool {
        let (principal, concerned) = (entities::account(caller), entities::resource_uid(resource));
        let context = entities::context(resource);
        let request = Request::new(principal, self.action.clone(), concerned, context, None);
        let request = request.expect("without a schema every request is one");
        let all = [entities::principal(caller), entities::resource(resource), self.entity.clone()];
        // Their types differ, so that none is there twice; if one were, nobody may.
        let Ok(all) = Entities::from_entities(all, None) else { return false };
        let response = Authorizer::new().is_authorized(&request, &self.policies, &all);
        // A policy that cannot be evaluated does not count, and it may have been one that forbids.
        response.decision() == Decision::Allow && response.diagnostics().errors().next().is_none()
    }
}

/// What a policy's head says.
struct Head {
    /// Whom it is for, as far as roles tell.
    roles: Roles,
    /// Whether anything but roles counts.
    is_conditional: bool,
}

fn head(policy: &Policy) -> Head {
    let by_role = |uid: &EntityUid| {
        let named = Role::ALL.into_iter().filter(|role| entities::role(*role) == *uid);
        named.fold(Roles::NONE, Roles::with)
    };
    let (roles, by_account) = match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => (Roles::ALL, false),
        PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => (by_role(&uid), false),
        PrincipalConstraint::Eq(_) => (Roles::ALL, true),
    };
    let by_resource = policy.resource_constraint() != ResourceConstraint::Any;
    Head { roles, is_conditional: by_account || by_resource || policy.has_non_scope_constraint() }
}

/// Whether a policy is about this action, by itself or by one of its groups.
fn names(policy: &Policy, action: &EntityUid, groups: &[&EntityUid]) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == *action,
        ActionConstraint::In(named) => named.iter().any(|named| named == action || groups.contains(&named)),
    }
}

/// A file that could be read.
struct File<'a> {
    name: &'a str,
    text: &'a str,
    set: PolicySet,
}

impl File<'_> {
    fn wrong(&self, error: &dyn Diagnostic) -> PolicyError {
        wrong(self.name, self.text, error)
    }
}

fn wrong(file: &str, text: &str, error: &dyn Diagnostic) -> PolicyError {
    PolicyError::Wrong { file: file.to_owned(), line: line(text, error), what: in_words(error) }
}

/// The policies of each file, none of them a template.
fn parse(source: &PolicySource) -> Result<Vec<File<'_>>, PolicyError> {
    let mut files = Vec::new();
    for (name, text) in &source.files {
        let set = PolicySet::from_str(text).map_err(|errors| wrong(name, text, &errors))?;
        if let Some(template) = set.templates().next() {
            let what = format!("{} is a template; write the policy out", template.id());
            return Err(PolicyError::Wrong { file: name.clone(), line: 1, what });
        }
        files.push(File { name, text, set });
    }
    Ok(files)
}

/// Checks them against the schema.
fn check(files: &[File<'_>]) -> Result<(), PolicyError> {
    let validator = Validator::new(SCHEMA_READ.clone());
    for file in files {
        let result = validator.validate(&file.set, ValidationMode::Strict);
        if let Some(error) = result.validation_errors().next() {
            return Err(file.wrong(error));
        }
        // A policy that can never apply is a slip as well.
        if let Some(warning) = result.validation_warnings().next() {
            return Err(file.wrong(warning));
        }
    }
    Ok(())
}

/// The line that a finding points at; the first where it points nowhere.
fn line(text: &str, error: &dyn Diagnostic) -> usize {
    let label = error.labels().and_then(|mut labels| labels.next());
    let before = label.map_or(0, |label| label.offset().min(text.len()));
    1 + text.as_bytes()[..before].iter().filter(|byte| **byte == b'\n').count()
}

fn in_words(error: &dyn Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use identity::{Account, Via};

    use super::*;

    const PAUSE: &str = "citizens_access.registry.v1.PracticeRegistryService/PausePractice";

    fn read(text: &str) -> Result<Policies, PolicyError> {
        Policies::read(&PolicySource::of_texts([("house.cedar".to_owned(), text.to_owned())]))
    }

    fn refused(text: &str) -> (usize, String) {
        match read(text) {
            Err(PolicyError::Wrong { file, line, what }) if file == "house.cedar" => (line, what),
            other => panic!("it is taken, or refused for something else: {other:?}"),
        }
    }

    fn caller(role: Role, organisation: Option<&str>) -> Caller {
        let organisation = organisation.map(|name| name.parse().unwrap());
        let account = Account::new("paula").unwrap();
        Caller { account, roles: Roles::NONE.with(role), organisation, via: Via::Development }
    }

    #[test]
    fn a_slip_in_a_policy_is_named_by_file_and_line() {
        let head = "// What our house allows.\n\n";
        let (line, what) = refused(&format!("{head}permit (principal, action resource);"));
        assert_eq!(line, 3, "{what}");
        let action =
            "permit (\n  principal,\n  action == Action::\"PracticeRegistryService/PausePractise\",\n  resource\n);";
        let (line, what) = refused(&format!("{head}{action}"));
        assert_eq!(line, 5, "{what}");
        assert!(what.contains("PausePractise"), "{what}");
        let role = "permit (principal in Role::\"king\", action, resource);";
        let (line, what) = refused(&format!("{head}{role}"));
        assert_eq!(line, 3, "{what}");
        assert!(what.contains("king"), "{what}");
        let attribute = "permit (principal, action, resource) when { principal.practice == resource };";
        let (line, what) = refused(&format!("{head}{attribute}"));
        assert_eq!(line, 3, "an account need not act for anybody: {what}");
        let (_, what) = refused("permit (principal == ?principal, action, resource);");
        assert!(what.contains("template"), "{what}");
    }

    /// Nobody checks them at a start.
    #[test]
    fn the_programs_own_policies_are_right_by_its_schema() {
        let (checked, standard) = (Policies::read(&PolicySource::standard()).unwrap(), Policies::standard());
        assert_eq!((checked.sha256(), checked.policy_count()), (standard.sha256(), standard.policy_count()));
    }

    #[test]
    fn what_only_roles_decide_is_known_before_any_call() {
        let policies = read("permit (principal in Role::\"auditor\", action, resource);").unwrap();
        assert_eq!(policies.roles(PAUSE), Some(Roles::NONE.with(Role::Auditor)));
        assert_eq!(policies.roles_everywhere(PAUSE), Roles::NONE.with(Role::Auditor));
        assert_eq!(policies.roles("a.B/Unknown"), None);
    }

    /// The table must not say more than the policies: whatever it cannot tell from a head it leaves to them.
    #[test]
    fn what_else_counts_is_left_to_the_policies() {
        let action = "action == Action::\"PracticeRegistryService/PausePractice\"";
        let auditor = format!("permit (principal in Role::\"auditor\", {action}, resource);");
        for besides in [
            format!("forbid (principal, {action}, resource) when {{ resource == Practice::\"A81001\" }};"),
            format!("forbid (principal == Account::\"paula\", {action}, resource == Practice::\"A81001\");"),
        ] {
            let policies = read(&format!("{auditor}\n{besides}")).unwrap();
            assert_eq!(policies.roles_everywhere(PAUSE), Roles::NONE, "{besides}");
            let paula = caller(Role::Auditor, None);
            assert!(!policies.allow(&paula, PAUSE, &Resource::practice("A81001")), "{besides}");
            assert!(policies.allow(&paula, PAUSE, &Resource::practice("A81002")), "{besides}");
        }
        for (conditional, allows) in [
            (format!("permit (principal == Account::\"paula\", {action}, resource);"), true),
            (format!("permit (principal == Account::\"peter\", {action}, resource);"), false),
            (format!("permit (principal, {action}, resource in Region::\"Y56\");"), false),
        ] {
            let policies = read(&conditional).unwrap();
            assert_eq!(policies.roles(PAUSE), Some(Roles::ALL), "{conditional}");
            assert_eq!(policies.roles_everywhere(PAUSE), Roles::NONE, "{conditional}");
            let paula = caller(Role::Auditor, None);
            assert_eq!(policies.allow(&paula, PAUSE, &Resource::practice("A81001")), allows, "{conditional}");
        }
    }

    #[test]
    fn what_was_published_is_for_whoever_asks_unless_an_installation_says_no() {
        const DOWNLOAD: &str = "citizens_access.statistics.v1.PublicationService/DownloadPublication";
        let standard = Policies::standard();
        assert!(standard.is_public(DOWNLOAD) && !standard.is_public(PAUSE));
        let everything = read("permit (principal, action, resource);").unwrap();
        assert!(everything.is_public(DOWNLOAD) && !everything.is_public(PAUSE), "nothing else can be made public");
        let look = "permit (principal, action in Action::\"look\", resource);";
        let house = "forbid (principal == Account::\"nobody\", action in Action::\"public\", resource);";
        let closed = read(&format!("{look}\n{house}")).unwrap();
        assert!(!closed.is_public(DOWNLOAD));
        assert!(closed.allow(&caller(Role::Auditor, None), DOWNLOAD, &Resource::suite()), "whoever is known may");
    }

    /// Domain, "The pause": only the practice lifts it, whatever an installation writes.
    #[test]
    fn what_goes_with_each_set_cannot_be_allowed_away() {
        let policies = read("permit (principal, action, resource);").unwrap();
        let resume = "citizens_access.registry.v1.PracticeRegistryService/ResumePractice";
        let practice = Resource::practice("A81001").within(Kind::Icb, Some("QWE"));
        for (role, organisation, may) in [
            (Role::ProgrammeLead, None, false),
            (Role::Icb, Some("icbs/QWE"), false),
            (Role::Practice, None, false),
            (Role::Practice, Some("practices/A81002"), false),
            (Role::Practice, Some("practices/A81001"), true),
        ] {
            assert_eq!(policies.allow(&caller(role, organisation), resume, &practice), may, "{role} {organisation:?}");
        }
        assert!(policies.allow(&caller(Role::ProgrammeLead, None), PAUSE, &practice));
    }
}
