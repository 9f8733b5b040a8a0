//! Who reads requests from the wire: the gateway itself, or a server in Python with interceptors of the operator's.

use serde::Serialize;
use serde_json::Value;

use super::Document;
use super::walk::{Fields, Walk, describe};

const FRONTS: [(&str, Front); 2] = [("native", Front::Native), ("python", Front::Python)];

/// More than anybody can reason about, and each costs every call.
const MAX_INTERCEPTORS: usize = 64;

/// Who reads requests from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Front {
    /// The gateway itself.
    Native,
    /// A `grpc.aio` server in the gateway's process.
    Python,
}

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>, into: &mut Document) {
    walk.choice(root, "front", &FRONTS, &mut into.front);
    for (path, value) in walk.items(root, "interceptors", MAX_INTERCEPTORS) {
        match value {
            Value::String(name) if is_factory(name) => into.interceptors.push(name.clone()),
            Value::Null => {}
            other => {
                let got = describe(other);
                walk.refuse(&path, format!("must be a factory in Python, written package.module:factory, got {got}"));
            }
        }
    }
    if into.front == Front::Python && into.listen.proxy_protocol {
        walk.refuse(
            &format!("{}listen.proxy_protocol", root.path),
            "needs `front: native`; grpcio reads no PROXY header",
        );
    }
    if into.front == Front::Native && !into.interceptors.is_empty() {
        walk.refuse(&format!("{}interceptors", root.path), "need `front: python`; the native front runs no Python");
    }
}

/// Whether a text is two dotted names around a colon.
fn is_factory(text: &str) -> bool {
    let is_name = |name: &str| {
        let starts = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
        starts && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    text.split_once(':')
        .is_some_and(|(module, factory)| [module, factory].iter().all(|dotted| dotted.split('.').all(is_name)))
}

#[cfg(test)]
mod tests {
    use super::Front;
    use crate::document::parse;
    use serde_json::json;

    #[test]
    fn interceptors_are_factories_and_need_the_front_that_runs_them() {
        let good = parse(&json!({"front": "python", "interceptors": ["a.b:make", "c:D.e"]})).expect("a good document");
        assert_eq!((good.front, good.interceptors.len()), (Front::Python, 2));
        let bad = json!({"front": "python", "interceptors": ["a", "a:", ":b", "a b:c", 1, "1a:b", "a..b:c"]});
        let violations = parse(&bad).expect_err("it is refused");
        assert_eq!(violations.len(), 7);
        assert!(violations.iter().all(|found| found.reason.contains("package.module:factory")), "{violations:?}");
        let native = parse(&json!({"interceptors": ["a:b"]})).expect_err("it is refused");
        assert_eq!((native[0].path.as_str(), native[0].reason.contains("front: python")), ("interceptors", true));
    }
}
