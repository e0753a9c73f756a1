//! `accessctl organisation`: regions, ICBs, sub-ICBs and PCNs, what became of them, and practices counted by them.

use clap::{Args, Subcommand, ValueEnum};
use proto::registry::v1 as registry;

use crate::connection::{Connection, every_page};
use crate::moments::as_at;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, number, word};

#[derive(Subcommand)]
pub(crate) enum Organisation {
    /// One organisation: its dates, where its practices came from and went
    Get {
        /// Its code, e.g. QHM
        organisation: String,
        #[command(flatten)]
        moment: Moment,
    },
    /// Organisations of one kind, or all
    List {
        #[arg(long)]
        kind: Option<Kind>,
        /// CEL over the organisation, e.g. organisation.practices_count > 100
        #[arg(long, default_value = "")]
        filter: String,
        #[command(flatten)]
        moment: Moment,
    },
    /// Say from when to when it exists; both dates replace what was said before
    SetLifetime {
        /// Its code, e.g. QRV
        organisation: String,
        /// The first day; left out, none is known
        #[arg(long, value_name = "DATE", default_value = "")]
        open: String,
        /// The day from which it is closed; left out, it is not
        #[arg(long, value_name = "DATE", default_value = "")]
        close: String,
        #[command(flatten)]
        change: Change,
    },
    /// Which organisations of one day became which of another, by their practices
    Crosswalk {
        #[arg(long, default_value = "icb")]
        kind: Kind,
        /// The day of the codes to come from
        #[arg(long, value_name = "DATE")]
        from: String,
        /// The day of the codes to go to; today where it is left out
        #[arg(long, value_name = "DATE", default_value = "")]
        to: String,
        /// CEL over the practice as it is now
        #[arg(long, default_value = "")]
        filter: String,
        /// Also those that stayed what they were
        #[arg(long)]
        all: bool,
    },
    /// Practices and registered patients by region, ICB, sub-ICB, PCN or supplier
    Count {
        /// By what; without it one total
        #[arg(long)]
        by: Option<Grouping>,
        /// CEL over the practice, e.g. practice.status == "ACTIVE"
        #[arg(long, default_value = "")]
        filter: String,
        /// In the codes of this day
        #[arg(long, value_name = "DATE", default_value = "")]
        geography_date: String,
        #[command(flatten)]
        moment: Moment,
    },
}

/// Of which moment, in both times.
#[derive(Args)]
pub(crate) struct Moment {
    /// As it was in truth then: a date (its end) or a moment
    #[arg(long, value_name = "MOMENT")]
    effective_at: Option<String>,
    /// By what had been recorded then
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
}

impl Moment {
    fn effective_at(&self) -> anyhow::Result<Option<prost_types::Timestamp>> {
        self.effective_at.as_deref().map(as_at).transpose()
    }

    fn known_at(&self) -> anyhow::Result<Option<prost_types::Timestamp>> {
        self.known_at.as_deref().map(as_at).transpose()
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Region,
    Icb,
    SubIcb,
    Pcn,
}

impl Kind {
    fn to_wire(self) -> registry::OrganisationKind {
        match self {
            Self::Region => registry::OrganisationKind::Region,
            Self::Icb => registry::OrganisationKind::Icb,
            Self::SubIcb => registry::OrganisationKind::SubIcb,
            Self::Pcn => registry::OrganisationKind::Pcn,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Grouping {
    Region,
    Icb,
    SubIcb,
    Pcn,
    Supplier,
}

impl Grouping {
    fn to_wire(self) -> registry::PracticeGrouping {
        match self {
            Self::Region => registry::PracticeGrouping::Region,
            Self::Icb => registry::PracticeGrouping::Icb,
            Self::SubIcb => registry::PracticeGrouping::SubIcb,
            Self::Pcn => registry::PracticeGrouping::Pcn,
            Self::Supplier => registry::PracticeGrouping::Supplier,
        }
    }
}

pub(crate) async fn run(connection: &Connection, output: Output, organisation: Organisation) -> anyhow::Result<()> {
    match organisation {
        Organisation::Get { organisation, moment } => get(connection, output, &organisation, &moment).await,
        Organisation::List { kind, filter, moment } => list(connection, output, kind, filter, &moment).await,
        Organisation::SetLifetime { organisation, open, close, change } => {
            let name = name("organisations", &organisation);
            let lifetime = registry::SetOrganisationLifetimeRequest {
                name,
                open_date: open,
                close_date: close,
                request_id: change.request_id()?,
                reason_code: change.reason_code.clone(),
                note: change.reason.clone(),
                dry_run: change.dry_run,
                ..Default::default()
            };
            let reply = connection.registry().set_organisation_lifetime(lifetime).await?.into_inner();
            output.print("citizens_access.registry.v1.SetOrganisationLifetimeResponse", &reply, || {
                Table::facts(facts(&reply.organisation.clone().unwrap_or_default()))
            })
        }
        Organisation::Crosswalk { kind, from, to, filter, all } => {
            let walk = registry::GetCrosswalkRequest {
                kind: kind.to_wire().into(),
                from_date: from,
                to_date: to,
                filter,
                ..Default::default()
            };
            crosswalk(connection, output, walk, all).await
        }
        Organisation::Count { by, filter, geography_date, moment } => {
            let count = registry::CountPracticesRequest {
                group_by: by.map_or(registry::PracticeGrouping::Unspecified, Grouping::to_wire).into(),
                filter,
                geography_date,
                effective_at: moment.effective_at()?,
                known_at: moment.known_at()?,
                ..Default::default()
            };
            self::count(connection, output, count).await
        }
    }
}

async fn get(connection: &Connection, output: Output, organisation: &str, moment: &Moment) -> anyhow::Result<()> {
    let get = registry::GetOrganisationRequest {
        name: name("organisations", organisation),
        effective_at: moment.effective_at()?,
        known_at: moment.known_at()?,
        ..Default::default()
    };
    let reply = connection.registry().get_organisation(get).await?.into_inner();
    output.print("citizens_access.registry.v1.GetOrganisationResponse", &reply, || {
        Table::facts(facts(&reply.organisation.clone().unwrap_or_default()))
    })
}

fn facts(organisation: &registry::Organisation) -> [(&'static str, String); 9] {
    [
        ("organisation", organisation.code.clone()),
        ("kind", kind(organisation)),
        ("name", organisation.display_name.clone()),
        ("within", organisation.parent_code.clone()),
        ("open from", organisation.open_date.clone()),
        ("closed from", organisation.close_date.clone()),
        ("practices", number(organisation.practices_count)),
        ("practices came from", shares(&organisation.predecessors)),
        ("practices went to", shares(&organisation.successors)),
    ]
}

fn kind(organisation: &registry::Organisation) -> String {
    word(organisation.kind().as_str_name(), "ORGANISATION_KIND_")
}

fn shares(shares: &[registry::OrganisationShare]) -> String {
    let shown = |share: &registry::OrganisationShare| format!("{} ({})", share.code, number(share.practices_count));
    shares.iter().map(shown).collect::<Vec<_>>().join(", ")
}

async fn list(
    connection: &Connection,
    output: Output,
    kind: Option<Kind>,
    filter: String,
    moment: &Moment,
) -> anyhow::Result<()> {
    let list = registry::ListOrganisationsRequest {
        kind: kind.map_or(registry::OrganisationKind::Unspecified, Kind::to_wire).into(),
        filter,
        effective_at: moment.effective_at()?,
        known_at: moment.known_at()?,
        ..Default::default()
    };
    let reply = every_page!(connection.registry(), list_organisations, list, organisations);
    output.print("citizens_access.registry.v1.ListOrganisationsResponse", &reply, || {
        let mut table =
            Table::new(&["CODE", "KIND", "NAME", "WITHIN", "OPEN", "CLOSED", "PRACTICES", "PRACTICES WENT TO"]);
        for organisation in &reply.organisations {
            table.row([
                organisation.code.clone(),
                self::kind(organisation),
                organisation.display_name.clone(),
                organisation.parent_code.clone(),
                organisation.open_date.clone(),
                organisation.close_date.clone(),
                number(organisation.practices_count),
                shares(&organisation.successors),
            ]);
        }
        table
    })
}

async fn crosswalk(
    connection: &Connection,
    output: Output,
    walk: registry::GetCrosswalkRequest,
    all: bool,
) -> anyhow::Result<()> {
    let mut reply = every_page!(connection.registry(), get_crosswalk, walk, lines);
    reply.lines.retain(|line| all || line.from_code != line.to_code);
    output.print("citizens_access.registry.v1.GetCrosswalkResponse", &reply, || {
        let mut table = Table::new(&["FROM", "NAME", "TO", "NAME", "PRACTICES", "PATIENTS"]);
        for line in &reply.lines {
            table.row([
                line.from_code.clone(),
                line.from_display_name.clone(),
                line.to_code.clone(),
                line.to_display_name.clone(),
                number(line.practices_count),
                number(line.patients_count),
            ]);
        }
        table
    })
}

async fn count(connection: &Connection, output: Output, count: registry::CountPracticesRequest) -> anyhow::Result<()> {
    let is_grouped = count.group_by() != registry::PracticeGrouping::Unspecified;
    let reply = every_page!(connection.registry(), count_practices, count, counts);
    output.print("citizens_access.registry.v1.CountPracticesResponse", &reply, || {
        let mut table = Table::new(&["CODE", "NAME", "PRACTICES", "PATIENTS", "WITH LIST SIZE"]);
        let total = reply.total.clone().map(|total| registry::PracticeCount { code: "total".to_owned(), ..total });
        let groups = reply.counts.iter().filter(|_| is_grouped);
        for group in groups.chain(&total) {
            table.row([
                if group.code.is_empty() { "none".to_owned() } else { group.code.clone() },
                group.display_name.clone(),
                number(group.practices_count),
                number(group.patients_count),
                number(group.list_sizes_count),
            ]);
        }
        table
    })
}
