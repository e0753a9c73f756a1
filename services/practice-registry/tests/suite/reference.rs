//! The publishers' real files, where a developer has them.

use std::io::Read as _;
use std::path::PathBuf;

use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{ListSizes, Map};

use crate::bench::{Bench, header};

/// The folder of the real files.
const VARIABLE: &str = "CITIZENS_ACCESS_REFERENCE_DATA";

pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os(VARIABLE);
    if folder.is_none() {
        // Past the test's capture, so that nobody takes a skipped test for a passed one.
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED: {VARIABLE} does not name a folder");
    }
    folder.map(PathBuf::from)
}

/// Imports a file of the folder, unpacked where it is packed.
pub(crate) async fn import(
    bench: &mut Bench,
    header: wire::ImportHeader,
    name: &str,
    folder: &std::path::Path,
) -> wire::ImportDirectoryResponse {
    use wire::import_directory_request::Part;
    let packed = std::fs::read(folder.join(name)).unwrap();
    let mut file = Vec::new();
    if std::path::Path::new(name).extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut file).unwrap();
    } else {
        file = packed;
    }
    let mut parts = vec![Part::Header(header)];
    parts.extend(file.chunks(64 * 1024).map(|piece| Part::Data(piece.to_vec().into())));
    bench.import_parts(parts).await.unwrap()
}

#[tokio::test]
async fn the_national_map_and_lists_are_imported_whole_and_a_second_time_change_nothing() {
    let Some(folder) = folder() else { return };
    let mut bench = Bench::for_large_files().await;
    let (map, lists) = ("gp-reg-pat-prac-map_2026-08-01.csv", "gp-reg-pat-prac-all_2025-04-01.csv");
    let created = import(&mut bench, header(Map, "map"), map, &folder).await;
    assert_eq!((created.rejected_count, created.unchanged_count), (0, 0));
    let counted = import(&mut bench, header(ListSizes, "lists"), lists, &folder).await;
    // Practices that closed since the lists are not on the map.
    assert_eq!(counted.updated_count + counted.rejected_count, count_rows(&folder.join(lists)));
    let position = bench.registry.engine().published().position;
    let again = import(&mut bench, header(Map, "again"), map, &folder).await;
    assert_eq!((again.affected_count, again.unchanged_count), (0, created.created_count));
    assert_eq!(bench.registry.engine().published().position, position);
    assert_eq!(created.created_count, count_rows(&folder.join(map)));
}

fn count_rows(file: &std::path::Path) -> u32 {
    let text = std::fs::read_to_string(file).unwrap();
    u32::try_from(text.lines().count() - 1).unwrap()
}
