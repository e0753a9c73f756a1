//! Notices, lists and invitations: each kind of breach is found in a history written by hand, and none in an honest one (rule 11, I4).

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use std::collections::BTreeMap;

use evidence::{Carried, Entry, Evidence, Recorded};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rollout::calendar::{BankHolidays, Calendar, Freeze, FreezeDays};
use rollout::plan::{Member, PlacedBy, Plan, PlannedWave, WaveRules};
use rollout::spec::Mode;
use rollout::state::{Carrier, DispatchStage, EnrolmentStage, Means, Template, Trouble};
use rollout::{
    Account, ActivationKey, Admission, Direction, DispatchMove, EnrolmentMove, Event, PlanVersion, ProgrammeId,
    SealedDispatch, WaveId, WaveRef,
};
use serde_json::{Value, json};

const PRACTICE: &str = "A81001";

/// A Tuesday; the Monday of the week before is a bank holiday.
const GOES_LIVE: Date = date(2031, 6, 3);

/// A Thursday on which nobody goes live.
const FROZEN: Date = date(2031, 6, 5);

const TOLD_AT: &str = "2031-05-30T12:00:00Z";

fn wave() -> WaveRef {
    WaveRef { programme: ProgrammeId::new("spring").unwrap(), wave: WaveId(1) }
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A calendar, and a plan in force with two working days of notice.
fn planned() -> Vec<(&'static str, Event)> {
    let document = "name: spring\ntitle: Spring\ncohort: 'practice.list_size > 0'\n\
         windows: [{ days: [monday, tuesday, wednesday, thursday, friday], from: '09:00', to: '17:00' }]\n\
         notice_working_days: 2\ngate: { min_success: 0.8, min_sample: 2, soak: 24h, timeout: 48h }\n\
         suppliers: { EMIS: { mode: push } }\nwaves: [{ wave: 1, title: All, from: 2031-06-03 }]\n";
    let spec: rollout::spec::ProgrammeSpec = serde_saphyr::from_str(document).unwrap();
    let frozen = Freeze::new(FROZEN, FROZEN, "the practice's move").unwrap();
    let rules = WaveRules {
        title: "All".to_owned(),
        from: GOES_LIVE,
        until: GOES_LIVE,
        windows: spec.windows().unwrap(),
        freeze_days: FreezeDays::from_iter([frozen]),
        objections_end: None,
        deferred_to: None,
        after: Vec::new(),
        gate: spec.gate.clone(),
        notice_working_days: 2,
        booked: BTreeMap::new(),
        attempts: BTreeMap::new(),
        supplier_freezes: BTreeMap::new(),
    };
    let members = Vec::new();
    let planned = PlannedWave { id: WaveId(1), goes_on: false, rules: rules.into(), members, distance: None };
    let plan = Plan {
        programme: wave().programme,
        capability: ods::Capability::default(),
        version: PlanVersion(1),
        parent: None,
        registry_position: 1,
        spec: spec.into(),
        waves: vec![planned],
        unplaced: Vec::new(),
        hash: serde_json::from_value(json!("00".repeat(32))).unwrap(),
    };
    let mut bank_holidays = BankHolidays::default();
    bank_holidays.announce(date(2031, 5, 26), "Spring bank holiday");
    bank_holidays.announce(date(2031, 12, 25), "Christmas Day");
    let (by, calendar) = (Account::new("ann"), Calendar { bank_holidays, ..Calendar::default() });
    vec![
        ("2031-05-01T09:00:00Z", Event::CalendarUpdated { calendar, by: by.clone() }),
        ("2031-05-01T09:00:00Z", Event::PlanSubmitted { plan: plan.into(), by }),
        ("2031-05-01T09:00:00Z", Event::PlanInForce { programme: wave().programme, version: PlanVersion(1) }),
    ]
}

/// What is sent is sealed then, and known by this reference.
const REFERENCE: &str = "spring.A81001.1.1.1937901600";
const SEALED_AT: &str = "2031-05-30T10:00:00Z";

fn sealed_notice() -> (&'static str, Event) {
    let dispatch = SealedDispatch {
        practice: PRACTICE.parse().unwrap(),
        number: 1,
        not_before: GOES_LIVE,
        template: Template::First,
        contact: 1,
        means: Means::Email,
        carrier: Carrier::Notify,
    };
    (SEALED_AT, Event::DispatchesSealed { wave: wave(), dispatches: vec![dispatch] })
}

fn moved(to: DispatchStage) -> (&'static str, Event) {
    let dispatches = vec![(PRACTICE.parse().unwrap(), 1)];
    let moves = vec![DispatchMove { to, dispatches }];
    (TOLD_AT, Event::DispatchesMoved { programme: wave().programme, moves })
}

fn told(at: &str, not_before: Date, dispatches: &[u32]) -> (&'static str, Event) {
    let practice = PRACTICE.parse().unwrap();
    let delivered = Event::NoticeDelivered {
        wave: wave(),
        practices: vec![practice],
        delivered_at: moment(at),
        not_before,
        channel: "e-mail".to_owned(),
        notified: vec![practice],
        dispatches: dispatches.iter().map(|number| (practice, *number)).collect(),
    };
    (TOLD_AT, delivered)
}

/// A slot, and a seal that counts on the day of the wave.
fn switched_on(listed: bool) -> Vec<(&'static str, Event)> {
    switched_on_at("2031-06-03T09:00:00Z", listed)
}

fn switched_on_at(at: &'static str, listed: bool) -> Vec<(&'static str, Event)> {
    let practice = PRACTICE.parse().unwrap();
    let admission = Admission {
        practice,
        generation: 1,
        supplier: "EMIS".parse().unwrap(),
        icb: None,
        region: None,
        list_size: 5_000,
        settled_list_size: None,
        mode: Mode::Push,
        booked_on: None,
    };
    let capability = ods::Capability::default();
    let key = ActivationKey { direction: Direction::Enable, practice, capability, generation: 1 };
    let keys = vec![(key, Some(GOES_LIVE))];
    vec![
        (at, Event::Admitted { wave: wave(), admissions: vec![admission], registry_position: 1 }),
        (at, Event::Sealed { keys, listed, registry_position: 1 }),
    ]
}

fn invited(at: &'static str, to: EnrolmentStage, registry_position: u64) -> (&'static str, Event) {
    let moves = vec![EnrolmentMove { to, practices: vec![PRACTICE.parse().unwrap()] }];
    (at, Event::EnrolmentsMoved { wave: wave(), moves, registry_position: Some(registry_position) })
}

fn record(position: u64, recorded_at: &str, kind: &str, payload: String) -> Recorded {
    let recorded_at = moment(recorded_at);
    Recorded { position, recorded_at, request_id: String::new(), kind: kind.to_owned(), payload }
}

fn evidence_with(registry: &[Value], events: Vec<(&'static str, Event)>, log: &[Value]) -> Evidence {
    let of_registry = |(event, position): (&Value, u64)| {
        let kind = event.as_object().unwrap().keys().next().unwrap().clone();
        record(position, "2031-06-01T09:00:00Z", &kind, event.to_string())
    };
    let registry: Vec<Recorded> = registry.iter().zip(1..).map(of_registry).collect();
    let of_scheduler = |((at, event), position): ((&str, Event), u64)| {
        record(position, at, event.kind(), serde_json::to_string(&event).unwrap())
    };
    let scheduler: Vec<Recorded> = [planned(), events].concat().into_iter().zip(1..).map(of_scheduler).collect();
    let log: Vec<Entry> = log.iter().map(|line| serde_json::from_value(line.clone()).unwrap()).collect();
    Evidence::new(&registry, &scheduler, &log).unwrap()
}

fn evidence(events: Vec<(&'static str, Event)>) -> Evidence {
    evidence_with(&[], events, &[])
}

fn breaches(events: Vec<(&'static str, Event)>) -> Vec<String> {
    evidence(events).breaches()
}

#[track_caller]
fn found(breaches: &[String], words: &str) {
    assert!(breaches.iter().any(|breach| breach.contains(words)), "{breaches:?}");
}

#[test]
fn two_working_days_of_notice_are_two_days_of_work_and_no_holidays() {
    // Friday and Monday, the weekend between them aside.
    let in_time = [vec![told(TOLD_AT, GOES_LIVE, &[])], switched_on(false)].concat();
    assert_eq!(breaches(in_time), Vec::<String>::new());
    let on_saturday = [vec![told("2031-05-31T12:00:00Z", GOES_LIVE, &[])], switched_on(false)].concat();
    found(&breaches(on_saturday), "rule 11: A81001 is to go live on 2031-06-03");
    found(&breaches(switched_on(false)), "without notice");
    let of_a_later_day = [vec![told(TOLD_AT, date(2031, 6, 4), &[])], switched_on(false)].concat();
    found(&breaches(of_a_later_day), "without notice of 2");
}

#[test]
fn notice_that_came_back_is_none() {
    let failed = moved(DispatchStage::Failed { trouble: Trouble::Undelivered });
    let came_back =
        [vec![sealed_notice(), told(TOLD_AT, GOES_LIVE, &[1]), failed.clone()], switched_on(false)].concat();
    found(&breaches(came_back), "without notice");
    let recorded_by_hand = [vec![sealed_notice(), told(TOLD_AT, GOES_LIVE, &[]), failed], switched_on(false)].concat();
    assert_eq!(breaches(recorded_by_hand), Vec::<String>::new());
}

#[test]
fn who_is_invited_has_had_its_notice_too() {
    let invited_on = |at| invited(at, EnrolmentStage::Invited, 1);
    let on_the_day = vec![told(TOLD_AT, GOES_LIVE, &[]), invited_on("2031-06-03T09:00:00Z")];
    assert_eq!(breaches(on_the_day), Vec::<String>::new());
    let a_day_early = vec![told(TOLD_AT, date(2031, 6, 2), &[]), invited_on("2031-06-02T09:00:00Z")];
    found(&breaches(a_day_early), "after 1 working days of notice of 2");
}

/// By the journal's own time: London's clocks are an hour ahead in June.
#[test]
fn rule_3_is_broken_by_a_seal_or_an_invitation_while_no_window_is_open() {
    let breaches_of = |events: Vec<(&'static str, Event)>| -> Vec<String> {
        breaches(events).into_iter().filter(|breach| breach.starts_with("rule 3:")).collect()
    };
    let sealed_at = |at| breaches_of(switched_on_at(at, false));
    for open in ["2031-06-03T08:00:00Z", "2031-06-03T15:59:59.999999Z", "2031-06-06T12:00:00Z"] {
        assert_eq!(sealed_at(open), Vec::<String>::new(), "{open}");
    }
    for shut in ["2031-06-03T07:59:59.999999Z", "2031-06-03T16:00:00Z"] {
        found(&sealed_at(shut), "outside its windows");
    }
    found(&sealed_at("2031-05-31T12:00:00Z"), "on a weekend");
    found(&sealed_at("2031-05-26T12:00:00Z"), "on a bank holiday");
    found(&sealed_at("2031-06-05T12:00:00Z"), "on a freeze day");
    // A list for a booked date is sealed when it is claimed.
    assert_eq!(breaches_of(switched_on_at("2031-06-02T19:00:00Z", true)), Vec::<String>::new());
    let invited = invited("2031-06-03T16:00:00Z", EnrolmentStage::Invited, 1);
    found(&breaches_of(vec![told(TOLD_AT, GOES_LIVE, &[]), invited]), "A81001 was to be switched on at");
}

#[test]
fn an_invitation_ends_or_is_owed_an_end() {
    let told = told(TOLD_AT, GOES_LIVE, &[]);
    let asked = invited("2031-06-03T09:00:00Z", EnrolmentStage::Invited, 1);
    let lapsed = invited("2031-06-03T23:00:00Z", EnrolmentStage::Lapsed, 1);
    found(&evidence(vec![told.clone(), asked.clone()]).owed(), "A81001 is invited still");
    let ended = evidence(vec![told, asked, lapsed]);
    assert!(!ended.owed().iter().any(|owed| owed.contains("invited")), "{:?}", ended.owed());
    assert_eq!((ended.cases().invitations, ended.cases().lapses), (1, 1));
}

/// Another plan with these waves comes into force.
fn replanned(waves: Vec<PlannedWave>) -> [(&'static str, Event); 2] {
    let submitted = planned().into_iter().find_map(|(_, event)| match event {
        Event::PlanSubmitted { plan, by } => Some((plan, by)),
        _ => None,
    });
    let (former, by) = submitted.unwrap();
    let version = PlanVersion(2);
    let plan = Plan { version, parent: Some(former.version), waves, ..former.as_ref().clone() };
    let programme = plan.programme.clone();
    let at = "2031-06-03T12:00:00Z";
    [(at, Event::PlanSubmitted { plan: plan.into(), by }), (at, Event::PlanInForce { programme, version })]
}

/// What was invited was not sealed, and gives way to the next plan; what was sealed settles in its wave, which comes to an end of its own.
#[test]
fn a_plan_that_leaves_an_open_wave_out_ends_its_invitations_and_not_the_wave() {
    let events = |waves: Vec<PlannedWave>| {
        let asked = invited("2031-06-03T09:00:00Z", EnrolmentStage::Invited, 1);
        let opened = ("2031-06-03T08:00:00Z", Event::WaveOpened { wave: wave() });
        let before = vec![told(TOLD_AT, GOES_LIVE, &[]), opened, asked];
        evidence([before, replanned(waves).to_vec()].concat())
    };
    let former = planned().into_iter().find_map(|(_, event)| match event {
        Event::PlanSubmitted { plan, .. } => plan.waves.first().cloned(),
        _ => None,
    });
    let former = former.unwrap();
    let left_out = events(vec![PlannedWave { id: WaveId(2), ..former.clone() }]);
    assert_eq!(left_out.owed(), Vec::<String>::new());
    assert_eq!(left_out.unended_waves().len(), 2, "{:?}", left_out.unended_waves());

    let member = Member {
        practice: PRACTICE.parse().unwrap(),
        supplier: "EMIS".parse().unwrap(),
        icb: None,
        region: None,
        pcn: None,
        list_size: 5_000,
        mode: Mode::SelfService,
        planned_on: None,
        by: PlacedBy::GoingOn,
    };
    let goes_on = events(vec![PlannedWave { goes_on: true, members: vec![member], ..former }]);
    found(&goes_on.owed(), "A81001 is invited still");
    assert_eq!(goes_on.unended_waves().len(), 1, "{:?}", goes_on.unended_waves());
}

#[test]
fn nobody_is_invited_on_a_copy_of_the_registry_that_has_its_pause() {
    let paused = json!({ "practice-paused": {
        "practice": PRACTICE, "pause": 1, "end": "further-notice", "placed_by": "ann",
        "receipt": [{ "capability": "capabilities/prospective-records", "state": "prevented" }],
    } });
    let lifted = json!({ "pauses-lifted": { "practice": PRACTICE, "pauses": [1] } });
    let registry = [json!({ "permits-granted": { "keys": [] } }), paused, lifted];
    let invited_at = |position| {
        let asked = invited("2031-06-03T09:00:00Z", EnrolmentStage::Invited, position);
        evidence_with(&registry, vec![told(TOLD_AT, GOES_LIVE, &[]), asked], &[]).breaches()
    };
    assert_eq!(invited_at(1), Vec::<String>::new(), "before it was known");
    found(&invited_at(2), "I4: A81001 was invited on the registry at 2");
    assert_eq!(invited_at(3), Vec::<String>::new(), "it was lifted");
}

#[test]
fn what_is_on_a_list_was_permitted_also_where_it_never_took_effect() {
    let key = json!({
        "capability": "capabilities/prospective-records", "practice": PRACTICE, "direction": "ENABLE", "generation": 1,
    });
    let line = |kind: &str| {
        let at = "2031-06-03T10:00:00Z";
        json!({ "at": at, "supplier": "EMIS", "kind": kind, "key": key, "due": at, "origin": "list" })
    };
    let events = || [vec![told(TOLD_AT, GOES_LIVE, &[])], switched_on(true)].concat();
    let log = [line("received"), line("closed"), line("reported"), line("reported")];
    let unpermitted = evidence_with(&[], events(), &log);
    found(
        &unpermitted.breaches(),
        "I4: capabilities/prospective-records A81001 ENABLE 1 took effect, or was on a list",
    );
    let wire_key = json!({
        "capability": "capabilities/prospective-records", "practice": PRACTICE, "action": "enable", "generation": 1,
    });
    let permitted = evidence_with(&[json!({ "permits-granted": { "keys": [wire_key] } })], events(), &log);
    assert_eq!(permitted.breaches(), Vec::<String>::new());
    assert_eq!((permitted.cases().listed, permitted.cases().reported_twice), (1, 1));
}

/// A carrier's word of a notice.
fn carried(reference: &str, taken_at: &str, given_at: Option<&str>) -> Carried {
    let given_at = given_at.map(moment);
    Carried { reference: reference.to_owned(), taken_at: moment(taken_at), given_at }
}

#[test]
fn what_a_carrier_has_was_sealed_before_and_as_often() {
    let sealed = evidence(vec![sealed_notice()]);
    let once = carried(REFERENCE, SEALED_AT, None);
    assert_eq!(sealed.carriage_breaches(std::slice::from_ref(&once)), Vec::<String>::new());
    let twice = [once.clone(), carried(REFERENCE, TOLD_AT, None)];
    found(&sealed.carriage_breaches(&twice), "was sent 2 times and sealed 1 times");
    let again = evidence(vec![sealed_notice(), moved(DispatchStage::Sealed)]);
    assert_eq!(again.carriage_breaches(&twice), Vec::<String>::new());
    let other = carried("spring.A81001.1.2.1937901600", SEALED_AT, None);
    found(&sealed.carriage_breaches(&[other]), "was never sealed");
    let early = carried(REFERENCE, "2031-05-30T09:00:00Z", None);
    found(&sealed.carriage_breaches(std::slice::from_ref(&early)), "before its seal");
    let apart = sealed.of_clocks_apart(jiff::SignedDuration::from_hours(1));
    assert_eq!(apart.carriage_breaches(&[early]), Vec::<String>::new(), "by clocks that are an hour apart");
}

#[test]
fn a_notice_counts_as_given_no_earlier_than_its_carrier_gave_it() {
    let counted = evidence(vec![sealed_notice(), told(TOLD_AT, GOES_LIVE, &[1])]);
    let given_at = |at| counted.carriage_breaches(&[carried(REFERENCE, SEALED_AT, at)]);
    assert_eq!(given_at(Some(TOLD_AT)), Vec::<String>::new());
    assert_eq!(given_at(Some("2031-05-30T11:00:00Z")), Vec::<String>::new(), "it was found out later");
    found(&given_at(Some("2031-05-30T12:00:01Z")), "and was at 2031-05-30T12:00:01Z");
    found(&given_at(None), "and never was");
    found(&counted.carriage_breaches(&[]), "and never was");
    let apart = counted.of_clocks_apart(jiff::SignedDuration::from_mins(10));
    let by_another_clock = |at| apart.carriage_breaches(&[carried(REFERENCE, SEALED_AT, Some(at))]);
    assert_eq!(by_another_clock("2031-05-30T12:10:00Z"), Vec::<String>::new());
    found(&by_another_clock("2031-05-30T12:10:01Z"), "and was at 2031-05-30T12:10:01Z");
}
