//! The rows of an issue, as CSV (RFC 4180) and as JSON.

use csv::{Terminator, WriterBuilder};
use serde_json::{Map, Number, Value, json};
use tally::{Issue, PublishedFigure};

use super::Edition;
use super::columns::{COLUMNS, Cell};

pub(super) fn csv(issue: &Issue, figures: &[PublishedFigure]) -> Vec<u8> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let mut write = |cells: Vec<String>| writer.write_record(cells).expect("a vector takes every row of one length");
    write(COLUMNS.iter().map(|column| column.name.to_owned()).collect());
    for figure in figures {
        write(COLUMNS.iter().map(|column| text((column.cell)(issue, figure))).collect());
    }
    writer.into_inner().expect("a vector takes every byte")
}

fn text(cell: Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Withheld => "*".to_owned(),
        Cell::Text(text) => text,
        Cell::Number(number) => number.to_string(),
        Cell::Tenths(tenths) => format!("{}.{}", tenths / 10, tenths % 10),
    }
}

/// The rows under `figures`, a key for each column; what holds for all of them, and the definitions, beside.
pub(super) fn json(edition: &Edition, figures: &[PublishedFigure]) -> Vec<u8> {
    let issue = edition.issue();
    let row = |figure: &PublishedFigure| -> Map<String, Value> {
        let cells = COLUMNS.iter().map(|column| (column.name.to_owned(), value((column.cell)(issue, figure))));
        cells.filter(|(_, value)| !value.is_null()).collect()
    };
    let definitions = edition.definitions().into_iter().map(|definition| {
        json!({
            "name": definition.measure.to_string(),
            "words": definition.words,
            "area": definition.area,
            "denominator": definition.denominator.map(|whole| whole.to_string()),
        })
    });
    let document = json!({
        "title": edition.title(),
        "publication": issue.name.publication.to_string(),
        "issue": issue.name.issue,
        "capability": issue.name.publication.capability.to_string(),
        "period": {
            "start_date": issue.name.publication.period.days().start().to_string(),
            "end_date": issue.name.publication.as_at().to_string(),
        },
        "known_at": issue.known_at.to_string(),
        "registry_position": issue.positions.registry,
        "returns_position": issue.positions.returns,
        "events_position": issue.positions.events,
        "release_time": edition.release_at.to_string(),
        "correction": issue.correction.as_ref().map(|correction| &correction.words),
        "definitions": definitions.collect::<Vec<_>>(),
        "figures": figures.iter().map(row).collect::<Vec<_>>(),
    });
    serde_json::to_vec_pretty(&document).expect("every key is text")
}

/// `*` is text among numbers: what is withheld is not what does not apply.
fn value(cell: Cell) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Withheld => Value::from("*"),
        Cell::Text(text) => Value::from(text),
        Cell::Number(number) => Value::from(number),
        Cell::Tenths(tenths) => Number::from_f64(tenths as f64 / 10.0).map_or(Value::Null, Value::Number),
    }
}
