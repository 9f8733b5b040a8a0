//! What is watched for drift, and when somebody is told: the `monitors` section.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};

use super::check_name;
use super::gate::GateMode;
use super::walk::{Bounds, Fields, Walk, describe};
use crate::calendar::{DAY_S, month_start, next_month_start};
use crate::routing::StickyKey;
use crate::sketch::Length;

/// Most monitors of one document, as many as it has routes.
const MAX_MONITORS: usize = 16_384;
/// Most features that one monitor says something about.
const MAX_FEATURES: usize = 100_000;
/// Longest name of a feature in bytes.
const MAX_FEATURE_BYTES: usize = 256;

const MEMORY_MIB: Bounds = Bounds { min: 1, max: 1_048_576, why: "MiB of counts; at most 1 TiB" };

/// The watch over one route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Monitor {
    /// The lengths of the windows that are judged, shortest first.
    pub windows: BTreeSet<WindowLength>,
    /// The PSI that is nobody's business, in nats: 0.05 is a shift of the mean by 0.22 standard deviations.
    pub tolerate_psi: f64,
    pub pages: PageBudget,
    /// The share of false entries in the list of features that drift.
    pub list_fdr: f64,
    pub features: BTreeMap<String, MonitoredFeature>,
    /// MiB of counts that this monitor may keep.
    pub memory_mib: u64,
    pub observe: Observe,
    pub gate: GateMode,
}

// Parsed numbers are finite, so equality is total.
impl Eq for Monitor {}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            windows: WindowLength::ALL.into(),
            tolerate_psi: 0.05,
            pages: PageBudget { pages: 1, per_days: 365 },
            list_fdr: 0.05,
            features: BTreeMap::new(),
            memory_mib: 256,
            observe: Observe::default(),
            gate: GateMode::default(),
        }
    }
}

/// How requests are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observe {
    /// Where a request says when it happened, in seconds since 1970; its arrival counts where it says nothing.
    pub clock: Option<StickyKey>,
}

/// What a monitor says about one feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonitoredFeature {
    /// Its share of the chances to be told of: twice the weight, twice the share of false alarms.
    pub weight: f64,
}

/// How long a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowLength {
    Minute,
    Hour,
    Day,
    /// Of the calendar, in UTC.
    Month,
}

impl WindowLength {
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// The length of the windows that one of this length is put together of: itself, or the days of a month.
    pub fn counted(self) -> Length {
        match self {
            Self::Minute => Length::Minute,
            Self::Hour => Length::Hour,
            Self::Day | Self::Month => Length::Day,
        }
    }

    /// The start of the window that a time is in; all times in Unix seconds.
    pub fn start_of(self, at_s: u64) -> u64 {
        match self {
            Self::Month => month_start(at_s),
            _ => self.counted().start_s(at_s),
        }
    }

    /// The end of the window that a time is in, where the next one begins.
    pub fn end_of(self, at_s: u64) -> u64 {
        match self {
            Self::Month => next_month_start(at_s),
            _ => self.start_of(at_s) + self.counted().seconds(),
        }
    }

    /// The start of the window before that of a time.
    pub fn before(self, at_s: u64) -> Option<u64> {
        self.start_of(at_s).checked_sub(1).map(|last| self.start_of(last))
    }

    /// How long it is; a month, at most.
    pub fn longest_s(self) -> u64 {
        match self {
            Self::Month => 31 * DAY_S,
            _ => self.counted().seconds(),
        }
    }

    /// As documents say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Month => "1mo",
        }
    }
}

impl Serialize for WindowLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How many false pages a route may cause, as `1/year`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageBudget {
    pub pages: u32,
    pub per_days: u32,
}

const PERIODS: [(&str, u32); 4] = [("year", 365), ("month", 30), ("week", 7), ("day", 1)];
const MOST_PAGES: u32 = 1_000;

impl PageBudget {
    pub fn per_year(self) -> f64 {
        f64::from(self.pages) * 365.0 / f64::from(self.per_days)
    }

    fn parse(text: &str) -> Option<Self> {
        let (pages, period) = text.split_once('/')?;
        let (_, per_days) = PERIODS.iter().find(|(name, _)| *name == period.trim())?;
        let pages = pages.trim().parse().ok().filter(|pages| (1..=MOST_PAGES).contains(pages))?;
        Some(Self { pages, per_days: *per_days })
    }
}

impl fmt::Display for PageBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = PERIODS.iter().find(|(_, days)| *days == self.per_days).map_or("year", |(name, _)| name);
        write!(f, "{}/{period}", self.pages)
    }
}

impl Serialize for PageBudget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>) -> BTreeMap<String, Monitor> {
    let mut monitors = BTreeMap::new();
    let Some((path, value)) = root.get("monitors") else { return monitors };
    let section = walk.mapping(path, value);
    if section.len() > MAX_MONITORS {
        walk.refuse(&section.path, format!("names {} monitors; at most {MAX_MONITORS} are allowed", section.len()));
        return monitors;
    }
    for (route, path, value) in section.entries() {
        if let Err(error) = check_name(route) {
            walk.refuse(&path, error.to_string());
        }
        let known = ["windows", "tolerate_psi", "pages", "list_fdr", "features", "memory_mib", "observe", "gate"];
        let fields = walk.fields(path, value, &known);
        monitors.insert(route.to_owned(), monitor(walk, &fields));
    }
    monitors
}

fn monitor(walk: &mut Walk, fields: &Fields<'_>) -> Monitor {
    let mut monitor = Monitor::default();
    if let Some(windows) = windows(walk, fields) {
        monitor.windows = windows;
    }
    let tolerated = "of PSI in nats that are tolerated, from 0 to 10; 0 asks for any difference at all";
    number(walk, fields, "tolerate_psi", tolerated, |psi| (0.0..=10.0).contains(&psi), &mut monitor.tolerate_psi);
    let share = "between 0 and 0.5: the share of false entries in the list";
    number(walk, fields, "list_fdr", share, |fdr| fdr > 0.0 && fdr <= 0.5, &mut monitor.list_fdr);
    if let Some((path, text)) = walk.text(fields, "pages") {
        match PageBudget::parse(text) {
            Some(pages) => monitor.pages = pages,
            None => walk.refuse(
                &path,
                format!(
                    "must be false pages in a time, such as 1/year, 2/month or 1/week (1 to {MOST_PAGES}), got {text:?}"
                ),
            ),
        }
    }
    walk.integer(fields, "memory_mib", &MEMORY_MIB, &mut monitor.memory_mib);
    let observe = walk.section(fields, "observe", &["clock"]);
    if let Some((path, text)) = walk.text(&observe, "clock") {
        monitor.observe.clock = walk.parsed(&path, text);
    }
    walk.choice(fields, "gate", &GateMode::ALL.map(|mode| (mode.name(), mode)), &mut monitor.gate);
    monitor.features = features(walk, fields);
    monitor
}

fn windows(walk: &mut Walk, fields: &Fields<'_>) -> Option<BTreeSet<WindowLength>> {
    let (path, _) = fields.get("windows")?;
    let mut windows = BTreeSet::new();
    for (path, item) in walk.items(fields, "windows", WindowLength::ALL.len()) {
        let named = item.as_str().and_then(|name| WindowLength::ALL.into_iter().find(|length| length.name() == name));
        match named {
            Some(length) => drop(windows.insert(length)),
            None if item.is_null() => {}
            None => walk.refuse(&path, format!("must be one of 1m, 1h, 1d, 1mo, got {}", describe(item))),
        }
    }
    if windows.is_empty() {
        walk.refuse(&path, "names no window: say 1m, 1h, 1d or 1mo, or leave the field out for all of them");
    }
    Some(windows)
}

fn features(walk: &mut Walk, fields: &Fields<'_>) -> BTreeMap<String, MonitoredFeature> {
    let mut features = BTreeMap::new();
    let Some((path, value)) = fields.get("features") else { return features };
    let section = walk.mapping(path, value);
    if section.len() > MAX_FEATURES {
        walk.refuse(&section.path, format!("names {} features; at most {MAX_FEATURES} are allowed", section.len()));
        return features;
    }
    for (name, path, value) in section.entries() {
        if name.is_empty() || name.len() > MAX_FEATURE_BYTES {
            walk.refuse(&path, format!("a feature has a name of 1 to {MAX_FEATURE_BYTES} bytes"));
        }
        let fields = walk.fields(path, value, &["weight"]);
        let mut weight = 1.0;
        let bounds = "from 0 to 1000: its share of the chances to be told of; 0 only shows it";
        number(walk, &fields, "weight", bounds, |weight| (0.0..=1_000.0).contains(&weight), &mut weight);
        features.insert(name.to_owned(), MonitoredFeature { weight });
    }
    features
}

fn number(
    walk: &mut Walk,
    fields: &Fields<'_>,
    name: &str,
    expected: &str,
    is_good: impl Fn(f64) -> bool,
    into: &mut f64,
) {
    let Some((path, value)) = fields.get(name) else { return };
    match value.as_f64().filter(|number| is_good(*number)) {
        Some(number) => *into = number,
        None => walk.refuse(&path, format!("must be a number {expected}, got {}", describe(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, render};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_monitor_that_says_nothing_has_every_default() {
        let document = parse(&json!({"monitors": {"r": {}}})).expect("a good document");
        assert_eq!(document.monitors["r"], Monitor::default());
        let shown = render(&document)["monitors"]["r"].clone();
        assert_eq!(shown["windows"], json!(["1m", "1h", "1d", "1mo"]));
        assert_eq!(shown["pages"], json!("1/year"));
        assert_eq!(shown["gate"], json!("observe"));
    }

    #[test]
    fn what_is_said_is_read() {
        let said = json!({"windows": ["1d", "1h"], "tolerate_psi": 0.02, "pages": "2/month", "list_fdr": 0.1,
            "memory_mib": 8, "observe": {"clock": "metadata[\"x-event-time\"]"}, "features": {"dep_hour": {"weight": 3}}});
        let document = parse(&json!({"monitors": {"r": said}})).expect("a good document");
        let monitor = &document.monitors["r"];
        assert_eq!(monitor.windows, [WindowLength::Hour, WindowLength::Day].into());
        assert!((monitor.pages.per_year() - 24.333).abs() < 1e-3);
        assert_eq!(monitor.features["dep_hour"], MonitoredFeature { weight: 3.0 });
        assert!(monitor.observe.clock.is_some());
        assert_eq!(parse(&json!({"monitors": {"r": render(&document)["monitors"]["r"]}})), Ok(document.clone()));
    }

    #[test]
    fn budgets_are_written_as_people_say_them() {
        for (text, per_year) in
            [("1/year", 1.0), ("2/month", 2.0 * 365.0 / 30.0), ("7 / week", 365.0), ("1/day", 365.0)]
        {
            let budget = PageBudget::parse(&text.replace(' ', "")).expect("a budget");
            assert!((budget.per_year() - per_year).abs() < 1e-9, "{text}");
        }
        for text in ["", "1", "1/hour", "0/year", "-1/year", "0.5/week", "1001/day", "one/year", "/year"] {
            assert_eq!(PageBudget::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let said = json!({"windows": ["5m"], "tolerate_psi": -1, "pages": "never", "list_fdr": 0, "memory_mib": 0,
            "observe": {"clock": "sometime"}, "features": {"x": {"weight": -1, "wieght": 1}}});
        let violations = parse(&json!({"monitors": {"r": said}})).expect_err("a bad document");
        let paths: Vec<&str> = violations.iter().map(|violation| violation.path.as_str()).collect();
        for field in ["windows[0]", "tolerate_psi", "pages", "list_fdr", "memory_mib", "observe.clock"] {
            assert!(paths.contains(&&*format!("monitors.r.{field}")), "{field} in {violations:?}");
        }
        assert!(paths.contains(&"monitors.r.features.x.weight") && paths.contains(&"monitors.r.features.x.wieght"));
    }
}
