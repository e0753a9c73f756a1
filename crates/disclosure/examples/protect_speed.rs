//! How long a month of 6,129 practices takes to be judged after so many others: `cargo run --release -p disclosure --example
//! protect_speed 24`. A correction of the last month comes after them.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example that measures and tells")]

use std::time::Instant;

use disclosure::{Issue, Part, Table, protect};

const PRACTICES: u64 = 6_129;
const ICBS: u64 = 42;

fn main() {
    let months: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(24);
    let mut issues: Vec<Issue> = Vec::new();
    for month in 0..months {
        judge(&format!("month {month}"), month_of(month, 0), &mut issues);
    }
    let last = months.saturating_sub(1);
    judge("all but a hundred returns as before", month_of(last, 1), &mut issues);
}

fn judge(name: &str, table: Table, issues: &mut Vec<Issue>) {
    let began = Instant::now();
    let history: Vec<&Issue> = issues.iter().collect();
    let issue = protect(table, &history).expect("so large a nation can be published");
    let (rows, remedies) = (issue.rows().len(), issue.remedies.len());
    println!("{name}: {rows} rows, {remedies} remedies, {} ms", began.elapsed().as_millis());
    issues.push(issue);
}

/// Practices of which one in fifty is small, one in seven hundred moves each month, and a hundred are corrected.
fn month_of(month: u64, correction: u64) -> Table {
    let part = |index: u64| {
        let most = if index.is_multiple_of(50) { 10 } else { 6_000 };
        let is_corrected = correction > 0 && index.is_multiple_of(61);
        Part {
            name: format!("practices/A{index:05}"),
            count: draw(month, index, most) + u64::from(is_corrected),
            list: Some(10_000),
            source: if is_corrected { format!("month {month}, {correction}") } else { format!("month {month}") },
        }
    };
    let index = |part: &Part| part.name["practices/A".len()..].parse::<u64>().expect("as it was named");
    let icb = move |part: &Part| index(part) % ICBS + u64::from((index(part) + month).is_multiple_of(700));
    let sub_icb = move |part: &Part| format!("sub-icbs/{}, {}", icb(part), index(part) / ICBS % 3);
    Table::new((0..PRACTICES).map(part).collect())
        .by("region", None, move |part| Some(format!("regions/Y{}", icb(part) % 7)))
        .by("icb", Some("region"), move |part| Some(format!("icbs/Q{:02}", icb(part))))
        .by("sub-icb", Some("icb"), move |part| Some(sub_icb(part)))
        .by("pcn", Some("sub-icb"), move |part| Some(format!("pcns/{}, {}", sub_icb(part), index(part) / 126 % 12)))
        .by("wave", None, move |part| Some(format!("waves/{}", draw(9, index(part), 30))))
        .by("supplier", None, move |part| Some(["EMIS", "TPP"][usize::from(index(part).is_multiple_of(5))].to_owned()))
        .by_part("practice", Some("icb"))
}

/// A number below `most` that depends on what it is of, and on nothing else.
fn draw(month: u64, index: u64, most: u64) -> u64 {
    let mixed = (month << 32 | index).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 32).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20) % most
}
