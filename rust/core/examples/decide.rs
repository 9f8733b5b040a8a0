//! What a decision costs: `decide SCENARIO COUNT` makes routes from a document, decides COUNT requests and prints one
//! JSON line. `benchmarks/routing/` runs it, also under callgrind: the instructions of a decision are the difference of
//! two runs over the difference of their counts.
//!
//! Every request has another sticky key. Scenarios:
//! - `plain`: one route with a sticky 90/10 split and no conditions;
//! - `missing`: as `plain`, with ten segments whose keys the request does not have;
//! - `other`: the same ten segments, whose keys have another value in the request;
//! - `few`, `many`: 10 and 10,000 routes with ten segments each, drawn from 100 conditions of which none holds; each
//!   request looks up another route by its name, in no order;
//! - `hot`: as `many`, but all requests go to ten of the routes.
#![expect(clippy::disallowed_methods, reason = "an example is told what to do, and shows how long it took")]

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate_core::condition::{Context, Param};
use tidegate_core::document;
use tidegate_core::routing::{Head, Revision, RoutePlan, Verdicts, decide};

const SEGMENTS: usize = 10;
const CONDITIONS: usize = 100;
const STICKY: &str = "x-unit";
/// The metadata that every caller's gRPC library sends along.
const USUAL: [(&str, &str); 4] = [
    ("content-type", "application/grpc"),
    ("te", "trailers"),
    ("user-agent", "grpc-python/1.81.1 grpc-c/53.0.0 (linux; chttp2)"),
    ("grpc-accept-encoding", "identity, deflate, gzip"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [scenario, count] => Scenario::named(scenario).zip(count.parse().ok()),
        _ => None,
    };
    let Some((scenario, count)) = parsed else {
        eprintln!("usage: decide plain|missing|other|few|many|hot COUNT");
        std::process::exit(2);
    };
    let (table, [parsed, revised, compiled]) = build(&scenario.document());
    let (spent, second) = run(&table, scenario, count);
    println!(
        "{}",
        json!({
            "routes": table.len(),
            "parse_s": parsed.as_secs_f64(),
            "revise_s": revised.as_secs_f64(),
            "compile_s": compiled.as_secs_f64(),
            "decisions": count,
            "second_arm": second,
            "seconds": spent.as_secs_f64(),
        })
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Plain,
    Missing,
    Other,
    Few,
    Many,
    Hot,
}

impl Scenario {
    fn named(name: &str) -> Option<Self> {
        match name {
            "plain" => Some(Self::Plain),
            "missing" => Some(Self::Missing),
            "other" => Some(Self::Other),
            "few" => Some(Self::Few),
            "many" => Some(Self::Many),
            "hot" => Some(Self::Hot),
            _ => None,
        }
    }

    fn routes(self) -> usize {
        match self {
            Self::Plain | Self::Missing | Self::Other => 1,
            Self::Few => 10,
            Self::Many | Self::Hot => 10_000,
        }
    }

    /// The route that a request asks for: somewhere far from the one before.
    fn asked(self, request: usize) -> usize {
        match self {
            Self::Plain | Self::Missing | Self::Other => 0,
            Self::Few | Self::Many => scattered(request, self.routes()),
            Self::Hot => scattered(request, 10) * (self.routes() / 10),
        }
    }

    fn document(self) -> Value {
        let routes = (0..self.routes()).map(|route| {
            let mut name = *b"route-0000000";
            write_digits(&mut name, route);
            let segments = (0..SEGMENTS).filter_map(|segment| {
                let when = self.condition(route, segment)?;
                Some(json!({"name": format!("segment-{segment}"), "when": when, "split": {"m/2": 1}}))
            });
            let route = json!({
                "sticky": format!("metadata[\"{STICKY}\"]"),
                "split": {"m/1": 90, "m/2": 10},
                "segments": segments.collect::<Vec<_>>(),
            });
            (String::from_utf8_lossy(&name).into_owned(), route)
        });
        json!({"routes": routes.collect::<Map<_, _>>()})
    }

    /// The condition of a segment; a half of each kind.
    fn condition(self, route: usize, segment: usize) -> Option<String> {
        match self {
            Self::Plain => None,
            Self::Missing | Self::Other if segment.is_multiple_of(2) => {
                Some(format!("metadata[\"x-group-{segment}\"] == \"chosen\""))
            }
            Self::Missing | Self::Other => Some(format!("params.group_{segment} == \"chosen\"")),
            Self::Few | Self::Many | Self::Hot => {
                // 11 and 100 have no common divisor: a route never has a condition twice.
                let condition = (route * 31 + segment * 11) % CONDITIONS;
                let place = if condition.is_multiple_of(2) { "metadata[\"x-team\"]" } else { "params.team" };
                Some(format!("{place} == \"team-{condition}\""))
            }
        }
    }

    /// The entries of a request that the conditions look at.
    fn keys(self) -> Vec<String> {
        match self {
            Self::Plain | Self::Missing => Vec::new(),
            Self::Other => (0..SEGMENTS)
                .map(|segment| format!("{}{segment}", if segment.is_multiple_of(2) { "x-group-" } else { "group_" }))
                .collect(),
            Self::Few | Self::Many | Self::Hot => vec!["x-team".to_owned(), "team".to_owned()],
        }
    }
}

/// From a document to what a request meets, with the time of each step.
fn build(value: &Value) -> (HashMap<String, Arc<RoutePlan>>, [Duration; 3]) {
    let begin = Instant::now();
    let document = document::parse(value).expect("the scenario's document is a good one");
    let parsed = Instant::now();
    let revisions: Vec<_> = document.routes.iter().map(|(name, route)| (name, Revision::after(None, route))).collect();
    let revised = Instant::now();
    let plans = revisions.iter().map(|(name, revision)| {
        let plan = RoutePlan::new(name, revision).expect("a new revision has tables over its own arms");
        ((*name).clone(), Arc::new(plan))
    });
    let table = plans.collect();
    (table, [parsed.duration_since(begin), revised.duration_since(parsed), revised.elapsed()])
}

/// Decides `count` requests; how long that took, and how many the second arm answers.
fn run(table: &HashMap<String, Arc<RoutePlan>>, scenario: Scenario, count: usize) -> (Duration, usize) {
    let mut request = Request::new(&scenario.keys());
    let mut name = *b"route-0000000";
    let only = &table[std::str::from_utf8(&name).expect("letters and digits")];
    let mut second = 0;
    let begin = Instant::now();
    for index in 0..count {
        write_digits(&mut request.unit, index);
        let route = if table.len() == 1 {
            only
        } else {
            write_digits(&mut name, scenario.asked(index));
            &table[std::str::from_utf8(&name).expect("letters and digits")]
        };
        let head = Head { request: black_box(&request), version: "", prediction_id: b"0123456789abcdef" };
        let decision = decide(black_box(route), &head, &mut Verdicts::default()).expect("nobody names a version");
        second += usize::from(black_box(decision).arm == 1);
    }
    (begin.elapsed(), second)
}

/// An index, spread over `0..below` by Fibonacci hashing.
fn scattered(index: usize, below: usize) -> usize {
    let hash = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    ((hash * below as u64) >> 32) as usize
}

/// Writes a number over the last seven bytes, in decimal.
fn write_digits(text: &mut [u8; 13], number: usize) {
    let mut left = number as u32;
    for digit in text[6..].iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
}

/// A request made by hand. Entries are looked for one by one: a request has few.
struct Request {
    unit: [u8; 13],
    entries: Vec<(String, String)>,
}

impl Request {
    fn new(keys: &[String]) -> Self {
        let own = keys.iter().map(|key| (key.as_str(), "somebody"));
        let entries = USUAL.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { unit: *b"units-0000000", entries }
    }

    fn find(&self, name: &str) -> Option<&[u8]> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_bytes())
    }
}

impl Context for Request {
    fn metadata(&self, name: &str) -> Option<&[u8]> {
        if name == STICKY { Some(&self.unit) } else { self.find(name) }
    }

    fn param(&self, name: &str) -> Option<Param<'_>> {
        self.find(name).map(Param::Text)
    }

    fn route(&self) -> &'static str {
        "route"
    }

    fn peer(&self) -> &'static str {
        "127.0.0.1"
    }
}
