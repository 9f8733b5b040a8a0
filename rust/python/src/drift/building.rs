//! The part of a profile that is about one feature, made of its column.

use super::{unreadable, whole_numbers};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use serde::Deserialize;
use serde_json::Value;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::sketch::{self, Exact, Feature, Recipe, Values};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    name: String,
    column: usize,
    datatype: String,
    bins: usize,
    sentinel: Value,
    weight: f64,
}

#[pyfunction]
#[pyo3(signature = (settings, values, chunks))]
pub(crate) fn build_feature(
    py: Python<'_>,
    settings: &str,
    values: PyBackedBytes,
    chunks: Option<PyBackedBytes>,
) -> PyResult<String> {
    let settings: Settings = serde_json::from_str(settings).map_err(unreadable)?;
    py.detach(|| build(settings, Values::Raw(&values), chunks.as_deref())).map_err(PyValueError::new_err)
}

#[pyfunction]
#[pyo3(signature = (settings, offsets, data, chunks))]
pub(crate) fn build_string_feature(
    py: Python<'_>,
    settings: &str,
    offsets: PyBackedBytes,
    data: PyBackedBytes,
    chunks: Option<PyBackedBytes>,
) -> PyResult<String> {
    let settings: Settings = serde_json::from_str(settings).map_err(unreadable)?;
    py.detach(|| {
        let offsets = whole_numbers(&offsets);
        build(settings, Values::LargeStrings { offsets: &offsets, data: &data }, chunks.as_deref())
    })
    .map_err(PyValueError::new_err)
}

fn build(settings: Settings, values: Values<'_>, chunks: Option<&[u8]>) -> Result<String, String> {
    let Settings { name, column, datatype, bins, sentinel, weight } = settings;
    let (chunks, _) = chunks.unwrap_or_default().as_chunks();
    let chunks: Vec<u32> = chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect();
    let recipe = Recipe {
        bins,
        chunks: &chunks,
        sentinel: sentinel.as_i64().map(Exact::Integer).or_else(|| sentinel.as_f64().map(Exact::Float)),
        sentinel_text: sentinel.as_str(),
    };
    let datatype = Datatype::parse(datatype.as_bytes()).ok_or_else(|| format!("there is no datatype {datatype:?}"))?;
    let kind = sketch::build(datatype, values, &recipe).map_err(|error| error.to_string())?;
    // Whether nothing is usual in it is for whoever makes the profile to say.
    let feature = Feature { name, column, weight, nullable: false, kind };
    serde_json::to_string(&feature).map_err(|error| error.to_string())
}
