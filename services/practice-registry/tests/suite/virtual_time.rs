//! The registry on a discrete-event clock: time stands still while there is something to do.

use authority::Authority;
use client::{Peer, PeerConfig};
use clock::{Clock, VirtualClock, VirtualConfig};
use identity::DevelopmentCaller;
use jiff::{SignedDuration, Timestamp};
use journal::{EngineConfig, Journal};
use practice_registry::{Config, Limits, PracticeRegistry};
use proto::registry::v1 as wire;
use proto::registry::v1::import_directory_request::Part;
use server::{Server, ServerConfig};
use tokio_util::sync::CancellationToken;

use crate::bench::{Client, START, header, pause};
use crate::files;

async fn open(clock: &Clock) -> (PracticeRegistry, Client) {
    let (clock, journal) = (clock.clone(), Journal::memory());
    let config = Config { journal, clock, engine: EngineConfig::default(), limits: Limits::default() };
    let registry = PracticeRegistry::open(config).await.unwrap();
    let server = Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard());
    let routes = registry.add_to(server).build().unwrap();
    let peer = Peer::local("registry", routes, "alice", PeerConfig::default()).unwrap();
    (registry, Client::new(peer))
}

/// Else a scheduler or statistics on the demo's clock would hear of the past.
#[tokio::test]
async fn a_watcher_hears_of_each_lapse_in_the_moment_in_which_it_happens() {
    let start: Timestamp = START.parse().unwrap();
    let (time, advance) = VirtualClock::new(VirtualConfig::new(start));
    let clock = Clock::Virtual(time);
    let activity = clock.activity();
    let (registry, mut client) = open(&clock).await;
    let parts = [Part::Header(header(wire::DirectoryFormat::Map, "map")), Part::Data(files::map().into_bytes().into())];
    let parts = parts.map(|part| wire::ImportDirectoryRequest { part: Some(part) });
    client.import_directory(futures_util::stream::iter(parts)).await.unwrap();
    let ends: Vec<Timestamp> = (1..=5).map(|hours| start + SignedDuration::from_hours(hours)).collect();
    for (index, end) in ends.iter().enumerate() {
        let until = Some(api::time::to_wire(*end));
        let request =
            wire::PausePracticeRequest { end: wire::PauseEnd::Until.into(), until, ..pause(&index.to_string()) };
        client.pause_practice(request).await.unwrap();
    }
    let mut stream = client.watch_practices(wire::WatchPracticesRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();

    let shutdown = CancellationToken::new();
    let loops = tokio::spawn({
        let (registry, shutdown) = (registry.clone(), shutdown.clone());
        async move { registry.run(shutdown).await }
    });
    let advance = tokio::spawn(advance.run());
    let mut first = Some(activity);
    for end in &ends {
        let message = clock.track(stream.message());
        drop(first.take());
        let (message, held) = message.await;
        let message = message.unwrap().unwrap();
        assert_eq!((clock.now(), message.recorded_at), (*end, Some(api::time::to_wire(*end))));
        // At work on it, while other tasks have every chance to run.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(clock.now(), *end);
        first = Some(held);
    }
    shutdown.cancel();
    drop(first);
    drop(stream);
    loops.await.unwrap();
    advance.abort();
}
