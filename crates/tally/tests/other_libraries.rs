//! Sketches as they are stored are read by another library of Apache DataSketches, Python's, which comes to the same: so that
//! whoever takes them out of the tables does not depend on us.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tally::{AREA_LG_K, PRACTICE_LG_K, Person, Sketch, Union};

/// How precise sketches are, and the empty ones.
struct Precision {
    lg_k: u8,
    sketch: fn() -> Sketch,
    union: fn() -> Union,
}

const PRECISIONS: [Precision; 2] = [
    Precision { lg_k: AREA_LG_K, sketch: Sketch::for_area, union: Union::for_area },
    Precision { lg_k: PRACTICE_LG_K, sketch: Sketch::for_practice, union: Union::for_practice },
];

/// The people of a group, by their numbers, each range a sketch of its own.
type Group = Vec<std::ops::Range<u64>>;

fn stored(precision: &Precision, people: &std::ops::Range<u64>) -> Vec<u8> {
    let (mut sketch, mut stored) = ((precision.sketch)(), (precision.union)());
    people.clone().for_each(|number| sketch.insert(Person::of_pseudonym(&number.to_be_bytes())));
    stored.add(&sketch);
    stored.to_bytes()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes whatever is written into it");
        text
    })
}

/// What the other library says of each group.
fn read_by_python(python: &Path, lines: &str) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_sketches.py");
    let mut reader = Command::new(python);
    let mut reader = reader.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    reader.stdin.take().expect("it has an input").write_all(lines.as_bytes()).expect("it reads");
    let output = reader.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn another_library_reads_what_is_stored_and_comes_to_the_same() {
    let Some(python) = std::env::var_os("CITIZENS_ACCESS_TEST_PYTHON") else {
        let message = "SKIPPED: CITIZENS_ACCESS_TEST_PYTHON is not set; no other library has read a sketch";
        return writeln!(std::io::stderr(), "{message}").expect("standard error is open");
    };
    let groups: Vec<Group> = vec![
        vec![0..1],
        vec![0..300],
        vec![0..5_000],
        vec![0..100_000],
        vec![0..40_000, 30_000..70_000, 1_000_000..1_000_010],
        vec![0..20, 10..30, 5..15],
    ];
    let mut lines = String::new();
    let mut expected = Vec::new();
    for precision in PRECISIONS {
        for group in &groups {
            let mut everybody = (precision.union)();
            write!(lines, "{}", precision.lg_k).expect("a text takes whatever is written into it");
            for people in group {
                let bytes = stored(&precision, people);
                everybody.add_bytes(&bytes).expect("our own bytes");
                write!(lines, " {}", hexadecimal(&bytes)).expect("a text takes whatever is written into it");
            }
            lines.push('\n');
            let estimate = everybody.estimate();
            expected.push(format!("{} {} {}", estimate.value, estimate.lower_bound, estimate.upper_bound));
        }
    }
    assert_eq!(read_by_python(Path::new(&python), &lines), expected);
}
