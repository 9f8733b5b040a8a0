//! Everything between the bytes of a request and the queue: read, decide, check.

use super::{CreditLine, Echo, Envelope, gate};
use crate::drive::execute::Request;
use crate::drive::message::Message;
use crate::drive::plane::{Held, Plane};
use crate::drive::snapshot::{IndexEntry, Snapshot, Target};
use crate::observe::counters::Series;
use crate::observe::prediction_id::PredictionId;
use crate::shadow::Copy;
use bytes::Bytes;
use http::HeaderValue;
use std::sync::Arc;
use tidegate_core::condition::{Context, Param};
use tidegate_core::fault::{Fault, Reason, quoted};
use tidegate_core::oip::parameters::{self, Value};
use tidegate_core::oip::request::Head;
use tidegate_core::oip::validate::validate;
use tidegate_core::plane::earliest;
use tidegate_core::routing::{self, PinError, RoutePlan, Verdicts, decide, is_shadowed};

/// What came with a message: enough to admit it on any thread.
pub(super) struct Admission {
    pub plane: Arc<Plane>,
    pub snapshot: Arc<Snapshot>,
    pub envelope: Envelope,
    pub prediction_id: PredictionId,
    /// The front thread that counts.
    pub thread: usize,
}

/// A request that may run, or why not.
pub(super) struct Admitted {
    pub result: Result<Ready, Box<Refused>>,
    pub echo: Option<Box<Echo>>,
}

/// A request that may run.
pub(super) struct Ready {
    pub request: Request,
    pub credit: CreditLine,
    pub copies: Vec<Copy>,
}

/// Why a request may not run, which series counts it, and who would have answered.
pub(super) struct Refused {
    pub fault: Fault,
    pub series: Arc<Series>,
    pub credit: Option<CreditLine>,
}

impl Refused {
    fn before_an_arm(fault: Fault, series: &Arc<Series>) -> Box<Self> {
        Box::new(Self { fault, series: Arc::clone(series), credit: None })
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
            Err(fault) => {
                Admitted { result: Err(Refused::before_an_arm(fault, &self.plane.counters.unknown)), echo: None }
            }
            Ok(message) => {
                let echo = self.envelope.wants_echo.then(|| Box::new(Echo::of(head, &message)));
                Admitted { result: self.check(message, head, held), echo }
            }
        }
    }

    fn check(&self, message: Bytes, head: &Head, held: &mut Held) -> Result<Ready, Box<Refused>> {
        let Self { snapshot, envelope, prediction_id, .. } = self;
        let name = head.model_name.text(&message);
        let target = snapshot.targets.get(name);
        // Before anybody says whether there is such a name.
        envelope.permit.check(name).map_err(|fault| {
            let series = target.map_or(&self.plane.counters.unknown, |target| &target.series);
            Refused::before_an_arm(fault, series)
        })?;
        let target = target
            .ok_or_else(|| Refused::before_an_arm(unknown_model(snapshot, name), &self.plane.counters.unknown))?;
        let refused = |fault| Refused::before_an_arm(fault, &target.series);
        let asked = parameters::asked(&head.parameters, &message).map_err(refused)?;
        let now = envelope.arrived;
        let deadline = earliest(now, envelope.grpc_timeout, asked.timeout_us, target.timeout);
        let request = Borrowed { head, message: &message, envelope, route: name };
        let version = head.model_version.text(&message);
        let mut verdicts = Verdicts::default();
        let head_of = routing::Head { request: &request, version, prediction_id: prediction_id.as_bytes() };
        let chosen = choose(snapshot, target, &head_of, &mut verdicts);
        let (arm, reason) = chosen.map_err(|fault| {
            target.count_misses(&verdicts, self.thread);
            refused(fault)
        })?;
        let chosen = &target.arms[arm];
        let prediction_id = *prediction_id;
        let credit = CreditLine { arm: Arc::clone(chosen), reason, prediction_id, epoch: snapshot.epoch };
        let version = &chosen.version;
        let (happened_s, sub_cell) = (chosen.happened_s(&request), chosen.sub_cell(reason, &head_of));
        let checked = validate(head, &message, version.signature(), version.is_batched())
            .and_then(|plan| held.grow(plan.own_bytes()).map(|()| plan))
            .and_then(|plan| gate::pass(chosen, head, &message, &plan, &self.plane.log).map(|broken| (plan, broken)));
        let copies = match &target.route {
            Some(route) if checked.is_ok() && !route.shadows.is_empty() => (0..route.shadows.len())
                .filter(|shadow| is_shadowed(route, *shadow, &head_of, arm as u32, &mut verdicts))
                .filter_map(|shadow| target.shadows.copy(shadow, &message, happened_s))
                .collect(),
            _ => Vec::new(),
        };
        target.count_misses(&verdicts, self.thread);
        let (plan, rules_broken) = checked.map_err(|fault| {
            Box::new(Refused { fault, series: Arc::clone(&chosen.series), credit: Some(credit.clone()) })
        })?;
        let request = Request {
            plan,
            arm: Arc::clone(chosen),
            id: head.id,
            reason,
            epoch: snapshot.epoch,
            prediction_id,
            credited: self.plane.document.answer_parameters,
            rules_broken,
            most_answer: self.plane.message_limit(),
            arrived: now,
            happened_s,
            sub_cell,
            level: version.settings.queue.level(asked.priority),
            deadline,
            message,
        };
        Ok(Ready { request, credit, copies })
    }
}

/// A request as decisions look at it: nothing is copied.
struct Borrowed<'a> {
    head: &'a Head,
    message: &'a [u8],
    envelope: &'a Envelope,
    route: &'a str,
}

impl Context for Borrowed<'_> {
    #[inline]
    fn metadata(&self, name: &str) -> Option<&[u8]> {
        self.envelope.metadata.get(name).map(HeaderValue::as_bytes)
    }

    #[inline]
    fn param(&self, name: &str) -> Option<Param<'_>> {
        match parameters::find(&self.head.parameters, self.message, name.as_bytes())? {
            Value::Text(span) => Some(Param::Text(span.of(self.message))),
            Value::Int64(value) => Some(Param::Int(value)),
            Value::Uint64(value) => Some(Param::Uint(value)),
            Value::Bool(value) => Some(Param::Bool(value)),
            Value::Double(value) => Some(Param::Double(value)),
            Value::Unset => None,
        }
    }

    fn route(&self) -> &str {
        self.route
    }

    fn peer(&self) -> &str {
        &self.envelope.peer
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
    head: &routing::Head<'_, Borrowed<'_>>,
    verdicts: &mut Verdicts,
) -> Result<(usize, routing::Reason), Fault> {
    let version = head.version;
    match &target.route {
        Some(route) => {
            let decision = decide(route, head, verdicts).map_err(|error| not_pinned(route, version, &error))?;
            Ok((decision.arm as usize, decision.reason))
        }
        None => {
            let arm = if version.is_empty() { Some(target.lead) } else { target.arm_of(version) };
            let arm = arm.ok_or_else(|| unknown_version(snapshot, target, version))?;
            Ok((arm, routing::Reason::Model))
        }
    }
}

fn unknown_model(snapshot: &Snapshot, name: &str) -> Fault {
    let progress = &snapshot.progress;
    if let Some(reason) = progress.refused.get(name).or_else(|| progress.pending.get(name)) {
        let message = format!("route \"{name}\" is not served yet: {reason}");
        return Fault::of_field(Reason::VersionUnavailable, "model_name", message);
    }
    if let Some(entry) = snapshot.index().iter().rev().find(|entry| entry.model == name) {
        let message = format!("model \"{name}\" is not loaded: version {}: {}", entry.version, entry.reason);
        return Fault::of_field(Reason::VersionUnavailable, "model_name", message);
    }
    let shown = quoted(name);
    let message = format!("no route or model is named \"{shown}\"; RepositoryIndex lists the models");
    Fault::of_field(Reason::UnknownModel, "model_name", message)
}

/// The fault of a version that a model does not answer with: it is not loaded, or not there.
fn unknown_version(snapshot: &Snapshot, target: &Target, version: &str) -> Fault {
    let is_asked = |entry: &&IndexEntry| entry.model == *target.name && entry.version == version;
    if let Some(entry) = snapshot.index().iter().find(is_asked) {
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
        Some(route) => route.pin(version).map(|arm| arm as usize).map_err(|error| not_pinned(route, version, &error)),
    }
}

fn not_pinned(route: &RoutePlan, version: &str, error: &PinError) -> Fault {
    let shown = quoted(version);
    let reason = match error {
        PinError::Denied => Reason::PinDenied,
        PinError::NotOnRoute { .. } | PinError::Ambiguous { .. } => Reason::VersionNotOnRoute,
    };
    let message = format!("route \"{}\" does not answer version \"{shown}\": {error}", route.name);
    Fault::of_field(reason, "model_version", message)
}
