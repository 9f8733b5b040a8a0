//! The profile of a version as it lay beside it when it was loaded, so that another one is noticed.

use super::{PROFILE_FILE, read_file};
use sha2::Digest as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use tidegate_core::document::Sha256;

/// What a version was loaded with.
pub struct Evidence {
    /// `None` of a folder without a profile.
    digest: Option<Sha256>,
    stamp: Option<Stamp>,
}

/// What tells without reading that a file is the same. Taken before it is read: what is written meanwhile is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    file: (u64, u64),
    size_bytes: u64,
    /// Of its content and of its inode, which also tells of a file that was put in place with an old time.
    changed: [(i64, i64); 2],
}

/// What lies there now in place of the profile that a version was loaded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    By(Sha256),
    /// There is none any more, or none that could be read.
    ByNone,
}

impl Stamp {
    /// Of the profile in a folder; `None` if there is none.
    pub fn of(folder: &Path) -> Option<Self> {
        let found = fs::metadata(folder.join(PROFILE_FILE)).ok()?;
        Some(Self {
            file: (found.dev(), found.ino()),
            size_bytes: found.size(),
            changed: [(found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())],
        })
    }
}

impl Evidence {
    /// The bytes that were read, and the stamp of the file before that.
    pub fn of(profile: Option<&[u8]>, stamp: Option<Stamp>) -> Self {
        Self { digest: profile.map(digest_of), stamp }
    }

    /// What has taken the place of the profile since, if anything has: the file is read only if its stamp is another.
    pub fn replaced(&self, folder: &Path) -> Option<Replaced> {
        let stamp = Stamp::of(folder);
        if stamp == self.stamp {
            return None;
        }
        let found = stamp.and_then(|_| read_file(&folder.join(PROFILE_FILE)).ok()).map(|text| digest_of(&text));
        (found != self.digest).then(|| found.map_or(Replaced::ByNone, Replaced::By))
    }
}

fn digest_of(text: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::runtime::Folder;

    #[test]
    fn another_profile_is_noticed_and_the_same_one_written_anew_is_not() {
        let folder = Folder::new();
        let path = folder.path().join(PROFILE_FILE);
        let load = || {
            let stamp = Stamp::of(folder.path());
            Evidence::of(fs::read(&path).ok().as_deref(), stamp)
        };
        let without = load();
        assert_eq!(without.replaced(folder.path()), None);
        fs::write(&path, "one").expect("a writable folder");
        assert_eq!(without.replaced(folder.path()), Some(Replaced::By(digest_of(b"one"))));
        let loaded = load();
        assert_eq!(loaded.replaced(folder.path()), None);
        fs::remove_file(&path).expect("it is there");
        assert_eq!(loaded.replaced(folder.path()), Some(Replaced::ByNone));
        fs::write(&path, "one").expect("a writable folder");
        assert_eq!(loaded.replaced(folder.path()), None, "the bytes are the same");
        fs::write(&path, "two").expect("a writable folder");
        assert_eq!(loaded.replaced(folder.path()), Some(Replaced::By(digest_of(b"two"))));
    }
}
