//! Generated messages of everything Tidegate speaks besides the fast path, and their descriptors for reflection.

/// The Open Inference Protocol with Triton's extensions.
#[allow(clippy::all, clippy::pedantic, unreachable_pub)]
pub mod inference {
    include!(concat!(env!("OUT_DIR"), "/inference.rs"));
}

/// `google.rpc.Status` and its details.
#[allow(clippy::all, clippy::pedantic, unreachable_pub)]
pub mod rpc {
    include!(concat!(env!("OUT_DIR"), "/google.rpc.rs"));
}

/// `grpc.health.v1`.
#[allow(clippy::all, clippy::pedantic, unreachable_pub)]
pub mod health {
    include!(concat!(env!("OUT_DIR"), "/grpc.health.v1.rs"));
}

/// `grpc.reflection.v1`; the messages of `v1alpha` are the same on the wire.
#[allow(clippy::all, clippy::pedantic, unreachable_pub)]
pub mod reflection {
    include!(concat!(env!("OUT_DIR"), "/grpc.reflection.v1.rs"));
}

/// The `FileDescriptorSet` of every proto file that Tidegate serves.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
