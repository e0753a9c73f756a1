//! `accessctl practice export`: the registry's file, written as it comes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anstream::eprintln;
use anyhow::Context;
use clap::{Args, ValueEnum};
use proto::registry::v1 as registry;

use crate::connection::Connection;
use crate::moments::moment;
use crate::output::{Output, number};

#[derive(Args)]
pub(crate) struct Export {
    /// The file's format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Everything that was ever said of the practices, with both its times
    #[arg(long)]
    history: bool,
    /// CEL, e.g. practice.supplier == "TPP"; without it all practices
    #[arg(long, default_value = "")]
    filter: String,
    /// As it was true at this moment or on this date (London's time)
    #[arg(long, value_name = "MOMENT")]
    effective_at: Option<String>,
    /// By what was known at this moment or on this date
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
    /// Where to; standard output where it is left out
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// The file's format.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// A row for each practice; with --history, one for each fact
    #[default]
    Csv,
    /// A FHIR R4 Bundle of Organization and OrganizationAffiliation
    Fhir,
}

pub(crate) async fn run(connection: &Connection, output: Output, export: Export) -> anyhow::Result<()> {
    let format = match export.format {
        Format::Csv => registry::ExportFormat::Csv,
        Format::Fhir => registry::ExportFormat::FhirR4,
    };
    let request = registry::ExportPracticesRequest {
        format: format.into(),
        filter: export.filter,
        history: export.history,
        effective_at: export.effective_at.as_deref().map(moment).transpose()?,
        known_at: export.known_at.as_deref().map(moment).transpose()?,
        ..Default::default()
    };
    let mut pieces = connection.registry().export_practices(request).await?.into_inner();
    let shown = export.to.as_ref().map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
    let mut file: Box<dyn Write> = match &export.to {
        Some(path) => Box::new(BufWriter::new(File::create(path).with_context(|| format!("cannot write {shown}"))?)),
        None => Box::new(std::io::stdout().lock()),
    };
    let (mut practice_count, mut position) = (0, 0);
    // Whoever finds the file cut off knows by the exit code; a bundle then lacks its end, too.
    while let Some(piece) = pieces.message().await.context("the export broke off; the file is not whole")? {
        file.write_all(&piece.data).with_context(|| format!("cannot write {shown}"))?;
        (practice_count, position) = (piece.practice_count, piece.position);
    }
    file.flush().with_context(|| format!("cannot write {shown}"))?;
    if output.for_people() && export.to.is_some() {
        eprintln!("{} practices at position {position}: {shown}", number(practice_count.into()));
    }
    Ok(())
}
