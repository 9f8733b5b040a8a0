//! The threads that load, warm up and unload versions, out of the way of those that answer.
//!
//! They give way to every other thread: whoever waits for a new version can wait a little longer, whoever is being
//! answered cannot. The bytes of a model are freed here too, for a large session takes long to take apart.

use super::clock::Clock;
use super::niceness::{self, give_way};
use crate::observe::drift::Profiled;
use crate::runtime::artifact::{Artifact, Evidence, Stamp};
use crate::runtime::onnx::trim_memory;
use crate::runtime::warmup::{Findings, warm_up};
use crate::runtime::{LoadOptions, Model, Runtime};
use bytes::Bytes;
use sha2::Digest as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use tidegate_core::document::{BatchingMode, Sha256, VersionSettings};
use tidegate_core::plane::LoadId;

/// One piece of work.
pub(super) enum Job {
    Load { load: LoadId, folder: PathBuf, settings: VersionSettings, digest: Option<String> },
    WarmUp { load: LoadId, model: Arc<dyn Model>, settings: VersionSettings, recorded: Vec<(String, Bytes)> },
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
    /// What its traffic is compared with, or why the profile in its folder cannot be.
    pub(super) profile: Result<Arc<Profiled>, String>,
    /// The profile as it lay in the folder.
    pub(super) evidence: Evidence,
}

/// The way to the loading threads. Each load and each warm-up has a thread of its own, so that one that never ends keeps
/// no other waiting; how many there are at once is for the core to decide. What is to be freed goes to one thread more.
pub(super) struct Loaders {
    runtime: Arc<dyn Runtime>,
    clock: Arc<dyn Clock>,
    done: Arc<dyn Fn(Done) + Send + Sync>,
    /// The thread that frees goes home when this is dropped and what was ordered is done.
    unloads: mpsc::Sender<(LoadId, Arc<dyn Model>)>,
}

impl Loaders {
    /// Threads that report to `done`.
    pub(super) fn start(
        runtime: &Arc<dyn Runtime>,
        clock: &Arc<dyn Clock>,
        done: impl Fn(Done) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let (unloads, unwanted) = mpsc::channel();
        let done: Arc<dyn Fn(Done) + Send + Sync> = Arc::new(done);
        let freed = Arc::clone(&done);
        spawn("tidegate-unload".to_owned(), move || {
            for (load, model) in unwanted {
                drop(model);
                trim_memory();
                freed(Done::Unloaded(load));
            }
        })?;
        Ok(Self { runtime: Arc::clone(runtime), clock: Arc::clone(clock), done, unloads })
    }

    pub(super) fn order(&self, job: Job) {
        let (runtime, clock, done) = (Arc::clone(&self.runtime), Arc::clone(&self.clock), Arc::clone(&self.done));
        let (name, refused): (_, fn(LoadId, String) -> Done) = match &job {
            Job::Load { load, .. } => (*load, |load, reason| Done::Loaded(load, Err(reason))),
            Job::WarmUp { load, .. } => (*load, |load, reason| Done::Warmed(load, Err(reason))),
        };
        let spawned = spawn(format!("tidegate-load-{name}"), move || done(work(job, runtime.as_ref(), clock.as_ref())));
        if let Err(error) = spawned {
            (self.done)(refused(name, format!("cannot start a thread: {error}")));
        }
    }

    /// Drops the last hold on a model, out of the way.
    pub(super) fn unload(&self, load: LoadId, model: Arc<dyn Model>) {
        // The thread lives as long as this sender.
        self.unloads.send((load, model)).ok();
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name).spawn(|| {
        give_way(niceness::LOW);
        work();
    })?;
    Ok(())
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
    let stamp = Stamp::of(folder);
    let artifact = Artifact::read(folder)?;
    if let Some(named) = settings.digest.filter(|named| named.to_string() != artifact.digest) {
        return Err(format!(
            "{} holds sha256:{}, and the document names sha256:{named}: it is not served",
            folder.display(),
            artifact.digest
        ));
    }
    // A document that names the files has the last word.
    let known = known.filter(|_| settings.digest.is_none());
    if let Some(known) = known.filter(|known| **known != artifact.digest) {
        let (known, found) = (short(known), short(&artifact.digest));
        return Err(format!(
            "{} has changed since it was first served (sha256:{known}… then, sha256:{found}… now); a version never \
             changes: put the old files back, or give the new ones a new version number",
            folder.display()
        ));
    }
    let model = runtime.load(&artifact, LoadOptions::of(settings))?;
    let Artifact { digest, size_bytes, profile, .. } = artifact;
    check_profile(folder, profile.as_deref(), settings.profile_digest)?;
    let evidence = Evidence::of(profile.as_deref(), stamp);
    // A profile is evidence: one that does not fit costs the watch over the version, not the version.
    let profile = match profile {
        Some(text) => Profiled::read(&text, model.signature()),
        None => Ok(Profiled::bare(model.signature())),
    };
    Ok(Part { model: Arc::from(model), digest, size_bytes, profile: profile.map(Arc::new), evidence })
}

/// Whether the profile is the one that the document names, if it names one.
fn check_profile(folder: &std::path::Path, profile: Option<&[u8]>, named: Option<Sha256>) -> Result<(), String> {
    let Some(named) = named else { return Ok(()) };
    match profile.map(|text| Sha256(sha2::Sha256::digest(text).into())) {
        Some(found) if found == named => Ok(()),
        found => {
            let found = found.map_or("none".to_owned(), |found| format!("sha256:{found}"));
            Err(format!(
                "the document names the profile sha256:{named}, and {} has {found}: it is not served",
                folder.display()
            ))
        }
    }
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
