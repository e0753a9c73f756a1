use proptest::prelude::*;

use super::*;
use crate::fact::Fact;
use crate::testing::{code, figures_at, moment, told};

/// What happens to the nation between questions.
#[derive(Clone, Debug)]
enum Happening {
    /// The registry tells of a practice, from a moment on and some hours late.
    Told { practice: u32, told: crate::directory::Told, from: i64, delay: i64 },
    /// A supplier returns.
    Returned { practice: u32, end: i32, accounts: u64, delay: i64 },
    /// Somebody asks, of an area, as at a moment and as known at one.
    Asked { area: usize, at: i64, known: i64 },
    /// The same, by the picture of so many happenings before.
    AskedOfBefore { area: usize, at: i64, back: usize },
}

const AREAS: [&str; 9] = [
    "england",
    "england",
    "icbs/QHM",
    "icbs/QE1",
    "regions/Y63",
    "suppliers/TPP",
    "suppliers/EMIS",
    "sub-icbs/16C",
    "practices/A00002",
];

/// After all that was ever told.
const LATE: i64 = 24 * 200;

fn happening() -> impl Strategy<Value = Happening> {
    let known = prop_oneof![3 => Just(LATE), 1 => 0_i64..24 * 110];
    prop_oneof![
        6 => (0_u32..6, told(), -24_i64..24 * 100, 0_i64..48)
            .prop_map(|(practice, told, from, delay)| Happening::Told { practice, told, from, delay }),
        3 => (0_u32..6, 0_i32..100, 0_u64..9_000, 0_i64..48)
            .prop_map(|(practice, end, accounts, delay)| Happening::Returned { practice, end, accounts, delay }),
        5 => (0..AREAS.len(), -48_i64..24 * 110, known)
            .prop_map(|(area, at, known)| Happening::Asked { area, at, known }),
        1 => (0..AREAS.len(), -48_i64..24 * 110, 0_usize..20)
            .prop_map(|(area, at, back)| Happening::AskedOfBefore { area, at, back }),
    ]
}

proptest! {
    /// Whatever is told, moved, closed, returned and asked in whatever order: also of moments and pictures of before.
    #[test]
    fn what_is_kept_is_what_would_be_worked_out(happenings in prop::collection::vec(happening(), 1..120)) {
        let (mut directory, mut returns) = (Directory::default(), Returns::default());
        let mut kept = KeptStocks::default();
        let mut pictures = vec![(directory.clone(), returns.clone())];
        for happening in happenings {
            let (area, at, known, back) = match happening {
                Happening::Told { practice, told, from, delay } => {
                    let fact = Fact { effective_from: moment(from), recorded_at: moment(from + delay), value: told };
                    directory.tell(code(practice), fact);
                    pictures.push((directory.clone(), returns.clone()));
                    continue;
                }
                Happening::Returned { practice, end, accounts, delay } => {
                    returns.apply(&figures_at(practice, end, accounts), moment(i64::from(end) * 24 + delay));
                    pictures.push((directory.clone(), returns.clone()));
                    continue;
                }
                Happening::Asked { area, at, known } => (area, at, known, 0),
                Happening::AskedOfBefore { area, at, back } => (area, at, LATE, back),
            };
            let (directory, returns) = &pictures[(pictures.len() - 1).saturating_sub(back)];
            let area: Area = AREAS[area].parse().unwrap();
            let from = Viewpoint { as_at: moment(at), known_at: moment(known), capability: Capability::default() };
            let expected = Stocks::of(&area, &from, directory, returns);
            let followed = kept.of_followed(&area, &from, directory, returns);
            prop_assert!(followed.is_none_or(|stocks| stocks == expected));
            prop_assert_eq!(&kept.of(&area, &from, directory, returns), &expected);
            let may_be_kept = area.keeping() == Keeping::CountsAndPeople && known == LATE;
            let followed = kept.of_followed(&area, &from, directory, returns);
            prop_assert!(followed.is_some() || !may_be_kept);
            prop_assert!(followed.is_none_or(|stocks| stocks == expected));
        }
    }
}

/// A question of one area brings the sums of all of them up to the picture, and puts those of its own in order.
#[test]
fn an_area_that_nobody_has_asked_about_since_is_not_told_in_passing() {
    let mut directory = Directory::default();
    let value = crate::directory::Told::Place(crate::testing::place("QHM", "TPP"));
    directory.tell(code(1), Fact { effective_from: moment(0), recorded_at: moment(0), value });
    let returns = Returns::default();
    let from = Viewpoint { as_at: moment(1), known_at: moment(LATE), capability: Capability::default() };
    let mut kept = KeptStocks::default();
    let area: Area = "suppliers/TPP".parse().unwrap();
    let expected = kept.of(&Area::England, &from, &directory, &returns);
    assert_eq!(kept.of_followed(&Area::England, &from, &directory, &returns), Some(expected));
    assert_eq!(kept.of_followed(&area, &from, &directory, &returns), None);
    let expected = kept.of(&area, &from, &directory, &returns);
    assert_eq!(kept.of_followed(&area, &from, &directory, &returns), Some(expected));
}

/// A month's lists and a month's returns of many practices, so that notes are made and made again.
#[test]
fn sums_of_many_changes_are_those_of_the_practices() {
    let (mut directory, mut returns) = (Directory::default(), Returns::default());
    let mut kept = KeptStocks::default();
    let tell = |directory: &mut Directory, practice: u32, hours: i64, value| {
        directory.tell(code(practice), Fact { effective_from: moment(hours), recorded_at: moment(hours), value });
    };
    for practice in 0..240 {
        tell(&mut directory, practice, 0, crate::directory::Told::Place(crate::testing::place("QHM", "TPP")));
        tell(&mut directory, practice, i64::from(practice) + 1, crate::testing::access(true));
    }
    for day in (0..90).rev() {
        for practice in (0..240).filter(|practice| (practice + day) % 7 == 0) {
            let patients = u64::from(100 + practice + day);
            let counted = Some(crate::testing::date(i32::try_from(day).unwrap()));
            tell(&mut directory, practice, i64::from(day) * 24, crate::testing::list_size(patients, counted));
            returns
                .apply(&figures_at(practice, i32::try_from(day).unwrap(), patients / 2), moment(i64::from(day) * 24));
        }
        for at in [-1, 30, 24 * 45, 24 * 80 + 1, LATE] {
            for area in ["england", "icbs/QHM"] {
                let area: Area = area.parse().unwrap();
                let from = Viewpoint { as_at: moment(at), known_at: moment(LATE), capability: Capability::default() };
                assert_eq!(kept.of(&area, &from, &directory, &returns), Stocks::of(&area, &from, &directory, &returns));
            }
        }
    }
    let noted = kept.by_capability[&Capability::default()].areas[0].notes_len();
    assert!(noted > 2, "only {noted} notes: this test would show nothing of them");
}

/// Anybody may ask about any name, and nothing is kept for it.
#[test]
fn nothing_is_kept_of_a_capability_of_which_nobody_returned_anything() {
    let mut kept = KeptStocks::default();
    let invented: Capability = "capabilities/invented".parse().unwrap();
    let from = Viewpoint { as_at: moment(0), known_at: moment(0), capability: invented };
    let _ = kept.of(&Area::England, &from, &Directory::default(), &Returns::default());
    assert!(kept.by_capability.is_empty());
}
