//! Who is sent elsewhere, and who may choose: the `segments` and `pins` of a route.

use std::sync::Arc;

use serde_json::Value;

use super::routes::{ranges, salt, split, stable};
use super::walk::{Fields, Walk, describe};
use super::{Pins, Segment, check_name};
use crate::condition::Condition;

/// Most segments of one route: they are asked in order, each time.
const MAX_SEGMENTS: usize = 64;

pub(super) fn segments(walk: &mut Walk, fields: &Fields<'_>, route_salt: &str) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for (path, value) in walk.items(fields, "segments", MAX_SEGMENTS) {
        let fields = walk.fields(path, value, &["name", "when", "split", "stable", "salt", "ranges"]);
        let name = walk.text(&fields, "name").map(|(path, name)| {
            if let Err(error) = check_name(name) {
                walk.refuse(&path, error.to_string());
            } else if segments.iter().any(|other| other.name == name) {
                walk.refuse(&path, format!("{name:?} is the name of an earlier segment of this route"));
            }
            name
        });
        walk.require(&fields, "name", "answers and metrics say it");
        walk.require(&fields, "when", "is the condition, such as 'params.carrier == \"HA\"'");
        let when = condition(walk, &fields);
        let split = split(walk, &fields);
        let stable = stable(walk, &fields, split.as_ref());
        let ranges = ranges(walk, &fields, split.as_ref());
        let own = format!("{route_salt}/{}", name.unwrap_or_default());
        let salt = salt(walk, &fields).map_or(own, str::to_owned);
        if let (Some(name), Some(when), Some(split)) = (name, when, split) {
            segments.push(Segment { name: name.to_owned(), when, split, stable, salt, ranges });
        }
    }
    segments
}

pub(super) fn condition(walk: &mut Walk, fields: &Fields<'_>) -> Option<Arc<Condition>> {
    let (path, text) = walk.text(fields, "when")?;
    walk.condition(&path, text)
}

/// `allow`, `deny` or `{when: …}`.
pub(super) fn pins(walk: &mut Walk, fields: &Fields<'_>) -> Pins {
    let Some((path, value)) = fields.get("pins") else { return Pins::Allow };
    match value {
        Value::String(word) if word == "allow" => Pins::Allow,
        Value::String(word) if word == "deny" => Pins::Deny,
        Value::Object(_) => {
            let fields = walk.fields(path, value, &["when"]);
            walk.require(&fields, "when", "is the condition under which callers may name a version");
            condition(walk, &fields).map_or(Pins::Deny, Pins::When)
        }
        _ => {
            walk.refuse(&path, format!("must be allow, deny or {{when: …}}, got {}", describe(value)));
            Pins::Deny
        }
    }
}
