//! `accessctl stats answers`: the four questions that committees ask, answered as at any date by the services' own figures.
//!
//! Nothing is counted here: every figure is a field of a reply, and the answer says what it is and out of what.

use clap::Args;
use proto::scheduler::v1 as scheduler;
use proto::statistics::v1 as statistics;
use serde_json::{Value, json};
use tonic::Code;

use super::compliance::of;
use crate::connection::{Connection, every_page};
use crate::failure::BadInput;
use crate::moments::{as_at, shown};
use crate::mutation::name;
use crate::output::{Output, Table, number};

#[derive(Args)]
pub(crate) struct Answers {
    /// A date (its last instant) or a moment, London's time; now where it is left out
    #[arg(long)]
    as_at: Option<String>,
    /// By what was known at this moment; where it is left out by what was known at the moment itself
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
    /// Which programme; the only one where it is left out
    #[arg(long)]
    programme: Option<String>,
}

/// What the answers are made of.
struct Figures {
    summary: statistics::GetSummaryResponse,
    /// None where there was no such programme yet.
    programme: Option<(scheduler::Programme, scheduler::ProgrammeFigures)>,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: Answers) -> anyhow::Result<()> {
    let moment = asked.as_at.as_deref().map(as_at).transpose()?;
    let known_at = asked.known_at.as_deref().map(as_at).transpose()?.or(moment);
    let name = match &asked.programme {
        Some(given) => name("programmes", given),
        None => only_programme(connection).await?,
    };
    let get = statistics::GetSummaryRequest { as_at: moment, known_at, ..Default::default() };
    let summary = connection.statistics().get_summary(get).await?.into_inner();
    let get = scheduler::GetProgrammeRequest { name, known_at: moment, ..Default::default() };
    let programme = match connection.programmes().get_programme(get).await {
        Ok(reply) => {
            let reply = reply.into_inner();
            Some((reply.programme.unwrap_or_default(), reply.figures.unwrap_or_default()))
        }
        // Before it was created: nobody was signed up, and there was no deadline.
        Err(status) if status.code() == Code::NotFound && moment.is_some() => None,
        Err(status) => return Err(status.into()),
    };
    let figures = Figures { summary, programme };
    output.print_own(&figures.json(), || figures.table())
}

async fn only_programme(connection: &Connection) -> anyhow::Result<String> {
    let list = scheduler::ListProgrammesRequest::default();
    let reply = every_page!(connection.programmes(), list_programmes, list, programmes);
    match reply.programmes.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => Err(BadInput("there is no programme".to_owned()).into()),
        several => {
            let names: Vec<&str> = several.iter().map(|programme| programme.name.as_str()).collect();
            Err(BadInput(format!("say which with --programme: {}", names.join(", "))).into())
        }
    }
}

impl Figures {
    fn json(&self) -> Value {
        let summary = &self.summary;
        let figure = |figure: &Option<statistics::Figure>| {
            let figure = figure.clone().unwrap_or_default();
            let out_of = figure.denominator.map(|whole| {
                json!({
                    "value": whole.value, "definition": whole.definition, "source": whole.source,
                    "as_at_date": whole.as_at_date,
                })
            });
            json!({ "value": figure.value, "definition": figure.definition, "out_of": out_of })
        };
        let viewers = summary.viewers.clone().unwrap_or_default();
        let signed_up = self.programme.as_ref().map(|(_, figures)| {
            let months = figures.signed_up_by_month.iter().map(|month| {
                json!({
                    "month": month.month, "practices": month.practices_count, "patients": month.patients_count,
                })
            });
            json!({
                "practices": figures.signed_up_next_three_months,
                "patients": figures.signed_up_next_three_months_patients_count,
                "by_month": months.collect::<Vec<_>>(),
            })
        });
        let deadline =
            self.programme.as_ref().map(|(programme, _)| &programme.deadline).filter(|date| !date.is_empty());
        json!({
            "as_at": shown(summary.as_at.as_ref()),
            "known_at": shown(summary.known_at.as_ref()),
            "registry_position": summary.registry_position,
            "practices_live": figure(&summary.practices_live),
            "patients_with_access": figure(&summary.patients_with_access),
            "viewers": {
                "value": viewers.value, "lower_bound": viewers.lower_bound, "upper_bound": viewers.upper_bound,
                "definition": viewers.definition,
            },
            "programme": self.programme.as_ref().map(|(programme, _)| &programme.name),
            "signed_up_next_three_months": signed_up,
            "single_deadline": deadline,
        })
    }

    fn table(&self) -> Table {
        let summary = &self.summary;
        let mut table = Table::new(&["QUESTION", "ANSWER", "DEFINITION"]);
        let out_of = |figure: &statistics::Figure| match &figure.denominator {
            None => number(figure.value),
            Some(whole) => format!("{} of {}", number(figure.value), of(whole)),
        };
        for (question, figure) in [
            ("how many practices are live?", &summary.practices_live),
            ("how many patients have access?", &summary.patients_with_access),
        ] {
            let figure = figure.clone().unwrap_or_default();
            table.row([question.to_owned(), out_of(&figure), figure.definition]);
        }
        if let Some(viewers) = &summary.viewers {
            let looked = format!("about {} people opened it in the 30 days before", number(viewers.value));
            table.row(["… and have looked?".to_owned(), looked, viewers.definition.clone()]);
        }
        let (coming, deadline) = match &self.programme {
            None => ("no programme was known".to_owned(), "no programme was known".to_owned()),
            Some((programme, figures)) => {
                let months = figures.signed_up_by_month.iter();
                let months = months.map(|month| format!("{} in {}", number(month.practices_count), month.month));
                let practices = number(figures.signed_up_next_three_months);
                let patients = number(figures.signed_up_next_three_months_patients_count);
                let when: Vec<String> = months.collect();
                let when = if when.is_empty() { String::new() } else { format!(": {}", when.join(", ")) };
                let deadline = match programme.deadline.as_str() {
                    "" => "no".to_owned(),
                    date => format!("yes, {date}"),
                };
                (format!("{practices} practices with {patients} patients in three months{when}"), deadline)
            }
        };
        table.row(["how many more are coming, and when?".to_owned(), coming, String::new()]);
        table.row(["is there a single deadline?".to_owned(), deadline, String::new()]);
        let positions = format!("registry position {}", summary.registry_position);
        let (at, known) = (shown(summary.as_at.as_ref()), shown(summary.known_at.as_ref()));
        table.row(["as at".to_owned(), format!("{at}, by what was known at {known}"), positions]);
        table
    }
}
