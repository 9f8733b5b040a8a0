//! What a change of a state rests on, for the log and for events: short enough to be read, and to be kept until it is told.

use serde_json::{Map, Value, json};
use std::fmt::Display;
use tidegate_core::drift::Judgement;
use tidegate_core::drift::judge::Moved;
use tidegate_core::monitor::Finding;
use tidegate_core::monitor::versus::Difference;
use tidegate_core::sketch::{Feature, Kind};

/// Deciding bins that are named, those first that add most to PSI; `/drift/<route>` has all.
const MOST_BINS: usize = 10;

/// What was seen of a feature in a window, beginning before it where it was merged with others.
pub(super) fn of_finding(feature: &Feature, finding: &Finding, (from_s, until_s): (u64, u64)) -> Value {
    let mut evidence = judged(feature, finding.judgement.as_ref());
    // A page has a level of its own: the same PSI is held against another threshold.
    let page = finding.page.as_ref().map(|page| {
        json!({"alpha": page.alpha, "threshold": page.threshold, "exceeds": page.exceeds, "may_page": page.may_page})
    });
    evidence.extend(fields(json!({
        "from_s": from_s,
        "until_s": until_s,
        "n": finding.n,
        "m": finding.m,
        "q": finding.q,
        "is_listed": finding.is_listed(),
        "page": page,
        "new": finding.new,
        "missing": finding.missing,
        "cause": finding.cause,
    })));
    Value::Object(evidence)
}

/// The same of a version held against the stable one.
pub(super) fn of_difference(feature: &Feature, difference: &Difference, (from_s, until_s): (u64, u64)) -> Value {
    let mut evidence = judged(feature, difference.judgement.as_ref());
    evidence.extend(fields(json!({
        "from_s": from_s,
        "until_s": until_s,
        "n": difference.n,
        "m": difference.m,
        "q": difference.q,
        "is_listed": difference.is_listed(),
        "design_effect": difference.design_effect,
        "reason": difference.reason,
        "new": difference.new,
        "missing": difference.missing,
    })));
    Value::Object(evidence)
}

/// The deciding statistic with what it is held against; all of it null where there were too few rows.
fn judged(feature: &Feature, judgement: Option<&Judgement>) -> Map<String, Value> {
    let of = |part: fn(&Judgement) -> f64| judgement.map(part);
    fields(json!({
        "psi": of(|judgement| judgement.psi),
        "expected": of(|judgement| judgement.expected),
        "threshold": of(|judgement| judgement.threshold),
        "alpha": of(|judgement| judgement.alpha),
        "tolerated": of(|judgement| judgement.tolerated),
        "p_no_drift": of(|judgement| judgement.p_no_drift),
        "p_tolerated": of(|judgement| judgement.p_tolerated),
        "s": of(|judgement| judgement.s),
        "omega": of(|judgement| judgement.omega),
        "sigma_shift": of(|judgement| judgement.sigma_shift),
        "bins": judgement.map(|judgement| judgement.bins),
        "moved": judgement.map(|judgement| {
            let moved = judgement.moved.iter().take(MOST_BINS);
            moved.map(|moved| bin(&feature.kind, moved)).collect::<Vec<Value>>()
        }),
    }))
}

/// A bin with its name: the numbers that it is above, and up to which, or a category.
fn bin(kind: &Kind, moved: &Moved) -> Value {
    let mut named = fields(json!(moved));
    let bounds = |edges: &dyn Fn(usize) -> Option<Value>, at: usize| json!({"above": at.checked_sub(1).and_then(edges), "to": edges(at)});
    let name = moved.bin.map(|at| match kind {
        Kind::F32(numeric) => bounds(&|at| numeric.edges.get(at).map(shortest), at),
        Kind::F64(numeric) => bounds(&|at| numeric.edges.get(at).map(shortest), at),
        Kind::I64(numeric) => bounds(&|at| numeric.edges.get(at).map(|edge| json!(edge)), at),
        // Known categories that are too rare for a bin of their own share the last one.
        Kind::Categorical(categorical) => json!({"category": categorical.categories.get(at)}),
    });
    named.extend(name.map(fields).unwrap_or_default());
    Value::Object(named)
}

/// A number of any width by the fewest digits that name it: 0.1 of 32 bits is 0.1, and not 0.10000000149011612.
fn shortest(number: &impl Display) -> Value {
    json!(number.to_string().parse::<f64>().ok())
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("a mapping was written"),
    }
}
