//! What a gateway remembers between starts: one folder, one owner, one file that is whole or absent.
//!
//! Range tables depend on their history, so losing them would move callers between arms. The file therefore carries its
//! own digest, is replaced in one step, and is refused with advice when it is not what was written.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tidegate_core::snapshot::{RouteTexts, SnapshotDocument};

const LOCK: &str = "lock";
const APPLIED: &str = "applied.json";
/// Written first and renamed; what a killed process leaves of it is overwritten by the next writer.
const UNFINISHED: &str = "applied.json.new";
/// Bytes that the digest takes with what is around it.
const ROOM_FOR_DIGEST: usize = 80;

/// Why the folder cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    #[error("state_dir {folder} is in use by another server (process {holder}): end it, or give this one its own state_dir",
        folder = folder.display())]
    Held { folder: PathBuf, holder: String },
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is not as it was written ({reason}): restore it from a copy, or delete it to start over from the \
         document, which may move callers to other arms", path = path.display())]
    Damaged { path: PathBuf, reason: String },
}

/// A state folder that this process owns until the value is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct StateDir {
    folder: PathBuf,
    /// What was written of each route.
    texts: Mutex<RouteTexts>,
    /// Holds the lock; the kernel releases it when the file is closed.
    _lock: File,
}

impl StateDir {
    /// Takes the folder for this process, and makes it if it is not there.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StateError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        let path = folder.join(LOCK);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Held { folder, holder: holder(&mut lock) }),
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        lock.set_len(0)
            .and_then(|()| lock.write_all(format!("{}\n", std::process::id()).as_bytes()))
            .map_err(failed("write", &path))?;
        Ok(Self { folder, texts: Mutex::default(), _lock: lock })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was applied last; nothing in a folder that is new.
    pub fn read(&self) -> Result<Option<SnapshotDocument>, StateError> {
        let path = self.folder.join(APPLIED);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        decode(&bytes).map(Some).map_err(|reason| StateError::Damaged { path, reason })
    }

    /// Remembers what is applied now: after an end at any moment a reader finds the old or the new, and on return the
    /// new has reached the disk.
    pub fn write(&self, applied: &SnapshotDocument) -> Result<(), StateError> {
        let unfinished = self.folder.join(UNFINISHED);
        let text = encode(applied, &mut self.texts.lock().unwrap_or_else(PoisonError::into_inner));
        File::create(&unfinished)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .map_err(failed("write", &unfinished))?;
        let path = self.folder.join(APPLIED);
        fs::rename(&unfinished, &path).map_err(failed("replace", &path))?;
        // Without this the rename itself could be lost with the power.
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", &self.folder))
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { doing, path, source }
}

/// The process that the lock file names; the holder may just not have written it yet.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    match lock.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// The file: compact JSON with its digest, and each route on a line of its own.
fn encode(applied: &SnapshotDocument, texts: &mut RouteTexts) -> String {
    let pieces = applied.pieces(texts);
    let mut hasher = Sha256::new();
    let mut text = String::with_capacity(pieces.iter().map(|piece| piece.len() + 1).sum::<usize>() + ROOM_FOR_DIGEST);
    for piece in pieces {
        hasher.update(piece.as_bytes());
        text.push_str(&piece);
        // White space is no part of the digest.
        if piece.ends_with(['{', ',']) {
            text.push('\n');
        }
    }
    text.pop();
    text + &format!(",\"sha256\":\"{}\"}}\n", hex(&hasher.finalize()))
}

fn decode(bytes: &[u8]) -> Result<SnapshotDocument, String> {
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let fields = value.as_object_mut().ok_or("it holds no JSON object")?;
    // Not `remove`, which would reorder the fields and change the digest.
    let named = fields.shift_remove("sha256").ok_or("it has no sha256")?;
    if named != digest(&value) {
        return Err("its content does not match its sha256".to_owned());
    }
    SnapshotDocument::from_json(&value)
}

/// The digest of a value in its compact form, so that white space does not matter.
fn digest(value: &Value) -> String {
    hex(&Sha256::digest(value.to_string()))
}

fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use tidegate_core::document;
    use tidegate_core::routing::Revision;

    use super::*;

    /// A folder of one test, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("tidegate-state-{}-{test}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            Self(folder)
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn applied(previous: Option<&SnapshotDocument>, weight: u64) -> SnapshotDocument {
        let route = json!({"split": {"m/1": 90, "m/2": weight}, "stable": "m/1"});
        let document = document::parse(&json!({"routes": {"r": route}})).expect("a good document");
        let before = previous.and_then(|previous| previous.routes.get("r"));
        let revision = Revision::after(before.map(Arc::as_ref), &document.routes["r"]);
        SnapshotDocument {
            incarnation: 1,
            epoch: previous.map_or(1, |previous| previous.epoch + 1),
            routes: [("r".to_owned(), Arc::new(revision))].into(),
            digests: [("m/1".parse().expect("a version"), "ab".repeat(32))].into(),
            ..SnapshotDocument::default()
        }
    }

    #[test]
    fn what_was_written_is_read_back_by_the_next_owner() {
        let folder = Folder::new("back");
        let first = applied(None, 10);
        let state = StateDir::open(&folder.0).expect("a new folder");
        assert_eq!(state.read().expect("nothing is fine"), None);
        state.write(&first).expect("a writable folder");
        drop(state);
        let state = StateDir::open(&folder.0).expect("free again");
        assert_eq!(state.read().expect("a good file"), Some(first.clone()));
        let second = applied(Some(&first), 30);
        state.write(&second).expect("a writable folder");
        assert_eq!(state.read().expect("a good file"), Some(second));
        assert!(!folder.file(UNFINISHED).exists());
    }

    proptest! {
        #[test]
        fn every_threshold_is_read_back_as_it_was_written(threshold in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            let decision = json!({"output": "p", "threshold": threshold});
            let document = document::parse(&json!({"routes": {"r": {"split": {"m/1": 1}, "decision": decision}}}));
            let revision = Revision::after(None, &document.expect("a good document").routes["r"]);
            let routes = [("r".to_owned(), Arc::new(revision))].into();
            let written = SnapshotDocument { incarnation: 1, epoch: 1, routes, ..SnapshotDocument::default() };
            prop_assert_eq!(decode(encode(&written, &mut RouteTexts::default()).as_bytes()), Ok(written));
        }
    }

    #[test]
    fn a_file_says_what_its_document_says_whatever_was_written_before() {
        let mut texts = RouteTexts::default();
        let first = applied(None, 10);
        let mut second = applied(Some(&first), 30);
        second.routes.insert("s".to_owned(), Arc::clone(&first.routes["r"]));
        let third = SnapshotDocument { routes: BTreeMap::new(), epoch: 3, ..second.clone() };
        for written in [&first, &second, &first, &third] {
            let text = encode(written, &mut texts);
            assert_eq!(decode(text.as_bytes()).as_ref(), Ok(written));
            assert_eq!(text.lines().count(), written.routes.len().max(1) + 1, "a line each:\n{text}");
        }
    }

    #[test]
    fn a_second_server_is_told_whose_folder_it_is() {
        let folder = Folder::new("held");
        let owner = StateDir::open(&folder.0).expect("a new folder");
        let refusal = StateDir::open(&folder.0).expect_err("held").to_string();
        assert!(refusal.contains(&folder.0.display().to_string()), "{refusal}");
        assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(owner);
        assert!(StateDir::open(&folder.0).is_ok(), "a lock file that nobody holds is no lock");
    }

    #[test]
    fn a_write_that_was_cut_short_leaves_the_old_state() {
        let folder = Folder::new("cut");
        let state = StateDir::open(&folder.0).expect("a new folder");
        let (old, new) = (applied(None, 10), applied(Some(&applied(None, 10)), 30));
        state.write(&old).expect("a writable folder");
        let text = encode(&new, &mut RouteTexts::default());
        for end in (0..=text.len()).step_by(37) {
            fs::write(folder.file(UNFINISHED), &text[..end]).expect("a writable folder");
            assert_eq!(state.read().expect("the old file is whole"), Some(old.clone()));
        }
        state.write(&new).expect("the leftover is overwritten");
        assert_eq!(state.read().expect("a good file"), Some(new));
    }

    #[test]
    fn a_torn_or_foreign_file_is_refused_with_advice() {
        let folder = Folder::new("torn");
        let state = StateDir::open(&folder.0).expect("a new folder");
        let good = encode(&applied(None, 10), &mut RouteTexts::default());
        // The last byte is the line end, which belongs to no value.
        let mut bad: Vec<String> = (0..good.len() - 1).step_by(23).map(|end| good[..end].to_owned()).collect();
        bad.push(good.replace("\"epoch\":1", "\"epoch\":2"));
        bad.push(good.replace("\"schema\":2", "\"schema\":3"));
        bad.extend(["[]", "{}", "null", "not json"].map(str::to_owned));
        for text in bad {
            fs::write(folder.file(APPLIED), &text).expect("a writable folder");
            let refusal = state.read().expect_err("a bad file").to_string();
            assert!(refusal.contains("applied.json") && refusal.contains("delete it"), "{refusal}");
            assert_eq!(fs::read_to_string(folder.file(APPLIED)).expect("still there"), text, "it is left for a person");
        }
    }

    #[test]
    fn a_digest_does_not_make_broken_ranges_a_table() {
        let folder = Folder::new("ranges");
        let state = StateDir::open(&folder.0).expect("a new folder");
        let mut broken = applied(None, 10);
        let route = broken.routes.get_mut("r").expect("the route");
        Arc::make_mut(route).table.ranges.remove(0);
        state.write(&broken).expect("a writable folder");
        assert!(state.read().is_err_and(|error| error.to_string().contains("route \"r\"")));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = Folder::new("file");
        fs::write(&folder.0, "in the way").expect("a writable folder");
        let refusal = StateDir::open(folder.file("state")).expect_err("a file is no folder").to_string();
        assert!(refusal.contains("cannot create"), "{refusal}");
        fs::remove_file(&folder.0).expect("it was just made");
    }
}
