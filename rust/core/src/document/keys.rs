//! Who may ask: the `keys` section.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::check_name;
use super::walk::{Fields, Walk, describe};

/// Most keys of one document: a token that a connection brings for the first time is compared with all of them.
const MAX_KEYS: usize = 1024;
/// Most routes of one key, as many as a document has.
const MAX_ROUTES: usize = 16_384;
/// What a shell makes of a token that was not there.
const DIGEST_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A caller's right to ask, under the label that logs and errors say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Of the token; the token itself is nowhere.
    pub sha256: Sha256,
    pub routes: KeyRoutes,
}

/// The digest of a token, written in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// A digest that is written in hex.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The public names that a key opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRoutes {
    All,
    These(BTreeSet<String>),
}

impl KeyRoutes {
    /// Whether the key opens a route, or a model that no route shadows.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }
}

impl Serialize for KeyRoutes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::These(names) => names.serialize(serializer),
        }
    }
}

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>) -> BTreeMap<String, Key> {
    let mut keys = BTreeMap::new();
    let Some((path, value)) = root.get("keys") else { return keys };
    let section = walk.mapping(path, value);
    if section.len() > MAX_KEYS {
        walk.refuse(&section.path, format!("names {} keys; at most {MAX_KEYS} are allowed", section.len()));
    }
    let mut labels: BTreeMap<Sha256, &str> = BTreeMap::new();
    for (label, path, value) in section.entries() {
        if let Err(error) = check_name(label) {
            walk.refuse(&path, error.to_string());
        }
        let fields = walk.fields(path, value, &["sha256", "routes"]);
        if value.is_null() {
            walk.refuse(&fields.path, "must be a mapping with sha256 and routes, got null");
        }
        let sha256 = sha256(walk, &fields);
        let routes = routes(walk, &fields);
        if let Some(other) = sha256.and_then(|digest| labels.insert(digest, label)) {
            walk.refuse(&fields.path, format!("has the same token as {other:?}: nobody could tell them apart"));
        }
        if let (Some(sha256), Some(routes)) = (sha256, routes) {
            keys.insert(label.to_owned(), Key { sha256, routes });
        }
    }
    keys
}

fn sha256(walk: &mut Walk, fields: &Fields<'_>) -> Option<Sha256> {
    walk.require(
        fields,
        "sha256",
        "is the SHA-256 of the token in hex, as `printf %s \"$TOKEN\" | sha256sum` prints it",
    );
    let (path, text) = walk.text(fields, "sha256")?;
    let Some(digest) = Sha256::parse(text) else {
        // Not quoted: who put the token itself there shall not find it in a log.
        walk.refuse(&path, "must be the SHA-256 of the token: 64 hexadecimal digits, never the token itself");
        return None;
    };
    if text.eq_ignore_ascii_case(DIGEST_OF_NOTHING) {
        walk.refuse(&path, "is the SHA-256 of nothing: the token was empty when it was computed");
        return None;
    }
    Some(digest)
}

fn routes(walk: &mut Walk, fields: &Fields<'_>) -> Option<KeyRoutes> {
    walk.require(fields, "routes", "is the list of routes and models that the key opens, or all");
    match fields.get("routes")? {
        (_, Value::String(word)) if word == "all" => Some(KeyRoutes::All),
        (path, Value::Array(value)) => {
            let mut names = BTreeSet::new();
            for (path, item) in walk.items(fields, "routes", MAX_ROUTES) {
                match item.as_str().map(|name| (name, check_name(name))) {
                    Some((name, Ok(()))) => drop(names.insert(name.to_owned())),
                    Some((_, Err(error))) => walk.refuse(&path, error.to_string()),
                    None if item.is_null() => {}
                    None => walk.refuse(&path, format!("must be a name, got {}", describe(item))),
                }
            }
            if names.is_empty() && value.is_empty() {
                walk.refuse(&path, "names nothing: a key that opens nothing is better left out");
            }
            Some(KeyRoutes::These(names))
        }
        (path, value) => {
            walk.refuse(&path, format!("must be a list of names or all, got {}", describe(value)));
            None
        }
    }
}
