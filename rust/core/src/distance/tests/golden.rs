//! `tests/oracles/drift_golden.json`: pairs of histograms with what scipy 1.17.1 says of them.

use super::super::jensen_shannon::JensenShannon;
use super::super::kullback_leibler::KullbackLeibler;
use super::super::psi::Psi;
use super::*;
use crate::stats::noncentral::inverse_survival;
use serde_json::Value;

fn pairs() -> Vec<Value> {
    let text = include_str!("../../../../../tests/oracles/drift_golden.json");
    let golden: Value = serde_json::from_str(text).expect("the golden file is JSON");
    golden["hist"].as_array().expect("a list of pairs").clone()
}

fn counts(pair: &Value, side: &str) -> Vec<u64> {
    pair[side].as_array().expect("counts").iter().map(|count| count.as_u64().expect("a count")).collect()
}

/// Calls `check` with each pair that has a number under `key`, and says how many there were.
fn each(key: &str, check: impl Fn(&Samples<'_>, f64, &Value)) -> usize {
    let found = pairs().into_iter().filter_map(|pair| Some((pair[key].as_f64()?, pair)));
    found.map(|(expected, pair)| check(&ordered(&counts(&pair, "ref"), &counts(&pair, "cur")), expected, &pair)).count()
}

fn value(distance: &dyn Distance, samples: &Samples<'_>) -> f64 {
    distance.between(samples).expect("no bin is empty in one sample alone").value
}

fn p(distance: &dyn Distance, samples: &Samples<'_>) -> f64 {
    distance.between(samples).expect("no bin is empty in one sample alone").p.expect("there is a law")
}

#[test]
fn psi_is_golden_with_and_without_smoothing() {
    assert_eq!(
        each("psi", |samples, expected, _| assert_near(psi::between(samples, 0.0).unwrap(), expected, 1e-12)),
        5
    );
    assert_eq!(
        each("psi_a05", |samples, expected, _| assert_near(psi::between(samples, HALF).unwrap(), expected, 1e-12)),
        6
    );
    assert_eq!(
        each("psi_p", |samples, expected, _| assert_relative(p(&Psi { smoothing: 0.0 }, samples), expected, 1e-9)),
        5
    );
}

#[test]
fn kullback_leibler_is_golden_both_ways() {
    let nats = KullbackLeibler { smoothing: 0.0, unit: Unit::Nats };
    assert_eq!(each("kl_ref_cur", |samples, expected, _| assert_near(value(&nats, samples), expected, 1e-12)), 5);
    let turned = each("kl_cur_ref", |_, expected, pair| {
        let (reference, current) = (counts(pair, "ref"), counts(pair, "cur"));
        assert_near(value(&nats, &unordered(&current, &reference)), expected, 1e-12);
    });
    assert_eq!(turned, 5);
}

#[test]
fn jensen_shannon_is_golden_in_nats_and_bits() {
    let (nats, bits) = (JensenShannon { unit: Unit::Nats }, JensenShannon { unit: Unit::Bits });
    assert_eq!(each("js_dist_nats", |samples, expected, _| assert_near(value(&nats, samples), expected, 1e-12)), 5);
    assert_eq!(each("js_dist_bits", |samples, expected, _| assert_near(value(&bits, samples), expected, 1e-12)), 5);
}

#[test]
fn hellinger_total_variation_and_maximum_are_golden() {
    let near = |distance: &'static dyn Distance| {
        move |samples: &Samples<'_>, expected: f64, _: &Value| assert_near(value(distance, samples), expected, 1e-12)
    };
    assert_eq!(each("hellinger", near(&hellinger::Hellinger)), 5);
    assert_eq!(each("tvd", near(&total_variation::TotalVariation)), 5);
    assert_eq!(each("linf", near(&maximum::Maximum)), 5);
}

#[test]
fn chi_squared_of_two_samples_is_golden() {
    let relative = |samples: &Samples<'_>, expected: f64, _: &Value| {
        assert_relative(value(&chi_squared::ChiSquared, samples), expected, 1e-12);
    };
    assert_eq!(each("chi2", relative), 6);
    assert_eq!(
        each("chi2_p", |samples, expected, _| assert_relative(p(&chi_squared::ChiSquared, samples), expected, 1e-9)),
        6
    );
}

#[test]
fn kolmogorov_smirnov_on_bins_is_golden_and_conservative() {
    let smirnov = kolmogorov_smirnov::KolmogorovSmirnov;
    assert_eq!(each("ks_binned", |samples, expected, _| assert_near(value(&smirnov, samples), expected, 1e-12)), 6);
    assert_eq!(each("ks_p_asymp", |samples, expected, _| assert_relative(p(&smirnov, samples), expected, 1e-9)), 6);
    assert!(smirnov.between(&ordered(&[1, 2], &[2, 1])).unwrap().is_conservative);
}

#[test]
fn thresholds_are_golden_without_and_with_a_tolerance() {
    let table = |key: &str, tolerated: f64| {
        let check = |samples: &Samples<'_>, freedom: f64, pair: &Value| {
            for (alpha, threshold) in pair[key].as_object().expect("thresholds by alpha") {
                let alpha: f64 = alpha.parse().expect("an alpha");
                let found = samples.scale() * inverse_survival(alpha.ln(), freedom, tolerated / samples.scale());
                assert_relative(found, threshold.as_f64().expect("a threshold"), 1e-9);
            }
        };
        assert_eq!(each("dof", check), 6);
    };
    table("psi_thr", 0.0);
    table("psi_thr_tau0.02", 0.02);
}
