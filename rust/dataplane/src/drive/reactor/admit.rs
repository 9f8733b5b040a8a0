//! Everything between the bytes of a request and the queue: read, decide, check.

use super::{CreditLine, Echo, Envelope};
use crate::drive::execute::Request;
use crate::drive::message::Message;
use crate::drive::plane::{Held, Plane};
use crate::drive::snapshot::{IndexEntry, Snapshot, Target};
use crate::observe::counters::{SeriesId, UNKNOWN};
use crate::observe::prediction_id::PredictionId;
use base64::Engine as _;
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason, quoted};
use tidegate_core::oip::parameters::{self, Value};
use tidegate_core::oip::request::Head;
use tidegate_core::oip::validate::validate;
use tidegate_core::plane::earliest;
use tidegate_core::routing::{self, KeyBytes, RoutePlan, StickyKey, decide};

/// What came with a message: enough to admit it on any thread.
pub(super) struct Admission {
    pub plane: Arc<Plane>,
    pub snapshot: Arc<Snapshot>,
    pub envelope: Envelope,
    pub prediction_id: PredictionId,
}

/// A request that may run, or why not.
pub(super) struct Admitted {
    pub result: Result<(Request, CreditLine), Box<Refused>>,
    pub echo: Option<Box<Echo>>,
}

/// Why a request may not run, which series counts it, and who would have answered.
pub(super) struct Refused {
    pub fault: Fault,
    pub series: SeriesId,
    pub credit: Option<CreditLine>,
}

impl Refused {
    fn before_an_arm(fault: Fault, series: SeriesId) -> Box<Self> {
        Box::new(Self { fault, series, credit: None })
    }
}

impl Admission {
    /// Reads and checks a message, with `head` to read into.
    pub(super) fn admit(&self, message: Message, head: &mut Head, held: &mut Held) -> Admitted {
        let whole = message.into_bytes(held).and_then(|whole| {
            head.read(&whole).map_err(|malformed| {
                let text = format!("the message is not a ModelInferRequest: {malformed}");
                Fault::new(Reason::MalformedMessage, text)
            })?;
            Ok(whole)
        });
        match whole {
            Err(fault) => Admitted { result: Err(Refused::before_an_arm(fault, UNKNOWN)), echo: None },
            Ok(message) => {
                let echo = self.envelope.wants_echo.then(|| Box::new(Echo::of(head, &message)));
                Admitted { result: self.check(message, head, held), echo }
            }
        }
    }

    fn check(&self, message: Bytes, head: &Head, held: &mut Held) -> Result<(Request, CreditLine), Box<Refused>> {
        let Self { snapshot, envelope, prediction_id, .. } = self;
        let name = head.model_name.text(&message);
        let target = snapshot.targets.get(name);
        let target = target.ok_or_else(|| Refused::before_an_arm(unknown_model(snapshot, name), UNKNOWN))?;
        let refused = |fault| Refused::before_an_arm(fault, target.series);
        let asked = parameters::asked(&head.parameters, &message).map_err(refused)?;
        let now = envelope.arrived;
        let deadline = earliest(now, envelope.grpc_timeout, asked.timeout_us, target.timeout);
        let version = head.model_version.text(&message);
        let (arm, reason) =
            choose(snapshot, target, version, head, &message, &envelope.metadata, prediction_id).map_err(refused)?;
        let chosen = &target.arms[arm];
        let prediction_id = *prediction_id;
        let credit = CreditLine { target: Arc::clone(target), arm, reason, prediction_id, epoch: snapshot.epoch };
        let version = &chosen.version;
        let checked = validate(head, &message, version.signature(), version.is_batched())
            .and_then(|plan| held.grow(plan.own_bytes()).map(|()| plan));
        let plan = checked
            .map_err(|fault| Box::new(Refused { fault, series: chosen.series, credit: Some(credit.clone()) }))?;
        let request = Request {
            message,
            plan,
            target: Arc::clone(target),
            arm,
            id: head.id,
            reason,
            prediction_id,
            credited: self.plane.document.answer_parameters,
            most_answer: self.plane.message_limit(),
            arrived: now,
            deadline,
        };
        Ok((request, credit))
    }
}

impl Echo {
    fn of(head: &Head, message: &[u8]) -> Self {
        Self {
            id: head.id.text(message).to_owned(),
            model_name: head.model_name.text(message).to_owned(),
            wants_final: parameters::asked(&head.parameters, message).is_ok_and(|asked| asked.final_response),
        }
    }
}

fn choose(
    snapshot: &Snapshot,
    target: &Target,
    version: &str,
    head: &Head,
    message: &[u8],
    metadata: &HeaderMap,
    prediction_id: &PredictionId,
) -> Result<(usize, &'static str), Fault> {
    let Some(route) = &target.route else {
        let arm = if version.is_empty() { Some(target.lead) } else { target.arm_of(version) };
        let arm = arm.ok_or_else(|| unknown_version(snapshot, target, version))?;
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
    let shown = quoted(name);
    let message = format!("no route or model is named \"{shown}\"; RepositoryIndex lists the models");
    Fault::of_field(Reason::UnknownModel, "model_name", message)
}

/// The fault of a version that a model does not answer with: it is not loaded, or not there.
fn unknown_version(snapshot: &Snapshot, target: &Target, version: &str) -> Fault {
    let is_asked = |entry: &&IndexEntry| entry.model == target.name && entry.version == version;
    if let Some(entry) = snapshot.index.iter().find(is_asked) {
        let message = format!("model \"{}\" is not loaded: version {version}: {}", entry.model, entry.reason);
        return Fault::of_field(Reason::VersionUnavailable, "model_version", message);
    }
    let shown = quoted(version);
    let known: Vec<&str> = target.arms.iter().map(|arm| arm.version.id.version()).collect();
    let message = format!("\"{}\" has no loaded version \"{shown}\"; loaded are {}", target.name, known.join(", "));
    Fault::of_field(Reason::UnknownVersion, "model_version", message)
}

/// Finds a name for the calls that are about a model.
pub fn find_target(snapshot: &Snapshot, name: &str) -> Result<Arc<Target>, Fault> {
    snapshot.targets.get(name).map(Arc::clone).ok_or_else(|| unknown_model(snapshot, name))
}

/// Finds the arm that a call about a model speaks of; a route speaks of its stable arm.
pub fn find_arm(snapshot: &Snapshot, target: &Target, version: &str) -> Result<usize, Fault> {
    if version.is_empty() {
        return Ok(target.lead);
    }
    match &target.route {
        None => target.arm_of(version).ok_or_else(|| unknown_version(snapshot, target, version)),
        Some(route) => {
            route.pin(version).map(|arm| arm as usize).map_err(|error| not_on_route(route, version, &error.to_string()))
        }
    }
}

fn not_on_route(route: &RoutePlan, version: &str, error: &str) -> Fault {
    let shown = quoted(version);
    let message = format!("route \"{}\" does not answer version \"{shown}\": {error}", route.name);
    Fault::of_field(Reason::VersionNotOnRoute, "model_version", message)
}
