//! The post: takes notices on, as GOV.UK Notify does, on a machine of its own, and says by their ids what became of them.
//!
//! What becomes of a notice is drawn by its reference; how a call fares, by what it is about and how many such calls there were. It
//! keeps nobody from sending a notice twice: that is the scheduler's. What it knows outlives a crash; it is what the scheduler's
//! evidence is held against.

mod courier;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Clock;
use evidence::Carried;
use jiff::{SignedDuration, Timestamp};
use ods::{Draw, draw_for};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

pub(crate) use courier::PostCourier;

use crate::door::Rung;
use crate::hosts::POST;
use crate::network::{Counted, Traffic, accept, listen};

/// How the post fares with what it is given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PostHabits {
    /// The share of notices that are lost before it has them.
    pub(crate) lost_share: f64,
    /// The share of calls whose answer is lost.
    pub(crate) unanswered_share: f64,
    /// The share of calls that wait.
    pub(crate) late_share: f64,
    /// The share of notices that take days.
    pub(crate) slow_share: f64,
    /// The share of notices that come back.
    pub(crate) returned_share: f64,
    /// The share of notices of which nothing is ever heard.
    pub(crate) vanished_share: f64,
    /// A mistake of the post's own, for a test that it is found: what it has taken on it says to be delivered.
    pub(crate) says_delivered: bool,
}

/// What takes longer is slow.
const TAKES_DAYS: SignedDuration = SignedDuration::from_hours(24);

pub(crate) const NOTICE_LATE: &str = "the post heard late of a notice";
pub(crate) const NOTICE_SLOW: &str = "a notice took days";
pub(crate) const NOTICE_LOST: &str = "a notice was lost on its way in";
pub(crate) const UNANSWERED: &str = "the post's answer was lost";
pub(crate) const RETURNED: &str = "a notice came back";
pub(crate) const VANISHED: &str = "a notice was never heard of again";

/// The longest that a call waits, in ticks; some callers have given up by then.
const LATE_MS_MAX: u64 = 200;

/// What a caller says, a line of JSON on a connection of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Asked {
    Ready,
    Send { reference: String, is_letter: bool },
    ByReference(String),
    ById(String),
}

/// What it is told, likewise.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Answered {
    Ready,
    Busy,
    Taken { id: String },
    Unknown,
    UnderWay,
    Delivered { at: Timestamp },
    Posted { at: Timestamp },
    CameBack { is_address_wrong: bool },
}

impl Asked {
    fn about(&self) -> String {
        match self {
            Self::Ready => "ready".to_owned(),
            Self::Send { reference, .. } => format!("send {reference}"),
            Self::ByReference(reference) => format!("ask {reference}"),
            Self::ById(id) => format!("check {id}"),
        }
    }
}

/// What the post knows. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Post(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    seed: u64,
    habits: PostHabits,
    takes_notices: bool,
    refused_count: u64,
    notices: Vec<Notice>,
}

#[derive(Debug)]
struct Notice {
    reference: String,
    taken_at: Timestamp,
    end: End,
}

/// What becomes of a notice.
#[derive(Clone, Copy, Debug)]
enum End {
    Delivered { at: Timestamp },
    Posted { at: Timestamp },
    CameBack { at: Timestamp, is_address_wrong: bool },
    Vanished,
}

impl Post {
    pub(crate) fn new(seed: u64, habits: PostHabits) -> Self {
        let book = Book { seed, habits, takes_notices: true, refused_count: 0, notices: Vec::new() };
        Self(Arc::new(Mutex::new(book)))
    }

    /// Everything it took on, for whoever holds it against the journal.
    pub(crate) fn carried(&self) -> Vec<Carried> {
        let carried = |notice: &Notice| Carried {
            reference: notice.reference.clone(),
            taken_at: notice.taken_at,
            given_at: match notice.end {
                End::Delivered { at } | End::Posted { at } => Some(at),
                End::CameBack { .. } | End::Vanished => None,
            },
        };
        self.book().notices.iter().map(carried).collect()
    }

    pub(crate) fn taken_count(&self) -> u64 {
        self.book().notices.len() as u64
    }

    /// How many calls it has refused since it took none.
    pub(crate) fn refused_count(&self) -> u64 {
        self.book().refused_count
    }

    /// Has it take calls, or refuse them all.
    pub(crate) fn take_notices(&self, takes: bool) {
        self.book().takes_notices = takes;
    }

    /// Serves on its machine, for ever.
    pub(crate) async fn serve(&self, traffic: &Traffic, clock: Clock, rung: &Rung) -> io::Result<()> {
        let listener = listen().await?;
        loop {
            let stream = accept(&listener, traffic, POST).await?;
            let (post, clock, rung) = (self.clone(), clock.clone(), rung.clone());
            // Whoever hangs up has hung up.
            tokio::spawn(async move { post.answer(stream, &clock, &rung).await });
        }
    }

    async fn answer(&self, stream: Counted, clock: &Clock, rung: &Rung) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let asked: Asked = serde_json::from_str(&line)?;
        let (about, is_notice) = (asked.about(), matches!(asked, Asked::Send { .. }));
        let Book { seed, habits, .. } = *self.book();
        let time = rung.note(&about);
        let chance = |purpose: &str| draw_for(seed, purpose, &about, 0, time);
        if chance("post-late").happens(habits.late_share) {
            rung.note(NOTICE_LATE);
            tokio::time::sleep(Duration::from_millis(1 + chance("post-late-by").below(LATE_MS_MAX))).await;
        }
        if is_notice && chance("post-lost").happens(habits.lost_share) {
            rung.note(NOTICE_LOST);
            return Ok(());
        }
        let answered = self.book().answer(asked, clock.now(), rung);
        if chance("post-unanswered").happens(habits.unanswered_share) {
            rung.note(UNANSWERED);
            return Ok(());
        }
        let mut text = serde_json::to_vec(&answered)?;
        text.push(b'\n');
        stream.write_all(&text).await?;
        stream.shutdown().await
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn answer(&mut self, asked: Asked, now: Timestamp, rung: &Rung) -> Answered {
        if !self.takes_notices {
            self.refused_count += 1;
            return Answered::Busy;
        }
        match asked {
            Asked::Ready => Answered::Ready,
            Asked::Send { reference, is_letter } => {
                let end = self.end_of(&reference, is_letter, now);
                match end {
                    End::CameBack { .. } => _ = rung.note(RETURNED),
                    End::Vanished => _ = rung.note(VANISHED),
                    End::Delivered { at } | End::Posted { at } if at.duration_since(now) > TAKES_DAYS => {
                        rung.note(NOTICE_SLOW);
                    }
                    End::Delivered { .. } | End::Posted { .. } => {}
                }
                self.notices.push(Notice { reference, taken_at: now, end });
                Answered::Taken { id: id_of(self.notices.len() - 1) }
            }
            Asked::ByReference(reference) => {
                let at = self.notices.iter().position(|notice| notice.reference == reference);
                at.map_or(Answered::Unknown, |at| Answered::Taken { id: id_of(at) })
            }
            Asked::ById(id) => match id.parse().ok().and_then(|at: usize| self.notices.get(at)) {
                None => Answered::Unknown,
                Some(notice) if self.habits.says_delivered => Answered::Delivered { at: notice.taken_at },
                Some(notice) => notice.at(now),
            },
        }
    }

    fn end_of(&self, reference: &str, is_letter: bool, now: Timestamp) -> End {
        let chance = |purpose: &str| draw_for(self.seed, purpose, reference, 0, 0);
        let hours = if chance("post-slow").happens(self.habits.slow_share) { 96 } else { 2 };
        let at = now + minutes(chance("post-takes"), 60 * hours);
        match () {
            () if chance("post-vanishes").happens(self.habits.vanished_share) => End::Vanished,
            () if chance("post-returns").happens(self.habits.returned_share) => {
                End::CameBack { at, is_address_wrong: chance("post-address").happens(0.3) }
            }
            () if is_letter => End::Posted { at },
            () => End::Delivered { at },
        }
    }
}

impl Notice {
    /// What is known of it by now.
    fn at(&self, now: Timestamp) -> Answered {
        match self.end {
            End::Delivered { at } if at <= now => Answered::Delivered { at },
            End::Posted { at } if at <= now => Answered::Posted { at },
            End::CameBack { at, is_address_wrong } if at <= now => Answered::CameBack { is_address_wrong },
            _ => Answered::UnderWay,
        }
    }
}

fn id_of(place: usize) -> String {
    place.to_string()
}

fn minutes(drawn: Draw, most: u64) -> SignedDuration {
    SignedDuration::from_mins(i64::try_from(1 + drawn.below(most)).unwrap_or(1))
}
