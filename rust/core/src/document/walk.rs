//! The walk over a JSON value that finds every violation instead of the first.
//!
//! Readers assign into a value that already holds the default, so a field that is absent, `null` or refused leaves the
//! default in place and the walk goes on.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::names::clip;
use crate::condition::Condition;

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Such as `routes.flight-delay.split["flight-delay/2"]`; empty for the document itself.
    pub path: String,
    /// What was expected and what came.
    pub reason: String,
}

/// The path of a field or key: dots for plain names, brackets for all others.
pub(crate) fn child(path: &str, key: &str) -> String {
    let is_plain =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match (is_plain, path) {
        (true, "") => key.to_owned(),
        (true, _) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", Value::from(key)),
    }
}

/// The bounds of a number, with the reason for them.
pub(crate) struct Bounds {
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) why: &'static str,
}

/// A mapping of the document with its place.
pub(crate) struct Fields<'v> {
    pub(crate) path: String,
    object: Option<&'v Map<String, Value>>,
}

impl<'v> Fields<'v> {
    /// A field with its path; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<(String, &'v Value)> {
        let value = self.object?.get(name).filter(|value| !value.is_null())?;
        Some((child(&self.path, name), value))
    }

    /// Every key with its path and value.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'v str, String, &'v Value)> + '_ {
        self.object.into_iter().flatten().map(|(key, value)| (key.as_str(), child(&self.path, key), value))
    }

    pub(crate) fn len(&self) -> usize {
        self.object.map_or(0, Map::len)
    }
}

/// The violations found so far.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) violations: Vec<Violation>,
    /// Unknown fields are passed over: what a newer release wrote is read, what a person typed is not guessed at.
    pub(crate) is_lenient: bool,
    /// Every condition by its text, so that equal ones are read, and later asked, once.
    conditions: HashMap<String, Result<Arc<Condition>, String>>,
}

impl Walk {
    pub(crate) fn lenient() -> Self {
        Self { is_lenient: true, ..Self::default() }
    }

    /// A condition in its checked form.
    pub(crate) fn condition(&mut self, path: &str, text: &str) -> Option<Arc<Condition>> {
        if !self.conditions.contains_key(text) {
            let parsed = text.parse::<Condition>().map(Arc::new).map_err(|error| error.to_string());
            self.conditions.insert(text.to_owned(), parsed);
        }
        match self.conditions[text].clone() {
            Ok(condition) => Some(condition),
            Err(reason) => {
                self.refuse(path, reason);
                None
            }
        }
    }

    pub(crate) fn refuse(&mut self, path: &str, reason: impl Into<String>) {
        self.violations.push(Violation { path: path.to_owned(), reason: reason.into() });
    }

    /// Opens a mapping with any keys.
    pub(crate) fn mapping<'v>(&mut self, path: String, value: &'v Value) -> Fields<'v> {
        if !value.is_object() && !value.is_null() {
            self.refuse(&path, format!("must be a mapping, got {}", describe(value)));
        }
        Fields { path, object: value.as_object() }
    }

    /// Opens a mapping with known fields only.
    pub(crate) fn fields<'v>(&mut self, path: String, value: &'v Value, known: &[&str]) -> Fields<'v> {
        let fields = self.mapping(path, value);
        for (key, path, _) in fields.entries() {
            if !known.contains(&key) && !self.is_lenient {
                let hint = match nearest(key, known) {
                    Some(name) => format!("did you mean {name:?}?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                self.refuse(&path, format!("unknown field; {hint}"));
            }
        }
        fields
    }

    /// Opens a section of the parent; an absent one reads as empty.
    pub(crate) fn section<'v>(&mut self, parent: &Fields<'v>, name: &str, known: &[&str]) -> Fields<'v> {
        match parent.get(name) {
            Some((path, value)) => self.fields(path, value, known),
            None => Fields { path: child(&parent.path, name), object: None },
        }
    }

    /// The items of a list with their paths; an absent one has none.
    pub(crate) fn items<'v>(&mut self, fields: &Fields<'v>, name: &str, most: usize) -> Vec<(String, &'v Value)> {
        let Some((path, value)) = fields.get(name) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.refuse(&path, format!("must be a list, got {}", describe(value)));
            return Vec::new();
        };
        if items.len() > most {
            self.refuse(&path, format!("has {} entries; at most {most} are allowed", items.len()));
            return Vec::new();
        }
        let items: Vec<_> = items.iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect();
        for (path, _) in items.iter().filter(|(_, item)| item.is_null()) {
            self.refuse(path, "must not be null");
        }
        items
    }

    /// Refuses a mapping that leaves a field out.
    pub(crate) fn require(&mut self, fields: &Fields<'_>, name: &str, meaning: &str) {
        if fields.get(name).is_none() && fields.object.is_some() {
            self.refuse(&fields.path, format!("has no {name}: {meaning}"));
        }
    }

    pub(crate) fn integer(&mut self, fields: &Fields<'_>, name: &str, bounds: &Bounds, into: &mut u64) {
        let Some((path, value)) = fields.get(name) else { return };
        match value.as_u64() {
            Some(number) if (bounds.min..=bounds.max).contains(&number) => *into = number,
            _ => {
                let Bounds { min, max, why } = bounds;
                let got = describe(value);
                self.refuse(&path, format!("must be a whole number from {min} to {max} ({why}), got {got}"));
            }
        }
    }

    pub(crate) fn text<'v>(&mut self, fields: &Fields<'v>, name: &str) -> Option<(String, &'v str)> {
        let (path, value) = fields.get(name)?;
        let Some(text) = value.as_str() else {
            self.refuse(&path, format!("must be a string, got {}", describe(value)));
            return None;
        };
        Some((path, text))
    }

    /// A text in its parsed form.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, path: &str, text: &str) -> Option<T> {
        text.parse().map_err(|error: T::Err| self.refuse(path, error.to_string())).ok()
    }

    /// A word out of a few.
    pub(crate) fn choice<T: Copy>(&mut self, fields: &Fields<'_>, name: &str, choices: &[(&str, T)], into: &mut T) {
        let Some((path, value)) = fields.get(name) else { return };
        self.choice_at(&path, value, choices, into);
    }

    /// As [`Self::choice`], with `true` and `false` for `on` and `off`: YAML 1.1 reads these words so.
    pub(crate) fn choice_at<T: Copy>(&mut self, path: &str, value: &Value, choices: &[(&str, T)], into: &mut T) {
        let word = match value {
            Value::Bool(true) => Some("on"),
            Value::Bool(false) => Some("off"),
            _ => value.as_str(),
        };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| Some(*name) == word) {
            *into = *choice;
        } else {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.refuse(path, format!("must be one of {}, got {}", names.join(", "), describe(value)));
        }
    }
}

/// A value as a sentence names it.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) => format!("{:?}", clip(text)),
        other => other.to_string(),
    }
}

/// The known name that a reader most likely meant: at most a third of it mistyped, ties by order.
fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|name| (distance(typed, name), *name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edit distance with insertions, deletions, substitutions; a typed name longer than any known one is far from all.
fn distance(typed: &str, known: &str) -> usize {
    if typed.len() > 2 * known.len() {
        return typed.len();
    }
    let typed: Vec<char> = typed.chars().collect();
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (i, expected) in known.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, got) in typed.iter().enumerate() {
            let substituted = diagonal + usize::from(*got != expected);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[typed.len()]
}
