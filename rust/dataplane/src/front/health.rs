//! `grpc.health.v1`: Check and Watch for the server, the service, and each route and model.

use super::body::Broken;
use super::connection::{Call, until_draining};
use super::grpc;
use crate::drive::plane::{Held, Plane};
use bytes::Bytes;
use prost::Message as _;
use std::future::poll_fn;
use tidegate_core::fault::{Fault, Reason, quoted};
use tidegate_core::oip::messages::health::health_check_response::ServingStatus;
use tidegate_core::oip::messages::health::{HealthCheckRequest, HealthCheckResponse};

/// The path of a Check.
pub const CHECK: &str = "/grpc.health.v1.Health/Check";
const SERVICE: &str = "inference.GRPCInferenceService";

/// The state of a name; `None` if nobody serves it.
fn state(plane: &Plane, name: &str) -> Option<ServingStatus> {
    let is_known = name.is_empty() || name == SERVICE || plane.snapshot().targets.contains_key(name);
    let now = if plane.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing };
    is_known.then_some(now)
}

fn name_of(message: Bytes) -> Result<String, Fault> {
    HealthCheckRequest::decode(message).map(|request| request.service).map_err(|error| {
        Fault::new(Reason::MalformedMessage, format!("the message is not a HealthCheckRequest: {error}"))
    })
}

fn encode(status: ServingStatus) -> Bytes {
    HealthCheckResponse { status: status.into() }.encode_to_vec().into()
}

/// Answers a Check.
pub fn check(plane: &Plane, message: Bytes) -> Result<Bytes, Fault> {
    let name = name_of(message)?;
    state(plane, &name).map(encode).ok_or_else(|| {
        let shown = quoted(&name);
        let text = format!("no service, route or model is named \"{shown}\"");
        Fault::of_field(Reason::UnknownService, "service", text)
    })
}

/// Serves a Watch: the state now, then every change, until the gateway or the caller ends.
pub fn watch(mut call: Call) {
    tokio::task::spawn_local(async move {
        let mut held = Held::bytes_only(&call.reactor.plane);
        let name = match call.message(&mut None, &mut held).await {
            Ok(message) => message.into_bytes(&mut held).and_then(name_of),
            Err(Broken::Fault(fault)) => Err(fault),
            Err(Broken::Gone) => return,
        };
        drop(held);
        let name = match name {
            Ok(name) => name,
            Err(fault) => return grpc::refuse(&mut call.respond, &fault, None),
        };
        let Ok(mut out) = call.respond.send_response(grpc::head(None), false) else { return };
        let mut phase = call.reactor.plane.phase.subscribe();
        let mut swapped = call.reactor.plane.swapped.subscribe();
        let mut told = None;
        let fault = loop {
            phase.mark_unchanged();
            swapped.mark_unchanged();
            let now = state(&call.reactor.plane, &name).unwrap_or(ServingStatus::ServiceUnknown);
            if told != Some(now) {
                told = Some(now);
                if !grpc::send(&mut out, grpc::frame(&encode(now))).await {
                    return;
                }
            }
            tokio::select! {
                biased;
                fault = until_draining(&call.reactor) => break fault,
                reset = poll_fn(|cx| out.poll_reset(cx)) => { drop(reset); return }
                changed = phase.changed() => drop(changed),
                changed = swapped.changed() => drop(changed),
            }
        };
        // The last word is the truth, also where the end came too soon after the signal for a word of its own.
        let last = ServingStatus::NotServing;
        if told == Some(ServingStatus::Serving) && !grpc::send(&mut out, grpc::frame(&encode(last))).await {
            return;
        }
        drop(out.send_trailers(grpc::fault_trailers(&fault, None)));
    });
}
