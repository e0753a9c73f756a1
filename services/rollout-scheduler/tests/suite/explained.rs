//! Explanations as of a past moment: what was said then is said of then, whatever has happened since.

use proto::registry::v1::{ObservedState, PauseEnd};
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::hold_scope::Scope;
use supplier_simulator::SupplierProfile;
use tonic::Code;

use crate::acts::{ONE_WAVE, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

const PRACTICES: [&str; 6] = ["A81001", "A81002", "A81003", "A82001", "A82002", "A82003"];

async fn world() -> World {
    let practices = [surgeries(81_001, 3, "EMIS"), surgeries(82_001, 3, "TPP")].concat();
    let refusing = SupplierProfile { refused_share: 0.5.try_into().unwrap(), ..prompt("TPP") };
    let mut world = World::new(Setup::new(practices, vec![prompt("EMIS"), refusing])).await;
    // A cap that leaves some for the next day.
    let text = ONE_WAVE.replace("gate:", "caps: { daily: { national: { practices: 2 } } }\ngate:");
    world.approve(&text.replace("until: 2031-06-03", "until: 2031-06-05")).await;
    world
}

async fn said(world: &World, practice: &str, known_at: Option<&str>) -> wire::ExplainPracticeResponse {
    let request = wire::ExplainPracticeRequest {
        practice: format!("practices/{practice}"),
        known_at: known_at.map(|moment| api::time::to_wire(moment.parse().unwrap())),
        ..Default::default()
    };
    let mut said = world.enrolments().explain_practice(request).await.unwrap().into_inner();
    // Of the past it is not told.
    said.registry_position = 0;
    said
}

#[tokio::test]
async fn what_was_said_at_a_moment_is_said_of_it_for_good() {
    let mut world = world().await;
    let moments = [
        "2031-05-07T12:00:00Z",
        "2031-05-20T12:00:00Z",
        "2031-06-01T12:00:00Z",
        "2031-06-02T08:00:00Z",
        "2031-06-02T20:00:00Z",
        "2031-06-03T20:00:00Z",
        "2031-06-12T12:00:00Z",
    ];
    let mut then = Vec::new();
    for (number, moment) in moments.into_iter().enumerate() {
        world.until(moment).await;
        match number {
            1 => drop(world.pause("A81001", PauseEnd::FurtherNotice).await),
            2 => {
                let scope = wire::HoldScope { scope: Some(Scope::Practice("practices/A82001".to_owned())) };
                let class = wire::HoldClass::Safety.into();
                let hold = wire::PlaceHoldRequest { scope: Some(scope), hold_class: class, ..Default::default() };
                world.hold(hold).await;
            }
            4 => world.look("A81002", ObservedState::Partial).await,
            _ => {}
        }
        // What was done at that moment is known at it, and what follows from it has happened.
        let settled = moment.replace("00Z", "01Z");
        world.until(&settled).await;
        for practice in PRACTICES {
            then.push((settled.clone(), practice, said(&world, practice, None).await));
        }
    }
    world.until("2031-07-01T12:00:00Z").await;
    let mut summaries = std::collections::BTreeSet::new();
    for (moment, practice, then) in then {
        let now = said(&world, practice, Some(&moment)).await;
        assert_eq!(now, then, "{practice} at {moment}");
        assert!(now.position > 0 && now.as_at.is_some());
        summaries.insert(now.summary);
    }
    // It was worth asking: much was said, and differently at different moments.
    assert!(summaries.len() > 12, "{summaries:#?}");
}

#[tokio::test]
async fn a_moment_to_come_is_refused_and_so_is_one_before_the_practice_was_known() {
    let mut world = world().await;
    world.until("2031-05-07T12:00:00Z").await;
    let asked = async |known_at: &str| {
        let request = wire::ExplainPracticeRequest {
            practice: "practices/A81001".to_owned(),
            known_at: Some(api::time::to_wire(known_at.parse().unwrap())),
            ..Default::default()
        };
        reason(world.enrolments().explain_practice(request).await)
    };
    assert_eq!(asked("2031-05-07T12:00:00.000001Z").await, (Code::InvalidArgument, "KNOWN_AT_IN_FUTURE".to_owned()));
    assert_eq!(asked("2031-05-01T12:00:00Z").await, (Code::NotFound, "PRACTICE_NOT_FOUND".to_owned()));
}
