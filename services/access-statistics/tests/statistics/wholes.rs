//! Rule 14 of series: each point says what it is a part of, and each series who counted that.

use database::testing::TestStore;
use proto::statistics::v1 as wire;

use crate::figures::{query, small_world};
use crate::world::{Process, World};

/// Of each series: its name, what each point is a part of, and the whole as at the last one.
async fn wholes(process: &Process, request: wire::QuerySeriesRequest) -> Vec<(String, Vec<i64>, String)> {
    let reply = process.statistics().query_series(request).await.unwrap().into_inner();
    let whole = |series: wire::Series| {
        let values: Vec<i64> = series.points.iter().map(|point| point.denominator_value).collect();
        let words = series.denominator.map_or_else(String::new, |whole| {
            assert_eq!(Some(&whole.value), values.last(), "of the last point");
            format!("{} by {} as at {}", whole.definition, whole.source, whole.as_at_date)
        });
        (series.area + &series.set, values, words)
    };
    reply.series.into_iter().map(whole).collect()
}

fn named<const N: usize>(expected: [(&str, &[i64], &str); N]) -> Vec<(String, Vec<i64>, String)> {
    expected.into_iter().map(|(name, values, words)| (name.to_owned(), values.to_vec(), words.to_owned())).collect()
}

#[tokio::test]
async fn rule_14_each_point_of_a_series_says_what_it_is_a_part_of_and_the_series_who_counted_that() {
    use wire::{AreaKind, Interval, Measure};
    let world = World::on(TestStore::sqlite());
    let process = small_world(&world).await;
    let practices = "definitions/practices-total by practice registry as at 2031-03-10";
    let live = wholes(&process, query(Measure::PracticesLive, AreaKind::Icb, Interval::Day)).await;
    assert_eq!(live, named([("icbs/QHM", &[2; 7], practices), ("icbs/QWE", &[2; 7], practices)]));
    let patients = "definitions/patients-registered by list-sizes as at 2031-01-01";
    let access = wholes(&process, query(Measure::PatientsWithAccess, AreaKind::Region, Interval::Week)).await;
    assert_eq!(access, named([("regions/Y56", &[12_000; 2], patients), ("regions/Y63", &[3_000; 2], patients)]));
    // Those who could have viewed: nobody had returned on the first days, and a practice was off again on the 9th.
    let able = "definitions/patients-with-access by EMIS, TPP as at 2031-03-07";
    let viewers = wholes(&process, query(Measure::Viewers, AreaKind::England, Interval::Day)).await;
    assert_eq!(viewers, named([("england", &[0, 0, 0, 1_900, 2_800, 1_300, 1_300], able)]));
    // Nobody is live in QWE at the end, so nobody counts whom it would be.
    let viewers = wholes(&process, query(Measure::Viewers, AreaKind::Icb, Interval::Week)).await;
    let nobody = "definitions/patients-with-access by  as at ";
    assert_eq!(viewers, named([("icbs/QHM", &[1_300; 2], able), ("icbs/QWE", &[0; 2], nobody)]));

    let sets = ["A81001", "B81002"].map(|code| format!("practices/{code}")).to_vec();
    let sets = vec![wire::PracticeSet { name: "wave 1".to_owned(), practices: sets }];
    let of_set =
        wire::QuerySeriesRequest { sets, ..query(Measure::PatientsWithAccess, AreaKind::Unspecified, Interval::Week) };
    assert_eq!(wholes(&process, of_set).await, named([("wave 1", &[9_000; 2], patients)]));

    for alone in [Measure::RecordViews, Measure::PracticesTotal, Measure::PatientsRegistered] {
        let none = wholes(&process, query(alone, AreaKind::England, Interval::Week)).await;
        assert_eq!(none, named([("england", &[0; 2], "")]), "{alone:?} is a part of nothing");
    }
    process.stop().await;
}
