//! False alarms shared out among many features.

use super::super::budget::{Budget, Length};
use super::super::list::list;
use super::assert_near;
use crate::stats::corrections::Weighted;
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn a_list_is_that_of_benjamini_and_hochberg() {
    let features = [0.02, 0.9, 0.001, 0.03].map(|p| Weighted { p, weight: 1.0 });
    let places = list(&features, 0.05);
    assert_eq!(places.iter().map(|place| place.is_listed).collect::<Vec<_>>(), [true, false, true, true]);
    assert_near(places[0].q, 0.04, 1e-15);
    assert!(list(&[], 0.05).is_empty());
}

#[test]
fn one_page_a_year_is_little_for_each_hour() {
    let budget = Budget { pages_per_year: 1.0 };
    let alphas = budget.alphas(Length::Hour, 2, &[1.0; 1_000]);
    assert_near(alphas[0], 0.5 / 1_000.0 / 8_760.0, 1e-20);
    assert_near(budget.alphas(Length::Day, 1, &[1.0, 0.0])[1], 0.0, 0.0);
}

proptest! {
    #[test]
    fn a_budget_is_spent_and_not_overspent(weights in vec(0.01..10.0_f64, 1..50), pages_per_year in 0.1..50.0_f64) {
        let budget = Budget { pages_per_year };
        let spent = |length, windows: f64| budget.alphas(length, 2, &weights).iter().sum::<f64>() * windows;
        let all = spent(Length::Hour, 8_760.0) + spent(Length::Day, 365.0);
        prop_assert!((all / pages_per_year - 1.0).abs() < 1e-9, "{all} of {pages_per_year}");
    }
}
