//! One line per event, for people or for machines; never a payload, never a credential.

use crate::drive::clock::Clock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use tidegate_core::calendar::{DAY_S, Date, date_of};
use tidegate_core::document::{LogFormat, LogLevel};
use tidegate_core::plane::Nanos;

/// Events that callers can bring about are reported together, at most this often.
const PERIOD: Nanos = 1_000_000_000;

/// Writes events to standard error.
pub struct Log {
    format: LogFormat,
    level: LogLevel,
    clock: Arc<dyn Clock>,
    summed: Mutex<BTreeMap<&'static str, Summed>>,
}

/// What is known of an event that is not said each time.
#[derive(Default)]
struct Summed {
    since: Option<Nanos>,
    unreported: u64,
}

impl Log {
    pub fn new(format: LogFormat, level: LogLevel, clock: Arc<dyn Clock>) -> Self {
        Self { format, level, clock, summed: Mutex::default() }
    }

    pub fn debug(&self, event: &str, fields: &[(&str, Value)]) {
        self.write(LogLevel::Debug, event, fields);
    }

    pub fn info(&self, event: &str, fields: &[(&str, Value)]) {
        self.write(LogLevel::Info, event, fields);
    }

    pub fn warning(&self, event: &str, fields: &[(&str, Value)]) {
        self.write(LogLevel::Warning, event, fields);
    }

    pub fn error(&self, event: &str, fields: &[(&str, Value)]) {
        self.write(LogLevel::Error, event, fields);
    }

    /// A request was shed.
    pub fn shed(&self, reason: &str, route: &str) {
        self.sum("shed", "requests", &[("reason", json!(reason)), ("route", json!(route))]);
    }

    /// Something that any caller can bring about, as often as it likes.
    pub fn often(&self, event: &'static str, fields: &[(&str, Value)]) {
        self.sum(event, "times", fields);
    }

    /// Says the first of its kind at once and sums up the others, so that a flood of them does not fill the disk.
    fn sum(&self, event: &'static str, unit: &str, fields: &[(&str, Value)]) {
        let mut all = self.summed.lock().unwrap_or_else(PoisonError::into_inner);
        let summed = all.entry(event).or_default();
        summed.unreported += 1;
        let now = self.clock.now();
        if summed.since.is_some_and(|since| now - since < PERIOD) {
            return;
        }
        let count = std::mem::take(&mut summed.unreported);
        summed.since = Some(now);
        drop(all);
        self.warning(event, &[fields, &[(unit, json!(count))]].concat());
    }

    fn write(&self, level: LogLevel, event: &str, fields: &[(&str, Value)]) {
        if level < self.level {
            return;
        }
        let now = timestamp(self.clock.unix_ms());
        let level = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warning => "warning",
            LogLevel::Error => "error",
        };
        let line = match self.format {
            LogFormat::Json => {
                let mut object = Map::new();
                object.insert("time".to_owned(), json!(now));
                object.insert("level".to_owned(), json!(level));
                object.insert("event".to_owned(), json!(event));
                object.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
                format!("{}\n", Value::Object(object))
            }
            LogFormat::Text => {
                let mut line = format!("{now} {level:<7} {event}");
                for (name, value) in fields {
                    line.extend([" ", name, "=", &value.to_string()]);
                }
                line + "\n"
            }
        };
        // Standard error may be closed; a gateway that cannot speak still serves.
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }
}

/// RFC 3339 in UTC.
pub fn timestamp(unix_ms: u64) -> String {
    let (days, second) = (unix_ms / 1_000 / DAY_S, unix_ms / 1_000 % DAY_S);
    let Date { year, month, day } = date_of(days);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let (second, milli) = (second % 60, unix_ms % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn timestamps_are_right_on_leap_days_and_at_the_start() {
        let at = |seconds: u64| timestamp(seconds * 1_000);
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_798_761_599), "2026-12-31T23:59:59.000Z");
    }
}
