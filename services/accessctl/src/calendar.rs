//! `accessctl calendar`: on which days practices may go live, on which not, and what falls due.

use clap::{Args, Subcommand};
use proto::scheduler::v1 as scheduler;

use crate::connection::{Connection, every_page};
use crate::moments::shown;
use crate::mutation::name;
use crate::output::{Output, Table, word};

#[derive(Subcommand)]
pub(crate) enum Calendar {
    /// Bank holidays and days frozen for everybody
    Show,
    /// A programme's days: windows that open, days on which none does, days that a supplier has frozen for its own practices
    Days(Days),
    /// What falls due when, and what became of what did
    Due {
        /// Of this programme only
        programme: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Days {
    /// The programme whose plan is in force
    programme: String,
    /// The first day, e.g. 2031-03-03
    #[arg(long, value_name = "DATE")]
    from: String,
    /// The last day; at most a year later
    #[arg(long, value_name = "DATE")]
    to: String,
}

pub(crate) async fn run(connection: &Connection, output: Output, calendar: Calendar) -> anyhow::Result<()> {
    match calendar {
        Calendar::Show => {
            let reply =
                connection.calendar().get_calendar(scheduler::GetCalendarRequest::default()).await?.into_inner();
            output.print("citizens_access.scheduler.v1.GetCalendarResponse", &reply, || {
                closed_for_all(reply.calendar.clone().unwrap_or_default())
            })
        }
        Calendar::Days(Days { programme, from, to }) => {
            let programme = name("programmes", &programme);
            let request = scheduler::ListOpenWindowsRequest { programme, from, to, ..Default::default() };
            let reply = connection.calendar().list_open_windows(request).await?.into_inner();
            output.print("citizens_access.scheduler.v1.ListOpenWindowsResponse", &reply, || days(&reply))
        }
        Calendar::Due { programme } => {
            let programme = programme.map(|given| name("programmes", &given)).unwrap_or_default();
            let request = scheduler::ListDueMomentsRequest { programme, ..Default::default() };
            let reply = every_page!(connection.calendar(), list_due_moments, request, moments);
            output.print("citizens_access.scheduler.v1.ListDueMomentsResponse", &reply, || due(&reply.moments))
        }
    }
}

fn closed_for_all(calendar: scheduler::Calendar) -> Table {
    let holidays = calendar.bank_holidays.into_iter();
    let holidays = holidays.map(|day| [day.date.clone(), day.date, "BANK HOLIDAY".to_owned(), day.title]);
    let freezes = calendar.freezes.into_iter().map(|run| [run.from, run.to, "FREEZE".to_owned(), run.reason]);
    let mut rows: Vec<_> = holidays.chain(freezes).collect();
    rows.sort();
    let mut table = Table::new(&["FROM", "TO", "WHAT", "WHY"]);
    rows.into_iter().for_each(|row| table.row(row));
    table
}

/// Every day with what holds of it; the days of a supplier's freeze stand at its first.
fn days(reply: &scheduler::ListOpenWindowsResponse) -> Table {
    let windows = reply.windows.iter().map(|window| {
        let span = format!("{} to {}", shown(window.start_at.as_ref()), shown(window.end_at.as_ref()));
        [window.date.clone(), "OPEN".to_owned(), span, window.waves.join(", ")]
    });
    let closed = reply
        .closed_days
        .iter()
        .map(|day| [day.date.clone(), word(&day.reason, ""), day.detail.clone(), String::new()]);
    let frozen = reply.supplier_freezes.iter().map(|frozen| {
        let run = frozen.freeze.clone().unwrap_or_default();
        let days = if run.from == run.to { run.reason } else { format!("to {}: {}", run.to, run.reason) };
        [run.from, format!("FROZEN BY {}", frozen.supplier), days, frozen.waves.join(", ")]
    });
    let mut rows: Vec<_> = windows.chain(closed).chain(frozen).collect();
    rows.sort();
    let mut table = Table::new(&["DATE", "WHAT", "DETAIL", "WAVES"]);
    rows.into_iter().for_each(|row| table.row(row));
    table
}

fn due(moments: &[scheduler::DueMoment]) -> Table {
    let mut table = Table::new(&["AT", "WHAT", "WAVE", "OUTCOME", "WHY"]);
    for due in moments {
        table.row([
            shown(due.at.as_ref()),
            word(&due.kind, ""),
            due.subject.clone(),
            word(due.outcome().as_str_name(), "DUE_OUTCOME_"),
            due.reason.clone(),
        ]);
    }
    table
}
