//! What `tidegate models inspect` shows of a model file.

mod profile;

use super::clock::SystemClock;
use crate::runtime::artifact::Artifact;
use crate::runtime::onnx::OnnxRuntime;
use crate::runtime::warmup::warm_up;
use crate::runtime::{LoadOptions, Runtime as _};
use serde_json::{Value, json};
use std::path::Path;
use tidegate_core::document::VersionSettings;
use tidegate_core::oip::signature::TensorSpec;
use tidegate_core::plane::CostModel;

/// Loads a model file and describes it; with `profiled` also where the time of a run of so many rows goes.
///
/// # Errors
/// The sentence that says why it cannot be served, or not be profiled.
pub fn inspect(path: &Path, library: &Path, profiled: Option<u32>) -> Result<Value, String> {
    let artifact = Artifact::of_file(path)?;
    let runtime = OnnxRuntime::open(library, 1)?;
    let settings = VersionSettings::default();
    let model = runtime.load(&artifact, LoadOptions::of(&settings))?;
    let findings = warm_up(model.as_ref(), 64, None, &[], &SystemClock::new())?;
    let profile = match profiled {
        None => None,
        Some(2..) if let Some(reason) = &findings.unbatched => {
            return Err(format!("it can be profiled with one row only, because requests run one by one: {reason}"));
        }
        Some(rows) => Some(profile::profile(&runtime, &artifact, findings.unbatched.is_none().then_some(rows))?),
    };
    let signature = model.signature();
    let cost = CostModel::fit(&findings.costs);
    let per_row: Option<u64> = signature.inputs.iter().map(TensorSpec::elements_per_row).sum();
    let opsets: Value = artifact
        .facts
        .opsets
        .iter()
        .map(|(domain, version)| {
            let domain = if domain.is_empty() { "ai.onnx" } else { domain };
            (domain.to_owned(), json!(version))
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    let measured: Vec<Value> = findings
        .costs
        .iter()
        .map(|&(elements, nanos)| json!({"elements": elements, "microseconds": nanos as f64 / 1e3}))
        .collect();
    let cost_of = |rows: u64| per_row.map(|own| cost.predict(own * rows) as f64 / 1e3);
    Ok(json!({
        "digest": format!("sha256:{}", artifact.digest),
        "size_bytes": artifact.size_bytes,
        "external_data": artifact.facts.external,
        "producer": artifact.facts.producer,
        "ir_version": artifact.facts.ir_version,
        "opsets": opsets,
        "inputs": signature.inputs.iter().map(describe).collect::<Vec<_>>(),
        "outputs": signature.outputs.iter().map(describe).collect::<Vec<_>>(),
        "batchable": findings.unbatched.is_none(),
        "not_batchable_because": findings.unbatched,
        "runs": measured,
        "one_row_microseconds": cost_of(1),
        "row_in_a_batch_of_64_microseconds": findings.unbatched.is_none().then(|| cost_of(64).map(|all| all / 64.0)).flatten(),
        "runtime": runtime.version,
        "profile": profile,
    }))
}

fn describe(spec: &TensorSpec) -> Value {
    json!({"name": spec.name, "datatype": spec.datatype.name(), "shape": spec.dims, "axes": spec.axes})
}
