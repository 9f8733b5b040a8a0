//! What is broken, in the words of callers: a fault, or a parameter of the answer.

use std::fmt::Write as _;

use super::super::plan::Plan;
use super::super::profile::{Categorical, Kind, Numeric};
use super::numbers::shown;
use super::{Breach, Breaches, Came, Rule};
use crate::fault::{Fault, Reason, Violation, quoted};

/// More broken rules than this are counted, not listed: an answer stays small whatever the request was.
const LISTED: usize = 8;
/// Most bytes of the parameter that names broken rules; the longest name of a feature and its rule fit.
pub const MOST_FLAG_BYTES: usize = 1_024;

impl Breaches {
    /// The fault of a request for a version; `field` says where the input of the signature with this name was sent.
    pub fn fault(&self, plan: &Plan, version: &str, field: impl Fn(&str) -> String) -> Fault {
        let violations: Vec<Violation> = self
            .iter()
            .take(LISTED)
            .map(|(feature, rule, breach)| {
                let (_, tensor, _) = plan.feature(feature);
                Violation { field: field(&tensor.name), description: sentence(plan, feature, rule, breach) }
            })
            .collect();
        let sentences: Vec<&str> = violations.iter().map(|violation| violation.description.as_str()).collect();
        let more = match self.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let rules =
            if self.len() == 1 { "a rule is broken".to_owned() } else { format!("{} rules are broken", self.len()) };
        let message = format!(
            "{rules} that the profile of {version} sets; correct the values and send again: {}{more}",
            sentences.join("; ")
        );
        Fault { reason: Reason::RuleBroken, message, violations, retry_after: None }
    }

    /// Each broken rule as `feature:rule`, by commas; beyond [`MOST_FLAG_BYTES`] how many more there are, as `+3`.
    pub fn flag(&self, plan: &Plan) -> String {
        // Room for a comma, a sign and a number.
        const ROOM_FOR_MORE: usize = 16;
        let mut text = String::new();
        for (listed, (feature, rule, _)) in self.iter().enumerate() {
            let name = name(plan, feature, rule);
            let comma = if listed > 0 { "," } else { "" };
            if text.len() + comma.len() + name.len() > MOST_FLAG_BYTES - ROOM_FOR_MORE {
                let _ = write!(text, "{comma}+{}", self.len() - listed);
                break;
            }
            text.extend([comma, &name]);
        }
        text
    }
}

/// What programs know a broken rule by.
fn name(plan: &Plan, feature: usize, rule: Rule) -> String {
    let (_, _, feature) = plan.feature(feature);
    format!("{}:{}", quoted(&feature.name), rule.name())
}

fn sentence(plan: &Plan, feature: usize, rule: Rule, breach: &Breach) -> String {
    let (name, expected) = (name(plan, feature, rule), expected(&plan.feature(feature).2.kind, rule));
    let Breach { row, rows, came } = breach;
    let came = match came {
        Came::Nothing => "nothing".to_owned(),
        Came::Number(number) => number.clone(),
        Came::Text { bytes, .. } if rule == Rule::Length => format!("{bytes} bytes"),
        Came::Text { beginning, bytes } if *bytes > beginning.len() => format!("{beginning:?}… of {bytes} bytes"),
        Came::Text { beginning, .. } => format!("{beginning:?}"),
    };
    let more = if *rows > 1 { format!(", the first of {rows} rows") } else { String::new() };
    format!("{name}: expected {expected}, got {came} in row {row}{more}")
}

/// What the reference has.
fn expected(kind: &Kind, rule: Rule) -> String {
    match (rule, kind) {
        (Rule::Nullability, _) => "a value".to_owned(),
        (_, Kind::F32(numeric)) => range(numeric),
        (_, Kind::F64(numeric)) => range(numeric),
        (_, Kind::I64(numeric)) => range(numeric),
        (Rule::Length, Kind::Categorical(Categorical { min_length, max_length, .. })) => {
            format!("{} to {} bytes", min_length.unwrap_or(0), max_length.unwrap_or(0))
        }
        (_, Kind::Categorical(Categorical { categories, others, .. })) => {
            format!("one of {} known", categories.len() + others.len())
        }
    }
}

fn range<T: super::super::Number>(numeric: &Numeric<T>) -> String {
    match numeric.min.zip(numeric.max) {
        Some((min, max)) => format!("{} to {}", shown(min), shown(max)),
        None => "nothing finite".to_owned(),
    }
}
