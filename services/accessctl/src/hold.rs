//! `accessctl hold`: brakes, by anybody but the practice.

use clap::{Args, Subcommand, ValueEnum};
use proto::scheduler::v1 as scheduler;

use crate::confirmation::{self, Affected, Confirmation};
use crate::connection::{Connection, every_page};
use crate::failure::BadInput;
use crate::moments::shown;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, number, word};

#[derive(Subcommand)]
pub(crate) enum Hold {
    /// Place a brake; it takes effect before the next seal
    Place(Box<Place>),
    /// Lift a brake; the others stay. A safety hold takes two people
    Lift {
        /// holds/7
        hold: String,
        #[command(flatten)]
        change: Change,
    },
    /// Brakes, newest first
    List {
        /// Also those lifted
        #[arg(long)]
        all: bool,
    },
    /// Say that you have seen a halt, and why it may be lifted
    Acknowledge {
        /// holds/7
        hold: String,
        #[command(flatten)]
        change: Change,
    },
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("scope").required(true)
    .args(["national", "supplier", "region", "icb", "programme", "wave", "practice", "filter"]))]
pub(crate) struct Place {
    /// Everybody
    #[arg(long)]
    national: bool,
    /// A supplier's practices, e.g. TPP
    #[arg(long)]
    supplier: Option<String>,
    /// A region's, e.g. Y60
    #[arg(long)]
    region: Option<String>,
    /// An ICB's, e.g. QHM
    #[arg(long)]
    icb: Option<String>,
    /// A programme's
    #[arg(long)]
    programme: Option<String>,
    /// A wave's: programmes/spring-opening/waves/3
    #[arg(long)]
    wave: Option<String>,
    /// One practice's, e.g. A81001
    #[arg(long)]
    practice: Option<String>,
    /// Those that a CEL expression selects now; members are fixed
    #[arg(long)]
    filter: Option<String>,
    /// On what grounds
    #[arg(long, value_enum)]
    class: Class,
    /// How hard: a hold lets what was sent settle; a stop also asks the supplier to cancel it
    #[arg(long, value_enum, default_value_t)]
    brake: BrakeKind,
    /// Who answers for it; the caller where it is left out
    #[arg(long, default_value = "")]
    owner: String,
    /// When it is to be looked at again
    #[arg(long, default_value = "", value_name = "DATE")]
    review_on: String,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    change: Change,
}

#[derive(Clone, Copy, ValueEnum)]
enum Class {
    Safety,
    Supplier,
    Legal,
    Capacity,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum BrakeKind {
    #[default]
    Hold,
    Stop,
}

pub(crate) async fn run(connection: &Connection, output: Output, hold: Hold) -> anyhow::Result<()> {
    match hold {
        Hold::Place(place) => run_place(connection, output, *place).await,
        Hold::Lift { hold, change } => lift(connection, output, &hold, &change).await,
        Hold::List { all } => list(connection, output, all).await,
        Hold::Acknowledge { hold, change } => acknowledge(connection, output, &hold, &change).await,
    }
}

async fn run_place(connection: &Connection, output: Output, place: Place) -> anyhow::Result<()> {
    let selects = place.filter.is_some();
    let mut request = scheduler::PlaceHoldRequest {
        brake: match place.brake {
            BrakeKind::Hold => scheduler::Brake::Hold,
            BrakeKind::Stop => scheduler::Brake::Stop,
        }
        .into(),
        hold_class: match place.class {
            Class::Safety => scheduler::HoldClass::Safety,
            Class::Supplier => scheduler::HoldClass::Supplier,
            Class::Legal => scheduler::HoldClass::Legal,
            Class::Capacity => scheduler::HoldClass::Capacity,
        }
        .into(),
        scope: Some(scheduler::HoldScope { scope: Some(scope(&place)?) }),
        owner: place.owner.clone(),
        review_on: place.review_on.clone(),
        request_id: place.change.request_id()?,
        reason_code: place.change.reason_code.clone(),
        note: place.change.reason.clone(),
        dry_run: place.change.dry_run,
        ..Default::default()
    };
    let mut holds = connection.holds();
    if selects && !place.change.dry_run {
        let confirmed = match place.confirmation.given() {
            Some(confirmed) => confirmed,
            None => {
                let preview = scheduler::PlaceHoldRequest { dry_run: true, ..request.clone() };
                let seen = holds.place_hold(preview).await?.into_inner();
                confirmation::ask(&format!("withholds {}", withheld(&seen)), affected(&seen))?
            }
        };
        request.confirm_count = confirmed.count;
        request.confirm_hash = confirmed.hash;
    }
    let dry_selection = selects && place.change.dry_run;
    let reply = holds.place_hold(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.PlaceHoldResponse", &reply, || {
        let hold = reply.hold.clone().unwrap_or_default();
        Table::facts([
            ("hold", hold.name.clone()),
            ("state", word(hold.state().as_str_name(), "HOLD_STATE_")),
            ("withholds", withheld(&reply)),
            ("confirm with", if dry_selection { format!("--confirm {}", affected(&reply)) } else { String::new() }),
            ("effect", if place.change.dry_run { "dry run: nothing was changed".to_owned() } else { String::new() }),
            ("position", reply.position.to_string()),
        ])
    })
}

fn withheld(reply: &scheduler::PlaceHoldResponse) -> String {
    format!("{} practices, {} patients", number(reply.affected_count), number(reply.patients_count))
}

fn affected(reply: &scheduler::PlaceHoldResponse) -> Affected {
    Affected { count: reply.affected_count, hash: reply.affected_hash.clone() }
}

fn scope(place: &Place) -> anyhow::Result<scheduler::hold_scope::Scope> {
    use scheduler::hold_scope::Scope;
    let named = |collection: &str, given: &Option<String>| given.as_ref().map(|given| name(collection, given));
    if place.national {
        return Ok(Scope::National(true));
    }
    let given = named("suppliers", &place.supplier)
        .map(Scope::Supplier)
        .or_else(|| named("regions", &place.region).map(Scope::Region))
        .or_else(|| named("icbs", &place.icb).map(Scope::Icb))
        .or_else(|| named("programmes", &place.programme).map(Scope::Programme))
        .or_else(|| place.wave.clone().map(Scope::Wave))
        .or_else(|| named("practices", &place.practice).map(Scope::Practice))
        .or_else(|| {
            let filter = place.filter.clone()?;
            Some(Scope::Selection(scheduler::Selection { filter, practices: Vec::new() }))
        });
    given.ok_or_else(|| BadInput("say whom the hold covers, e.g. --supplier TPP or --national".to_owned()).into())
}

/// The hold of that name as it is now: an edit gives its etag back.
async fn find(connection: &Connection, hold: &str) -> anyhow::Result<scheduler::Hold> {
    let wanted = name("holds", hold);
    let all = scheduler::ListHoldsRequest { show_lifted: true, ..Default::default() };
    let reply = every_page!(connection.holds(), list_holds, all, holds);
    reply
        .holds
        .into_iter()
        .find(|hold| hold.name == wanted)
        .ok_or_else(|| BadInput(format!("there is no {wanted}; see `hold list --all`")).into())
}

async fn lift(connection: &Connection, output: Output, hold: &str, change: &Change) -> anyhow::Result<()> {
    let known = find(connection, hold).await?;
    let request = scheduler::LiftHoldRequest {
        name: known.name,
        request_id: change.request_id()?,
        etag: known.etag,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
    };
    let reply = connection.holds().lift_hold(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.LiftHoldResponse", &reply, || {
        let hold = reply.hold.clone().unwrap_or_default();
        let waits = reply.second_person_until.as_ref().map(|until| {
            format!("another person lifts it by {}: accessctl hold lift {}", shown(Some(until)), hold.name)
        });
        Table::facts([
            ("hold", hold.name.clone()),
            ("state", word(hold.state().as_str_name(), "HOLD_STATE_")),
            ("next", waits.unwrap_or_default()),
        ])
    })
}

async fn list(connection: &Connection, output: Output, all: bool) -> anyhow::Result<()> {
    let list = scheduler::ListHoldsRequest { show_lifted: all, ..Default::default() };
    let reply = every_page!(connection.holds(), list_holds, list, holds);
    output.print("citizens_access.scheduler.v1.ListHoldsResponse", &reply, || {
        let mut table = Table::new(&["HOLD", "STATE", "CLASS", "SCOPE", "OWNER", "REASON", "PLACED", "REVIEW"]);
        for hold in &reply.holds {
            table.row([
                hold.name.clone(),
                word(hold.state().as_str_name(), "HOLD_STATE_"),
                word(hold.hold_class().as_str_name(), "HOLD_CLASS_"),
                scope_in_words(hold),
                hold.owner.clone(),
                hold.reason_code.clone(),
                shown(hold.placed_at.as_ref()),
                hold.review_on.clone(),
            ]);
        }
        table
    })
}

fn scope_in_words(hold: &scheduler::Hold) -> String {
    use scheduler::hold_scope::Scope;
    match hold.scope.as_ref().and_then(|scope| scope.scope.as_ref()) {
        Some(Scope::National(_)) => "everybody".to_owned(),
        Some(
            Scope::Supplier(name)
            | Scope::Region(name)
            | Scope::Icb(name)
            | Scope::Programme(name)
            | Scope::Wave(name)
            | Scope::Practice(name),
        ) => name.clone(),
        Some(Scope::Selection(_)) => format!("{} practices", number(hold.practices_count)),
        None => String::new(),
    }
}

async fn acknowledge(connection: &Connection, output: Output, hold: &str, change: &Change) -> anyhow::Result<()> {
    let request = scheduler::AcknowledgeHaltRequest {
        name: name("holds", hold),
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
        ..Default::default()
    };
    let reply = connection.holds().acknowledge_halt(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.AcknowledgeHaltResponse", &reply, || {
        let hold = reply.hold.clone().unwrap_or_default();
        Table::facts([("hold", hold.name.clone()), ("acknowledged by", hold.acknowledged_by)])
    })
}
