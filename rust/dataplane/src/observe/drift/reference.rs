//! The profile of what a gateway has counted.

use super::observer::Observer;
use super::windows::{Windows, sum};
use serde_json::{Value, json};
use tidegate_core::document::Monitor;
use tidegate_core::drift::wander::FEWEST_CHUNKS;
use tidegate_core::sketch::{BINS, Counts, Length, MAX_BINS, Reference};

/// What a profile is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The days before now, today among them.
    pub days: u64,
    pub bins: usize,
    /// As `model/number`; the one that is served if none is named.
    pub version: Option<String>,
}

impl Wish {
    /// Reads `days=7&bins=20&version=…`.
    ///
    /// # Errors
    /// A sentence: what is wrong with it.
    pub fn read(query: &str) -> Result<Self, String> {
        let mut wish = Self { days: 7, bins: BINS, version: None };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
            let number = |least: u64, most: u64| {
                let number = value.parse().ok().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| format!("{name} is a number from {least} to {most}, not {value:?}"))
            };
            match name {
                "days" => wish.days = number(1, 366)?,
                "bins" => wish.bins = number(2, MAX_BINS as u64)? as usize,
                "version" => wish.version = Some(value),
                _ => return Err(format!("there is no parameter {name:?}; there are days, bins and version")),
            }
        }
        Ok(wish)
    }
}

/// The profile of the last days of a version.
///
/// # Errors
/// A sentence: why there is none.
pub(super) fn profile(
    windows: &Windows,
    observer: &Observer,
    (monitor, arrival_s): (&Monitor, u64),
    wish: &Wish,
) -> Result<Value, String> {
    let kept = windows.kept(Length::Day) as u64;
    if wish.days > kept {
        return Err(format!(
            "{} days are more than the {kept} that are kept: ask for fewer, or give the monitor more memory_mib (35 days at most)",
            wish.days
        ));
    }
    let nothing = || format!("nothing was counted in the last {} days", wish.days);
    let now_s = windows.now_s(monitor, arrival_s).ok_or_else(nothing)?;
    let oldest_s = Length::Day.start_s(now_s).saturating_sub((wish.days - 1) * Length::Day.seconds());
    let days_kept: Vec<_> = windows.of(Length::Day).filter(|window| window.start_s >= oldest_s).collect();
    let mut starts: Vec<u64> = days_kept.iter().map(|window| window.start_s).collect();
    starts.sort_unstable();
    starts.dedup();
    // A day is all classes of traffic together.
    let day = |start_s: &u64| sum(days_kept.iter().copied().filter(|window| window.start_s == *start_s));
    let days: Vec<Counts<u64>> = starts.iter().filter_map(day).collect();
    let total = sum(days_kept.iter().copied()).ok_or_else(nothing)?;
    let chunks: Vec<&Counts<u64>> = if days.len() < FEWEST_CHUNKS { Vec::new() } else { days.iter().collect() };
    let made =
        Reference::of(&observer.profiled.plan, &total, &chunks, wish.bins).map_err(|refused| refused.to_string())?;
    let end_s = starts.last().map_or(now_s, |start_s| start_s + Length::Day.seconds());
    Ok(json!({
        "profile": made.profile.render(),
        "left_out": made.left_out,
        "start_s": starts.first(),
        "end_s": end_s,
        "days": starts.len(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read_or_refused_with_a_sentence() {
        let read = |query| Wish::read(query);
        assert_eq!(read(""), Ok(Wish { days: 7, bins: BINS, version: None }));
        let all = Wish { days: 14, bins: 10, version: Some("add/1".to_owned()) };
        assert_eq!(read("days=14&bins=10&version=add%2F1"), Ok(all));
        for (query, sentence) in [
            ("days=0", "days is a number from 1 to 366, not \"0\""),
            ("days=week", "days is a number from 1 to 366, not \"week\""),
            ("bins=1", "bins is a number from 2 to 127, not \"1\""),
            ("hours=3", "there is no parameter \"hours\"; there are days, bins and version"),
        ] {
            assert_eq!(read(query), Err(sentence.to_owned()));
        }
    }
}
