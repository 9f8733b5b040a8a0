//! A running gateway, held by Python.

use crate::desk::Desk;
use crate::{StartFailed, parse, refuse};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::time::Duration;
use tidegate_dataplane::drive::server::{End, Gateway as Native};

/// `(count, certificate, key, client CA)`; the count grows with each change of the others.
type Files = (u64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

#[pyclass(frozen, module = "tidegate._native")]
pub struct Gateway {
    native: Native,
}

#[pymethods]
impl Gateway {
    #[new]
    #[pyo3(signature = (document, *, base_dir, library))]
    fn new(py: Python<'_>, document: &str, base_dir: PathBuf, library: PathBuf) -> PyResult<Self> {
        let document = parse(document)?;
        let native = py
            .detach(|| Native::start(&document, &base_dir, &library))
            .map_err(|reasons| StartFailed::new_err((reasons,)))?;
        Ok(Self { native })
    }

    #[getter]
    fn grpc_address(&self) -> String {
        self.native.grpc.map(|address| address.to_string()).unwrap_or_default()
    }

    #[getter]
    fn http_address(&self) -> String {
        self.native.http.to_string()
    }

    fn tls(&self) -> Option<Files> {
        let tls = self.native.tls()?;
        // Counted first: what changes in between is found by the next look.
        let count = tls.taken();
        let pem = &tls.identity().pem;
        Some((count, pem.cert.clone(), pem.key.clone(), pem.client_ca.clone()))
    }

    fn desk(&self) -> PyResult<Desk> {
        Ok(Desk::new(self.native.desk()?))
    }

    fn announce(&self, grpc: &str) {
        self.native.announce(grpc);
    }

    fn warn(&self, event: &str, reason: &str) {
        self.native.warn(event, reason);
    }

    fn apply(&self, py: Python<'_>, document: &str) -> PyResult<()> {
        py.detach(|| self.native.apply(document.as_bytes())).map_err(refuse)
    }

    fn amend(&self, py: Python<'_>, amendment: &str) -> PyResult<String> {
        py.detach(|| self.native.amend(amendment.as_bytes())).map(|progress| progress.to_string()).map_err(refuse)
    }

    fn progress(&self, py: Python<'_>) -> String {
        py.detach(|| self.native.progress()).to_string()
    }

    fn transitions(&self, py: Python<'_>, sink: &str, told: u64, most: usize) -> PyResult<Vec<(u64, String)>> {
        let found = py.detach(|| self.native.transitions(sink, told, most)).ok_or_else(|| no_reader(sink))?;
        Ok(found.into_iter().map(|(number, change)| (number, change.to_string())).collect())
    }

    fn delivery_failed(&self, sink: &str) -> PyResult<()> {
        self.native.delivery_failed(sink).ok_or_else(|| no_reader(sink))
    }

    fn drain(&self) {
        self.native.drain();
    }

    fn wait(&self, py: Python<'_>, timeout_ms: u64) -> Option<&'static str> {
        let end = py.detach(|| self.native.wait(Duration::from_millis(timeout_ms)))?;
        Some(match end {
            End::Clean => "clean",
            End::Forced => "forced",
            End::Now => "now",
        })
    }
}

fn no_reader(sink: &str) -> PyErr {
    PyValueError::new_err(format!("{sink:?} is no sink of the gateway's document, or its own log"))
}
