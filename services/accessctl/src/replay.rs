//! `accessctl replay-policy`: what the recorded past would have been like under another policy.

use clap::Args;
use jiff::SignedDuration;
use proto::scheduler::v1 as scheduler;
use scheduler::ReplayEffect;

use crate::connection::{Connection, every_page};
use crate::failure::BadInput;
use crate::moments::{as_at, moment, shown};
use crate::mutation::name;
use crate::output::{Output, Table, number, word};

/// Practices that people are shown one by one; programs get all of them.
const PRACTICES_SHOWN: usize = 12;

#[derive(Args)]
pub(crate) struct ReplayPolicy {
    /// Whose policy; without it the only programme there is
    programme: Option<String>,
    /// A term of every gate, as its document has it: `min_success=0.99`, `min_sample=20`, `soak=72h`, `timeout=168h`,
    /// `exclusions.max_share=0.05`, `viewers.min_share=0.5`, `concerns.major=0`
    #[arg(long, value_name = "TERM=VALUE")]
    gate: Vec<String>,
    /// A cap, as its document has it: `daily.national.practices=400`, `in_flight.each_supplier.patients=90000`
    #[arg(long, value_name = "TERM=VALUE")]
    cap: Vec<String>,
    /// Working days of notice that practices are owed
    #[arg(long, value_name = "WORKING_DAYS")]
    notice: Option<u32>,
    /// From when on the policy is another: a date (its first instant in London) or a moment
    #[arg(long, value_name = "MOMENT")]
    since: String,
    /// The end of what is played: a date (its last instant in London) or a moment; without it now. At most 400 days later
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: ReplayPolicy) -> anyhow::Result<()> {
    let policy = scheduler::ReplayedPolicy { notice_working_days: asked.notice, ..policy(&asked.gate, &asked.cap)? };
    let since = if asked.since.len() == "2031-03-03".len() { format!("{}T00:00", asked.since) } else { asked.since };
    let request = scheduler::ReplayPolicyRequest {
        programme: match asked.programme {
            Some(programme) => name("programmes", &programme),
            None => only_programme(connection).await?,
        },
        since: Some(moment(&since)?),
        until: asked.until.as_deref().map(as_at).transpose()?,
        policy: Some(policy),
        ..Default::default()
    };
    let reply = connection.forecasts().replay_policy(request).await?.into_inner();
    if output.for_people() {
        tell(&reply);
        return Ok(());
    }
    output.print("citizens_access.scheduler.v1.ReplayPolicyResponse", &reply, || practices(&reply.practices))
}

async fn only_programme(connection: &Connection) -> anyhow::Result<String> {
    let list = scheduler::ListProgrammesRequest::default();
    let reply = every_page!(connection.programmes(), list_programmes, list, programmes);
    match reply.programmes.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => Err(BadInput("there is no programme whose policy could be another".into()).into()),
        several => {
            let names: Vec<_> = several.iter().map(|programme| programme.name.as_str()).collect();
            Err(BadInput(format!("say which programme: {}", names.join(", "))).into())
        }
    }
}

/// The terms that were typed.
fn policy(gate: &[String], caps: &[String]) -> Result<scheduler::ReplayedPolicy, BadInput> {
    let mut policy = scheduler::ReplayedPolicy::default();
    for typed in gate {
        let (term, value) = parts(typed)?;
        set_gate(policy.gate.get_or_insert_default(), term, value)?;
    }
    for typed in caps {
        let (term, value) = parts(typed)?;
        set_cap(&mut policy, term, value)?;
    }
    Ok(policy)
}

fn parts(typed: &str) -> Result<(&str, &str), BadInput> {
    typed.split_once('=').ok_or_else(|| BadInput(format!("{typed:?} is no term with its value: min_success=0.99")))
}

fn set_gate(gate: &mut scheduler::ReplayedGateTerms, term: &str, value: &str) -> Result<(), BadInput> {
    match term {
        "min_success" => gate.min_success = Some(read(term, value)?),
        "min_sample" => gate.min_sample = Some(read(term, value)?),
        "soak" => gate.soak_seconds = Some(read::<SignedDuration>(term, value)?.as_secs()),
        "timeout" => gate.timeout_seconds = Some(read::<SignedDuration>(term, value)?.as_secs()),
        "exclusions.max_share" => gate.exclusions_max_share = Some(read(term, value)?),
        "viewers.min_share" => gate.viewers_min_share = Some(read(term, value)?),
        _ => match term.strip_prefix("concerns.") {
            Some(severity) => _ = gate.concerns.insert(severity.to_owned(), read(term, value)?),
            None => {
                return Err(BadInput(format!(
                    "no gate has a term {term:?} that could be another: min_success, min_sample, soak, timeout, \
                     exclusions.max_share, viewers.min_share, concerns.SEVERITY"
                )));
            }
        },
    }
    Ok(())
}

fn set_cap(policy: &mut scheduler::ReplayedPolicy, term: &str, value: &str) -> Result<(), BadInput> {
    let unknown = || {
        BadInput(format!(
            "there is no cap {term:?} that could be another: daily or in_flight, national, each_supplier or each_icb, \
             practices or patients: daily.national.practices"
        ))
    };
    let mut words = term.split('.');
    let caps = match words.next() {
        Some("daily") => policy.daily_caps.get_or_insert_default(),
        Some("in_flight") => policy.in_flight_caps.get_or_insert_default(),
        _ => return Err(unknown()),
    };
    let cap = match words.next() {
        Some("national") => caps.national.get_or_insert_default(),
        Some("each_supplier") => caps.each_supplier.get_or_insert_default(),
        Some("each_icb") => caps.each_icb.get_or_insert_default(),
        _ => return Err(unknown()),
    };
    match (words.next(), words.next()) {
        (Some("practices"), None) => cap.practices = Some(read(term, value)?),
        (Some("patients"), None) => cap.patients = Some(read(term, value)?),
        _ => return Err(unknown()),
    }
    Ok(())
}

fn read<T: std::str::FromStr>(term: &str, value: &str) -> Result<T, BadInput>
where
    T::Err: std::fmt::Display,
{
    value.parse().map_err(|error| BadInput(format!("{term}={value}: {error}")))
}

fn tell(reply: &scheduler::ReplayPolicyResponse) {
    let (since, until) = (shown(reply.since.as_ref()), shown(reply.until.as_ref()));
    anstream::println!("{} from {since} to {until}, played again under another policy\n", reply.programme);
    if reply.changes.is_empty() {
        anstream::println!("every plan had these terms already: nothing is another\n");
    } else {
        terms(&reply.changes).print();
        anstream::println!();
    }
    anstream::println!("practices, against the same past under the policy as it was:\n");
    groups(&reply.groups).print();
    anstream::println!("\n{}\n", in_a_sentence(reply));
    if !reply.waves.is_empty() {
        anstream::println!("waves and their gates, as it was and here:\n");
        waves(&reply.waves).print();
        anstream::println!();
    }
    if !reply.practices.is_empty() {
        let shown = reply.practices.len().min(PRACTICES_SHOWN);
        let [first, all] = [shown, reply.practices.len()].map(|count| number(i64::try_from(count).unwrap_or(i64::MAX)));
        anstream::println!("{first} of {all} practices of which the policy makes something else:\n");
        practices(&reply.practices[..shown]).print();
        anstream::println!();
    }
    anstream::println!("{}", trust(&reply.fidelity.clone().unwrap_or_default()));
    anstream::println!("\ntaken for granted here:");
    for assumed in &reply.assumptions {
        anstream::println!("  {} {}", number(assumed.count), assumed.subject);
    }
    anstream::println!("\ntaken for certain:");
    for premise in &reply.premises {
        anstream::println!("  {premise}");
    }
}

/// The terms that are others, each with the waves of which it is.
fn terms(changes: &[scheduler::PlanChange]) -> Table {
    let mut rows: Vec<([String; 4], Vec<&str>)> = Vec::new();
    for change in changes {
        let bearing = word(change.bearing().as_str_name(), "PLAN_BEARING_").to_lowercase();
        let said = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        let row = [change.field.clone(), said(&change.before), said(&change.after), bearing];
        let wave = change.wave.rsplit('/').next().unwrap_or_default();
        match rows.iter_mut().find(|(known, _)| *known == row) {
            Some((_, waves)) => waves.push(wave),
            None => rows.push((row, vec![wave])),
        }
    }
    let mut table = Table::new(&["TERM", "AS IT WAS", "HERE", "WHICH", "OF WAVES"]);
    for ([field, before, after, bearing], waves) in rows {
        let waves: Vec<_> = waves.into_iter().filter(|wave| !wave.is_empty()).collect();
        let of = if waves.is_empty() { "all".to_owned() } else { waves.join(", ") };
        table.row([field, before, after, bearing, of]);
    }
    table
}

fn of_effect(group: &scheduler::ReplayedGroup, effect: ReplayEffect) -> scheduler::ReplayEffectCount {
    group.effects.iter().find(|count| count.effect() == effect).copied().unwrap_or_default()
}

fn groups(groups: &[scheduler::ReplayedGroup]) -> Table {
    let mut table = Table::new(&["OF", "EARLIER", "LATER", "NEVER", "ONLY HERE", "SAME DAY", "DAYS SOONER"]);
    for group in groups {
        let effects =
            [ReplayEffect::Earlier, ReplayEffect::Later, ReplayEffect::Never, ReplayEffect::Only, ReplayEffect::Same];
        let [earlier, later, never, only, same] =
            effects.map(|effect| number(of_effect(group, effect).practices_count));
        table.row([group.subject.clone(), earlier, later, never, only, same, number(group.days_sooner)]);
    }
    table
}

fn in_a_sentence(reply: &scheduler::ReplayPolicyResponse) -> String {
    let Some(all) = reply.groups.first() else { return "nobody goes live in either".to_owned() };
    let told = [
        (ReplayEffect::Earlier, "go live on an earlier day"),
        (ReplayEffect::Later, "on a later day"),
        (ReplayEffect::Never, "not by the end of the record"),
        (ReplayEffect::Only, "go live here only"),
    ];
    let told = told.map(|(effect, words)| (of_effect(all, effect), words));
    let told = told.iter().filter(|(count, _)| count.practices_count > 0).map(|(count, words)| {
        let (practices, patients) = (number(count.practices_count), number(count.patients_count));
        format!("{practices} practices with {patients} patients {words}")
    });
    let told = told.collect::<Vec<_>>().join("; ");
    if told.is_empty() { "the policy makes no difference to anybody's day".to_owned() } else { told }
}

fn waves(waves: &[scheduler::ReplayedWave]) -> Table {
    let headings = ["WAVE", "OPENED", "OPENED HERE", "GATE", "GATE HERE", "HALTED HERE"];
    let mut table = Table::new(&headings);
    for wave in waves {
        let (control, here) = (wave.control.unwrap_or_default(), wave.replayed.unwrap_or_default());
        let halts = |course: &scheduler::ReplayedWaveCourse| {
            course.evaluated_at.is_some() && course.verdict() != scheduler::GateVerdict::Pass
        };
        let halted = match (halts(&control), halts(&here), wave.halted_days_sooner) {
            (false, true, _) => "here only".to_owned(),
            (true, false, _) => "not here".to_owned(),
            (true, true, Some(0)) => "the same day".to_owned(),
            (true, true, Some(days @ 1..)) => format!("{days} days sooner"),
            (true, true, Some(days)) => format!("{} days later", -days),
            _ => String::new(),
        };
        table.row([
            wave.wave.rsplit('/').next().unwrap_or_default().to_owned(),
            day(control.opened_at.as_ref()),
            day(here.opened_at.as_ref()),
            gate(&control),
            gate(&here),
            halted,
        ]);
    }
    table
}

fn gate(course: &scheduler::ReplayedWaveCourse) -> String {
    if course.evaluated_at.is_none() {
        return "none".to_owned();
    }
    let verdict = word(course.verdict().as_str_name(), "GATE_VERDICT_");
    let (live, commanded) = (number(course.live_count), number(course.commanded_count));
    format!("{verdict} {} ({live} of {commanded})", day(course.evaluated_at.as_ref()))
}

/// The civil day of a moment in London.
fn day(moment: Option<&prost_types::Timestamp>) -> String {
    shown(moment).split(' ').next().unwrap_or_default().to_owned()
}

fn practices(practices: &[scheduler::ReplayedPractice]) -> Table {
    let headings = ["PRACTICE", "SUPPLIER", "PATIENTS", "EFFECT", "LIVE", "LIVE HERE", "DAYS SOONER"];
    let mut table = Table::new(&headings);
    for one in practices {
        table.row([
            one.practice.clone(),
            one.supplier.clone(),
            one.patients_count.to_string(),
            word(one.effect().as_str_name(), "REPLAY_EFFECT_"),
            day(one.control_live_at.as_ref()),
            day(one.replayed_live_at.as_ref()),
            one.days_sooner.to_string(),
        ]);
    }
    table
}

/// How far the control is from what happened.
fn trust(fidelity: &scheduler::ReplayFidelity) -> String {
    let in_fact = number(fidelity.in_fact_count);
    if fidelity.other_day_count == 0 && fidelity.waves.is_empty() {
        return format!("the same past, played as it was, comes out as it did: {in_fact} practices, each on its day");
    }
    let gates =
        if fidelity.waves.is_empty() { String::new() } else { format!("; other gates: {}", fidelity.waves.join(", ")) };
    format!(
        "the same past, played as it was, has {} practices where in fact {in_fact} went live, {} of them on another day or in \
         one only{gates}; what differs above is as uncertain",
        number(fidelity.control_count),
        number(fidelity.other_day_count)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(typed: &[&str]) -> Vec<String> {
        typed.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn terms_are_typed_as_a_document_has_them() {
        let gate = words(&["min_success=0.99", "soak=72h", "concerns.major=0"]);
        let caps = words(&["daily.national.practices=400", "in_flight.each_icb.patients=90000"]);
        let policy = policy(&gate, &caps).unwrap();
        let gate = policy.gate.unwrap();
        assert_eq!((gate.min_success, gate.soak_seconds), (Some(0.99), Some(72 * 3_600)));
        assert_eq!(gate.concerns["major"], 0);
        assert_eq!(policy.daily_caps.unwrap().national.unwrap().practices, Some(400));
        assert_eq!(policy.in_flight_caps.unwrap().each_icb.unwrap().patients, Some(90_000));
    }

    #[test]
    fn what_is_no_term_is_refused_with_what_to_write() {
        for (gate, cap, told) in [
            ("max_success=1", "", "min_success"),
            ("min_success", "", "min_success=0.99"),
            ("min_sample=few", "", "min_sample=few"),
            ("", "weekly.national.practices=1", "daily.national.practices"),
            ("", "daily.national=1", "daily.national.practices"),
            ("", "daily.national.practices.more=1", "daily.national.practices"),
        ] {
            let typed = |one: &str| if one.is_empty() { Vec::new() } else { words(&[one]) };
            let refused = policy(&typed(gate), &typed(cap)).unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_control_that_strays_is_said_to() {
        let exact = scheduler::ReplayFidelity { in_fact_count: 1_204, control_count: 1_204, ..Default::default() };
        assert!(trust(&exact).ends_with("comes out as it did: 1,204 practices, each on its day"));
        let astray =
            scheduler::ReplayFidelity { other_day_count: 3, waves: vec!["programmes/a/waves/2".into()], ..exact };
        assert!(trust(&astray).contains("3 of them on another day or in one only; other gates: programmes/a/waves/2"));
    }
}
