//! The columns of a publication's rows, in one table: the CSV, the JSON and the metadata that describes them all read it.

use tally::{Issue, PublishedFigure};

use super::exactness;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nothing: it does not apply, or is not shown.
    Empty,
    /// `*`.
    Withheld,
    Text(String),
    Number(u64),
    /// So many tenths.
    Tenths(u64),
}

/// A column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Of XML Schema, as CSV on the Web names them.
    pub(super) datatype: &'static str,
    /// No cell of it is empty.
    pub(super) is_required: bool,
    /// What stands for no value.
    pub(super) null: &'static [&'static str],
    pub(super) description: &'static str,
    pub(super) cell: fn(&Issue, &PublishedFigure) -> Cell,
}

const NEVER: &[&str] = &[];
const EMPTY: &[&str] = &[""];
const STAR: &[&str] = &["*"];
const EMPTY_OR_STAR: &[&str] = &["", "*"];

/// All of them, in order.
pub(super) const COLUMNS: [Column; 18] = [
    Column {
        name: "publication",
        title: "Publication",
        datatype: "string",
        is_required: true,
        null: NEVER,
        description: "The publication's name.",
        cell: |issue, _| Cell::Text(issue.name.publication.to_string()),
    },
    Column {
        name: "issue",
        title: "Issue",
        datatype: "integer",
        is_required: true,
        null: NEVER,
        description: "1 for what was published first, 2 for its correction, and so on. Earlier issues stay.",
        cell: |issue, _| Cell::Number(issue.name.issue.into()),
    },
    Column {
        name: "as_at_date",
        title: "As at",
        datatype: "date",
        is_required: true,
        null: NEVER,
        description: "The figures hold at the end of this day, in London; views and viewers are of the period that it ends.",
        cell: |issue, _| Cell::Text(issue.name.publication.as_at().to_string()),
    },
    Column {
        name: "known_at",
        title: "Known at",
        datatype: "dateTimeStamp",
        is_required: true,
        null: NEVER,
        description: "By what was known at this moment. People who viewed, and views by app, are counted once: corrections have them as \
                      first known.",
        cell: |_, figure| Cell::Text(figure.known_at.to_string()),
    },
    Column {
        name: "area_kind",
        title: "Kind of area",
        datatype: "string",
        is_required: true,
        null: NEVER,
        description: "england, region, icb, sub-icb, pcn, supplier (the practices that it serves), wave (its practices that were open), \
                      practice, or channel (the app by which England's records were opened).",
        cell: |_, figure| Cell::Text(figure.level.name().to_owned()),
    },
    Column {
        name: "area",
        title: "Area",
        datatype: "string",
        is_required: true,
        null: NEVER,
        description: "The area, with its ODS code; a wave or an app, with its name. Practices with 100 patients or fewer have no row.",
        cell: |_, figure| Cell::Text(figure.area.to_string()),
    },
    Column {
        name: "within",
        title: "Within",
        datatype: "string",
        is_required: false,
        null: EMPTY,
        description: "The area that this one lies in. Empty for England, and where that is not known.",
        cell: |_, figure| figure.within.as_ref().map_or(Cell::Empty, |area| Cell::Text(area.to_string())),
    },
    Column {
        name: "definition",
        title: "Definition",
        datatype: "string",
        is_required: true,
        null: NEVER,
        description: "What is counted. The words of each definition stand in the notes.",
        cell: |_, figure| Cell::Text(figure.measure.to_string()),
    },
    Column {
        name: "value",
        title: "Value",
        datatype: "integer",
        is_required: false,
        null: STAR,
        description: "How many. England's figures and counts of practices are exact. Patients of smaller areas, and views by app, are \
                      rounded to the nearest 5; * stands for 1 to 7, or for a number that is withheld so that no other can be worked out.",
        cell: |_, figure| figure.value.number().map_or(Cell::Withheld, Cell::Number),
    },
    Column {
        name: "exactness",
        title: "Exactness",
        datatype: "string",
        is_required: true,
        null: NEVER,
        description: "exact, rounded (to the nearest 5) or withheld (*).",
        cell: |_, figure| Cell::Text(exactness(figure).to_owned()),
    },
    Column {
        name: "lower_bound",
        title: "Lower bound",
        datatype: "integer",
        is_required: false,
        null: EMPTY,
        description: "Of an estimate that is shown exactly: the truth is below with a probability of 2.3 %. Of what is rounded it would \
                      tell the estimate; that is further off than 3.3 % as rarely, beside the rounding.",
        cell: |_, figure| figure.bounds.map_or(Cell::Empty, |(least, _)| Cell::Number(least)),
    },
    Column {
        name: "upper_bound",
        title: "Upper bound",
        datatype: "integer",
        is_required: false,
        null: EMPTY,
        description: "The truth is above with a probability of 2.3 %.",
        cell: |_, figure| figure.bounds.map_or(Cell::Empty, |(_, most)| Cell::Number(most)),
    },
    Column {
        name: "percentage",
        title: "Percentage",
        datatype: "decimal",
        is_required: false,
        null: EMPTY,
        description: "In a hundred of the denominator, from the numbers shown. Empty where either of them is not shown.",
        cell: |_, figure| figure.permille.map_or(Cell::Empty, Cell::Tenths),
    },
    Column {
        name: "denominator_definition",
        title: "Denominator",
        datatype: "string",
        is_required: false,
        null: EMPTY,
        description: "What the value is a part of. Empty where it is none, or that is not shown.",
        cell: |_, figure| {
            figure.denominator.as_ref().map_or(Cell::Empty, |whole| Cell::Text(whole.measure.to_string()))
        },
    },
    Column {
        name: "denominator_value",
        title: "Denominator's value",
        datatype: "integer",
        is_required: false,
        null: EMPTY_OR_STAR,
        description: "How many that are; shown by the same rules as a value.",
        cell: |_, figure| match &figure.denominator {
            None => Cell::Empty,
            Some(whole) => whole.value.number().map_or(Cell::Withheld, Cell::Number),
        },
    },
    Column {
        name: "denominator_source",
        title: "Denominator's source",
        datatype: "string",
        is_required: false,
        null: EMPTY,
        description: "Who counted the denominator.",
        cell: |_, figure| match &figure.denominator {
            Some(whole) if !whole.source.is_empty() => Cell::Text(whole.source.clone()),
            _ => Cell::Empty,
        },
    },
    Column {
        name: "denominator_as_at_date",
        title: "Denominator's day",
        datatype: "date",
        is_required: false,
        null: EMPTY,
        description: "The day of which the denominator is; the earliest where practices differ.",
        cell: |_, figure| {
            let day = figure.denominator.as_ref().and_then(|whole| whole.as_at);
            day.map_or(Cell::Empty, |day| Cell::Text(day.to_string()))
        },
    },
    Column {
        name: "practices_without_data",
        title: "Practices without data",
        datatype: "integer",
        is_required: false,
        null: EMPTY,
        description: "Live practices that should have contributed and of which no return is known.",
        cell: |_, figure| figure.practices_without_data.map_or(Cell::Empty, Cell::Number),
    },
];
