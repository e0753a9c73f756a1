//! The scheduler's way to the post: one connection a call, over the simulated network.

use std::io;
use std::time::Duration;

use courier::{Courier, CourierError, Doing, Fate, Kind, Message, Sent, Trouble};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::{Answered, Asked};
use crate::hosts::POST;
use crate::network::{Counted, Traffic, connect};

/// How long it waits for an answer: less than until it asks what became of a notice.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(100);

/// For how long it leaves a post alone that takes nothing.
const REST: Duration = Duration::from_secs(600);

/// Carries notices to the post.
#[derive(Debug)]
pub(crate) struct PostCourier {
    pub(crate) traffic: Traffic,
    /// Whose machine it runs on.
    pub(crate) from: &'static str,
}

impl PostCourier {
    async fn call(&self, asked: Asked) -> Result<Answered, CourierError> {
        let unreachable = |error: io::Error| CourierError::Unreachable { address: address(), cause: error.to_string() };
        let stream = connect(&self.traffic, self.from, POST).await.map_err(unreachable)?;
        let answered = tokio::time::timeout(ANSWER_TIME_MAX, exchange(stream, &asked)).await;
        match answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(Answered::Busy) => {
                Err(CourierError::Busy { address: address(), limit: "none today".to_owned(), rest: REST })
            }
            Ok(answered) => Ok(answered),
            Err(error) => Err(CourierError::NoAnswer { address: address(), cause: error.to_string() }),
        }
    }
}

async fn exchange(stream: Counted, asked: &Asked) -> io::Result<Answered> {
    let mut stream = BufReader::new(stream);
    let mut text = serde_json::to_vec(asked)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    let mut line = String::new();
    // What ends without a line was not answered.
    stream.read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

fn address() -> String {
    POST.to_owned()
}

fn strange(answered: &Answered) -> CourierError {
    CourierError::NotUnderstood { address: address(), problem: format!("{answered:?}") }
}

impl Courier for PostCourier {
    fn ready(&self) -> Doing<'_, Result<(), CourierError>> {
        Box::pin(async { self.call(Asked::Ready).await.map(|_| ()) })
    }

    fn send<'a>(&'a self, message: &'a Message) -> Doing<'a, Result<Sent, CourierError>> {
        let (reference, is_letter) = (message.reference.clone(), message.kind() == Kind::Letter);
        Box::pin(async move {
            match self.call(Asked::Send { reference, is_letter }).await? {
                Answered::Taken { id } => Ok(Sent::Taken { id }),
                other => Err(strange(&other)),
            }
        })
    }

    fn ask<'a>(&'a self, reference: &'a str) -> Doing<'a, Result<Option<Sent>, CourierError>> {
        Box::pin(async move {
            match self.call(Asked::ByReference(reference.to_owned())).await? {
                Answered::Taken { id } => Ok(Some(Sent::Taken { id })),
                Answered::Unknown => Ok(None),
                other => Err(strange(&other)),
            }
        })
    }

    fn check<'a>(&'a self, id: &'a str) -> Doing<'a, Result<Fate, CourierError>> {
        Box::pin(async move {
            match self.call(Asked::ById(id.to_owned())).await? {
                Answered::UnderWay => Ok(Fate::UnderWay),
                Answered::Delivered { at } => Ok(Fate::Delivered { at: Some(at) }),
                Answered::Posted { at } => Ok(Fate::Posted { at: Some(at) }),
                Answered::CameBack { is_address_wrong: true } => Ok(Fate::Failed(Trouble::WrongAddress)),
                Answered::CameBack { is_address_wrong: false } => Ok(Fate::Failed(Trouble::Undelivered)),
                Answered::Unknown => Ok(Fate::Forgotten),
                other => Err(strange(&other)),
            }
        })
    }
}
