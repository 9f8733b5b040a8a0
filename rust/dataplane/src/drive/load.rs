//! The threads that load, warm up and unload versions, out of the way of those that answer.
//!
//! They give way to every other thread: whoever waits for a new version can wait a little longer, whoever is being
//! answered cannot. The bytes of a model are freed here too, for a large session takes long to take apart.

use super::clock::Clock;
use super::niceness::{self, give_way};
use crate::runtime::artifact::Artifact;
use crate::runtime::onnx::trim_memory;
use crate::runtime::warmup::{Findings, warm_up};
use crate::runtime::{LoadOptions, Model, Runtime};
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tidegate_core::document::{BatchingMode, VersionSettings};
use tidegate_core::plane::LoadId;

/// One piece of work.
pub(super) enum Job {
    Load {
        load: LoadId,
        folder: PathBuf,
        settings: VersionSettings,
        digest: Option<String>,
    },
    WarmUp {
        load: LoadId,
        model: Arc<dyn Model>,
        settings: VersionSettings,
        recorded: Vec<(String, Bytes)>,
    },
    /// Drops the last hold on a model.
    Unload {
        load: LoadId,
        model: Arc<dyn Model>,
    },
}

/// What became of it.
pub(super) enum Done {
    Loaded(LoadId, Result<Part, String>),
    Warmed(LoadId, Result<Findings, String>),
    Unloaded(LoadId),
}

/// A loaded model with what is known of its files.
pub(super) struct Part {
    pub(super) model: Arc<dyn Model>,
    pub(super) digest: String,
    pub(super) size_bytes: u64,
}

/// The way to the loading threads. They go home when it is dropped and what was ordered is done.
pub(super) struct Loaders(mpsc::Sender<Job>);

impl Loaders {
    /// Starts `count` threads, which report to `done`.
    pub(super) fn start(
        count: usize,
        runtime: &Arc<dyn Runtime>,
        clock: &Arc<dyn Clock>,
        done: &(impl Fn(Done) + Clone + Send + 'static),
    ) -> std::io::Result<Self> {
        let (orders, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for index in 0..count.max(1) {
            let (jobs, runtime, clock, done) =
                (Arc::clone(&jobs), Arc::clone(runtime), Arc::clone(clock), done.clone());
            std::thread::Builder::new().name(format!("tidegate-load-{index}")).spawn(move || {
                give_way(niceness::LOW);
                while let Some(job) = next(&jobs) {
                    done(work(job, runtime.as_ref(), clock.as_ref()));
                }
            })?;
        }
        Ok(Self(orders))
    }

    pub(super) fn order(&self, job: Job) {
        // The threads live as long as this sender.
        self.0.send(job).ok();
    }
}

fn next(jobs: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Does one piece of work. A panic in a runtime costs the version, not the thread that all others wait for.
fn work(job: Job, runtime: &dyn Runtime, clock: &dyn Clock) -> Done {
    let panicked = || "the gateway failed while loading; its log has the panic".to_owned();
    match job {
        Job::Load { load, folder, settings, digest } => {
            let attempt = AssertUnwindSafe(|| read(runtime, &folder, &settings, digest.as_deref()));
            Done::Loaded(load, catch_unwind(attempt).unwrap_or_else(|_| Err(panicked())))
        }
        Job::WarmUp { load, model, settings, recorded } => {
            let attempt = AssertUnwindSafe(|| prepare(model.as_ref(), &settings, &recorded, clock));
            let findings = catch_unwind(attempt).unwrap_or_else(|_| Err(panicked()));
            // What loading took and gave back goes to the system before the version serves.
            trim_memory();
            Done::Warmed(load, findings)
        }
        Job::Unload { load, model } => {
            drop(model);
            trim_memory();
            Done::Unloaded(load)
        }
    }
}

fn read(
    runtime: &dyn Runtime,
    folder: &std::path::Path,
    settings: &VersionSettings,
    known: Option<&str>,
) -> Result<Part, String> {
    if !folder.is_dir() {
        return Err(format!("there is no folder {}", folder.display()));
    }
    let artifact = Artifact::read(folder)?;
    if let Some(known) = known.filter(|known| **known != artifact.digest) {
        let (known, found) = (short(known), short(&artifact.digest));
        return Err(format!(
            "{} has changed since it was first served (sha256:{known}… then, sha256:{found}… now); a version never \
             changes: put the old files back, or give the new ones a new version number",
            folder.display()
        ));
    }
    let model = runtime.load(&artifact, LoadOptions { intra_op_threads: settings.intra_op_threads as u32 })?;
    let Artifact { digest, size_bytes, .. } = artifact;
    Ok(Part { model: Arc::from(model), digest, size_bytes })
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn prepare(
    model: &dyn Model,
    settings: &VersionSettings,
    recorded: &[(String, Bytes)],
    clock: &dyn Clock,
) -> Result<Findings, String> {
    let forced = match settings.batching.mode {
        BatchingMode::Auto => None,
        BatchingMode::On => Some(true),
        BatchingMode::Off => Some(false),
    };
    let findings = warm_up(model, settings.batching.max as u32, forced, recorded, clock)?;
    match &findings.unbatched {
        Some(reason) if forced == Some(true) => Err(format!("`batching: on` cannot be honoured: {reason}")),
        _ => Ok(findings),
    }
}
