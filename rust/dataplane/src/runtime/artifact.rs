//! A version's folder as immutable bytes: read once, named by digest, loaded from memory.

mod evidence;
#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use tidegate_core::onnx::{self, ModelFile};

pub use evidence::{Evidence, Replaced, Stamp};

/// The file that a version folder must hold.
pub const MODEL_FILE: &str = "model.onnx";
/// The reference that traffic is compared with: evidence about a version, and no part of what its digest names.
pub const PROFILE_FILE: &str = "profile.json";
/// Triton's configuration, which other servers read and we do not.
pub const IGNORED_FILE: &str = "config.pbtxt";

/// The verified bytes of one version.
#[derive(Debug)]
pub struct Artifact {
    /// sha256 over the sorted manifest of all files, in hex.
    pub digest: String,
    pub model: Vec<u8>,
    /// External data by the name under which the model knows it.
    pub external: Vec<(String, Vec<u8>)>,
    /// The profile, if the folder holds one.
    pub profile: Option<Vec<u8>>,
    pub facts: ModelFile,
    pub size_bytes: u64,
}

impl Artifact {
    /// Reads a version folder.
    ///
    /// # Errors
    /// A sentence for the operator: what is missing, unreadable or outside the folder.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(MODEL_FILE);
        let model = read_file(&path)?;
        Self::of(folder, model)
    }

    /// An artifact of a single file that lies anywhere, for inspection; its external data lies beside it.
    pub fn of_file(path: &Path) -> Result<Self, String> {
        let model = read_file(path)?;
        let facts = onnx::read(&model)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let external = read_external(folder, &facts)?;
        let mut files = vec![(MODEL_FILE.to_owned(), sha256(&model))];
        files.extend(external.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))));
        let size_bytes = (model.len() + external.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()) as u64;
        Ok(Self { digest: manifest_digest(files), model, external, profile: None, facts, size_bytes })
    }

    fn of(folder: &Path, model: Vec<u8>) -> Result<Self, String> {
        let facts = onnx::read(&model)?;
        let external = read_external(folder, &facts)?;
        let mut size_bytes = model.len() as u64;
        let mut files = Vec::new();
        for path in walk(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            if name == PROFILE_FILE {
                continue;
            }
            // What is loaded is what was hashed: bytes that were read once are not read again.
            let digest = match external.iter().find(|(known, _)| folder.join(known) == path) {
                _ if name == MODEL_FILE => sha256(&model),
                Some((_, bytes)) => {
                    size_bytes += bytes.len() as u64;
                    sha256(bytes)
                }
                None => hash_file(&path)?,
            };
            files.push((name, digest));
        }
        let profile = folder.join(PROFILE_FILE);
        let profile = profile.exists().then(|| read_file(&profile)).transpose()?;
        Ok(Self { digest: manifest_digest(files), model, external, profile, facts, size_bytes })
    }
}

/// One line per file, `<sha256>  <name>`, sorted by name: what `sha256sum` prints, hashed once more.
fn manifest_digest(mut files: Vec<(String, String)>) -> String {
    files.sort();
    let mut manifest = String::new();
    for (name, digest) in files {
        let _ = writeln!(manifest, "{digest}  {name}");
    }
    sha256(manifest.as_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Opens a regular file, or a link to one. Anything else, such as a pipe, could be waited for without end.
fn open(path: &Path) -> Result<File, String> {
    let failed = |error| format!("cannot read {}: {error}", path.display());
    // Opening a pipe that nobody writes to would wait too.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(format!("{} is no regular file; a version folder holds files and folders only", path.display()));
    }
    Ok(file)
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut file = open(path)?;
    file.read_to_end(&mut bytes).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(bytes)
}

fn hash_file(path: &Path) -> Result<String, String> {
    let mut hasher = Sha256::new();
    let mut file = open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// All files below the folder.
fn walk(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(current) = open.pop() {
        let failed = |error| format!("cannot list {}: {error}", current.display());
        for entry in std::fs::read_dir(&current).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Linked folders are not followed: they lead out of the folder, or round in circles.
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            if is_folder { open.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    Ok(files)
}

fn read_external(folder: &Path, facts: &ModelFile) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut external = Vec::new();
    for name in &facts.external {
        let path = Path::new(name);
        let inside =
            !name.is_empty() && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let whole = folder.join(path);
        // A link may still lead out of the folder.
        let stays = match (whole.canonicalize(), folder.canonicalize()) {
            (Ok(whole), Ok(folder)) => whole.starts_with(folder),
            _ => true,
        };
        if !inside || !stays {
            return Err(format!(
                "the model keeps data in \"{name}\", outside its version folder; move the file beside {MODEL_FILE} and export again"
            ));
        }
        let bytes = read_file(&whole)
            .map_err(|reason| format!("cannot read the external data \"{name}\" of {MODEL_FILE}: {reason}"))?;
        external.push((name.clone(), bytes));
    }
    Ok(external)
}
