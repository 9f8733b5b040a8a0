//! Numbers that other libraries publish: their own tests, their documentation, and data of ours that they were run on.

use super::super::jensen_shannon::{JensenShannon, divergence};
use super::*;

#[test]
fn an_empty_bin_is_a_matter_of_smoothing() {
    let (reference, current) = ([100, 200, 300, 0], [90, 210, 250, 50]);
    let samples = unordered(&reference, &current);
    assert_near(psi::between(&samples, 0.5).unwrap(), 0.400_980_498_914_070_95, 1e-14);
    assert_near(psi::between(&samples, 1.0).unwrap(), 0.343_050_149_461_067_1, 1e-14);
    assert_near(hellinger::squared(&samples).sqrt(), 0.209_488_965_990_946_55, 1e-14);
    assert_near(maximum::between(&samples), 0.083_333_333_333_333_33, 1e-14);
    // NannyML, whose distance is in bits.
    let bits = JensenShannon { unit: Unit::Bits }.between(&samples).unwrap().value;
    assert_near(bits, 0.211_815_902_021_4, 1e-3);
}

#[test]
fn g_is_that_of_scipy() {
    let measured = g::G.between(&unordered(&[100; 10], &[120, 110, 100, 90, 80, 105, 95, 115, 85, 100])).unwrap();
    assert_near(measured.value, 7.565_538_687_826_288_5, 1e-12);
    assert_near(measured.p.unwrap(), 0.578_450_5, 1e-7);
    let measured = g::G.between(&unordered(&[5, 5, 8], &[4, 6, 8])).unwrap();
    assert_near(measured.p.unwrap(), 0.903_763_291_485_193_5, 1e-12);
}

#[test]
fn chi_squared_is_that_of_popmon_frouros_and_scipy() {
    let statistic = |reference: &[u64], current: &[u64]| {
        let measured = chi_squared::ChiSquared.between(&unordered(reference, current)).unwrap();
        (measured.value, measured.p.unwrap())
    };
    assert_near(statistic(&[1, 2, 0, 5], &[3, 4, 0, 2]).0, 2.9036, 5e-5);
    // The empty bin is no degree of freedom: popmon's normalised statistic divides by two.
    assert_near(statistic(&[1, 2, 0, 5], &[3, 4, 0, 2]).1, 0.2341, 5e-5);
    let (value, p) = statistic(&[10, 10, 20], &[20, 20, 20]);
    assert_near(value, 2.777_777_777_777_777_7, 1e-14);
    assert_near(p, 0.249_352_208_777_296_22, 1e-14);
    let (value, p) = statistic(&[4, 2, 0], &[1, 1, 4]);
    assert_near(value, 6.133_333_333_333_333, 1e-14);
    assert_near(p, 0.046_576_150_222_383_43, 1e-14);
}

#[test]
fn jensen_shannon_is_that_of_scipy_and_of_tensorflow() {
    let bits = |reference: &[u64], current: &[u64]| Unit::Bits.of(divergence(&unordered(reference, current)));
    assert_near(bits(&[1, 0, 0], &[0, 1, 0]), 1.0, 1e-15);
    let nats = divergence(&unordered(&[2, 0], &[1, 1])).sqrt();
    assert_near(nats, 0.464_501_404_022_459, 1e-14);
    // TensorFlow Data Validation: [1,2): 2, [2,3): 2 against [2,4): 2, [4,6): 2, on the union of the edges.
    assert_near(bits(&[4, 4, 0, 0], &[0, 2, 2, 4]), 0.655_639_062_22, 1e-10);
    assert_near(bits(&[2, 2, 1, 0, 0, 0], &[2, 0, 0, 1, 1, 1]), 0.6, 1e-14);
    assert_near(bits(&[1, 1, 0], &[1, 0, 1]), 0.5, 1e-14);
}

#[test]
fn kullback_leibler_is_that_of_scipy() {
    let samples = unordered(&[5, 5], &[9, 1]);
    let nats = kullback_leibler::between(&samples, 0.0).unwrap();
    assert_near(nats, 0.510_825_623_765_990_6, 1e-14);
    assert_near(Unit::Bits.of(nats), 0.736_965_594_166_206_1, 1e-14);
}

#[test]
fn hellinger_is_that_of_evidently() {
    let squared = hellinger::squared(&unordered(&[16, 18, 16, 14, 12, 12], &[16, 16, 16, 16, 16, 8]));
    assert_near(squared.sqrt(), 0.06812, 1e-5);
}

/// Uniform numbers that need no library: x ← x·6364136223846793005 + 1442695040888963407 mod 2⁶⁴.
fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 11) as f64 / 2_f64.powi(53)
    };
    (0..count).map(|_| next()).collect()
}

/// Quantiles as numpy's default has them.
fn quantiles(sorted: &[f64], bins: usize) -> Vec<f64> {
    let at = |part: usize| {
        let place = part as f64 / bins as f64 * (sorted.len() - 1) as f64;
        let low = place.floor() as usize;
        sorted[low] + (sorted[low + 1] - sorted[low]) * place.fract()
    };
    (1..bins).map(at).collect()
}

fn binned(values: &[f64], edges: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len() + 1];
    for value in values {
        counts[edges.partition_point(|edge| edge < value)] += 1;
    }
    counts
}

#[test]
fn a_shrunken_and_moved_uniform_has_the_distances_that_were_measured() {
    let reference: Vec<f64> = uniform(1, 2_000).iter().map(|u| 2.0 * u - 1.0).collect();
    let current: Vec<f64> = uniform(2, 1_500).iter().map(|u| 0.9 * (2.0 * u - 1.0) + 0.1).collect();
    let mut sorted = reference.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let range = reference.iter().chain(&current);
    let (min, max) = range.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    for (bins, jensen, wasserstein) in [
        (10, 0.191_322_038_962_314_98, 0.096_502_680_033_648_24),
        (20, 0.195_472_618_869_176_22, 0.095_673_202_286_104_43),
    ] {
        let edges = quantiles(&sorted, bins);
        let (ours, theirs) = (binned(&reference, &edges), binned(&current, &edges));
        let samples = Samples::of(&ours, &theirs, Support::Edges { edges: &edges, min, max }).unwrap();
        if bins == 10 {
            assert_eq!(theirs, [0, 157, 158, 178, 183, 171, 160, 186, 153, 154]);
        }
        assert_near(JensenShannon { unit: Unit::Nats }.between(&samples).unwrap().value, jensen, 1e-12);
        assert_near(kolmogorov_smirnov::between(&samples).unwrap(), 0.1, 1e-12);
        assert_near(wasserstein::between(&samples).unwrap(), wasserstein, 1e-12);
    }
}

#[test]
fn a_moved_bin_has_moved_by_its_distance() {
    let edges = [1.0, 2.0, 3.0, 4.0];
    let support = Support::Edges { edges: &edges, min: 0.0, max: 5.0 };
    let (low, high) = ([0, 10, 0, 0, 0], [0, 0, 0, 10, 0]);
    assert_near(wasserstein::between(&Samples::of(&low, &high, support).unwrap()).unwrap(), 2.0, 1e-15);
}
