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
        .compile_fds(descriptors)?;
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
