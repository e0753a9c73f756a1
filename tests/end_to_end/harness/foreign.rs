//! Clients that know nothing of this project but what the servers' reflection tells them: Python's grpcio, Node's
//! grpc-js, and grpcurl.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value};

use super::running::Running;
use super::server::Server;

const PATIENCE: Duration = Duration::from_secs(60);

/// Any unary RPC by Python's grpcio; the reply, or the refusal as `{"code", "message", "reason"}`.
pub(crate) fn by_python(python: &Path, server: &Server, account: &str, rpc: &str, request: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end/foreign/call.py");
    let mut command = Command::new(python);
    command.arg(script).args([server.address(), account, rpc]).arg(request.to_string());
    printed(&mut command)
}

/// The same by grpcurl; it must succeed.
pub(crate) fn by_grpcurl(grpcurl: &Path, server: &Server, account: &str, rpc: &str, request: &Value) -> Value {
    let header = format!("x-citizens-access-account: {account}");
    let mut command = Command::new(grpcurl);
    command.args(["-plaintext", "-emit-defaults", "-H", &header, "-d"]).arg(request.to_string());
    printed(command.args([server.address(), rpc]))
}

/// The refusals of the calls in the file at `calls`, as Python's grpcio-status has them.
pub(crate) fn errors_by_python(python: &Path, server: &Server, calls: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end/foreign/errors.py");
    printed(Command::new(python).arg(script).arg(server.address()).arg(calls))
}

/// The same by Node's grpc-js, out of the folder `modules`.
pub(crate) fn errors_by_node(modules: &Path, server: &Server, calls: &Path) -> Value {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).arg(tests.join("end_to_end/foreign/errors.cjs")).arg(server.address());
    printed(command.arg(calls).arg(tests.with_file_name("proto")))
}

fn printed(command: &mut Command) -> Value {
    let ended = Running::start(command).wait(PATIENCE);
    assert!(ended.status.success(), "{command:?} failed: {}", ended.said());
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{command:?} ({error}): {}", ended.stdout))
}

/// A reply without what protobuf's JSON leaves to each writer: names in camel or snake case, nulls for what is not set,
/// `0` or `0.0`. `left_out` names fields that differ from call to call.
pub(crate) fn plain(reply: &Value, left_out: &[&str]) -> Value {
    match reply {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(name, value)| (camel(name), value));
            let kept = kept.filter(|(name, value)| !value.is_null() && !left_out.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name, plain(value, left_out))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| plain(item, left_out)).collect(),
        Value::Number(number) => Value::from(number.as_f64()),
        other => other.clone(),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}
