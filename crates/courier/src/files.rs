//! A folder of files, one a notice, for whoever prints and posts them, or sends them by means of their own.
//!
//! Each is written whole under another name first, so that whoever reads the folder never sees half a notice; its name is
//! its reference, so that one is written once however often it is sent.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::address::Address;
use crate::error::CourierError;
use crate::message::{Fate, Message, Sent};
use crate::text::Texts;
use crate::{Courier, Doing};

/// Only their owner reads them: they hold addresses.
const MODE: u32 = 0o600;

/// Writes notices into a folder.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    texts: Texts,
}

impl Files {
    /// Into this folder, which must be there when the first is written.
    #[must_use]
    pub fn new(folder: PathBuf, texts: Texts) -> Self {
        Self { folder, texts }
    }

    fn path(&self, reference: &str) -> PathBuf {
        self.folder.join(format!("{reference}.json"))
    }

    fn failed(&self, error: &io::Error) -> CourierError {
        CourierError::Folder { folder: self.folder.display().to_string(), cause: error.to_string() }
    }

    /// The notice as a file has it.
    fn document(&self, message: &Message) -> Vec<u8> {
        let (subject, body) = self.texts.of(message.kind(), message.text).fill(&message.fields);
        let (means, to) = match &message.to {
            Address::Email(address) => ("e-mail", vec![address.to_string()]),
            Address::Post(lines) => ("letter", lines.clone()),
        };
        let document = json!({
            "reference": message.reference,
            "means": means,
            "to": to,
            "dated": message.dated.to_string(),
            "subject": subject,
            "body": body,
            "fields": message.fields,
        });
        let mut bytes = serde_json::to_vec_pretty(&document).expect("text and lists of text are JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Off this thread: a disk may take its time.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, CourierError> {
        let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        done.map_err(|error| self.failed(&error))
    }

    async fn send_now(&self, message: &Message) -> Result<Sent, CourierError> {
        let (path, document) = (self.path(&message.reference), self.document(message));
        self.off_thread(move || write_once(&path, &document)).await?;
        Ok(Sent::HandedOver)
    }
}

/// Writes a file whole, or not at all; one that is there stays as it is.
fn write_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    // The name too is on the disk before the journal says that it was handed over.
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

impl Courier for Files {
    fn ready(&self) -> Doing<'_, Result<(), CourierError>> {
        Box::pin(async {
            let probe = self.folder.join("writable.unfinished");
            self.off_thread(move || {
                OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&probe)?;
                std::fs::remove_file(&probe)
            })
            .await
        })
    }

    fn send<'a>(&'a self, message: &'a Message) -> Doing<'a, Result<Sent, CourierError>> {
        Box::pin(self.send_now(message))
    }

    /// A file may have been taken away since by whoever reads the folder; then it is written again, which a reader tells by
    /// its name.
    fn ask<'a>(&'a self, reference: &'a str) -> Doing<'a, Result<Option<Sent>, CourierError>> {
        let path = self.path(reference);
        Box::pin(async {
            let is_there = self.off_thread(move || path.try_exists()).await?;
            Ok(is_there.then_some(Sent::HandedOver))
        })
    }

    fn check<'a>(&'a self, _: &'a str) -> Doing<'a, Result<Fate, CourierError>> {
        Box::pin(std::future::ready(Ok(Fate::Forgotten)))
    }
}
