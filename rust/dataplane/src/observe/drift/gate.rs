//! What the gate of a version is to do, and what it has done.

use super::Profiled;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tidegate_core::document::{GateMode, Monitor};
use tidegate_core::sketch::{Breaches, Rule};

/// The gate of one version under one name.
#[derive(Default)]
pub struct Gatekeeper {
    /// A [`GateMode`] by its number.
    mode: AtomicU8,
    /// Only touched by requests that break a rule.
    seen: Mutex<Seen>,
}

/// What came to the gate and broke rules, since the start.
#[derive(Default)]
struct Seen {
    /// Rows by the place of the feature in the profile: at most four rules of each.
    rows: BTreeMap<(usize, Rule), Actions>,
    requests: Actions,
}

/// How often each was done.
#[derive(Clone, Copy, Default)]
struct Actions {
    rejected: u64,
    flagged: u64,
}

impl Actions {
    fn add(&mut self, mode: GateMode, count: u64) {
        match mode {
            GateMode::Reject => self.rejected = self.rejected.saturating_add(count),
            GateMode::Flag => self.flagged = self.flagged.saturating_add(count),
            GateMode::Observe => {}
        }
    }

    fn describe(self) -> Value {
        json!({"rejected": self.rejected, "flagged": self.flagged})
    }
}

/// Rows that broke one rule of any feature.
pub(super) struct GatedRows {
    pub(super) rule: Rule,
    /// `reject` or `flag`.
    pub(super) action: &'static str,
    pub(super) rows: u64,
}

impl Gatekeeper {
    /// Does what a monitor wants from now on.
    pub(super) fn watch(&self, monitor: Option<&Monitor>) {
        let mode = monitor.map_or(GateMode::Observe, |monitor| monitor.gate);
        self.mode.store(mode as u8, Ordering::Relaxed);
    }

    #[inline]
    pub fn mode(&self) -> GateMode {
        let number = self.mode.load(Ordering::Relaxed);
        GateMode::ALL[usize::from(number)]
    }

    /// Counts what a request has broken.
    pub fn count(&self, mode: GateMode, broken: &Breaches) {
        let mut seen = self.lock();
        seen.requests.add(mode, 1);
        for (feature, rule, breach) in broken.iter() {
            seen.rows.entry((feature, rule)).or_default().add(mode, breach.rows);
        }
    }

    /// What it does and has done, feature by feature, as JSON.
    pub(super) fn report(&self, profiled: &Profiled) -> Value {
        let seen = self.lock();
        let by_feature = seen.rows.iter().map(|((feature, rule), rows)| {
            let mut described = rows.describe();
            described["feature"] = json!(profiled.feature(*feature));
            described["rule"] = json!(rule.name());
            described
        });
        let rows: Vec<Value> = by_feature.collect();
        json!({"mode": self.mode(), "requests": seen.requests.describe(), "rows": rows})
    }

    /// Rows by rule and by what was done, features together; only what the gate is asked for or has done.
    pub(super) fn by_rule(&self) -> Vec<GatedRows> {
        let (mode, seen) = (self.mode(), self.lock());
        let of_rule = |rule: Rule| {
            let own = seen.rows.iter().filter(|((_, own), _)| *own == rule).map(|(_, rows)| *rows);
            own.fold(Actions::default(), |sum, rows| Actions {
                rejected: sum.rejected.saturating_add(rows.rejected),
                flagged: sum.flagged.saturating_add(rows.flagged),
            })
        };
        let rules = Rule::ALL.into_iter().map(|rule| (rule, of_rule(rule)));
        rules
            .flat_map(|(rule, rows)| [(rule, GateMode::Reject, rows.rejected), (rule, GateMode::Flag, rows.flagged)])
            .filter(|(_, action, rows)| *rows > 0 || *action == mode)
            .map(|(rule, action, rows)| GatedRows { rule, action: action.name(), rows })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
