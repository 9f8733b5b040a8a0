//! Who is told of drift: the `sinks` section. What each scheme does, whoever opens it knows.

use serde_json::Value;

use super::walk::{Fields, Walk, describe};

/// The gateway's own log, at the level that a line deserves.
pub const LOG_SINK: &str = "log:";

/// Each is told by a thread of its own.
const MAX_SINKS: usize = 16;
/// Longest path, as Linux has it, with room for a scheme.
const MAX_SINK_BYTES: usize = 4096 + 64;

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>, into: &mut Vec<String>) {
    if root.get("sinks").is_none() {
        return;
    }
    into.clear();
    for (path, value) in walk.items(root, "sinks", MAX_SINKS) {
        match value {
            Value::String(address) if !is_address(address) => {
                walk.refuse(&path, format!("must be <scheme>:<where>, as log: or file:events.jsonl, got {address:?}"));
            }
            Value::String(address) if into.contains(address) => {
                walk.refuse(&path, format!("names {address:?} a second time: nobody is told twice"));
            }
            Value::String(address) => into.push(address.clone()),
            Value::Null => {}
            other => {
                walk.refuse(
                    &path,
                    format!("must be an address, as log: or file:events.jsonl, got {}", describe(other)),
                );
            }
        }
    }
}

/// Whether a text begins with a scheme, as URIs have it.
fn is_address(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
    };
    let is_whole = text.len() <= MAX_SINK_BYTES && !text.contains('\0');
    is_whole && text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

#[cfg(test)]
mod tests {
    use super::LOG_SINK;
    use crate::document::parse;
    use serde_json::json;

    #[test]
    fn sinks_are_addresses_each_once_and_the_log_where_nothing_is_said() {
        let of = |said| parse(&said).map(|document| document.sinks);
        assert_eq!(of(json!({})), Ok(vec![LOG_SINK.to_owned()]));
        assert_eq!(of(json!({"sinks": []})), Ok(Vec::new()));
        let said = ["log:", "file:events.jsonl"];
        assert_eq!(of(json!({"sinks": said})), Ok(said.map(str::to_owned).to_vec()));
        let bad = json!({"sinks": ["log", ":x", "File:x", "file:x", "file:x", 1]});
        let paths: Vec<String> = of(bad).expect_err("it is refused").into_iter().map(|found| found.path).collect();
        assert_eq!(paths, ["sinks[0]", "sinks[1]", "sinks[2]", "sinks[4]", "sinks[5]"]);
    }
}
