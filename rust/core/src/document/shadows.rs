//! What is copied and how it is compared: the `shadow` and `decision` of a route.

use std::collections::BTreeMap;

use super::parse::TIMEOUT_MS;
use super::routes::salt;
use super::segments::condition;
use super::walk::{Bounds, Fields, Walk, describe};
use super::{Decision, Shadow, VersionId};

/// Most shadows of one route: each copies requests.
const MAX_SHADOWS: usize = 8;

const SHARE_BP: Bounds = Bounds { min: 0, max: 10_000, why: "basis points: 100 are one percent" };
const IN_FLIGHT: Bounds = Bounds { min: 1, max: 65_536, why: "copies that wait or run at once" };
const MIB: Bounds = Bounds { min: 1, max: 1_048_576, why: "MiB of copies; at most 1 TiB" };

pub(super) fn shadows(
    walk: &mut Walk,
    fields: &Fields<'_>,
    route_salt: &str,
    route_timeout_ms: u64,
    split: Option<&BTreeMap<VersionId, u64>>,
) -> Vec<Shadow> {
    let mut shadows: Vec<Shadow> = Vec::new();
    for (path, value) in walk.items(fields, "shadow", MAX_SHADOWS) {
        let known = ["to", "share_bp", "max_in_flight", "max_mib", "when", "timeout_ms", "salt"];
        let fields = walk.fields(path, value, &known);
        walk.require(&fields, "to", "is the version that gets the copies, such as \"flight-delay/3\"");
        let to = walk.text(&fields, "to").and_then(|(path, text)| {
            let to: VersionId = walk.parsed(&path, text)?;
            let answers_all = split.is_some_and(|split| {
                split.iter().all(|(arm, weight)| *arm == to || *weight == 0) && split.contains_key(&to)
            });
            if answers_all {
                walk.refuse(&path, format!("{text:?} answers every request of the split: it would shadow itself"));
            } else if shadows.iter().any(|other| other.to == to) {
                walk.refuse(&path, format!("{text:?} is the shadow of an earlier entry of this route"));
            }
            Some(to)
        });
        let (mut share_bp, mut max_in_flight, mut max_mib) = (10_000, 64, 64);
        walk.integer(&fields, "share_bp", &SHARE_BP, &mut share_bp);
        walk.integer(&fields, "max_in_flight", &IN_FLIGHT, &mut max_in_flight);
        walk.integer(&fields, "max_mib", &MIB, &mut max_mib);
        let mut timeout_ms = route_timeout_ms;
        walk.integer(&fields, "timeout_ms", &TIMEOUT_MS, &mut timeout_ms);
        let when = condition(walk, &fields);
        let own = salt(walk, &fields).map(str::to_owned);
        let Some(to) = to else { continue };
        // The route's salt in it keeps two routes with one shadow from sampling alike; no sticky key is hashed with it.
        let salt = own.unwrap_or_else(|| format!("{route_salt}/shadow/{to}"));
        shadows.push(Shadow { to, share_bp, max_in_flight, max_mib, when, timeout_ms, salt });
    }
    shadows
}

pub(super) fn decision(walk: &mut Walk, fields: &Fields<'_>) -> Option<Decision> {
    let (path, value) = fields.get("decision")?;
    let fields = walk.fields(path, value, &["output", "threshold"]);
    walk.require(&fields, "output", "is the name of the output that decides");
    walk.require(&fields, "threshold", "is the number that the output has to reach");
    let output = walk.text(&fields, "output").map(|(_, output)| output.to_owned());
    let threshold = fields.get("threshold").and_then(|(path, value)| {
        let number = value.as_f64().filter(|number| number.is_finite());
        if number.is_none() {
            walk.refuse(&path, format!("must be a number, got {}", describe(value)));
        }
        number
    });
    Some(Decision { output: output?, threshold: threshold? })
}
