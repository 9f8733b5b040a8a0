//! Changes of states that wait until those who are told have them: numbered, bounded, and kept over a restart.
//!
//! Whoever tells sinks reads from here, each at its own pace; what all have is gone. It is stored before the windows are whose
//! judging it tells of: a gateway that is killed tells again of what nobody has acknowledged, and forgets nothing of it.

use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of changes that wait: those of some ten thousand features that all change at once, with their evidence.
const MOST_BYTES: usize = 16 << 20;

/// What waits, and for whom; empty where nobody but the log is told.
#[derive(Default)]
pub struct Outbox {
    file: Option<PathBuf>,
    waiting: Mutex<Waiting>,
    /// Somebody has taken something, or has failed to.
    moved: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// By number without gaps, oldest first.
    changes: VecDeque<(u64, Arc<str>)>,
    bytes: usize,
    /// The number of the newest change.
    last: u64,
    readers: BTreeMap<String, Reader>,
    is_stored: bool,
}

/// How far one sink is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reader {
    /// The number of the last change that it has, or will never have.
    told: u64,
    pub(super) delivered: u64,
    /// Changes that were dropped before it had them.
    pub(super) dropped: u64,
    /// Tries that have failed.
    pub(super) failures: u64,
    /// Whether the last one did.
    is_failing: bool,
}

impl Outbox {
    /// The outbox for some sinks, with what of the last run waits for them; and why that cannot be read, if so.
    pub fn open(file: PathBuf, sinks: impl Iterator<Item = String>) -> (Self, Option<String>) {
        let mut waiting = Waiting { is_stored: true, ..Waiting::default() };
        let refusal = waiting
            .restore(&file)
            .err()
            .map(|reason| format!("{}: what waited to be told is lost: {reason}", file.display()));
        let last = waiting.last;
        let known = std::mem::take(&mut waiting.readers);
        let begin = |sink: &String| known.get(sink).copied().unwrap_or(Reader { told: last, ..Reader::default() });
        waiting.readers = sinks.map(|sink| (sink.clone(), begin(&sink))).collect();
        waiting.forget();
        (Self { file: Some(file), waiting: Mutex::new(waiting), moved: Condvar::new() }, refusal)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody reads from here.
    pub(super) fn is_read(&self) -> bool {
        !self.lock().readers.is_empty()
    }

    pub(super) fn put(&self, change: &Value) {
        self.lock().put(change.to_string().into());
    }

    /// Changes that come after a number, oldest first; a sink that asks has everything up to it. `None` for one that is none.
    pub fn after(&self, sink: &str, told: u64, most: usize) -> Option<Vec<(u64, Arc<str>)>> {
        let mut waiting = self.lock();
        let last = waiting.last;
        let reader = waiting.readers.get_mut(sink)?;
        let before = reader.told;
        reader.told = before.max(told.min(last));
        let (told, taken) = (reader.told, reader.told - before);
        if taken > 0 {
            reader.delivered += taken;
            reader.is_failing = false;
            waiting.is_stored = false;
            self.moved.notify_all();
        }
        waiting.forget();
        let rest = waiting.changes.iter().filter(|(number, _)| *number > told);
        Some(rest.take(most).cloned().collect())
    }

    /// Notes that a sink could not be told, which is tried again; `None` for one that is none.
    pub fn failed(&self, sink: &str) -> Option<()> {
        let mut waiting = self.lock();
        let reader = waiting.readers.get_mut(sink)?;
        reader.failures += 1;
        reader.is_failing = true;
        self.moved.notify_all();
        Some(())
    }

    /// How far every sink is, with how many changes wait for it.
    pub(super) fn readers(&self) -> Vec<(String, Reader, u64)> {
        let waiting = self.lock();
        let readers = waiting.readers.iter();
        readers.map(|(sink, reader)| (sink.clone(), *reader, waiting.last - reader.told)).collect()
    }

    /// Waits until every sink has everything, but for those that fail, which have it after the next start.
    pub fn settle(&self, patience: Duration) {
        let is_due = |waiting: &mut Waiting| {
            let last = waiting.last;
            waiting.readers.values().any(|reader| reader.told < last && !reader.is_failing)
        };
        let settled = self.moved.wait_timeout_while(self.lock(), patience, is_due);
        drop(settled.unwrap_or_else(PoisonError::into_inner));
    }

    /// Stores what has changed since the last time, so that it is there after a power cut too. Nobody who puts or takes waits
    /// for the disk.
    ///
    /// # Errors
    /// The system's refusal; it is tried again next time.
    pub(super) fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut waiting = self.lock();
        if waiting.is_stored {
            return Ok(());
        }
        waiting.is_stored = true;
        let text = waiting.render();
        drop(waiting);
        let written = replace(file, text.as_bytes());
        if written.is_err() {
            self.lock().is_stored = false;
        }
        written
    }
}

/// Puts a file in the place of another, whole and on the disk.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("new");
    let mut writing = File::create(&unfinished)?;
    writing.write_all(bytes)?;
    writing.sync_all()?;
    fs::rename(&unfinished, file)?;
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

impl Waiting {
    fn put(&mut self, change: Arc<str>) {
        self.last += 1;
        self.bytes += change.len();
        self.changes.push_back((self.last, change));
        self.is_stored = false;
        while self.bytes > MOST_BYTES
            && let Some((number, dropped)) = self.changes.pop_front()
        {
            self.bytes -= dropped.len();
            for reader in self.readers.values_mut().filter(|reader| reader.told < number) {
                reader.told = number;
                reader.dropped += 1;
            }
        }
    }

    /// Lets go of what everybody has.
    fn forget(&mut self) {
        let told = self.readers.values().map(|reader| reader.told).min().unwrap_or(self.last);
        while self.changes.front().is_some_and(|(number, _)| *number <= told) {
            let (_, change) = self.changes.pop_front().expect("it was just looked at");
            self.bytes -= change.len();
            self.is_stored = false;
        }
    }

    fn render(&self) -> String {
        let told: BTreeMap<&String, u64> = self.readers.iter().map(|(sink, reader)| (sink, reader.told)).collect();
        let changes: Vec<&str> = self.changes.iter().map(|(_, change)| &**change).collect();
        json!({"last": self.last, "told": told, "changes": changes}).to_string()
    }

    fn restore(&mut self, file: &Path) -> Result<(), String> {
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let stored: Stored = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let first = stored.last.checked_sub(stored.changes.len() as u64).ok_or("it has more changes than numbers")?;
        self.last = stored.last;
        self.bytes = stored.changes.iter().map(String::len).sum();
        self.changes = (first + 1..).zip(stored.changes.into_iter().map(Into::into)).collect();
        let readers = stored.told.into_iter();
        self.readers =
            readers.map(|(sink, told)| (sink, Reader { told: told.min(stored.last), ..Reader::default() })).collect();
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Stored {
    last: u64,
    told: BTreeMap<String, u64>,
    changes: Vec<String>,
}

#[cfg(test)]
mod tests;
