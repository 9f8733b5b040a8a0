//! Every unary call of the inference service but ModelInfer: what they ask is small and rare, so prost reads it.
//!
//! `about_models` answers what a name is, `statistics` how it fares, `repository` what may be loaded and how the gateway
//! is set. A new call is an arm in [`call`].

mod about_models;
mod repository;
mod statistics;
#[cfg(test)]
pub(in crate::front) mod tests;

use crate::drive::keys::Permit;
use crate::drive::plane::Plane;
use bytes::Bytes;
use prost::Message;
use tidegate_core::fault::{Fault, Reason, quoted};
use tidegate_core::oip::messages::inference as oip;

/// What callers take the server for in ServerMetadata.
const SERVER_NAME: &str = "tidegate";

/// The extensions of the protocol that work here; clients branch on this list.
const EXTENSIONS: [&str; 4] = ["model_configuration", "statistics", "parameters", "model_repository"];

/// Longest message of these calls in bytes. Names and settings fit a thousand times over; a decoded list of empty
/// strings takes twelve times its bytes, and the account of bytes in flight does not see that.
const LONGEST_MESSAGE: usize = 1 << 20;

/// Answers one unary call of `inference.GRPCInferenceService`: the message and the answer are without their frames.
///
/// # Errors
/// No such method, a message that is not its request, a name that the caller's key does not open, or what the call itself refuses.
pub fn call(plane: &Plane, permit: &Permit, method: &str, message: Bytes) -> Result<Bytes, Fault> {
    let snapshot = plane.snapshot();
    match method {
        "ServerLive" => answer(message, |_: oip::ServerLiveRequest| Ok(oip::ServerLiveResponse { live: true })),
        "ServerReady" => {
            let ready = plane.is_ready();
            answer(message, |_: oip::ServerReadyRequest| Ok(oip::ServerReadyResponse { ready }))
        }
        "ServerMetadata" => answer(message, |_: oip::ServerMetadataRequest| Ok(server_metadata())),
        "ModelReady" => answer(message, |asked: oip::ModelReadyRequest| {
            permit.check(&asked.name).and_then(|()| about_models::ready(&snapshot, plane.is_ready(), &asked))
        }),
        "ModelMetadata" => answer(message, |asked: oip::ModelMetadataRequest| {
            permit.check(&asked.name).and_then(|()| about_models::metadata(&snapshot, &asked))
        }),
        "ModelConfig" => answer(message, |asked: oip::ModelConfigRequest| {
            permit.check(&asked.name).and_then(|()| about_models::config(&snapshot, &asked))
        }),
        "ModelStatistics" => answer(message, |asked| statistics::statistics(&snapshot, permit, &asked)),
        "RepositoryIndex" => answer(message, |asked| repository::index(&snapshot, permit, &asked)),
        "RepositoryModelLoad" => repository::load(&snapshot, permit, message),
        "RepositoryModelUnload" => repository::unload(&snapshot, permit, message),
        "TraceSetting" => answer(message, |asked| repository::trace_setting(&snapshot, permit, &asked)),
        "LogSettings" => answer(message, |asked| repository::log_settings(&plane.document.log, &asked)),
        "SystemSharedMemoryStatus" => answer(message, |_: oip::SystemSharedMemoryStatusRequest| {
            Ok(oip::SystemSharedMemoryStatusResponse::default())
        }),
        "CudaSharedMemoryStatus" => {
            answer(message, |_: oip::CudaSharedMemoryStatusRequest| Ok(oip::CudaSharedMemoryStatusResponse::default()))
        }
        "SystemSharedMemoryUnregister" => answer(message, |_: oip::SystemSharedMemoryUnregisterRequest| {
            Ok(oip::SystemSharedMemoryUnregisterResponse {})
        }),
        "CudaSharedMemoryUnregister" => {
            answer(message, |_: oip::CudaSharedMemoryUnregisterRequest| Ok(oip::CudaSharedMemoryUnregisterResponse {}))
        }
        "SystemSharedMemoryRegister" => answer(message, |_: oip::SystemSharedMemoryRegisterRequest| {
            Err::<oip::SystemSharedMemoryRegisterResponse, _>(no_shared_memory())
        }),
        "CudaSharedMemoryRegister" => answer(message, |_: oip::CudaSharedMemoryRegisterRequest| {
            Err::<oip::CudaSharedMemoryRegisterResponse, _>(no_shared_memory())
        }),
        _ => Err(unknown_method(method)),
    }
}

/// Reads the request, lets `reply` answer it, writes the answer.
fn answer<Asked: Message + Default + prost::Name, Answered: Message>(
    message: Bytes,
    reply: impl FnOnce(Asked) -> Result<Answered, Fault>,
) -> Result<Bytes, Fault> {
    reply(read(message)?).map(|answered| answered.encode_to_vec().into())
}

fn read<Asked: Message + Default + prost::Name>(message: Bytes) -> Result<Asked, Fault> {
    if message.len() > LONGEST_MESSAGE {
        let (came, kib) = (message.len(), LONGEST_MESSAGE >> 10);
        let text = format!("the message has {came} bytes; a {} has at most {kib} KiB", Asked::NAME);
        return Err(Fault::new(Reason::MessageTooLarge, text));
    }
    Asked::decode(message)
        .map_err(|error| Fault::new(Reason::MalformedMessage, format!("the message is not a {}: {error}", Asked::NAME)))
}

fn server_metadata() -> oip::ServerMetadataResponse {
    oip::ServerMetadataResponse {
        name: SERVER_NAME.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
    }
}

fn no_shared_memory() -> Fault {
    let text = "Tidegate takes tensors in the message only, no region of shared memory; send raw_input_contents";
    Fault::new(Reason::SharedMemoryDisabled, text)
}

fn unknown_method(method: &str) -> Fault {
    let text = format!(
        "inference.GRPCInferenceService has no method \"{}\" here; reflection lists what it has",
        quoted(method)
    );
    Fault::new(Reason::UnknownMethod, text)
}
