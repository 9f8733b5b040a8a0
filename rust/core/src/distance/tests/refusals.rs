//! Where a distance has no value it says why.

use super::super::kullback_leibler::KullbackLeibler;
use super::super::psi::Psi;
use super::*;

fn refused(reference: &[u64], current: &[u64], support: Support<'_>) -> Undefined {
    Samples::of(reference, current, support).expect_err("no pair of samples")
}

#[test]
fn samples_that_are_none_are_refused() {
    let plain = Support::Unordered;
    assert_eq!(refused(&[1, 2], &[1], plain), Undefined::OtherBins { reference: 2, current: 1 });
    assert_eq!(refused(&[0, 0], &[1, 0], plain), Undefined::Empty { sample: "reference" });
    assert_eq!(refused(&[1, 0], &[0, 0], plain), Undefined::Empty { sample: "current" });
    assert_eq!(refused(&[], &[], plain), Undefined::Empty { sample: "reference" });
    assert_eq!(refused(&[1], &[u64::MAX, 1][..1].repeat(2), plain), Undefined::OtherBins { reference: 1, current: 2 });
    assert_eq!(refused(&[1, 1], &[u64::MAX, 1], plain), Undefined::TooMany { sample: "current" });
}

#[test]
fn edges_that_make_no_bins_are_refused() {
    let edges = |edges, min, max| refused(&[1, 2, 3], &[1, 2, 3], Support::Edges { edges, min, max });
    assert_eq!(edges(&[1.0], 0.0, 9.0), Undefined::Edges { bins: 3, edges: 1 });
    assert_eq!(edges(&[1.0, 1.0], 0.0, 9.0), Undefined::EdgeOrder { edge: 1.0 });
    assert_eq!(edges(&[1.0, f64::INFINITY], 0.0, 9.0), Undefined::EdgeOrder { edge: f64::INFINITY });
    assert!(matches!(edges(&[f64::NAN, 1.0], 0.0, 9.0), Undefined::EdgeOrder { .. }));
    assert_eq!(edges(&[1.0, 2.0], 3.0, 0.0), Undefined::Range { min: 3.0, max: 0.0 });
    assert!(matches!(edges(&[1.0, 2.0], f64::NAN, 9.0), Undefined::Range { .. }));
}

#[test]
fn an_empty_bin_without_smoothing_is_named() {
    let unsmoothed: [&dyn Distance; 2] =
        [&Psi { smoothing: 0.0 }, &KullbackLeibler { smoothing: 0.0, unit: Unit::Bits }];
    for distance in unsmoothed {
        let refused = distance.between(&unordered(&[5, 0, 5], &[5, 5, 0])).expect_err("an empty bin");
        assert_eq!(refused, Undefined::EmptyBin { bin: 1, sample: "reference" });
        let refused = distance.between(&unordered(&[5, 5], &[5, 0])).expect_err("an empty bin");
        assert_eq!(
            refused.to_string(),
            "bin 1 is empty in the current sample, and without smoothing its logarithm has no value"
        );
        assert!(distance.between(&unordered(&[5, 0, 5], &[9, 0, 1])).expect("empty in both").value > 0.0);
    }
    for smoothing in [-0.5, f64::NAN, f64::INFINITY] {
        let refused = Psi { smoothing }.between(&unordered(&[1], &[1])).expect_err("no smoothing");
        assert!(matches!(refused, Undefined::Smoothing { .. }));
    }
}

#[test]
fn categories_have_no_order_and_no_edges() {
    let categories = unordered(&[1, 2], &[2, 1]);
    let names: Vec<_> =
        TABLE.iter().filter(|distance| distance.between(&categories).is_err()).map(|one| one.name()).collect();
    assert_eq!(names, ["kolmogorov_smirnov", "wasserstein"]);
    assert_eq!(
        wasserstein::between(&ordered(&[1, 2], &[2, 1])).expect_err("no edges"),
        Undefined::NoEdges { distance: "wasserstein" }
    );
}
