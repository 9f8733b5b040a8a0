//! The desk at which a front in Python hands in calls. It belongs to the thread that made it.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString, PyTuple};
use send_wrapper::SendWrapper;
use std::time::Duration;
use tidegate_dataplane::drive::plane::Phase;
use tidegate_dataplane::front::desk::{Accompaniment, Answer as Native, Called, Desk as NativeDesk};

/// The value of one piece of metadata, as grpcio has it.
#[derive(FromPyObject)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// What a call is answered: see `tidegate.gateway.plane`.
#[pyclass(frozen, get_all, module = "tidegate._native")]
pub(crate) struct Answer {
    message: Py<PyBytes>,
    last: Option<Py<PyBytes>>,
    status: u8,
    details: String,
    initial: Py<PyTuple>,
    trailing: Py<PyTuple>,
}

impl Answer {
    fn new(py: Python<'_>, native: Native) -> PyResult<Self> {
        let Native { message, last, status, details, initial, trailing } = native;
        Ok(Self {
            message: PyBytes::new(py, &message).unbind(),
            last: last.map(|last| PyBytes::new(py, &last).unbind()),
            status,
            details,
            initial: metadata(py, initial)?,
            trailing: metadata(py, trailing)?,
        })
    }
}

/// Pairs of a name and its value: text, or bytes for names that end in `-bin`.
fn metadata(py: Python<'_>, pairs: Vec<(String, Vec<u8>)>) -> PyResult<Py<PyTuple>> {
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| {
            let value = if name.ends_with("-bin") {
                PyBytes::new(py, &value).into_any()
            } else {
                PyString::new(py, &String::from_utf8_lossy(&value)).into_any()
            };
            (name, value)
        })
        .collect();
    Ok(PyTuple::new(py, pairs)?.unbind())
}

fn accompaniment(metadata: Vec<(String, Value)>, peer: &str, timeout: Option<u64>) -> Accompaniment {
    let metadata = metadata.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    Accompaniment { metadata, peer: peer.into(), timeout }
}

#[pyclass(unsendable, module = "tidegate._native")]
pub(crate) struct Desk {
    native: SendWrapper<NativeDesk>,
}

impl Desk {
    pub(crate) fn new(native: NativeDesk) -> Self {
        Self { native: SendWrapper::new(native) }
    }

    /// Lets other Python threads go on while a call is read and run.
    fn hand_in(
        &mut self,
        py: Python<'_>,
        (metadata, peer, timeout_s): (Vec<(String, Value)>, &str, Option<f64>),
        call: impl FnOnce(&mut NativeDesk, Accompaniment) -> Called + Send,
    ) -> PyResult<Py<PyAny>> {
        // A deadline that has passed already, or is further away than time goes.
        let timeout = timeout_s.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
        let timeout = timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
        let with = accompaniment(metadata, peer, timeout);
        let native = &mut self.native;
        match py.detach(|| SendWrapper::new(call(native, with))).take() {
            Called::Answered(answer) => Ok(Py::new(py, Answer::new(py, answer)?)?.into_any()),
            Called::Waits(ticket) => Ok(ticket.into_pyobject(py)?.into_any().unbind()),
        }
    }
}

#[pymethods]
impl Desk {
    fn fileno(&self) -> i32 {
        self.native.bell().fd()
    }

    fn call(
        &mut self,
        py: Python<'_>,
        path: &str,
        message: PyBackedBytes,
        metadata: Vec<(String, Value)>,
        peer: &str,
        timeout_s: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        let message = Bytes::copy_from_slice(&message);
        self.hand_in(py, (metadata, peer, timeout_s), |desk, with| desk.call(path, message, with))
    }

    fn infer_streamed(
        &mut self,
        py: Python<'_>,
        message: PyBackedBytes,
        metadata: Vec<(String, Value)>,
        peer: &str,
        timeout_s: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        let message = Bytes::copy_from_slice(&message);
        self.hand_in(py, (metadata, peer, timeout_s), |desk, with| desk.infer_streamed(message, with))
    }

    fn refusal(
        &self,
        py: Python<'_>,
        path: &str,
        metadata: Vec<(String, Value)>,
        peer: &str,
    ) -> PyResult<Option<Answer>> {
        self.native.refusal(path, accompaniment(metadata, peer, None)).map(|answer| Answer::new(py, answer)).transpose()
    }

    fn reflect(&self, py: Python<'_>, message: PyBackedBytes) -> PyResult<Answer> {
        Answer::new(py, self.native.reflect(Bytes::copy_from_slice(&message)))
    }

    fn attend(&mut self, py: Python<'_>) -> PyResult<Vec<(u64, Answer)>> {
        let native = &mut self.native;
        let answers = py.detach(|| SendWrapper::new(native.attend())).take();
        answers.into_iter().map(|(ticket, answer)| Ok((ticket, Answer::new(py, answer)?))).collect()
    }

    fn cancel(&self, ticket: u64) {
        self.native.cancel(ticket);
    }

    fn next_deadline_s(&self) -> Option<f64> {
        self.native.next_deadline().map(|nanos| Duration::from_nanos(nanos).as_secs_f64())
    }

    fn end_of_streams(&self, py: Python<'_>) -> PyResult<Answer> {
        Answer::new(py, self.native.end_of_streams())
    }

    fn state(&self) -> (&'static str, u64) {
        let phase = match self.native.phase() {
            Phase::Serving => "serving",
            Phase::NotServing => "not_serving",
            Phase::Draining => "draining",
            Phase::Aborting => "aborting",
            Phase::Over => "over",
        };
        (phase, self.native.epoch())
    }
}
