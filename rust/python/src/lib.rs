//! `tidegate._native`: the data plane and the core as Python sees them. Converts, detaches, raises; decides nothing.
#![expect(clippy::needless_pass_by_value, reason = "what Python hands over is owned")]

mod desk;
mod drift;
mod gateway;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tidegate_core::snapshot::SnapshotDocument;
use tidegate_core::{document, routing};

create_exception!(_native, Refused, PyException, "A document breaks rules; args[0] lists (path, reason).");
create_exception!(_native, StartFailed, PyException, "A gateway or a model cannot start; args[0] lists the reasons.");

/// Parses and checks a document.
pub(crate) fn parse(document: &str) -> PyResult<document::Document> {
    let value = serde_json::from_str(document)
        .map_err(|error| refuse(vec![document::Violation { path: String::new(), reason: error.to_string() }]))?;
    document::parse(&value).map_err(refuse)
}

/// Violations as the exception that carries them.
pub(crate) fn refuse(violations: Vec<document::Violation>) -> PyErr {
    let pairs: Vec<(String, String)> = violations.into_iter().map(|found| (found.path, found.reason)).collect();
    Refused::new_err((pairs,))
}

#[pyfunction]
fn compile_document(document: &str) -> PyResult<String> {
    Ok(document::render(&parse(document)?).to_string())
}

#[pyfunction]
fn bucket(salt: &str, key: &[u8]) -> u32 {
    routing::bucket(salt, key)
}

#[pyfunction]
fn allocate(
    previous: Vec<(u64, u64, String)>,
    weights: BTreeMap<String, u64>,
    stable: &str,
) -> PyResult<Vec<(u64, u64, String)>> {
    let previous: Vec<_> = previous.into_iter().map(routing::Range::from).collect();
    let ranges =
        routing::allocate(&previous, &weights, stable).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(ranges.into_iter().map(Into::into).collect())
}

#[pyfunction]
fn explain(snapshot: &str, route: &str, head: &str) -> PyResult<String> {
    let refuse = |reason: String| PyValueError::new_err(reason);
    let value = serde_json::from_str(snapshot).map_err(|error| refuse(format!("the snapshot is not JSON: {error}")))?;
    let snapshot = SnapshotDocument::from_json(&value).map_err(|reason| refuse(format!("the snapshot: {reason}")))?;
    let revision = snapshot.routes.get(route).ok_or_else(|| {
        let known: Vec<&str> = snapshot.routes.keys().map(String::as_str).collect();
        let reason = snapshot.refused.get(route).cloned();
        refuse(reason.unwrap_or_else(|| format!("no route is named {route:?}; there are {}", known.join(", "))))
    })?;
    let plan = routing::RoutePlan::new(route, revision)
        .ok_or_else(|| refuse(format!("the tables of route {route:?} are not over its arms")))?;
    let head = serde_json::from_str(head).map_err(|error| refuse(format!("the head of the request: {error}")))?;
    let explanation = routing::explain(&plan, &head).map_err(refuse)?;
    serde_json::to_string(&explanation).map_err(|error| refuse(error.to_string()))
}

#[pyfunction]
#[pyo3(signature = (path, library, profiled_rows))]
fn inspect_model(py: Python<'_>, path: PathBuf, library: PathBuf, profiled_rows: Option<u32>) -> PyResult<String> {
    py.detach(|| tidegate_dataplane::drive::inspect::inspect(&path, &library, profiled_rows))
        .map(|found| found.to_string())
        .map_err(|reason| StartFailed::new_err((vec![reason],)))
}

#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("Refused", py.get_type::<Refused>())?;
    module.add("StartFailed", py.get_type::<StartFailed>())?;
    module.add_class::<gateway::Gateway>()?;
    module.add_class::<desk::Desk>()?;
    module.add_class::<desk::Answer>()?;
    module.add_class::<drift::Profile>()?;
    module.add_class::<drift::Counts>()?;
    module.add_function(wrap_pyfunction!(drift::build_feature, module)?)?;
    module.add_function(wrap_pyfunction!(drift::build_string_feature, module)?)?;
    module.add_function(wrap_pyfunction!(compile_document, module)?)?;
    module.add_function(wrap_pyfunction!(bucket, module)?)?;
    module.add_function(wrap_pyfunction!(allocate, module)?)?;
    module.add_function(wrap_pyfunction!(explain, module)?)?;
    module.add_function(wrap_pyfunction!(inspect_model, module)?)
}
