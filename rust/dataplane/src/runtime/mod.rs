//! What loads and runs versions: a [`Runtime`] makes a [`Model`] of an artifact, a model makes a [`Worker`] for each
//! thread that runs it, a worker takes whole batches. Dropping them is unloading.
//!
//! A new runtime is a file here and a line in this list.

pub mod artifact;
pub mod onnx;
pub mod warmup;

use artifact::Artifact;
use std::path::{Path, PathBuf};
use tidegate_core::document::{Arena, Provider, VersionSettings};
use tidegate_core::oip::answer::Elements;
use tidegate_core::oip::signature::Signature;
use tidegate_core::oip::validate::Plan;

/// How a version is to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions<'a> {
    /// Threads that one run may use; 1 keeps the run on its own thread, more share one pool of the process.
    pub intra_op_threads: u32,
    /// See [`VersionSettings::providers`].
    pub providers: &'a [Provider],
    pub arena: Arena,
    /// Where the events of all runs are written, as the beginning of a file's name, until [`Model::end_profile`].
    pub profile: Option<&'a Path>,
}

impl<'a> LoadOptions<'a> {
    /// As a document says it.
    pub fn of(settings: &'a VersionSettings) -> Self {
        Self {
            intra_op_threads: settings.intra_op_threads as u32,
            providers: &settings.providers,
            arena: settings.arena,
            profile: None,
        }
    }
}

/// Makes models of artifacts.
pub trait Runtime: Send + Sync {
    /// Loads the verified bytes of a version.
    ///
    /// # Errors
    /// A sentence for the operator: what is wrong with the artifact and what to do.
    fn load(&self, artifact: &Artifact, options: LoadOptions<'_>) -> Result<Box<dyn Model>, String>;
}

/// A loaded version, shared by all threads.
pub trait Model: Send + Sync {
    fn signature(&self) -> &Signature;

    /// What one thread needs to run the model: buffers and bindings of its own.
    fn worker(&self) -> Box<dyn Worker>;

    /// Asks every run under way, and all that are still to come, to end with an error soon.
    fn terminate(&self);

    /// Whether a run gives memory that it does not need any more back to the system when it ends: for the end of a warm-up,
    /// whose largest batch few callers will come near. Where the arena shrinks anyway, it stays so.
    fn set_shrinking(&self, is_on: bool);

    /// Writes the events of a model that was loaded to be profiled, and says to which file.
    ///
    /// # Errors
    /// What the runtime says of the failure, or that it profiles nothing.
    fn end_profile(&self) -> Result<PathBuf, String> {
        Err("this runtime profiles nothing".to_owned())
    }
}

/// One request of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    pub plan: &'a Plan,
    pub message: &'a [u8],
}

/// Several requests that run as one; alone or batchable and of one shape.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub parts: &'a [Part<'a>],
    /// Extent of the first axis of every tensor, if the version is batchable.
    pub rows: Option<u32>,
}

/// Runs batches on the thread that owns it.
pub trait Worker: Send {
    /// Copies the inputs of a batch to where the model reads them.
    ///
    /// # Errors
    /// What the runtime says of the failure.
    fn prepare(&mut self, batch: Batch<'_>) -> Result<(), String>;

    /// Runs what was prepared to its end; the outputs live until the next batch.
    ///
    /// # Errors
    /// What the runtime says of the failure.
    fn run(&mut self) -> Result<&dyn Outputs, String>;
}

/// The outputs of one run, by their place in the signature.
pub trait Outputs {
    fn dims(&self, index: usize) -> &[i64];

    fn elements(&self, index: usize) -> Elements<'_>;
}

/// The stretch of an output that belongs to `rows` rows from `first` on.
pub fn rows_of(elements: Elements<'_>, total_rows: usize, first: usize, rows: usize) -> Elements<'_> {
    match elements {
        Elements::Fixed(bytes) => {
            let row = bytes.len() / total_rows.max(1);
            Elements::Fixed(&bytes[first * row..(first + rows) * row])
        }
        Elements::Strings { text, start, ends } => {
            let row = ends.len() / total_rows.max(1);
            let begin = if first * row == 0 { start } else { ends[first * row - 1] };
            Elements::Strings { text, start: begin, ends: &ends[first * row..(first + rows) * row] }
        }
    }
}
