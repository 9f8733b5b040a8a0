//! What holds for any two samples.

use super::super::kullback_leibler::KullbackLeibler;
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Two samples in the same bins, none of them empty, many bins empty.
fn pairs() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    let count = prop_oneof![Just(0_u64), 0..20_u64, 0..100_000_u64, 0..1_000_000_000_000_u64];
    let sample =
        move |bins| vec(count.clone(), bins).prop_filter("an empty sample", |counts| counts.iter().any(|c| *c > 0));
    (1..30_usize).prop_flat_map(move |bins| (sample(bins), sample(bins)))
}

fn edges(bins: usize) -> Vec<f64> {
    (1..bins).map(|edge| edge as f64).collect()
}

proptest! {
    #[test]
    fn every_distance_is_a_number_and_every_p_a_probability((reference, current) in pairs()) {
        let edges = edges(reference.len());
        let support = Support::Edges { edges: &edges, min: 0.5, max: 40.0 };
        let samples = Samples::of(&reference, &current, support).unwrap();
        for distance in TABLE {
            let Measured { value, p, .. } = distance.between(&samples).unwrap();
            prop_assert!(value.is_finite() && value >= 0.0, "{} is {value}", distance.name());
            prop_assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)), "p of {} is {p:?}", distance.name());
        }
    }

    #[test]
    fn a_sample_is_at_no_distance_from_itself((reference, _) in pairs()) {
        let edges = edges(reference.len());
        let support = Support::Edges { edges: &edges, min: 0.5, max: 40.0 };
        for distance in TABLE {
            let measured = distance.between(&Samples::of(&reference, &reference, support).unwrap()).unwrap();
            prop_assert!(measured.value <= 1e-7, "{} is {}", distance.name(), measured.value);
            prop_assert!(measured.p.is_none_or(|p| p > 1.0 - 1e-6));
            // Replayed rows must read as no drift to the last bit.
            prop_assert!(distance.name() != "psi" || measured.value == 0.0);
        }
    }

    #[test]
    fn the_same_shares_in_more_rows_stay_near_nothing(
        reference in vec(1..10_000_u64, 2..30), times in 2..1_000_u64,
    ) {
        let current: Vec<u64> = reference.iter().map(|count| count * times).collect();
        let edges = edges(reference.len());
        let samples = Samples::of(&reference, &current, Support::Edges { edges: &edges, min: 0.5, max: 40.0 }).unwrap();
        for distance in TABLE {
            let Measured { value, p, .. } = distance.between(&samples).unwrap();
            // With smoothing the shares move by half a row in all.
            prop_assert!(value * value <= 1e-2 && p.is_none_or(|p| p > 0.5), "{}: {value}, {p:?}", distance.name());
        }
    }

    #[test]
    fn symmetric_distances_do_not_care_which_sample_is_which((reference, current) in pairs()) {
        let edges = edges(reference.len());
        let support = Support::Edges { edges: &edges, min: 0.5, max: 40.0 };
        let one = Samples::of(&reference, &current, support).unwrap();
        let other = Samples::of(&current, &reference, support).unwrap();
        for distance in TABLE.iter().filter(|distance| distance.name() != "kullback_leibler") {
            let (left, right) = (distance.between(&one).unwrap().value, distance.between(&other).unwrap().value);
            prop_assert!((left - right).abs() <= 1e-9 * left.max(1.0), "{}: {left} and {right}", distance.name());
        }
    }

    #[test]
    fn psi_is_the_two_divergences_of_kullback_and_leibler_together((reference, current) in pairs()) {
        let divergence = KullbackLeibler { smoothing: HALF, unit: Unit::Nats };
        let one = divergence.between(&unordered(&reference, &current)).unwrap().value;
        let other = divergence.between(&unordered(&current, &reference)).unwrap().value;
        let psi = psi::between(&unordered(&reference, &current), HALF).unwrap();
        prop_assert!((psi - one - other).abs() <= 1e-9 * psi.max(1.0));
    }

    #[test]
    fn distances_of_one_law_agree_on_small_changes(changes in vec(-20..20_i64, 10)) {
        let reference = [10_000_u64; 10];
        let current: Vec<u64> = changes.iter().map(|change| (10_000 + change * 10) as u64).collect();
        let samples = unordered(&reference, &current);
        let p_of = |name: &str| {
            let distance = TABLE.iter().find(|distance| distance.name() == name).expect("in the table");
            distance.between(&samples).unwrap().p.expect("there is a law")
        };
        let psi = p_of("psi");
        for name in ["kullback_leibler", "jensen_shannon", "hellinger", "chi_squared", "g"] {
            prop_assert!((p_of(name) - psi).abs() < 0.01, "{name}: {} beside {psi}", p_of(name));
        }
    }
}
