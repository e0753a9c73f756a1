//! Printing: a table for people, JSON or CSV for programs.
//!
//! JSON is protobuf's own mapping of the reply, through its descriptor: what a foreign client would see. CSV has the
//! table's rows.

use std::sync::LazyLock;

use anstream::println;
use anyhow::Context;
use owo_colors::OwoColorize;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::arguments::Format;

static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the build wrote this descriptor set and decoded it")
});

/// Where everything asked for is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
}

/// Rows under headings; the first column is the name of the thing.
#[derive(Debug, Default)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether people read this: then progress may be shown besides.
    pub(crate) fn for_people(self) -> bool {
        self.format == Format::Table
    }

    /// Prints `message`, of the protobuf type `name`, or its `table`.
    pub(crate) fn print<M: Message>(
        self,
        name: &str,
        message: &M,
        table: impl FnOnce() -> Table,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Table => table().print(),
            Format::Json => println!("{}", json(name, message)?),
            Format::Csv => table().print_csv()?,
        }
        Ok(())
    }

    /// Prints what no service answered: its JSON, or its `table`.
    pub(crate) fn print_own(self, value: &serde_json::Value, table: impl FnOnce() -> Table) -> anyhow::Result<()> {
        match self.format {
            Format::Table => table().print(),
            Format::Json => println!("{}", serde_json::to_string_pretty(value)?),
            Format::Csv => table().print_csv()?,
        }
        Ok(())
    }
}

/// Protobuf's JSON of a message, indented; fields without a value are shown, so that scripts find them.
fn json<M: Message>(name: &str, message: &M) -> anyhow::Result<String> {
    let descriptor = DESCRIPTORS.get_message_by_name(name).with_context(|| format!("there is no message {name}"))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new().skip_default_fields(false).use_proto_field_name(true);
    let mut serializer = serde_json::Serializer::pretty(Vec::new());
    dynamic.serialize_with_options(&mut serializer, &options)?;
    String::from_utf8(serializer.into_inner()).context("JSON is UTF-8")
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Facts about one thing: a column of names, a column of values. Empty values are left out.
    pub(crate) fn facts(facts: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut table = Self::new(&["", ""]);
        for (name, value) in facts {
            if !value.is_empty() {
                table.row([name.to_owned(), value]);
            }
        }
        table
    }

    /// Adds a row; it has as many cells as there are headings.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.headings.len());
        self.rows.push(cells.into());
    }

    /// Prints it for people, beside what was asked for.
    pub(crate) fn print(&self) {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.headings[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        if self.headings.iter().any(|heading| !heading.is_empty()) {
            println!("{}", line(&self.headings, &widths).bold());
        }
        for row in &self.rows {
            println!("{}", line(row, &widths));
        }
        if self.rows.is_empty() {
            println!("none");
        }
    }

    fn print_csv(&self) -> anyhow::Result<()> {
        let mut writer = csv::Writer::from_writer(std::io::stdout());
        let facts = self.headings.iter().all(|heading| heading.is_empty());
        if facts {
            writer.write_record(["name", "value"])?;
        } else {
            writer.write_record(self.headings.iter().map(|heading| heading.to_lowercase().replace(' ', "_")))?;
        }
        for row in &self.rows {
            writer.write_record(row)?;
        }
        Ok(writer.flush()?)
    }
}

fn line<T: AsRef<str>>(cells: &[T], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = cell.as_ref();
        // A number belongs at the right of its column, words at the left.
        if cell.starts_with(|c: char| c.is_ascii_digit()) && cell.chars().all(|c| c.is_ascii_digit() || c == ',') {
            line.push_str(&format!("{cell:>width$}  "));
        } else {
            line.push_str(&format!("{cell:<width$}  "));
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// A number with its thousands set apart.
pub(crate) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The last word of an enum's name, as people write it: `WAVE_STATE_OPEN` under the prefix `WAVE_STATE_` is `OPEN`.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    match name.strip_prefix(prefix) {
        Some("UNSPECIFIED") | None => String::new(),
        Some(word) => word.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_at_the_right() {
        assert_eq!(line(&["waves/1", "12", "x"], &[8, 4, 1]), "waves/1     12  x");
        assert_eq!(number(-1_234_567), "-1,234,567");
        assert_eq!(word("WAVE_STATE_OPEN", "WAVE_STATE_"), "OPEN");
        assert_eq!(word("WAVE_STATE_UNSPECIFIED", "WAVE_STATE_"), "");
    }

    #[test]
    fn json_is_protobufs_own() {
        let key = proto::registry::v1::CommandKey { practice: "practices/A81001".to_owned(), ..Default::default() };
        let json = json("citizens_access.registry.v1.CommandKey", &key).unwrap();
        assert!(json.contains("\"practice\": \"practices/A81001\""), "{json}");
        assert!(json.contains("COMMAND_ACTION_UNSPECIFIED"), "{json}");
    }
}
