//! The publishers' real map and list sizes, from the folder that `CITIZENS_ACCESS_REFERENCE_DATA` names: how near a sample comes
//! to England, and whether everybody finds a wave. Without it these tests say loudly that they checked nothing.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use ods::{Format, PracticeCode, read_directory};
use rollout::PracticeFacts;
use rollout::plan::{Distance, Plan, Unplaced};
use rollout::spec::Share;

use crate::world::{STAGED, World, practice};

/// The newest file whose name begins and ends like this.
fn newest(beginning: &str, end: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("CITIZENS_ACCESS_REFERENCE_DATA").map(PathBuf::from) else {
        // Not by eprintln, which the test harness keeps to itself while a test passes.
        writeln!(
            std::io::stderr(),
            "SKIPPED: CITIZENS_ACCESS_REFERENCE_DATA is not set; no sample was compared with England"
        )
        .expect("stderr can be written to");
        return None;
    };
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(beginning) && name.ends_with(end)
    };
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(named);
    Some(std::fs::read(paths.max().unwrap()).unwrap())
}

/// Every practice of the map, with its list. Who has no published list has the median one.
fn england() -> Option<Vec<PracticeFacts>> {
    let (map, list) = (newest("gp-reg-pat-prac-map_", ".csv")?, newest("gp-reg-pat-prac-all_", ".csv")?);
    let list = read_directory(Format::ListSizes, &list).unwrap().document;
    let list_sizes: BTreeMap<PracticeCode, u32> =
        list.practices.iter().filter_map(|row| Some((row.code, row.list_size?))).collect();
    let rows = read_directory(Format::Map, &map).unwrap().document.practices.into_iter();
    let facts = rows.map(|row| PracticeFacts {
        code: row.code,
        supplier: row.supplier,
        icb: row.icb,
        sub_icb: row.sub_icb,
        region: row.region,
        pcn: row.pcn,
        list_size: list_sizes.get(&row.code).copied().unwrap_or(9_000),
        ..practice(1)
    });
    Some(facts.collect())
}

/// A canary of eight, a sample of sixty, then everybody, 120 a day and six of an ICB.
fn staged(more: &str) -> String {
    let caps = "national: {practices: 120, patients: 1400000}\n    each_icb: {practices: 6}";
    STAGED
        .replace("national: {practices: 6}", caps)
        .replace("canary: {practices: 4, days: 1", "canary: {practices: 8, days: 1")
        .replace("sample: {practices: 12, days: 2", "sample: {practices: 60, days: 2")
        .replace("rest: {days: 4}", "rest: {days: 5}")
        .replace("TPP: {mode: push}", "TPP: {mode: push}\n  Medicus: {mode: push}")
        .replace("seed: 7", &format!("seed: 7\n{more}"))
}

fn ten_thousandths(distance: &Distance) -> [u16; 4] {
    [distance.suppliers, distance.icbs, distance.list_sizes, distance.together].map(Share::ten_thousandths)
}

fn at_most(plan: &Plan, wave: usize, most: [u16; 4]) {
    let distance = ten_thousandths(plan.waves[wave].distance.as_ref().unwrap());
    let near = distance.iter().zip(most).all(|(one, most)| *one <= most);
    assert!(near, "{}: {distance:?}, and not {most:?}", plan.waves[wave].id);
}

/// What so few practices can come to at best: of eight no two can be of 36 ICBs. A draw of sixty would be five in a hundred off
/// by supplier, nine by list size and thirty by ICB.
#[test]
fn a_canary_and_a_sample_resemble_the_real_england() {
    let Some(practices) = england() else { return };
    assert!(6_000 < practices.len());
    let count = practices.len();
    let plan = World::new(practices).expand(&staged("")).unwrap();
    at_most(&plan, 0, [500, 6_000, 100, 9_500]);
    at_most(&plan, 1, [100, 1_100, 200, 6_000]);
    let listed: usize = plan.waves.iter().map(|wave| wave.members.len()).sum();
    let nowhere: usize = plan.unplaced.iter().map(|(_, practices)| practices.len()).sum();
    assert_eq!(listed + nowhere, count);
    assert_eq!(plan.unplaced, [], "{plan}");
}

/// Nobody is left for ever by staying together, and the networks that mix suppliers are no exception.
#[test]
fn the_real_networks_stay_together_and_each_has_a_wave() {
    let Some(practices) = england() else { return };
    let world = World::new(practices);
    let apart = world.expand(&staged("")).unwrap().pcns_apart();
    let mixed = apart.iter().filter(|one| one.suppliers.len() > 1).count();
    assert!(1_000 < apart.len() && 100 < mixed, "{mixed} of {}", apart.len());
    // A sample is a dozen networks then, and those of one ICB share its cap.
    let text = staged("keep_together: pcns").replace("practices: 60, days: 2", "practices: 60, days: 4");
    let plan = world.expand(&text).unwrap();
    assert_eq!(plan.pcns_apart(), []);
    // One network is more than its ICB's cap lets through in five days, so no wave would ever hold it; in six days one does.
    let reasons: Vec<&Unplaced> = plan.unplaced.iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, [&Unplaced::PcnTooLarge], "{plan}");
    let plan = world.expand(&text.replace("rest: {days: 5}", "rest: {days: 6}")).unwrap();
    assert_eq!((plan.pcns_apart(), plan.unplaced.len()), (Vec::new(), 0), "{plan}");
}
