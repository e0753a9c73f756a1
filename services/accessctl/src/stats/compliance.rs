//! `accessctl stats compliance` and `definitions`: how far practices have come, and what every figure means.

use clap::Args;
use proto::statistics::v1 as statistics;

use super::{Area, wire_area};
use crate::connection::{Connection, every_page};
use crate::moments::{as_at, shown};
use crate::mutation::name;
use crate::output::{Output, Table, number};

#[derive(Args)]
pub(crate) struct Compliance {
    /// One row for each of these; one row for the area where it is left out
    #[arg(long, value_enum)]
    by: Option<Area>,
    /// england, regions/Y56, icbs/QWE, sub-icbs/36L, pcns/U12345, suppliers/EMIS or practices/A81001
    #[arg(long, default_value = "england")]
    area: String,
    /// A date (its last instant) or a moment, London's time; now where it is left out
    #[arg(long)]
    as_at: Option<String>,
    /// What was known by then
    #[arg(long)]
    known_at: Option<String>,
}

pub(crate) async fn compliance(connection: &Connection, output: Output, asked: Compliance) -> anyhow::Result<()> {
    let request = statistics::GetComplianceRequest {
        area: asked.area,
        group_by: asked.by.map_or(statistics::AreaKind::Unspecified, wire_area).into(),
        as_at: asked.as_at.as_deref().map(as_at).transpose()?,
        known_at: asked.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = every_page!(connection.statistics(), get_compliance, request, areas);
    if output.for_people() {
        for definition in reply.definitions.iter().filter(|definition| definition.not_known) {
            anstream::eprintln!("{}: {}", definition.name, definition.words);
        }
        anstream::eprintln!(
            "as at {}, known at {}, registry position {}, returns position {}",
            shown(reply.as_at.as_ref()),
            shown(reply.known_at.as_ref()),
            reply.registry_position,
            reply.returns_position,
        );
    }
    output.print("citizens_access.statistics.v1.GetComplianceResponse", &reply, || table(&reply))
}

fn table(reply: &statistics::GetComplianceResponse) -> Table {
    let mut table = Table::new(&["AREA", "FIGURE", "VALUE", "OF", "WITHOUT DATA", "DEFINITION"]);
    for area in &reply.areas {
        let figures = [
            ("default for new users", &area.default_for_new_users),
            ("on for 90 % of accounts", &area.on_for_most_accounts),
            ("accounts with access", &area.accounts_with_access),
            ("patients excluded", &area.patients_excluded),
        ];
        for (what, figure) in figures {
            let figure = figure.clone().unwrap_or_default();
            table.row([
                area.area.clone(),
                what.to_owned(),
                number(figure.value),
                figure.denominator.as_ref().map(of).unwrap_or_default(),
                number(figure.practices_without_data),
                figure.definition,
            ]);
        }
        for whole in &area.published {
            let (value, source) = (number(whole.value), format!("{}, {}", whole.source, whole.as_at_date));
            let what = "patients as published".to_owned();
            table.row([area.area.clone(), what, value, source, String::new(), whole.definition.clone()]);
        }
    }
    table
}

/// What a figure is a part of, with who counted it and when, where that is known.
pub(super) fn of(whole: &statistics::Denominator) -> String {
    let told = [whole.source.as_str(), whole.as_at_date.as_str()];
    let told: Vec<&str> = told.into_iter().filter(|word| !word.is_empty()).collect();
    if told.is_empty() { number(whole.value) } else { format!("{} ({})", number(whole.value), told.join(", ")) }
}

pub(crate) async fn definitions(connection: &Connection, output: Output, one: Option<String>) -> anyhow::Result<()> {
    if let Some(one) = one {
        let get = statistics::GetDefinitionRequest { name: name("definitions", &one) };
        let reply = connection.statistics().get_definition(get).await?.into_inner();
        return output.print("citizens_access.statistics.v1.GetDefinitionResponse", &reply, || {
            let definition = reply.definition.clone().unwrap_or_default();
            Table::facts([
                ("definition", definition.name),
                ("words", definition.words),
                ("area", definition.area),
                ("out of", definition.denominator),
                ("counted", if definition.not_known { "no" } else { "yes" }.to_owned()),
            ])
        });
    }
    let list = statistics::ListDefinitionsRequest::default();
    let reply = every_page!(connection.statistics(), list_definitions, list, definitions);
    output.print("citizens_access.statistics.v1.ListDefinitionsResponse", &reply, || {
        let mut table = Table::new(&["DEFINITION", "COUNTED", "WORDS"]);
        for definition in &reply.definitions {
            let counted = if definition.not_known { "no" } else { "yes" };
            let name = definition.name.trim_start_matches("definitions/").to_owned();
            table.row([name, counted.to_owned(), definition.words.clone()]);
        }
        table
    })
}
