//! Compiles every `.proto` under `/proto` with protox (no `protoc` needed) into messages, clients, servers and one descriptor set.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let source = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // The folder, not the files: a file that appears must be compiled too.
    println!("cargo::rerun-if-changed={}", source.display());

    let mut files = Vec::new();
    collect_proto_files(&source, &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&source])?;
    // Comments travel with the descriptors, so that reflection clients show them.
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let descriptors = compiler.file_descriptor_set();
    fs::write(out.join("file_descriptor_set.bin"), descriptors.encode_to_vec())?;

    fs::write(out.join("rpcs.rs"), list_of_rpcs(&descriptors))?;

    tonic_prost_build::configure()
        // Payloads are slices of the received buffer, not copies of it.
        .bytes(".")
        // Maps in key order: the digest of a request must not depend on hashing.
        .btree_map(".")
        // No `connect`: every call goes through `client::Peer`.
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .include_file("modules.rs")
        .compile_fds(descriptors.clone())?;
    generate_unread(&descriptors, &out)
}

/// The server of IngestService once more, with requests of RecordEvents whose events are left as they came: the bytes of
/// `AccessEvents`. The wire is the same; whoever receives millions of events a second, or must go on where one of them
/// cannot be read, reads them itself.
fn generate_unread(descriptors: &prost_types::FileDescriptorSet, out: &Path) -> Result<(), Box<dyn Error>> {
    const REQUEST: &str = "RecordEventsRequest";
    const EVENTS: &str = "events";
    let declares = |file: &&prost_types::FileDescriptorProto| file.service.iter().any(|s| s.name() == "IngestService");
    let mut file = descriptors.file.iter().find(declares).ok_or("no file declares IngestService")?.clone();
    let request = file.message_type.iter_mut().find(|message| message.name() == REQUEST);
    let events = request.and_then(|request| request.field.iter_mut().find(|field| field.name() == EVENTS));
    let events = events.ok_or("RecordEventsRequest has no field `events`")?;
    events.set_type(prost_types::field_descriptor_proto::Type::Bytes);
    events.type_name = None;

    let folder = out.join("unread");
    fs::create_dir_all(&folder)?;
    let mut generate = tonic_prost_build::configure();
    let others = file.message_type.iter().map(|message| message.name()).filter(|name| *name != REQUEST);
    for name in others.chain(file.enum_type.iter().map(|one| one.name())) {
        let (proto, rust) = (format!(".{}.{name}", file.package()), format!("crate::statistics::v1::{name}"));
        generate = generate.extern_path(proto, rust);
    }
    generate
        .bytes(".")
        .build_client(false)
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .out_dir(&folder)
        .compile_fds(prost_types::FileDescriptorSet { file: vec![file] })?;
    Ok(())
}

/// `&[Rpc { … }, …]` in the order of the paths, so that a lookup is a binary search.
fn list_of_rpcs(descriptors: &prost_types::FileDescriptorSet) -> String {
    let mut rows = Vec::new();
    for file in &descriptors.file {
        for service in &file.service {
            for method in &service.method {
                rows.push(format!(
                    "Rpc {{ path: \"/{}.{}/{}\", client_streaming: {}, server_streaming: {} }},\n",
                    file.package(),
                    service.name(),
                    method.name(),
                    method.client_streaming(),
                    method.server_streaming(),
                ));
            }
        }
    }
    rows.sort();
    format!("&[\n{}]", rows.concat())
}

fn collect_proto_files(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_proto_files(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            into.push(path);
        }
    }
    Ok(())
}
