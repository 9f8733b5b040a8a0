//! What the server is and what a model is, in the words of the gRPC calls.

use super::pieces::Pieces;
use super::refusal::{answer, refuse};
use crate::drive::keys::Permit;
use crate::drive::plane::Plane;
use crate::front::calls;
use hyper::{Response, StatusCode};
use prost::Message;
use serde_json::{Value, json};
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::messages::inference as oip;

/// `GET /v2`.
pub(super) fn server(plane: &Plane) -> Response<Pieces> {
    let said = ask(plane, &Permit::default(), "ServerMetadata", &oip::ServerMetadataRequest {});
    said.map_or_else(
        |fault| refuse(&fault, None),
        |said: oip::ServerMetadataResponse| {
            let body = json!({"name": said.name, "version": said.version, "extensions": extensions(&said.extensions)});
            answer(StatusCode::OK, &body.to_string())
        },
    )
}

/// What gRPC has, and what only HTTP needs a name for.
fn extensions(of_grpc: &[String]) -> Vec<&str> {
    of_grpc.iter().map(String::as_str).chain(["binary_tensor_data"]).collect()
}

/// `GET /v2/health/live`.
pub(super) fn live() -> Response<Pieces> {
    answer(StatusCode::OK, &json!({"live": true}).to_string())
}

/// `GET /v2/health/ready`.
pub(super) fn ready(plane: &Plane) -> Response<Pieces> {
    told(plane.is_ready(), &json!({"ready": plane.is_ready()}))
}

/// `GET /v2/models/{name}[/versions/{version}]/ready`.
pub(super) fn model_ready(plane: &Plane, permit: &Permit, name: &str, version: &str) -> Response<Pieces> {
    let asked = oip::ModelReadyRequest { name: name.to_owned(), version: version.to_owned() };
    ask(plane, permit, "ModelReady", &asked).map_or_else(
        |fault| refuse(&fault, None),
        |said: oip::ModelReadyResponse| told(said.ready, &json!({"name": name, "ready": said.ready})),
    )
}

/// `GET /v2/models/{name}[/versions/{version}]`.
pub(super) fn model(plane: &Plane, permit: &Permit, name: &str, version: &str) -> Response<Pieces> {
    let asked = oip::ModelMetadataRequest { name: name.to_owned(), version: version.to_owned() };
    ask(plane, permit, "ModelMetadata", &asked).map_or_else(|fault| refuse(&fault, None), |said: oip::ModelMetadataResponse| {
        let tensors = |tensors: &[oip::model_metadata_response::TensorMetadata]| -> Vec<Value> {
            let tensor = |tensor: &oip::model_metadata_response::TensorMetadata| {
                json!({"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape})
            };
            tensors.iter().map(tensor).collect()
        };
        let body = json!({
            "name": said.name,
            "versions": said.versions,
            "platform": said.platform,
            "inputs": tensors(&said.inputs),
            "outputs": tensors(&said.outputs),
        });
        answer(StatusCode::OK, &body.to_string())
    })
}

/// The status of a probe is what it says.
fn told(is_ready: bool, body: &Value) -> Response<Pieces> {
    answer(if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &body.to_string())
}

fn ask<Answered: Message + Default>(
    plane: &Plane,
    permit: &Permit,
    method: &str,
    asked: &impl Message,
) -> Result<Answered, Fault> {
    let answer = calls::call(plane, permit, method, asked.encode_to_vec().into())?;
    Answered::decode(answer)
        .map_err(|error| Fault::new(Reason::Internal, format!("the answer cannot be read: {error}")))
}
