//! `tidegate._native`: the data plane and the core as Python sees them. Converts, detaches, raises; decides nothing.
#![expect(clippy::needless_pass_by_value, reason = "what Python hands over is owned")]

mod gateway;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tidegate_core::{document, routing};

create_exception!(_native, Refused, PyException, "A document breaks rules; args[0] lists (path, reason).");
create_exception!(_native, StartFailed, PyException, "A gateway or a model cannot start; args[0] lists the reasons.");

/// Parses and checks a document.
pub(crate) fn parse(document: &str) -> PyResult<document::Document> {
    let refuse = |violations: Vec<(String, String)>| Refused::new_err((violations,));
    let value = serde_json::from_str(document).map_err(|error| refuse(vec![(String::new(), error.to_string())]))?;
    document::parse(&value).map_err(|all| refuse(all.into_iter().map(|found| (found.path, found.reason)).collect()))
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
fn inspect_model(py: Python<'_>, path: PathBuf, library: PathBuf) -> PyResult<String> {
    py.detach(|| tidegate_dataplane::drive::inspect::inspect(&path, &library))
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
    module.add_function(wrap_pyfunction!(compile_document, module)?)?;
    module.add_function(wrap_pyfunction!(bucket, module)?)?;
    module.add_function(wrap_pyfunction!(allocate, module)?)?;
    module.add_function(wrap_pyfunction!(inspect_model, module)?)
}
