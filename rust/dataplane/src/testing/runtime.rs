//! The real library, and what one run of a model in it says.
#![expect(clippy::disallowed_methods, reason = "only the environment of the tests knows where the library lies")]

use crate::runtime::artifact::Artifact;
use crate::runtime::onnx::OnnxRuntime;
use crate::runtime::{Batch, LoadOptions, Model, Outputs, Part, Runtime as _, Worker};
use prost::Message as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate_core::document::VersionSettings;
use tidegate_core::oip::answer::Elements;
use tidegate_core::oip::messages::inference::ModelInferRequest;
use tidegate_core::oip::messages::inference::model_infer_request::InferInputTensor;
use tidegate_core::oip::request::Head;
use tidegate_core::oip::signature::Signature;
use tidegate_core::oip::validate::{Plan, validate};

/// The library of the tests.
pub(crate) fn library() -> PathBuf {
    let path = std::env::var_os("TIDEGATE_TEST_ONNXRUNTIME");
    path.expect("TIDEGATE_TEST_ONNXRUNTIME names no ONNX Runtime library; `make test` sets it").into()
}

/// One runtime for all tests, as a gateway has one: the library keeps a single environment per process.
pub(crate) fn runtime() -> &'static OnnxRuntime {
    static RUNTIME: OnceLock<OnnxRuntime> = OnceLock::new();
    RUNTIME.get_or_init(|| OnnxRuntime::open(&library(), 2).expect("the library loads"))
}

/// A folder of its own, gone with the value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("tidegate-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    /// A version folder that holds this model and nothing else.
    pub(crate) fn of_model(model: &[u8]) -> Self {
        let folder = Self::new();
        folder.write("model.onnx", model);
        folder
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder in a folder");
        std::fs::write(path, content).expect("a file in a temporary folder");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Loads a model file, or says why not.
pub(crate) fn try_load(model: &[u8]) -> Result<Box<dyn Model>, String> {
    let folder = Folder::of_model(model);
    let artifact = Artifact::read(folder.path())?;
    runtime().load(&artifact, LoadOptions::of(&VersionSettings::default()))
}

pub(crate) fn load(model: &[u8]) -> Box<dyn Model> {
    try_load(model).expect("the model loads")
}

/// A request with one raw input, checked.
pub(crate) struct Asked {
    message: Vec<u8>,
    plan: Plan,
}

impl Asked {
    pub(crate) fn new(signature: &Signature, batched: bool, shape: &[i64], raw: &[u8]) -> Self {
        let spec = &signature.inputs[0];
        let input = InferInputTensor {
            name: spec.name.clone(),
            datatype: spec.datatype.name().to_owned(),
            shape: shape.to_vec(),
            ..InferInputTensor::default()
        };
        let request = ModelInferRequest {
            inputs: vec![input],
            raw_input_contents: vec![raw.to_vec().into()],
            ..ModelInferRequest::default()
        };
        let message = request.encode_to_vec();
        let mut head = Head::default();
        head.read(&message).expect("prost writes well-formed messages");
        let plan = validate(&head, &message, signature, batched).expect("the request fits");
        Self { message, plan }
    }
}

/// Runs requests as one batch; the shape of the first output and its elements, raw.
pub(crate) fn run(worker: &mut dyn Worker, rows: Option<u32>, asked: &[&Asked]) -> Result<(Vec<i64>, Vec<u8>), String> {
    let parts: Vec<Part<'_>> = asked.iter().map(|asked| Part { plan: &asked.plan, message: &asked.message }).collect();
    worker.prepare(Batch { parts: &parts, rows })?;
    let outputs = worker.run()?;
    Ok((outputs.dims(0).to_vec(), raw(outputs, 0)))
}

fn raw(outputs: &dyn Outputs, index: usize) -> Vec<u8> {
    match outputs.elements(index) {
        Elements::Fixed(bytes) => bytes.to_vec(),
        Elements::Strings { text, mut start, ends } => {
            let mut raw = Vec::new();
            for &end in ends {
                raw.extend_from_slice(&((end - start) as u32).to_le_bytes());
                raw.extend_from_slice(&text[start..end]);
                start = end;
            }
            raw
        }
    }
}

/// One request alone, of an unbatched model.
pub(crate) fn run_alone(
    model: &dyn Model,
    worker: &mut dyn Worker,
    shape: &[i64],
    raw: &[u8],
) -> Result<(Vec<i64>, Vec<u8>), String> {
    run(worker, None, &[&Asked::new(model.signature(), false, shape, raw)])
}

pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
