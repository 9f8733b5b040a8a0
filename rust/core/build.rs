//! Compiles `proto/` to prost messages, without protoc.

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script where to work in the environment")]

use prost::Message as _;
use std::path::PathBuf;

const FILES: [&str; 6] = [
    "inference/open_inference.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let descriptors = protox::compile(FILES, [&proto])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    prost_build::Config::new().enable_type_names().bytes(["."]).btree_map(["."]).compile_fds(descriptors)?;
    Ok(())
}
