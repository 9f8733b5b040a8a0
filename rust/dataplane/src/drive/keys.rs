//! Who may ask: the keys of the document, and what a caller with one of them may do.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tidegate_core::document;
use tidegate_core::fault::{Fault, Reason, quoted};

/// Every key of a document. It is replaced whole.
#[derive(Debug, Default)]
pub struct Keys(Vec<Arc<Key>>);

/// One key under its label.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub label: String,
    content: document::Key,
}

impl Keys {
    pub fn new(keys: &BTreeMap<String, document::Key>) -> Self {
        let key = |(label, content): (&String, &document::Key)| {
            Arc::new(Key { label: label.clone(), content: content.clone() })
        };
        Self(keys.iter().map(key).collect())
    }

    /// Whether nobody is asked for a key.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    pub fn labels(&self) -> Vec<&str> {
        self.0.iter().map(|key| &*key.label).collect()
    }

    /// Whether others may ask, or for other names, than with these keys.
    pub fn differ(&self, keys: &BTreeMap<String, document::Key>) -> bool {
        self.0.len() != keys.len()
            || self.0.iter().any(|key| keys.get(&key.label).is_none_or(|content| *content != key.content))
    }

    /// The key of a token. How long it takes depends on how many keys there are, and not on the token or the keys.
    pub fn find(&self, token: &[u8]) -> Option<&Arc<Key>> {
        let digest = Sha256::digest(token);
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.content.sha256.0.ct_eq(&digest)) {
                found = Some(key);
            }
        }
        found
    }
}

/// What a caller may do.
#[derive(Clone, Debug, Default)]
#[expect(clippy::redundant_allocation, reason = "the outer one is counted by one connection alone")]
pub struct Permit(Option<Arc<Arc<Key>>>);

impl Permit {
    /// The permit of a key. It has a count of its own: threads that count the same one slow each other down.
    pub fn of(key: &Arc<Key>) -> Self {
        Self(Some(Arc::new(Arc::clone(key))))
    }

    /// Whether a route, or a model under its own name, may be asked.
    pub fn opens(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|key| key.content.routes.contains(name))
    }

    /// Refuses a name that the caller's key does not open, whether or not somebody serves it.
    ///
    /// # Errors
    /// The fault for the caller.
    pub fn check(&self, name: &str) -> Result<(), Fault> {
        match &self.0 {
            Some(key) if !key.content.routes.contains(name) => {
                let (label, shown) = (&key.label, quoted(name));
                let text = format!("the key \"{label}\" does not open \"{shown}\" (keys.{label}.routes)");
                Err(Fault::of_field(Reason::KeyDenied, "model_name", text))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_core::document::KeyRoutes;

    type Change = fn(&mut BTreeMap<String, document::Key>);

    fn keys() -> BTreeMap<String, document::Key> {
        let key =
            |token: &str, routes| document::Key { sha256: document::Sha256(Sha256::digest(token).into()), routes };
        let these = KeyRoutes::These(["fraud".to_owned()].into());
        BTreeMap::from([
            ("all".to_owned(), key("everything", KeyRoutes::All)),
            ("one".to_owned(), key("fraud only", these)),
        ])
    }

    #[test]
    fn a_token_finds_its_own_key_and_no_other_text_finds_any() {
        let keys = Keys::new(&keys());
        assert_eq!(keys.find(b"everything").expect("a key").label, "all");
        assert_eq!(keys.find(b"fraud only").expect("a key").label, "one");
        for other in [&b""[..], b"everything ", b"Everything", b"fraud onlyfraud only"] {
            assert!(keys.find(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_key_opens_its_names_and_no_key_at_all_opens_every_name() {
        let keys = Keys::new(&keys());
        let one = Permit::of(keys.find(b"fraud only").expect("a key"));
        assert!(one.check("fraud").is_ok());
        let fault = one.check("fraudulent").expect_err("another name");
        assert_eq!(fault.reason, Reason::KeyDenied);
        assert!(Permit::of(keys.find(b"everything").expect("a key")).check("fraudulent").is_ok());
        assert!(Permit::default().check("anything").is_ok());
    }

    #[test]
    fn a_change_of_label_token_or_names_is_one() {
        let before = keys();
        let loaded = Keys::new(&before);
        assert!(!loaded.differ(&before));
        let changes: [Change; 4] = [
            |keys| drop(keys.remove("one")),
            |keys| keys.get_mut("one").expect("a key").routes = KeyRoutes::All,
            |keys| keys.get_mut("one").expect("a key").sha256.0[0] ^= 1,
            |keys| {
                let moved = keys.remove("one").expect("a key");
                keys.insert("other".to_owned(), moved);
            },
        ];
        for change in changes {
            let mut after = before.clone();
            change(&mut after);
            assert!(loaded.differ(&after), "{after:?}");
        }
    }
}
