//! The gate: a request is held against the rules of its version's profile, where a monitor wants it.

use crate::drive::snapshot::Arm;
use crate::observe::log::Log;
use serde_json::json;
use tidegate_core::document::GateMode;
use tidegate_core::fault::Fault;
use tidegate_core::oip::request::Head;
use tidegate_core::oip::validate::Plan;

/// Lets a checked request pass, with the rules that its answer is to name if it breaks some.
///
/// # Errors
/// It breaks some, and is to be refused.
pub(super) fn pass(arm: &Arm, head: &Head, message: &[u8], plan: &Plan, log: &Log) -> Result<Option<Box<str>>, Fault> {
    let Some(observer) = arm.observed.as_ref().map(|observed| &*observed.observer) else { return Ok(None) };
    let mode = observer.gate.mode();
    if mode == GateMode::Observe {
        return Ok(None);
    }
    let profiled = &observer.profiled;
    let broken = profiled.broken(plan, message);
    if broken.is_empty() {
        return Ok(None);
    }
    observer.gate.count(mode, &broken);
    let version = arm.version.id.as_str();
    let flag = broken.flag(&profiled.plan);
    let event = if mode == GateMode::Reject { "gate_rejected" } else { "gate_flagged" };
    log.often(event, &[("route", json!(&*arm.name)), ("version", json!(version)), ("broken", json!(flag))]);
    if mode == GateMode::Flag {
        return Ok(Some(flag.into()));
    }
    let field = |name: &str| {
        let sent = head.inputs.iter().position(|input| input.name.text(message) == name);
        sent.map_or_else(|| "inputs".to_owned(), |index| format!("inputs[{index}]"))
    };
    Err(broken.fault(&profiled.plan, version, field))
}
