//! `accessctl publication download`: an issue's files, written as they come.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anstream::eprintln;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use proto::statistics::v1 as statistics;

use crate::connection::Connection;
use crate::moments::as_at;
use crate::output::Output;

#[derive(Args)]
pub(crate) struct Download {
    /// A month or week: 2031-02, 2031-W09
    publication: String,
    /// Which issue; the latest where it is left out
    #[arg(long, default_value_t = 0)]
    issue: i32,
    /// Which file; with --to all of them where it is left out, else the CSV
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// As it was known, and public, at this moment or at the end of this day
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
    /// A folder that is there, for files under their own names; standard output where it is left out
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// An issue's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A row for each figure
    Csv,
    /// What the CSV's columns mean, by CSV on the Web
    Metadata,
    /// The same rows with the definitions
    Json,
    /// What it says, in plain words
    Summary,
}

const ALL: [Format; 4] = [Format::Csv, Format::Metadata, Format::Json, Format::Summary];

pub(super) async fn run(connection: &Connection, output: Output, asked: Download) -> anyhow::Result<()> {
    let known_at = asked.known_at.as_deref().map(as_at).transpose()?;
    let formats = match (asked.format, &asked.to) {
        (Some(format), _) => vec![format],
        (None, Some(_)) => ALL.to_vec(),
        (None, None) => vec![Format::Csv],
    };
    let mut issue = asked.issue;
    for format in formats {
        let request = statistics::DownloadPublicationRequest {
            name: asked.publication.clone(),
            issue,
            format: wire(format).into(),
            known_at,
        };
        let mut pieces = connection.publications().download_publication(request).await?.into_inner();
        let Some(first) = pieces.message().await? else { bail!("the file has no beginning") };
        // All files of one issue, also where another comes out meanwhile.
        issue = first.issue;
        let (shown, mut file): (String, Box<dyn Write>) = match &asked.to {
            None => ("standard output".to_owned(), Box::new(std::io::stdout().lock())),
            Some(folder) => {
                let path = folder.join(file_name(&first.file_name)?);
                let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
                (path.display().to_string(), Box::new(BufWriter::new(file)))
            }
        };
        let mut next = Some(first);
        while let Some(piece) = next {
            file.write_all(&piece.data).with_context(|| format!("cannot write {shown}"))?;
            next = pieces.message().await.context("the download broke off; the file is not whole")?;
        }
        file.flush().with_context(|| format!("cannot write {shown}"))?;
        if output.for_people() && asked.to.is_some() {
            eprintln!("{shown}");
        }
    }
    Ok(())
}

fn wire(format: Format) -> statistics::PublicationFormat {
    match format {
        Format::Csv => statistics::PublicationFormat::Csv,
        Format::Metadata => statistics::PublicationFormat::CsvwMetadata,
        Format::Json => statistics::PublicationFormat::Json,
        Format::Summary => statistics::PublicationFormat::Summary,
    }
}

/// The name, where it is one: a server decides about no other folder of ours.
fn file_name(name: &str) -> anyhow::Result<&str> {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if is_plain { Ok(name) } else { bail!("the server names the file {name:?}, which is no plain name") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_into_the_folder_and_nowhere_else() {
        assert!(file_name("access-2031-02-issue-1.csv-metadata.json").is_ok());
        for name in ["", "../x.csv", "/etc/passwd", "a/b", ".bashrc", "a\\b"] {
            assert!(file_name(name).is_err(), "{name}");
        }
    }
}
