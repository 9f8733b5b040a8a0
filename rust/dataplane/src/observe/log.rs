//! One line per event, for people or for machines; never a payload, never a credential.

use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tidegate_core::document::{LogFormat, LogLevel};

/// Sheds are reported together, at most this often.
const SHED_PERIOD: Duration = Duration::from_secs(1);

/// Writes events to standard error.
pub struct Log {
    format: LogFormat,
    level: LogLevel,
    sheds: Mutex<Sheds>,
}

struct Sheds {
    since: Option<Instant>,
    unreported: u64,
}

impl Log {
    pub fn new(format: LogFormat, level: LogLevel) -> Self {
        Self { format, level, sheds: Mutex::new(Sheds { since: None, unreported: 0 }) }
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

    /// A request was shed: the first at once, the others summed up, so that an overload does not fill the disk.
    pub fn shed(&self, reason: &str, route: &str) {
        let mut sheds = self.sheds.lock().unwrap_or_else(PoisonError::into_inner);
        sheds.unreported += 1;
        if sheds.since.is_some_and(|since| since.elapsed() < SHED_PERIOD) {
            return;
        }
        let count = std::mem::take(&mut sheds.unreported);
        sheds.since = Some(Instant::now());
        drop(sheds);
        self.warning("shed", &[("reason", json!(reason)), ("route", json!(route)), ("requests", json!(count))]);
    }

    fn write(&self, level: LogLevel, event: &str, fields: &[(&str, Value)]) {
        if level < self.level {
            return;
        }
        let now = timestamp(SystemTime::now());
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
                let fields: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                format!("{now} {level:<7} {event}{fields}\n")
            }
        };
        // Standard error may be closed; a gateway that cannot speak still serves.
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }
}

/// RFC 3339 in UTC, by Howard Hinnant's civil-from-days.
fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let (second, milli) = (second % 60, since.subsec_millis());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::timestamp;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn timestamps_are_right_on_leap_days_and_at_the_start() {
        let at = |seconds| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_798_761_599), "2026-12-31T23:59:59.000Z");
    }
}
