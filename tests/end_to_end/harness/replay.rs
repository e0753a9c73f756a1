//! The golden replay's two files, as parsed documents that a test changes and writes anew.
//!
//! Written as JSON, which is YAML; so nothing depends on how a YAML writer breaks lines.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The golden replay, or another history made of it.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    /// The programme's documents, in order: each is a version of the whole plan.
    pub(crate) programme: Vec<Value>,
    pub(crate) world: Value,
}

/// The files of a [`Replay`].
pub(crate) struct ReplayFiles {
    pub(crate) programme: PathBuf,
    pub(crate) world: PathBuf,
}

pub(crate) fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/golden-replay")
}

impl Replay {
    pub(crate) fn golden() -> Self {
        let read = |name: &str| {
            let path = golden_folder().join(name);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let programme = serde_saphyr::from_multiple(&read("programme.yaml")).expect("the programme is YAML");
        let world = serde_saphyr::from_str(&read("world.yaml")).expect("the world is YAML");
        Self { programme, world }
    }

    pub(crate) fn write(&self, folder: &Path) -> ReplayFiles {
        let files = ReplayFiles { programme: folder.join("programme.yaml"), world: folder.join("world.yaml") };
        let documents: Vec<String> = self.programme.iter().map(pretty).collect();
        fs::write(&files.programme, documents.join("\n---\n")).expect("a temporary folder can be written to");
        fs::write(&files.world, pretty(&self.world)).expect("a temporary folder can be written to");
        files
    }

    /// The world's events.
    pub(crate) fn events(&mut self) -> &mut Vec<Value> {
        self.world["events"].as_array_mut().expect("a world has events")
    }

    /// Takes away the events that match; there must be some.
    pub(crate) fn without(mut self, what: &str, unwanted: impl Fn(&Value) -> bool) -> Self {
        let before = self.events().len();
        self.events().retain(|event| !unwanted(event));
        assert!(self.events().len() < before, "the world has no event for: {what}");
        self
    }

    /// Adds an event: who does what when, in the world's own words.
    #[expect(clippy::needless_pass_by_value, reason = "written as a json! literal where it is called")]
    pub(crate) fn event(mut self, id: &str, at: &str, by: &str, does: Value) -> Self {
        self.events().push(json!({ "id": id, "at": at, "by": by, "does": does }));
        self
    }

    /// The account that does `act` in this world.
    pub(crate) fn who_does(&self, act: &str) -> String {
        let events = self.world["events"].as_array().expect("a world has events");
        let event = events.iter().find(|event| does(event, act)).unwrap_or_else(|| panic!("nobody does {act}"));
        event["by"].as_str().expect("an event is by somebody").to_owned()
    }
}

/// Whether an event's act is of this name, `pause` or `place-hold`.
pub(crate) fn does(event: &Value, act: &str) -> bool {
    event["does"].get(act).is_some()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value can be written")
}
