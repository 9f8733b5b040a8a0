//! How many runs may begin side by side: as many as there are cores, not counting runs that have become long.
//!
//! Without a limit, many small runs of many versions would crowd the cores; with a plain one, a few slow models would
//! hold every place and delay all others by a whole run. So a run that has lasted for [`LONG`] gives its place away and
//! shares its core by the operating system's hand.

use super::Nanos;

/// A run that lasts longer gives its place to another.
pub const LONG: Nanos = 1_000_000;

/// The places of runs that have just begun.
#[derive(Clone, Debug)]
pub struct Slots {
    limit: usize,
    /// When each short run began.
    begun: Vec<Nanos>,
}

impl Slots {
    /// Places for so many runs; 0 counts as 1.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), begun: Vec::with_capacity(limit) }
    }

    /// Whether a run may begin now.
    ///
    /// # Errors
    /// The time at which to ask again, unless a run ends before.
    pub fn may_begin(&mut self, now: Nanos) -> Result<(), Nanos> {
        self.begun.retain(|begun| now < begun.saturating_add(LONG));
        if self.begun.len() < self.limit {
            return Ok(());
        }
        let oldest = self.begun.iter().min().copied().unwrap_or(now);
        Err(oldest.saturating_add(LONG))
    }

    /// A run begins.
    pub fn begin(&mut self, now: Nanos) {
        self.begun.push(now);
    }

    /// The run that began at that time has ended.
    pub fn end(&mut self, begun: Nanos) {
        if let Some(at) = self.begun.iter().position(|own| *own == begun) {
            self.begun.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONG, Slots};
    use proptest::prelude::*;

    #[test]
    fn a_long_run_gives_its_place_away_and_its_end_takes_none_from_others() {
        let mut slots = Slots::new(2);
        slots.begin(0);
        slots.begin(10);
        assert_eq!(slots.may_begin(20), Err(LONG));
        assert_eq!(slots.may_begin(LONG), Ok(()));
        slots.begin(LONG);
        slots.end(0);
        assert_eq!(slots.may_begin(LONG), Err(10 + LONG));
        slots.end(10);
        assert_eq!(slots.may_begin(LONG), Ok(()));
    }

    proptest! {
        #[test]
        fn never_more_short_runs_than_places(limit in 1usize..5, steps in prop::collection::vec((0u64..LONG, any::<bool>()), 0..200)) {
            let mut slots = Slots::new(limit);
            let (mut now, mut running) = (0, Vec::new());
            for (pause, ends) in steps {
                now += pause;
                if ends && !running.is_empty() {
                    slots.end(running.remove(0));
                }
                match slots.may_begin(now) {
                    Ok(()) => {
                        slots.begin(now);
                        running.push(now);
                    }
                    Err(at) => prop_assert!(at > now && at <= now + LONG),
                }
                let short = running.iter().filter(|begun| now < *begun + LONG).count();
                prop_assert!(short <= limit);
            }
        }
    }
}
