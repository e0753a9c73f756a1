//! Rule 16, over everything: valid NHS numbers in every text field of every RPC come out nowhere. Not in errors, logs, spans
//! and metrics, nor in a store. A person's name is where the rule keeps it, in text for people, and nowhere else. What comes by other ways
//! than fields is in `outside_fields`, what others answer in `outside_answers`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use client::Peer;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor,
    Value,
};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};

use crate::harness::installation::{Installation, Wanted};
use crate::harness::otlp::Collector;
use crate::harness::scrape;

/// Valid by its check digit, and nobody's: such numbers are kept for tests.
pub(super) const NUMBER: &str = "9990000069";
/// The same as people write it.
pub(super) const SPACED: &str = "999 000 0069";
/// The same where no space may be.
pub(super) const DASHED: &str = "999-000-0069";
/// What a note may say, since the rule has words for how it is kept and redacted.
const NAME: &str = "Zebedee Quillfeather";
/// Deeper than this no request is.
const DEPTH_MAX: usize = 5;
/// Streams are not waited for longer than this: what is wrong with their first message they say at once.
const ANSWER_PATIENCE: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_any_field_of_any_rpc_comes_out_nowhere() {
    let collector = Collector::start().await;
    let environment = collector.environment_of_everything();
    let wanted = Wanted { practices_count: 3, environment, metrics: true, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let practice = installation.england.practice(0);
    installation.accessctl("paula").say(&[
        "practice",
        "pause",
        &practice,
        "--reason-code",
        "STAFF_NOT_TRAINED",
        "--reason",
        &format!("as {NAME} asked"),
    ]);

    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("our own descriptors");
    let mut peer = installation.registry().peer("olga");
    let (mut calls, mut refused, mut kept_in) = (0, 0, BTreeSet::new());
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        // What a supplier serves is not served here.
        if method.parent_service().package_name() == "citizens_access.supplier.v1" {
            continue;
        }
        let input = method.input();
        let mut paths = Vec::new();
        text_paths(&input, &mut Vec::new(), &mut paths);
        for path in paths {
            for text in [NUMBER, SPACED, NAME] {
                calls += 1;
                let seed = Seed { path: &path, text, practice: &practice, number: calls };
                let request = seed.message(&input, 0);
                let names: Vec<&str> = path.iter().map(FieldDescriptor::name).collect();
                let Err(status) = ask(&mut peer, &method, &request).await else {
                    if text == NAME && input.get_field_by_name("request_id").is_some() {
                        kept_in.insert(names[names.len() - 1].to_owned());
                    }
                    continue;
                };
                refused += 1;
                let told = format!("{} {}", status.message(), String::from_utf8_lossy(status.details()));
                assert!(!tells(told.as_bytes()), "{} tells what {names:?} was: {told}", method.full_name());
                assert_ne!(status.code(), Code::Internal, "{} of {names:?}: {told}", method.full_name());
            }
        }
    }
    assert!(calls > 750 && refused > 300, "{calls} calls, {refused} refused");

    // What is for people to read is kept; all else has a form that no name has.
    assert_eq!(kept_in, BTreeSet::from(["evidence", "note", "reason"].map(str::to_owned)));

    let with_name = nothing_tells(installation, &collector).await;
    let keep = BTreeSet::from(["registry", "scheduler"].map(str::to_owned));
    assert_eq!(with_name, keep, "where such text was taken, and nowhere else");
}

/// Stops the installation and reads all that it wrote and sent: the number is nowhere, and the name in no telemetry. Which stores
/// hold the name, by the names of their files.
pub(super) async fn nothing_tells(installation: Installation, collector: &Collector) -> BTreeSet<String> {
    let metrics = scrape::openmetrics(installation.registry().metrics_address()).await;
    let sent = format!("{:?}", collector.metrics());
    let (logs, england) = installation.stop_and_read();
    let spans = format!("{:?}", collector.spans());
    for (place, text) in [("the logs", &logs), ("/metrics", &metrics), ("metrics sent", &sent), ("spans", &spans)] {
        assert!(!text.is_empty(), "{place} say nothing");
        assert!(!tells(text.as_bytes()), "{place} tell the number: {}", around(text, NUMBER));
        assert!(!text.contains(NAME), "{place} tell a name: {}", around(text, NAME));
    }
    let (mut files, mut with_name) = (0, BTreeSet::new());
    walk(&england.folder().join("data"), &mut |path, bytes| {
        files += 1;
        assert!(
            !tells(bytes),
            "{} holds the number: {}",
            path.display(),
            around(&String::from_utf8_lossy(bytes), NUMBER)
        );
        if find(bytes, NAME.as_bytes()) {
            with_name.insert(path.file_stem().expect("a file has a name").to_string_lossy().into_owned());
        }
    });
    assert!(files > 3, "the stores were read");
    with_name
}

pub(super) fn tells(bytes: &[u8]) -> bool {
    [NUMBER, SPACED, DASHED].iter().any(|number| find(bytes, number.as_bytes()))
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What stands around the first place of `wanted`, or of the number as people write it.
fn around(text: &str, wanted: &str) -> String {
    let Some(place) = text.find(wanted).or_else(|| text.find(SPACED)).or_else(|| text.find(DASHED)) else {
        return String::new();
    };
    let from = text.char_indices().map(|(at, _)| at).take_while(|at| at + 300 < place).last().unwrap_or(0);
    text[from..].chars().take(600).collect()
}

fn walk(folder: &Path, see: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            walk(&path, see);
        } else {
            see(&path, &std::fs::read(&path).expect("a file that can be read"));
        }
    }
}

/// The ways to all fields that take text, or bytes that may be text.
fn text_paths(message: &MessageDescriptor, way: &mut Vec<FieldDescriptor>, paths: &mut Vec<Vec<FieldDescriptor>>) {
    for field in message.fields() {
        way.push(field.clone());
        match field.kind() {
            Kind::String | Kind::Bytes => paths.push(way.clone()),
            Kind::Message(inner) if way.len() < DEPTH_MAX && inner.package_name() != "google.protobuf" => {
                text_paths(&inner, way, paths);
            }
            _ => {}
        }
        way.pop();
    }
}

/// A request that is right as far as can be guessed from names, but for one field.
struct Seed<'a> {
    path: &'a [FieldDescriptor],
    text: &'a str,
    practice: &'a str,
    number: u32,
}

impl Seed<'_> {
    fn message(&self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        if descriptor.is_map_entry() {
            return message;
        }
        for field in descriptor.fields() {
            let leads = self.path.get(depth).is_some_and(|next| next == &field);
            // Of several that exclude each other the one that leads to the seed, else the first.
            let chosen = field.containing_oneof().and_then(|oneof| {
                let on_path = oneof.fields().find(|field| self.path.get(depth) == Some(field));
                on_path.or_else(|| oneof.fields().next())
            });
            if chosen.is_some_and(|chosen| chosen != field) {
                continue;
            }
            let Some(value) = self.value(&field, depth, leads) else { continue };
            let value = match field.cardinality() {
                Cardinality::Repeated if field.is_map() => {
                    let entry = value.as_message().expect("a map's entry is a message");
                    let key = MapKey::String("key".to_owned());
                    let value = entry.get_field_by_number(2).expect("an entry has a value").into_owned();
                    Value::Map([(key, value)].into())
                }
                Cardinality::Repeated => Value::List(vec![value]),
                _ => value,
            };
            // A map with other keys is left as it is: no request has one that takes text.
            let _ = message.try_set_field(&field, value);
        }
        message
    }

    fn value(&self, field: &FieldDescriptor, depth: usize, leads: bool) -> Option<Value> {
        let is_seed = leads && depth + 1 == self.path.len();
        match field.kind() {
            Kind::String if is_seed => Some(Value::String(self.text.to_owned())),
            Kind::String => Some(Value::String(self.plausible(field))),
            Kind::Bytes if is_seed => Some(Value::Bytes(self.text.as_bytes().to_vec().into())),
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => None,
            // Beside the way to the seed only what is at the top: most of it is optional.
            Kind::Message(inner) if leads && depth + 1 < self.path.len() => {
                Some(Value::Message(self.message(&inner, depth + 1)))
            }
            Kind::Enum(_) => Some(Value::EnumNumber(1)),
            // Else what replaces is not looked at.
            Kind::Bool if field.name().starts_with("replace_") => Some(Value::Bool(true)),
            _ => None,
        }
    }

    fn plausible(&self, field: &FieldDescriptor) -> String {
        let practice = format!("practices/{}", self.practice);
        let request = field.parent_message().name().to_owned();
        match field.name() {
            "request_id" => format!("seeded-{}", self.number),
            "reason_code" => "AS_AGREED".to_owned(),
            "note" => "as agreed".to_owned(),
            "ods_code" | "ods_codes" => self.practice.to_owned(),
            "practice" | "practices" => practice,
            "supplier" | "suppliers" => "EMIS".to_owned(),
            "parent" if request.contains("Record") || request.contains("Chain") => "journals/registry".to_owned(),
            "name" if request.contains("Practice") || request.contains("Pause") => practice,
            "name" | "parent" | "programme" => "programmes/summer-opening".to_owned(),
            "channel" | "owner" | "author" => "letter".to_owned(),
            "from" | "to" if request == "Freeze" => "2031-12-24".to_owned(),
            _ => String::new(),
        }
    }
}

/// One message to any RPC, and its first answer.
async fn ask(peer: &mut Peer, method: &MethodDescriptor, request: &DynamicMessage) -> Result<(), Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path = path.parse().expect("an RPC has a path");
    let mut client = tonic::client::Grpc::new(peer.clone());
    let Ok(()) = client.ready().await;
    let bytes = request.encode_to_vec();
    let one = Request::new(tokio_stream::once(bytes));
    let answered = tokio::time::timeout(ANSWER_PATIENCE, async {
        let mut answers = client.streaming(one, path, Bytes).await?.into_inner();
        answers.message().await.map(|_| ())
    });
    // Who says nothing has taken it: what it kept is looked for in the stores.
    answered.await.unwrap_or(Ok(()))
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost_reflect::prost::bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        use prost_reflect::prost::bytes::Buf as _;
        let mut item = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
