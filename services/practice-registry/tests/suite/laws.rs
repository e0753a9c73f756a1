//! Laws of reading while others write: a resumed watch equals an unbroken one, and pages plus changes equal the whole.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{ListSizes, Map};
use proto::registry::v1::PracticeChangeKind::Removed;
use tonic::Streaming;

use crate::bench::{Bench, Client, header};
use crate::files;

const CODES: [&str; 7] = ["A81001", "A81002", "A81003", "B82001", "A80001", "A81999", "C83001"];

const FILTERS: [&str; 4] = [
    "",
    "practice.paused",
    "practice.list_size < 8000 || practice.supplier == \"EMIS\"",
    "practice.live || practice.disputed",
];

/// Something that somebody records, by one replica or the other.
#[derive(Clone, Debug)]
enum Write {
    Pause(usize),
    Resume(usize),
    /// New at first, then moved.
    Move(usize, bool),
    Size(usize, u32),
    Look(usize, bool, bool),
}

#[derive(Clone, Debug)]
enum Step {
    Write(Write),
    /// The reader reads this many messages, as long as there are any.
    Read(u8),
    /// The reader reads all that there is.
    CatchUp,
    /// The reader's connection breaks; it goes on at this replica.
    Break {
        at: usize,
    },
    /// A replica restarts, and the reader goes on there.
    Restart {
        at: usize,
    },
}

fn writes() -> impl Strategy<Value = Write> {
    let practice = 0..CODES.len();
    prop_oneof![
        practice.clone().prop_map(Write::Pause),
        practice.clone().prop_map(Write::Resume),
        (practice.clone(), any::<bool>()).prop_map(|(practice, tpp)| Write::Move(practice, tpp)),
        (practice.clone(), prop_oneof![Just(7_000), Just(9_000)])
            .prop_map(|(practice, patients)| Write::Size(practice, patients)),
        (practice, any::<bool>(), any::<bool>()).prop_map(|(practice, list, on)| Write::Look(practice, list, on)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => writes().prop_map(Step::Write),
        3 => (1..4_u8).prop_map(Step::Read),
        1 => Just(Step::CatchUp),
        2 => (0..2_usize).prop_map(|at| Step::Break { at }),
        1 => (0..2_usize).prop_map(|at| Step::Restart { at }),
    ];
    proptest::collection::vec(step, 0..30)
}

/// A reader of a watch, with what it keeps.
struct Reader {
    filter: &'static str,
    have: BTreeMap<String, wire::Practice>,
    /// Where to go on.
    token: String,
    /// Up to where it has everything; None in between.
    complete_at: Option<u64>,
    stream: Streaming<wire::WatchPracticesResponse>,
}

impl Reader {
    async fn begin(client: &mut Client, filter: &'static str) -> Self {
        let stream = Self::open(client, filter, "").await;
        Self { filter, have: BTreeMap::new(), token: String::new(), complete_at: None, stream }
    }

    async fn open(client: &mut Client, filter: &str, token: &str) -> Streaming<wire::WatchPracticesResponse> {
        let request = wire::WatchPracticesRequest { filter: filter.to_owned(), resume_token: token.to_owned() };
        client.watch_practices(request).await.unwrap().into_inner()
    }

    async fn go_on(&mut self, client: &mut Client) {
        if self.token.is_empty() {
            self.have.clear();
        }
        self.complete_at = None;
        self.stream = Self::open(client, self.filter, &self.token).await;
    }

    async fn read(&mut self) {
        let message = self.stream.message().await.unwrap().unwrap();
        self.complete_at = message.bookmark.then_some(message.position);
        if message.bookmark {
            self.token = message.resume_token;
        }
        for change in message.changes {
            let removed = change.kind() == Removed;
            let practice = change.practice.unwrap();
            if removed {
                self.have.remove(&practice.ods_code);
            } else {
                self.have.insert(practice.ods_code.clone(), practice);
            }
        }
    }

    async fn catch_up(&mut self, position: u64) {
        while self.complete_at.is_none_or(|complete_at| complete_at < position) {
            self.read().await;
        }
    }
}

/// Two replicas on one journal, and what was written through them.
struct World {
    replicas: Vec<Bench>,
    written_count: usize,
}

impl World {
    async fn new() -> Self {
        let first = Bench::with_short_messages().await;
        let second = first.replica().await;
        Self { replicas: vec![first, second], written_count: 0 }
    }

    /// Records by one replica and then by the other. What is refused changes nothing.
    async fn write(&mut self, write: &Write) {
        self.written_count += 1;
        let request_id = format!("write-{}", self.written_count);
        let bench = &mut self.replicas[self.written_count % 2];
        match write {
            Write::Pause(practice) => {
                let name = format!("practices/{}", CODES[*practice]);
                let end = wire::PauseEnd::FurtherNotice.into();
                let pause = wire::PausePracticeRequest { name, end, request_id, ..Default::default() };
                drop(bench.client.pause_practice(pause).await);
            }
            Write::Resume(practice) => {
                let name = format!("practices/{}", CODES[*practice]);
                let resume = wire::ResumePracticeRequest { name, request_id, ..Default::default() };
                let practice = format!("alice;organisation=practices/{}", CODES[*practice]);
                drop(bench.client_as(&practice).resume_practice(resume).await);
            }
            Write::Move(practice, tpp) => {
                let row = files::map_row(CODES[*practice], "SURGERY", if *tpp { "TPP" } else { "EMIS" });
                bench.import(header(Map, &request_id), files::map_of(&[row]).as_bytes()).await.unwrap();
            }
            Write::Size(practice, patients) => {
                let row = files::lists_row(CODES[*practice], &patients.to_string());
                bench.import(header(ListSizes, &request_id), files::lists_of(&[row]).as_bytes()).await.unwrap();
            }
            Write::Look(practice, list, on) => {
                use wire::ObservationSource::{Practice, SupplierList};
                let observation = wire::Observation {
                    practice: format!("practices/{}", CODES[*practice]),
                    state: if *on { wire::ObservedState::On } else { wire::ObservedState::Off }.into(),
                    source: if *list { SupplierList } else { Practice }.into(),
                    ..Default::default()
                };
                let observations = vec![observation];
                let request = wire::RecordObservationRequest { observations, request_id, ..Default::default() };
                bench.client.record_observation(request).await.unwrap();
            }
        }
    }

    fn position(&self) -> u64 {
        let position = |bench: &Bench| bench.registry.engine().published().position;
        self.replicas.iter().map(position).max().unwrap()
    }

    async fn restart(&mut self, at: usize) {
        let bench = self.replicas.remove(at);
        self.replicas.insert(at, bench.reopened().await);
    }

    /// All that the filter selects now.
    async fn whole(&mut self, filter: &str) -> BTreeMap<String, wire::Practice> {
        let (filter, min_position) = (filter.to_owned(), self.position());
        let list = wire::ListPracticesRequest { filter, page_size: 1_000, min_position, ..Default::default() };
        let practices = self.replicas[0].client.list_practices(list).await.unwrap().into_inner().practices;
        practices.into_iter().map(|practice| (practice.ods_code.clone(), practice)).collect()
    }
}

fn on_a_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

async fn resumed_equals_unbroken(filter: &'static str, steps: Vec<Step>) {
    let mut world = World::new().await;
    // Never restarted, so that one reader's watch is never broken.
    let mut steady = world.replicas[0].replica().await;
    let mut unbroken = Reader::begin(&mut steady.client, filter).await;
    let mut reader = Reader::begin(&mut world.replicas[0].client, filter).await;
    for step in &steps {
        match step {
            Step::Write(write) => world.write(write).await,
            Step::Read(messages_count) => {
                for _ in 0..*messages_count {
                    if reader.complete_at.is_none_or(|complete_at| complete_at < world.position()) {
                        reader.read().await;
                    }
                }
            }
            Step::CatchUp => {
                reader.catch_up(world.position()).await;
                assert_eq!(reader.have, world.whole(filter).await, "at a bookmark it has everything");
            }
            Step::Break { at } => reader.go_on(&mut world.replicas[*at].client).await,
            Step::Restart { at } => {
                world.restart(*at).await;
                reader.go_on(&mut world.replicas[*at].client).await;
            }
        }
    }
    reader.catch_up(world.position()).await;
    unbroken.catch_up(world.position()).await;
    assert_eq!(reader.have, unbroken.have);
    assert_eq!(reader.have, world.whole(filter).await);
}

/// Reads pages of two, with a write after each; a practice may change, come and go between pages.
async fn pages_and_changes_equal_the_whole(filter: &'static str, writes: Vec<Write>) {
    let mut world = World::new().await;
    let mut reader = Reader::begin(&mut world.replicas[0].client, filter).await;
    reader.catch_up(world.position()).await;
    let before = reader.have.clone();
    let mut untouched: Vec<&str> = CODES.to_vec();
    let mut paged: BTreeMap<String, wire::Practice> = BTreeMap::new();
    let mut writes = writes.into_iter();
    let mut list = wire::ListPracticesRequest { filter: filter.to_owned(), page_size: 2, ..Default::default() };
    loop {
        let at = world.written_count % 2;
        list.min_position = world.position();
        // The position waited for is one of the arguments that a token is bound to.
        let token = std::mem::take(&mut list.page_token);
        let request = wire::ListPracticesRequest { page_token: token, min_position: 0, ..list.clone() };
        world.replicas[at].registry.engine().wait_for(list.min_position, deadline()).await.unwrap();
        let page = world.replicas[at].client.list_practices(request).await.unwrap().into_inner();
        assert!(page.practices.len() <= 2);
        for practice in page.practices {
            assert_eq!(paged.insert(practice.ods_code.clone(), practice), None, "no practice is on two pages");
        }
        if page.next_page_token.is_empty() {
            break;
        }
        list.page_token = page.next_page_token;
        if let Some(write) = writes.next() {
            untouched.retain(|code| *code != CODES[practice_of(&write)]);
            world.write(&write).await;
        }
    }
    for code in untouched {
        assert_eq!(paged.get(code), before.get(code), "what nobody touched is on exactly the pages it was to be on");
    }
    // The changes since before the first page, laid over the pages.
    reader.have = paged;
    reader.catch_up(world.position()).await;
    assert_eq!(reader.have, world.whole(filter).await);
}

fn practice_of(write: &Write) -> usize {
    match write {
        Write::Pause(practice) | Write::Resume(practice) | Write::Move(practice, _) => *practice,
        Write::Size(practice, _) | Write::Look(practice, _, _) => *practice,
    }
}

fn deadline() -> std::time::Instant {
    std::time::Instant::now() + std::time::Duration::from_secs(10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_resumed_watch_equals_an_unbroken_one(filter in 0..FILTERS.len(), steps in steps()) {
        on_a_runtime(resumed_equals_unbroken(FILTERS[filter], steps));
    }

    #[test]
    fn pages_plus_changes_equal_the_whole(
        filter in 0..FILTERS.len(),
        writes in proptest::collection::vec(writes(), 0..6),
    ) {
        on_a_runtime(pages_and_changes_equal_the_whole(FILTERS[filter], writes));
    }
}
