//! Every reason with which a call is refused is in `docs/errors.md` with its code, meaning and remedy, and nothing else is there.
//!
//! Reasons are found where `api::Error` is made. One that is handed on by a name is followed: to a constant, a `let`, or the
//! calls of the function whose parameter it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::history::source_files;
use super::root;

/// The constructors of `api::Error` that take a reason, and the code that each stands for; `new` is told its code.
const CONSTRUCTORS: [(&str, &str); 9] = [
    ("new", ""),
    ("invalid", "INVALID_ARGUMENT"),
    ("not_found", "NOT_FOUND"),
    ("already_exists", "ALREADY_EXISTS"),
    ("permission_denied", "PERMISSION_DENIED"),
    ("failed_precondition", "FAILED_PRECONDITION"),
    ("aborted", "ABORTED"),
    ("resource_exhausted", "RESOURCE_EXHAUSTED"),
    ("unavailable", "UNAVAILABLE"),
];

/// Said by `Error::internal` alone, which takes no reason.
const INTERNAL: (&str, &str) = ("INTERNAL", "INTERNAL");

/// Codes by reason.
type Reasons = BTreeMap<String, BTreeSet<String>>;

#[test]
fn each_reason_is_listed_with_its_codes_and_each_that_is_listed_is_said() {
    let text = fs::read_to_string(root().join("docs/errors.md")).expect("the errors are described");
    let (listed, said) = (listed_in(&text), said_in(&sources()));
    assert!(said.len() > 150, "reasons are found: {}", said.len());
    let rows = |these: &Reasons, those: &Reasons| -> Vec<String> {
        let missing = these.iter().filter(|(reason, codes)| those.get(*reason) != Some(codes));
        missing.map(|(reason, codes)| format!("| `{reason}` | {} |", join(codes))).collect()
    };
    let unlisted = rows(&said, &listed);
    assert!(unlisted.is_empty(), "docs/errors.md lacks, or has with other codes:\n{}", unlisted.join("\n"));
    let unsaid = rows(&listed, &said);
    assert!(unsaid.is_empty(), "docs/errors.md has what nothing says:\n{}", unsaid.join("\n"));
}

#[test]
fn each_code_without_details_stands_among_the_reasons_of_libraries() {
    let listed = fs::read_to_string(root().join("docs/errors.md")).expect("the errors are described");
    let sources = sources();
    let codes = sources.values().find_map(|text| text.split_once("pub const CODES: [&str; 17] = ["));
    let (_, codes) = codes.expect("the names of codes");
    let (codes, _) = codes.split_once(']').expect("their end");
    let codes: Vec<&str> = codes.split('"').skip(1).step_by(2).filter(|code| *code != "OK").collect();
    assert_eq!(codes.len(), 16);
    for code in codes {
        assert!(listed.contains(&format!("`{code}`")), "docs/errors.md lacks {code}");
    }
}

/// The rows of all tables that begin with a reason: reason, codes, meaning, remedy.
fn listed_in(text: &str) -> Reasons {
    let mut listed = Reasons::new();
    let is_row = |line: &&str| line.strip_prefix("| `").is_some_and(|rest| rest.starts_with(char::is_uppercase));
    for row in text.lines().filter(is_row) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [reason, codes, meaning, remedy] = cells[..] else { panic!("not four cells: {row}") };
        assert!(!meaning.is_empty() && !remedy.is_empty(), "a reason has a meaning and a remedy: {row}");
        let codes = codes.split(", ").map(str::to_owned).collect();
        let twice = listed.insert(reason.trim_matches('`').to_owned(), codes);
        assert!(twice.is_none(), "listed twice: {row}");
    }
    listed
}

/// The text of each source file of ours without its tests, by path.
fn sources() -> BTreeMap<PathBuf, String> {
    let mut files = Vec::new();
    for folder in ["crates", "services"] {
        source_files(&root().join(folder), &mut files);
    }
    let is_source = |path: &Path| {
        let text = path.to_string_lossy();
        text.contains("/src/") && text.ends_with(".rs") && !text.ends_with("tests.rs") && !text.contains("/testing")
    };
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
        (path, text[..end].to_owned())
    };
    files.into_iter().filter(|path| is_source(path)).map(read).collect()
}

fn said_in(sources: &BTreeMap<PathBuf, String>) -> Reasons {
    let mut said = Reasons::from([(INTERNAL.0.to_owned(), BTreeSet::from([INTERNAL.1.to_owned()]))]);
    for (path, text) in sources {
        for (constructor, code) in CONSTRUCTORS {
            for (place, arguments) in calls(text, &format!("Error::{constructor}(")) {
                let (code, reason) = match (constructor, &arguments[..]) {
                    // Errors of other makes have no template, or a kind instead of a code.
                    ("new", [code, reason, _template, ..]) if !code.starts_with("io::") => {
                        (code_of(text, code), reason)
                    }
                    ("new", _) => continue,
                    ("invalid", [_path, reason, ..]) => (Some(code.to_owned()), reason),
                    (_, [reason, ..]) => (Some(code.to_owned()), reason),
                    (_, []) => panic!("{}: an error without a reason", path.display()),
                };
                let Some(code) = code else { continue };
                let reasons = reasons_of(sources, path, place, reason);
                assert!(!reasons.is_empty(), "{}: it cannot be told what `{reason}` is", path.display());
                for reason in reasons {
                    said.entry(reason).or_default().insert(code.clone());
                }
            }
        }
    }
    said
}

/// `Code::NotFound` as `NOT_FOUND`; None for the code of a status that a library made.
fn code_of(text: &str, argument: &str) -> Option<String> {
    let named = if argument == "code" { bound_to(text, "code")? } else { argument };
    let (_, code) = named.rsplit_once("Code::")?;
    let mut name = String::new();
    for letter in code.chars().take_while(|letter| letter.is_alphanumeric()) {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    Some(name)
}

/// The reasons that the argument `named`, at `place` of the file at `path`, can be.
fn reasons_of(sources: &BTreeMap<PathBuf, String>, path: &Path, place: usize, named: &str) -> Vec<String> {
    let text = &sources[path];
    if named.starts_with('"') {
        return literals(named);
    }
    if let Some((_, value)) = text.split_once(&format!("const {named}: &str = ")) {
        return literals(value.split(';').next().unwrap_or_default());
    }
    let (head, parameter) = (enclosing_function(text, place), format!("{named}: &'static str"));
    if let Some((name, parameters)) = head.split_once('(')
        && let Some(index) = parameters.split(',').position(|one| one.trim().starts_with(&parameter))
    {
        let same_crate = sources.iter().filter(|(other, _)| crate_of(other) == crate_of(path));
        let all = same_crate.flat_map(|(_, text)| calls(text, &format!("{name}(")));
        let given = all.filter_map(|(_, arguments)| arguments.get(index).cloned());
        return given.flat_map(|argument| literals(&argument)).collect();
    }
    bound_to(text, named).map(literals).unwrap_or_default()
}

/// What stands between `let name = ` and its semicolon.
fn bound_to<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = text.split_once(&format!("let {name} = "))?;
    value.split(';').next()
}

/// Name and parameters of the function that `place` lies in, up to the closing bracket.
fn enclosing_function(text: &str, place: usize) -> &str {
    let start = text[..place].rfind("fn ").map_or(0, |start| start + "fn ".len());
    text[start..].split(')').next().unwrap_or_default()
}

/// `crates/api` of `…/crates/api/src/error.rs`.
fn crate_of(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.join("Cargo.toml").exists())
}

/// The UPPER_SNAKE texts in quotation marks.
fn literals(code: &str) -> Vec<String> {
    let is_reason = |text: &&str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    code.split('"').skip(1).step_by(2).filter(is_reason).map(str::to_owned).collect()
}

/// Each call that is written `called(…)`, neither a method's nor a longer name's, with its place and its arguments.
fn calls(text: &str, called: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (place, _) in text.match_indices(called) {
        let before = &text[..place];
        let is_longer = before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.');
        if !is_longer && !before.ends_with("fn ") {
            found.push((place, arguments(&text[place + called.len()..])));
        }
    }
    found
}

/// The arguments of a call, whose text begins behind the opening bracket.
fn arguments(text: &str) -> Vec<String> {
    let (mut arguments, mut argument) = (Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for letter in text.chars() {
        if !quoted && depth == 0 && matches!(letter, ',' | ')') {
            let ended = std::mem::take(&mut argument);
            arguments.extend(Some(ended.trim().to_owned()).filter(|argument| !argument.is_empty()));
            if letter == ')' {
                break;
            }
            continue;
        }
        match letter {
            '"' if !escaped => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
        argument.push(letter);
    }
    arguments
}

#[test]
fn reasons_are_found_however_they_are_handed_on() {
    let text = "const LATE: &str = \"TOO_LATE\";\n\
        fn state(reason: &'static str, text: &str) -> Error { Error::aborted(reason, text) }\n\
        fn a() { Error::invalid(\"a, (b\", \"ODD\", \"{field}\"); Error::unavailable(LATE, \"x\"); state(\"WRONG_STATE\", \"y\"); }\n\
        fn b() { let why = if c { \"ONE\" } else { \"TWO\" }; api::Error::new(tonic::Code::DataLoss, why, \"z\"); }\n\
        fn c() { io::Error::new(io::ErrorKind::Other, \"no\"); OtherError::new(A, \"NOT_OURS\", \"b\"); Error::new(status.code(), why, \"\") }\n";
    let said = said_in(&BTreeMap::from([(root().join("crates/api/src/x.rs"), text.to_owned())]));
    let said: Vec<String> = said.iter().map(|(reason, codes)| format!("{reason} {}", join(codes))).collect();
    assert_eq!(
        said,
        [
            "INTERNAL INTERNAL",
            "ODD INVALID_ARGUMENT",
            "ONE DATA_LOSS",
            "TOO_LATE UNAVAILABLE",
            "TWO DATA_LOSS",
            "WRONG_STATE ABORTED"
        ]
    );
}

fn join(codes: &BTreeSet<String>) -> String {
    codes.iter().cloned().collect::<Vec<_>>().join(", ")
}
