//! Tests that take a machine through long histories, each step compared with a plain account of what must be so.

mod change_simulation;
mod ending;
mod examples;
mod ledger;
mod lifecycle;
mod model_check;
mod properties;
mod reconcile;
mod simulation;
mod turns;

/// Numbers that look random and are the same in every run (a linear congruential generator, upper bits).
struct Dice(u64);

impl Dice {
    /// A number in `0..sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
