//! What the columns mean, by the W3C's model for tabular data (CSV on the Web): a description that lies beside the CSV under its
//! name with `-metadata.json` after it, where software that reads the one looks for the other.

use serde_json::{Value, json};

use super::Edition;
use super::columns::{COLUMNS, Column};

pub(super) fn metadata(edition: &Edition) -> Vec<u8> {
    let issue = edition.issue();
    let notes = edition.definitions().into_iter().map(|definition| {
        json!({
            "name": definition.measure.to_string(),
            "words": definition.words,
            "area": definition.area,
        })
    });
    let correction =
        issue.correction.as_ref().map(|correction| format!(" It corrects an earlier issue: {}", correction.words));
    let document = json!({
        "@context": ["http://www.w3.org/ns/csvw", { "@language": "en" }],
        "url": format!("{}.csv", edition.stem()),
        "dc:title": edition.title(),
        "dc:description": format!(
            "Figures as at the end of {}, by what was known at {}.{}",
            issue.name.publication.as_at(),
            issue.known_at,
            correction.unwrap_or_default(),
        ),
        "dc:issued": { "@value": edition.release_at.to_string(), "@type": "xsd:dateTime" },
        "dc:identifier": issue.name.to_string(),
        "dialect": { "header": true, "delimiter": ",", "encoding": "utf-8", "lineTerminators": ["\r\n"] },
        "tableSchema": {
            "columns": COLUMNS.iter().map(column).collect::<Vec<_>>(),
            "primaryKey": ["area", "definition"],
        },
        "notes": notes.collect::<Vec<_>>(),
    });
    serde_json::to_vec_pretty(&document).expect("every key is text")
}

fn column(column: &Column) -> Value {
    let datatype = match column.datatype {
        "integer" => json!({ "base": "integer", "minimum": 0 }),
        other => json!(other),
    };
    let mut described = json!({
        "name": column.name,
        "titles": [column.name, column.title],
        "datatype": datatype,
        "required": column.is_required,
        "dc:description": column.description,
    });
    if !column.null.is_empty() {
        described["null"] = json!(column.null);
    }
    described
}
