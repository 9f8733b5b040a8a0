//! Profiles, counts and judgements: JSON for what is said of features, bytes for their values.

mod building;

pub(crate) use building::{build_feature, build_string_feature};

use crate::refuse;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use serde::Deserialize;
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use tidegate_core::drift::wander::Wander;
use tidegate_core::monitor;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::sketch::{self, CountError, Direction, Plan, Values};

/// So many values are counted into counters of 32 bits before these are added to wider ones.
const MOST_OPEN: u64 = 1 << 31;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    tolerated_psi: f64,
    list_fdr: f64,
}

#[pyclass(frozen, module = "tidegate._native")]
pub(crate) struct Profile {
    plan: Arc<Plan>,
    /// Measured when something is judged: most profiles are only shown or counted by.
    wanders: OnceLock<Vec<Wander>>,
}

#[pymethods]
impl Profile {
    #[new]
    fn new(py: Python<'_>, document: &str) -> PyResult<Self> {
        let profile = py.detach(|| sketch::Profile::parse_text(document)).map_err(refuse)?;
        Ok(Self { plan: Arc::new(Plan::new(Arc::new(profile))), wanders: OnceLock::new() })
    }

    fn bind(&self, signature: &str) -> PyResult<()> {
        let signature = read_signature(signature).ok_or_else(|| PyValueError::new_err("this is no signature"))?;
        Plan::bind(Arc::clone(self.plan.profile()), &signature).map(|_| ()).map_err(refuse)
    }

    fn judge(&self, py: Python<'_>, cells: &str, settings: &str) -> PyResult<String> {
        let settings: Settings = serde_json::from_str(settings).map_err(unreadable)?;
        let cells: Vec<Value> = serde_json::from_str(cells).map_err(unreadable)?;
        let profile = self.plan.profile();
        py.detach(|| {
            let cells: Option<Vec<_>> = cells.iter().map(sketch::Cell::read).collect();
            let cells = cells.filter(|cells| cells.len() == profile.features().count());
            let cells = cells.ok_or("these are no cells of this profile".to_owned())?;
            let settings =
                monitor::Settings { tolerated_psi: settings.tolerated_psi, list_fdr: settings.list_fdr, pages: None };
            let wanders = self.wanders.get_or_init(|| monitor::wanders(profile));
            let reference = monitor::Reference { profile, wanders, weights: &monitor::weights(profile) };
            let found = monitor::judge(&reference, &cells, settings).map_err(|undefined| undefined.to_string())?;
            let shown: Vec<_> = monitor::shown(profile, &cells, found).collect();
            serde_json::to_string(&shown).map_err(|error| error.to_string())
        })
        .map_err(PyValueError::new_err)
    }

    fn counts(&self) -> Counts {
        let plan = Arc::clone(&self.plan);
        Counts { open: sketch::Counts::new(&plan), closed: sketch::Counts::new(&plan), values_open: 0, plan }
    }
}

#[pyclass(module = "tidegate._native")]
pub(crate) struct Counts {
    plan: Arc<Plan>,
    open: sketch::Counts<u32>,
    closed: sketch::Counts<u64>,
    values_open: u64,
}

#[pymethods]
impl Counts {
    fn add(&mut self, py: Python<'_>, tensor: (String, String), column: usize, values: PyBackedBytes) -> PyResult<()> {
        let tensor = self.tensor(&tensor)?;
        py.detach(|| self.count(tensor, column, Values::Raw(&values), values.len())).map_err(refused)
    }

    fn add_strings(
        &mut self,
        py: Python<'_>,
        tensor: (String, String),
        column: usize,
        offsets: PyBackedBytes,
        data: PyBackedBytes,
    ) -> PyResult<()> {
        let tensor = self.tensor(&tensor)?;
        py.detach(|| {
            let offsets = whole_numbers(&offsets);
            self.count(tensor, column, Values::LargeStrings { offsets: &offsets, data: &data }, offsets.len())
        })
        .map_err(refused)
    }

    fn merge(&mut self, other: &Self) -> PyResult<()> {
        if self.plan.profile() != other.plan.profile() {
            return Err(PyValueError::new_err("the counts are of another profile"));
        }
        self.closed.merge(&other.closed);
        self.closed.merge(&other.open);
        Ok(())
    }

    fn to_json(&self, py: Python<'_>) -> String {
        py.detach(|| {
            let mut all = self.closed.clone();
            all.merge(&self.open);
            let cells = (0..self.plan.features()).map(|feature| all.cell(&self.plan, feature).render());
            Value::Array(cells.collect()).to_string()
        })
    }
}

impl Counts {
    /// The number of a tensor, by its direction and name.
    fn tensor(&self, (direction, name): &(String, String)) -> PyResult<usize> {
        let direction = if direction == "output" { Direction::Output } else { Direction::Input };
        let found = self.plan.tensor(direction, name);
        found.ok_or_else(|| PyValueError::new_err(format!("the profile has no tensor {name:?}")))
    }

    /// Counts values; `at_most` is no less than how many they are.
    fn count(&mut self, tensor: usize, column: usize, values: Values<'_>, at_most: usize) -> Result<(), CountError> {
        if self.values_open + at_most as u64 > MOST_OPEN {
            self.close();
        }
        self.values_open += at_most as u64;
        self.open.count_column(&self.plan, tensor, column, values)
    }

    fn close(&mut self) {
        self.closed.merge(&self.open);
        self.open.clear();
        self.values_open = 0;
    }
}

/// Little-endian integers of 64 bits.
fn whole_numbers(bytes: &[u8]) -> Vec<i64> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().map(|number| i64::from_le_bytes(*number)).collect()
}

fn unreadable(error: serde_json::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn refused(error: CountError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// `{"inputs": [{"name", "datatype", "shape"}, …], "outputs": […]}`
fn read_signature(text: &str) -> Option<Signature> {
    let value: Value = serde_json::from_str(text).ok()?;
    let specs = |side: &str| value[side].as_array()?.iter().map(read_spec).collect::<Option<Vec<_>>>();
    Some(Signature { inputs: specs("inputs")?, outputs: specs("outputs")? })
}

fn read_spec(value: &Value) -> Option<TensorSpec> {
    let dims: Vec<i64> = value["shape"].as_array()?.iter().map(Value::as_i64).collect::<Option<_>>()?;
    Some(TensorSpec {
        name: value["name"].as_str()?.to_owned(),
        datatype: Datatype::parse(value["datatype"].as_str()?.as_bytes())?,
        axes: vec![String::new(); dims.len()],
        dims,
    })
}
