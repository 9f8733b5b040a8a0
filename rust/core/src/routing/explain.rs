//! Why a request went where it went: the decision with every step on the way, for a request that was recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bucket::BUCKETS;
use super::compile::{PinPlan, RoutePlan, Verdicts};
use super::decide::{Head, decide, is_shadowed, sticky_key};
use super::sticky::{KeyBuffer, StickyKey};
use crate::condition::{Context, Outcome, Param};

/// The head of a request as it is written down: everything that a decision looks at.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordedHead {
    pub metadata: BTreeMap<String, String>,
    /// Texts, booleans and numbers.
    pub params: BTreeMap<String, Value>,
    pub model_version: String,
    /// The caller's IP address.
    pub peer: String,
    /// The key of a request without a sticky value.
    pub prediction_id: String,
    /// The sticky value, wherever the route looks for it.
    pub key: Option<String>,
}

/// The answer to "why this arm".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    pub route: String,
    /// The version that answers; `None` when the request is refused.
    pub version: Option<String>,
    pub reason: Option<String>,
    /// Why the version that the caller named does not answer.
    pub refusal: Option<String>,
    pub bucket: Option<u32>,
    /// How probable the arm was before the key was known, in 2^32nds, and the same as a number from 0 to 1.
    pub probability_num: Option<u64>,
    pub probability: Option<f64>,
    /// Where the key came from: `sequence_id`, the route's sticky key, or the prediction id.
    pub keyed_by: String,
    pub pins: Asked,
    pub segments: Vec<Asked>,
    pub shadows: Vec<Sampled>,
}

/// What a condition said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// The segment, or `pins`.
    pub name: String,
    pub when: Option<String>,
    /// `match`, `no match`, or `missing <key>`; for pins without a condition `allow` or `deny`.
    pub outcome: String,
}

/// Whether a shadow gets a copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sampled {
    pub to: String,
    pub share_bp: u64,
    pub is_copied: bool,
    pub when: Option<Asked>,
}

/// Decides the request again and says what every part of the route made of it.
///
/// # Errors
/// A sentence: the record names a key for a route that has none.
pub fn explain(route: &RoutePlan, record: &RecordedHead) -> Result<Explanation, String> {
    let mut record = record.clone();
    if let Some(key) = record.key.take() {
        match &route.sticky {
            Some(StickyKey::Metadata(name)) => drop(record.metadata.insert(name.clone(), key)),
            Some(StickyKey::Parameter(name)) => drop(record.params.insert(name.clone(), key.into())),
            None => return Err(format!("route {:?} has no sticky key; leave the key out", route.name)),
        }
    }
    let request = Recorded { record: &record, route: &route.name };
    let prediction_id = record.prediction_id.as_bytes();
    let head = Head { request: &request, version: &record.model_version, prediction_id };
    let mut verdicts = Verdicts::default();
    let decided = decide(route, &head, &mut verdicts);
    let ask = |name: &str, when: u8| {
        let condition = &route.conditions[usize::from(when)];
        let outcome = match condition.evaluate(&request) {
            Outcome::Match => "match".to_owned(),
            Outcome::NoMatch => "no match".to_owned(),
            Outcome::Missing(key) => format!("missing {}", condition.keys()[usize::from(key)]),
        };
        Asked { name: name.to_owned(), when: Some(condition.text().to_owned()), outcome }
    };
    let fixed = |outcome: &str| Asked { name: "pins".to_owned(), when: None, outcome: outcome.to_owned() };
    let decision = decided.as_ref().ok();
    let shadows = route.shadows.iter().enumerate().map(|(index, shadow)| Sampled {
        to: shadow.version.to_string(),
        share_bp: shadow.share_bp,
        is_copied: decision.is_some_and(|chosen| is_shadowed(route, index, &head, chosen.arm, &mut verdicts.clone())),
        when: shadow.when.map(|when| ask(shadow.version.as_str(), when)),
    });
    Ok(Explanation {
        route: route.name.clone(),
        version: decision.map(|chosen| route.arms[chosen.arm as usize].to_string()),
        reason: decision.map(|chosen| chosen.reason.name(Some(route)).to_owned()),
        refusal: decided.as_ref().err().map(ToString::to_string),
        bucket: decision.map(|chosen| chosen.bucket),
        probability_num: decision.map(|chosen| chosen.probability_num),
        probability: decision.map(|chosen| chosen.probability_num as f64 / BUCKETS as f64),
        keyed_by: keyed_by(route, &request),
        pins: match route.pins {
            PinPlan::Allow => fixed("allow"),
            PinPlan::Deny => fixed("deny"),
            PinPlan::When(when) => ask("pins", when),
        },
        segments: route.segments.iter().map(|segment| ask(&segment.name, segment.when)).collect(),
        shadows: shadows.collect(),
    })
}

fn keyed_by(route: &RoutePlan, request: &Recorded<'_>) -> String {
    let mut buffer = KeyBuffer::default();
    let sticky = route.sticky.as_ref().filter(|sticky| sticky.find(request, &mut KeyBuffer::default()).is_some());
    match (sticky_key(route, request, &mut buffer), sticky) {
        (None, _) => "prediction_id".to_owned(),
        (Some(key), Some(sticky))
            if sticky.find(request, &mut KeyBuffer::default()).is_some_and(|own| own.as_bytes() == key.as_bytes()) =>
        {
            sticky.to_string()
        }
        (Some(_), _) => "params[\"sequence_id\"]".to_owned(),
    }
}

/// A record as a condition sees it.
struct Recorded<'a> {
    record: &'a RecordedHead,
    route: &'a str,
}

impl Context for Recorded<'_> {
    fn metadata(&self, name: &str) -> Option<&[u8]> {
        self.record.metadata.get(name).map(String::as_bytes)
    }

    fn param(&self, name: &str) -> Option<Param<'_>> {
        match self.record.params.get(name)? {
            Value::String(text) => Some(Param::Text(text.as_bytes())),
            Value::Bool(value) => Some(Param::Bool(*value)),
            Value::Number(number) => number
                .as_i64()
                .map(Param::Int)
                .or_else(|| number.as_u64().map(Param::Uint))
                .or_else(|| number.as_f64().map(Param::Double)),
            _ => None,
        }
    }

    fn route(&self) -> &str {
        self.route
    }

    fn peer(&self) -> &str {
        &self.record.peer
    }
}
