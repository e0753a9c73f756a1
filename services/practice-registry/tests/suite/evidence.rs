//! What those who look say, on the wire: disputes, wrong settings, signals, who may speak as whom, and lists by them.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::AccessReasonCode::{Disputed, NoViewers, ObservedOff, ObservedOn, ObservedPartial};
use proto::registry::v1::ObservationSource::{Inspection, Practice, SupplierConfirmation, SupplierList};
use proto::registry::v1::ObservedState::{Off, On, Partial, Unknown};
use tonic::Code;

use crate::bench::{Bench, Client, PRACTICE, everywhere, reason, refusal};

fn observation(source: wire::ObservationSource, state: wire::ObservedState) -> wire::Observation {
    wire::Observation {
        practice: PRACTICE.to_owned(),
        source: source.into(),
        state: state.into(),
        evidence: format!("as {source:?} says"),
        ..Default::default()
    }
}

fn record(observation: wire::Observation) -> wire::RecordObservationRequest {
    let request_id = format!("observed-{}-{}", observation.source, observation.state);
    wire::RecordObservationRequest { observations: vec![observation], request_id, ..Default::default() }
}

async fn say(bench: &mut Bench, source: wire::ObservationSource, state: wire::ObservedState) {
    bench.wait(SignedDuration::from_secs(1));
    bench.client.record_observation(record(observation(source, state))).await.unwrap();
}

async fn selected(bench: &mut Bench, filter: &str) -> usize {
    let request = wire::ListPracticesRequest { filter: filter.to_owned(), ..Default::default() };
    bench.client.list_practices(request).await.unwrap().into_inner().practices.len()
}

fn wrong(setting: &str) -> wire::WrongSetting {
    wire::WrongSetting { setting: setting.to_owned(), expected: "visible".to_owned(), actual: "hidden".to_owned() }
}

#[tokio::test]
async fn a_dispute_shows_with_what_each_says_until_somebody_looks_again() {
    everywhere(async |bench| {
        bench.import_map().await;
        say(bench, SupplierList, Off).await;
        say(bench, Practice, On).await;
        let access = bench.practice().await.access.remove(0);
        assert_eq!((access.disputed, access.live, access.state()), (true, false, Unknown));
        let words: Vec<_> = access.evidence.iter().map(|word| (word.source(), word.state())).collect();
        assert_eq!(words, [(SupplierList, Off), (Practice, On)]);
        assert_eq!(access.evidence[1].evidence, "as Practice says");

        let request = wire::CheckAccessRequest { ods_code: "A81001".to_owned(), ..Default::default() };
        let answer = bench.client.check_access(request).await.unwrap().into_inner();
        let reasons: Vec<_> = answer.reasons.iter().map(|reason| (reason.code(), reason.source())).collect();
        let nobody = wire::ObservationSource::Unspecified;
        assert_eq!(reasons, [(Disputed, nobody), (ObservedOff, SupplierList), (ObservedOn, Practice)]);
        assert_eq!(selected(bench, "practice.disputed").await, 1);

        say(bench, SupplierList, On).await;
        let access = bench.practice().await.access.remove(0);
        assert_eq!((access.disputed, access.live, access.source()), (false, true, SupplierList));
        assert_eq!(selected(bench, "practice.disputed").await, 0);
    })
    .await;
}

#[tokio::test]
async fn wrong_settings_are_named_and_can_be_listed_by_name() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    bench.wait(SignedDuration::from_secs(1));
    let settings = vec![wrong("letters"), wrong("test-results")];
    let seen = wire::Observation { wrong_settings: settings.clone(), ..observation(Inspection, Partial) };
    bench.client.record_observation(record(seen)).await.unwrap();
    say(&mut bench, SupplierList, On).await;

    let access = bench.practice().await.access.remove(0);
    assert_eq!((access.state(), access.live, access.source()), (Partial, false, Inspection));
    let inspected = access.evidence.iter().find(|word| word.source() == Inspection).unwrap();
    assert_eq!(inspected.wrong_settings, settings);
    let request = wire::CheckAccessRequest { ods_code: "A81001".to_owned(), ..Default::default() };
    let answer = bench.client.check_access(request).await.unwrap().into_inner();
    assert_eq!(answer.reasons[0].code(), ObservedPartial);
    for (filter, count) in [
        (r#""letters" in practice.wrong_settings"#, 1),
        (r#""notes" in practice.wrong_settings"#, 0),
        ("size(practice.wrong_settings) == 2", 1),
        (r#"practice.observed_by == "INSPECTION""#, 1),
    ] {
        assert_eq!(selected(&mut bench, filter).await, count, "{filter}");
    }
}

#[tokio::test]
async fn settings_that_are_malformed_are_refused_by_field() {
    let mut bench = Bench::with_practices().await;
    let right = wire::WrongSetting { actual: "visible".to_owned(), ..wrong("letters") };
    for (state, settings, expected, field) in [
        (On, vec![wrong("letters")], "FIELD_NOT_APPLICABLE", "observations[0].wrong_settings"),
        (Partial, vec![wrong("Letters")], "ID_INVALID", "observations[0].wrong_settings[0].setting"),
        (Partial, vec![wrong("a"), wrong("a")], "NAMED_TWICE", "observations[0].wrong_settings[1].setting"),
        (Partial, vec![right], "SETTING_NOT_WRONG", "observations[0].wrong_settings[0].actual"),
    ] {
        let seen = wire::Observation { wrong_settings: settings, ..observation(Inspection, state) };
        let (code, explained) = refusal(bench.client.record_observation(record(seen)).await);
        assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, expected));
        assert_eq!(explained.fields[0].0, field);
    }
}

#[tokio::test]
async fn nobody_speaks_for_another_but_a_service_that_passes_it_on() {
    let bench = Bench::with_practices().await;
    let ask = async |mut client: Client, source| {
        let answer = client.record_observation(record(observation(source, On))).await;
        answer.map(drop).map_err(|status| reason(Err::<(), _>(status)))
    };
    let refused = Err((Code::PermissionDenied, "SOURCE_OF_OTHERS".to_owned()));
    for (role, own, others) in [
        ("supplier", vec![SupplierConfirmation, SupplierList], vec![Inspection, Practice]),
        ("practice", vec![Practice], vec![SupplierConfirmation, SupplierList, Inspection]),
        ("icb", vec![Inspection], vec![Practice, SupplierList]),
        ("region", vec![Inspection], vec![Practice, SupplierList]),
        ("programme-lead", vec![Inspection], vec![Practice, SupplierConfirmation]),
        ("service", vec![SupplierConfirmation, SupplierList, Inspection, Practice], vec![]),
    ] {
        let account = match role {
            "supplier" => "somebody;roles=supplier;organisation=suppliers/TPP".to_owned(),
            "practice" => format!("somebody;roles=practice;organisation={PRACTICE}"),
            "icb" => "somebody;roles=icb;organisation=icbs/QHM".to_owned(),
            "region" => "somebody;roles=region;organisation=regions/Y63".to_owned(),
            _ => format!("somebody;roles={role}"),
        };
        for source in own {
            assert_eq!(ask(bench.client_as(&account), source).await, Ok(()), "{role}");
        }
        for source in others {
            assert_eq!(ask(bench.client_as(&account), source).await, refused, "{role}");
        }
    }
}

#[tokio::test]
async fn a_signal_shows_until_it_is_cleared_and_leaves_the_practice_live() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.switch_on().await;
        let report = |practice: &str, cleared| wire::SignalReport {
            practice: practice.to_owned(),
            kind: wire::SignalKind::NoViewers.into(),
            cleared,
            evidence: "no viewer in 30 days".to_owned(),
            ..Default::default()
        };
        let request = |request_id: &str, signals| wire::RecordSignalsRequest {
            signals,
            request_id: request_id.to_owned(),
            ..Default::default()
        };
        let both = vec![report(PRACTICE, false), report("practices/Z99999", false)];
        let reply = bench.client.record_signals(request("a", both)).await.unwrap().into_inner();
        assert_eq!((reply.affected_count, reply.unknown_practices), (1, vec!["practices/Z99999".to_owned()]));

        let access = bench.practice().await.access.remove(0);
        assert_eq!((access.live, access.signals[0].kind()), (true, wire::SignalKind::NoViewers));
        let ask = wire::CheckAccessRequest { ods_code: "A81001".to_owned(), ..Default::default() };
        let answer = bench.client.check_access(ask).await.unwrap().into_inner();
        let codes: Vec<_> = answer.reasons.iter().map(wire::AccessReason::code).collect();
        assert_eq!(codes, [ObservedOn, NoViewers]);
        assert_eq!(selected(bench, r#"practice.live && "NO_VIEWERS" in practice.signals"#).await, 1);

        bench.wait(SignedDuration::from_secs(1));
        bench.client.record_signals(request("b", vec![report(PRACTICE, true)])).await.unwrap();
        assert!(bench.practice().await.access.remove(0).signals.is_empty());
    })
    .await;
}

#[tokio::test]
async fn lists_of_text_can_be_asked_for_what_the_resource_has_in_lists() {
    let mut bench = Bench::with_practices().await;
    let item = |item: &str, state: wire::ReadinessState| wire::ReadinessItem {
        item: item.to_owned(),
        state: state.into(),
        ..Default::default()
    };
    let update = wire::UpdateReadinessRequest {
        name: PRACTICE.to_owned(),
        items: vec![
            item("dpia", wire::ReadinessState::Complete),
            item("staff-training", wire::ReadinessState::InProgress),
        ],
        request_id: "r".to_owned(),
        ..Default::default()
    };
    bench.client.update_readiness(update).await.unwrap();
    let pause = wire::PausePracticeRequest {
        capability: "capabilities/historic-records".to_owned(),
        ..crate::bench::pause("p")
    };
    bench.client.pause_practice(pause).await.unwrap();
    bench.switch_on().await;
    for (filter, count) in [
        (r#""dpia" in practice.readiness_done"#, 1),
        (r#""staff-training" in practice.readiness_done"#, 0),
        (r#""staff-training" in practice.readiness_open"#, 1),
        ("size(practice.readiness_open) == 0", 3),
        (r#""capabilities/historic-records" in practice.paused_capabilities"#, 1),
        (r#""capabilities/prospective-records" in practice.paused_capabilities"#, 0),
        (r#""capabilities/prospective-records" in practice.live_capabilities"#, 1),
        (r#""capabilities/historic-records" in practice.live_capabilities"#, 0),
    ] {
        assert_eq!(selected(&mut bench, filter).await, count, "{filter}");
    }
    let wrong = wire::ListPracticesRequest { filter: "practice.signals == \"x\"".to_owned(), ..Default::default() };
    let (code, explained) = refusal(bench.client.list_practices(wrong).await);
    assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, "FILTER_INVALID"));
    assert_eq!(explained.metadata["column"], "21");
}
