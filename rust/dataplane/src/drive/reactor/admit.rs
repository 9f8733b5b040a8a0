//! Everything between the bytes of a request and the queue: read, decide, check.

use super::{CreditLine, Envelope, Reactor};
use crate::drive::execute::Request;
use crate::drive::snapshot::{Snapshot, Target};
use crate::observe::counters::{SeriesId, UNKNOWN};
use crate::observe::prediction_id::PredictionId;
use base64::Engine as _;
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::parameters::{self, Value};
use tidegate_core::oip::request::Head;
use tidegate_core::oip::validate::validate;
use tidegate_core::plane::earliest;
use tidegate_core::routing::{self, KeyBytes, RoutePlan, StickyKey, decide};

impl Reactor {
    /// The request, ready to run, and who answers it; or the fault, the series that counts it, and who would have.
    pub(super) fn admit(
        &self,
        snapshot: &Arc<Snapshot>,
        message: Bytes,
        envelope: &Envelope<'_>,
    ) -> Result<(Request, CreditLine), (Fault, SeriesId, Option<CreditLine>)> {
        let mut head = self.head.borrow_mut();
        head.read(&message).map_err(|malformed| {
            let message = format!("the message is not a ModelInferRequest: {malformed}");
            (Fault::new(Reason::MalformedMessage, message), UNKNOWN, None)
        })?;
        let name = head.model_name.text(&message);
        let target = snapshot.targets.get(name).ok_or_else(|| (unknown_model(snapshot, name), UNKNOWN, None))?;
        let asked = parameters::asked(&head.parameters, &message).map_err(|fault| (fault, target.series, None))?;
        let now = envelope.arrived;
        let deadline = earliest(now, envelope.grpc_timeout, asked.timeout_us, target.timeout);
        let prediction_id = self.ids.borrow_mut().next(self.plane.clock.unix_ms());
        let version = head.model_version.text(&message);
        let (arm, reason) = choose(target, version, &head, &message, envelope.metadata, &prediction_id)
            .map_err(|fault| (fault, target.series, None))?;
        let chosen = &target.arms[arm];
        let credit = CreditLine { target: Arc::clone(target), arm, reason, prediction_id, epoch: snapshot.epoch };
        let version = &chosen.version;
        let plan = validate(&head, &message, version.signature(), version.is_batched())
            .map_err(|fault| (fault, chosen.series, Some(credit.clone())))?;
        let id = head.id;
        let credited = self.plane.document.answer_parameters;
        let target = Arc::clone(target);
        let request =
            Request { message, plan, target, arm, id, reason, prediction_id, credited, arrived: now, deadline };
        Ok((request, credit))
    }
}

fn choose(
    target: &Target,
    version: &str,
    head: &Head,
    message: &[u8],
    metadata: &HeaderMap,
    prediction_id: &PredictionId,
) -> Result<(usize, &'static str), Fault> {
    let Some(route) = &target.route else {
        let arm = if version.is_empty() { Some(target.lead) } else { target.arm_of(version) };
        let arm = arm.ok_or_else(|| unknown_version(target, version))?;
        return Ok((arm, routing::Reason::Model.name()));
    };
    let pinned = if version.is_empty() {
        None
    } else {
        let pin = route.pin(version);
        Some(pin.map_err(|error| not_on_route(route, version, &error.to_string()))?)
    };
    let decoded;
    let sticky = match &route.sticky {
        Some(StickyKey::Metadata(name)) if name.ends_with("-bin") => {
            decoded = metadata.get(name).and_then(|value| decode_binary(value.as_bytes()));
            decoded.as_deref().and_then(KeyBytes::of_bytes)
        }
        Some(StickyKey::Metadata(name)) => metadata.get(name).and_then(|value| KeyBytes::of_bytes(value.as_bytes())),
        Some(StickyKey::Parameter(name)) => {
            parameter_key(parameters::find(&head.parameters, message, name.as_bytes()), message)
        }
        None => None,
    };
    let decision = decide(route, &routing::Head { sticky, prediction_id: prediction_id.as_bytes(), pinned });
    Ok((decision.arm as usize, decision.reason.name()))
}

fn parameter_key(value: Option<Value>, message: &[u8]) -> Option<KeyBytes<'_>> {
    match value? {
        Value::Text(span) => KeyBytes::of_bytes(span.of(message)),
        Value::Int64(value) => Some(KeyBytes::of_i64(value)),
        Value::Uint64(value) => Some(KeyBytes::of_u64(value)),
        Value::Bool(value) => Some(KeyBytes::of_bool(value)),
        Value::Double(_) | Value::Unset => None,
    }
}

/// Binary metadata comes with or without padding.
fn decode_binary(value: &[u8]) -> Option<Vec<u8>> {
    let trimmed = value.strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value);
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(trimmed).ok()
}

fn unknown_model(snapshot: &Snapshot, name: &str) -> Fault {
    if let Some(entry) = snapshot.index.iter().rev().find(|entry| entry.model == name) {
        let message = format!("model \"{name}\" is not loaded: version {}: {}", entry.version, entry.reason);
        return Fault::of_field(Reason::VersionUnavailable, "model_name", message);
    }
    let shown: String = name.chars().take(128).collect();
    let message = format!("no route or model is named \"{shown}\"; RepositoryIndex lists the models");
    Fault::of_field(Reason::UnknownModel, "model_name", message)
}

/// The fault of a version that a name does not answer with.
pub fn unknown_version(target: &Target, version: &str) -> Fault {
    let shown: String = version.chars().take(128).collect();
    let known: Vec<&str> = target.arms.iter().map(|arm| arm.version.id.version()).collect();
    let message = format!("\"{}\" has no loaded version \"{shown}\"; loaded are {}", target.name, known.join(", "));
    Fault::of_field(Reason::UnknownVersion, "model_version", message)
}

/// Finds a name for the calls that are about a model.
pub fn find_target(snapshot: &Snapshot, name: &str) -> Result<Arc<Target>, Fault> {
    snapshot.targets.get(name).map(Arc::clone).ok_or_else(|| unknown_model(snapshot, name))
}

/// Finds the arm that a call about a model speaks of; a route speaks of its stable arm.
pub fn find_arm(target: &Target, version: &str) -> Result<usize, Fault> {
    if version.is_empty() {
        return Ok(target.lead);
    }
    match &target.route {
        None => target.arm_of(version).ok_or_else(|| unknown_version(target, version)),
        Some(route) => route.pin(version).map(|arm| arm as usize).map_err(|error| not_on_route(route, version, &error.to_string())),
    }
}

fn not_on_route(route: &RoutePlan, version: &str, error: &str) -> Fault {
    let shown: String = version.chars().take(128).collect();
    let message = format!("route \"{}\" does not answer version \"{shown}\": {error}", route.name);
    Fault::of_field(Reason::VersionNotOnRoute, "model_version", message)
}

