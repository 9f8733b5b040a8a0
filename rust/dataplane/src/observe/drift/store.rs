//! Windows on disk, so that a restart forgets nothing: one file each, so that what has not changed is not written again.
//!
//! A window carries the hash of its bytes. What a power cut has torn is noticed when it is read, named and left alone; a
//! reader finds the file of before or after a write, and never a part.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tidegate_core::sketch::{Length, Traffic, Window};

const SUFFIX: &str = "window";

/// The folder of one version under one name.
pub(super) struct Store(PathBuf);

impl Store {
    /// Nothing is made before something is written.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Every window of the folder, and a sentence for each file that holds none.
    pub(super) fn read(&self) -> (Vec<Window>, Vec<String>) {
        let (mut windows, mut refusals) = (Vec::new(), Vec::new());
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (windows, refusals),
            Err(error) => return (windows, vec![format!("cannot list {}: {error}", self.0.display())]),
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == SUFFIX)) {
            let read = fs::read(&path).map_err(|error| error.to_string());
            match read.and_then(|bytes| Window::decode(&bytes).map_err(|error| error.to_string())) {
                Ok(window) => windows.push(window),
                Err(reason) => refusals.push(format!("{} is left out: {reason}", path.display())),
            }
        }
        windows.sort_by_key(|window| window.start_s);
        (windows, refusals)
    }

    /// Puts a window in the place of what was there.
    pub(super) fn write(&self, window: &Window) -> io::Result<()> {
        self.write_bytes(window.key.traffic, window.length, window.start_s, &window.encode())
    }

    /// The same of a window that is bytes already.
    pub(super) fn write_bytes(&self, traffic: Traffic, length: Length, start_s: u64, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let path = self.path(traffic, length, start_s);
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, bytes)?;
        fs::rename(&unfinished, &path)
    }

    /// Removes the windows of a class and length that begin before a time.
    pub(super) fn remove_before(&self, traffic: Traffic, length: Length, oldest_s: u64) {
        let prefix = prefix(traffic, length);
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            // What cannot be removed is found too old by whoever reads it.
            if start_of(&path, &prefix).is_some_and(|start_s| start_s < oldest_s) {
                fs::remove_file(&path).ok();
            }
        }
    }

    fn path(&self, traffic: Traffic, length: Length, start_s: u64) -> PathBuf {
        self.0.join(format!("{}{start_s}.{SUFFIX}", prefix(traffic, length)))
    }
}

fn prefix(traffic: Traffic, length: Length) -> String {
    format!("{traffic}-{}-", length.seconds())
}

fn start_of(path: &Path, prefix: &str) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix(prefix)?.strip_suffix(SUFFIX)?.strip_suffix('.')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::runtime::Folder;
    use std::sync::Arc;
    use tidegate_core::document::Sha256;
    use tidegate_core::sketch::{Counts, Key, Plan, Profile};

    const DAY_S: u64 = 86_400;

    fn window(day: u64, traffic: Traffic) -> Window {
        let profile = Arc::new(Profile::new(0, None, None, Vec::new()));
        let key = Key { route: "r".to_owned(), version: Sha256([1; 32]), profile: Sha256([2; 32]), traffic };
        Window { key, start_s: day * DAY_S, length: Length::Day, counts: Counts::new(&Plan::new(profile)) }
    }

    #[test]
    fn what_was_written_is_read_in_the_order_of_time_and_old_windows_go() {
        let folder = Folder::new();
        let store = Store::new(folder.path().join("not there yet"));
        assert_eq!(store.read(), (Vec::new(), Vec::new()));
        for (day, traffic) in [(3, Traffic::Split), (1, Traffic::Split), (2, Traffic::Split), (1, Traffic::Shadow)] {
            store.write(&window(day, traffic)).expect("a writable folder");
        }
        let (windows, refusals) = store.read();
        assert_eq!(windows.iter().map(|window| window.start_s / DAY_S).collect::<Vec<_>>(), [1, 1, 2, 3]);
        assert!(refusals.is_empty());
        store.remove_before(Traffic::Split, Length::Day, 3 * DAY_S);
        let (windows, _) = store.read();
        assert_eq!(windows, [window(1, Traffic::Shadow), window(3, Traffic::Split)]);
    }

    #[test]
    fn a_file_that_is_no_window_is_named_and_left_alone() {
        let folder = Folder::new();
        let store = Store::new(folder.path().to_owned());
        store.write(&window(1, Traffic::Split)).expect("a writable folder");
        let path = store.path(Traffic::Split, Length::Day, DAY_S);
        let bytes = fs::read(&path).expect("just written");
        for torn in 0..bytes.len() {
            fs::write(&path, &bytes[..torn]).expect("a writable folder");
            let (windows, refusals) = store.read();
            assert!(windows.is_empty());
            assert!(refusals[0].contains("split-86400-86400.window is left out"), "{refusals:?}");
            assert!(path.exists());
        }
    }
}
