//! Numbers drawn from the laws that samples are made of.

use tidegate_core::stats::gamma::ln_gamma;

/// SplitMix64 (Steele, Lea & Flood 2014) and what can be made of its numbers.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut draw = Self(seed.wrapping_mul(0xd134_2543_de82_ef95));
        draw.bits();
        draw
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Above 0 and below 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// Marsaglia's polar method.
    pub(crate) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// Marsaglia & Tsang (2000), ACM Transactions on Mathematical Software 26(3), 363–372.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.uniform().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Shares around `shares`, the nearer the larger the concentration.
    pub(crate) fn dirichlet(&mut self, concentration: f64, shares: &[f64]) -> Vec<f64> {
        let mut drawn: Vec<f64> = shares.iter().map(|share| self.gamma(concentration * share)).collect();
        let sum: f64 = drawn.iter().sum();
        for share in &mut drawn {
            *share /= sum;
        }
        drawn
    }

    /// Rows in each bin.
    pub(crate) fn multinomial(&mut self, rows: u64, shares: &[f64]) -> Vec<u64> {
        let (mut left, mut rest) = (rows, 1.0);
        let mut counts = vec![0; shares.len()];
        for (count, share) in counts.iter_mut().zip(shares) {
            *count = if *share >= rest { left } else { self.binomial(left, share / rest) };
            left -= *count;
            rest -= share;
        }
        counts[shares.len() - 1] += left;
        counts
    }

    pub(crate) fn binomial(&mut self, trials: u64, share: f64) -> u64 {
        if share > 0.5 {
            return trials - self.binomial(trials, 1.0 - share);
        }
        if trials as f64 * share < 10.0 { self.few(trials, share) } else { self.many(trials, share) }
    }

    /// By going up the distribution function.
    fn few(&mut self, trials: u64, share: f64) -> u64 {
        let odds = share / (1.0 - share);
        let mut weight = (trials as f64 * (-share).ln_1p()).exp();
        let (mut left, mut hits) = (self.uniform(), 0);
        while left > weight && hits < trials {
            left -= weight;
            weight *= odds * (trials - hits) as f64 / (hits + 1) as f64;
            hits += 1;
        }
        hits
    }

    /// BTRS: Hörmann (1993), Journal of Statistical Computation and Simulation 46, 101–110.
    fn many(&mut self, trials: u64, share: f64) -> u64 {
        let n = trials as f64;
        let deviation = (n * share * (1.0 - share)).sqrt();
        let width = 1.15 + 2.53 * deviation;
        let a = -0.0873 + 0.0248 * width + 0.01 * share;
        let centre = n * share + 0.5;
        let squeeze = 0.92 - 4.2 / width;
        let alpha = (2.83 + 5.1 / width) * deviation;
        let mode = ((n + 1.0) * share).floor();
        let ln_ways = |hits: f64| ln_gamma(hits + 1.0) + ln_gamma(n - hits + 1.0);
        loop {
            let (u, v) = (self.uniform() - 0.5, self.uniform());
            let inside = 0.5 - u.abs();
            let hits = ((2.0 * a / inside + width) * u + centre).floor();
            if inside >= 0.07 && v <= squeeze {
                return hits as u64;
            }
            if !(0.0..=n).contains(&hits) {
                continue;
            }
            let height = (v * alpha / (a / (inside * inside) + width)).ln();
            if height <= ln_ways(mode) - ln_ways(hits) + (hits - mode) * (share / (1.0 - share)).ln() {
                return hits as u64;
            }
        }
    }
}

#[test]
fn what_is_drawn_has_the_mean_and_the_variance_of_its_law() {
    let mut draw = Draw::seeded(7);
    for (trials, share) in [(12, 0.3), (40, 0.9), (1_000, 0.02), (100_000, 0.25), (1_000_000_000, 1e-3)] {
        let drawn: Vec<f64> = (0..20_000).map(|_| draw.binomial(trials, share) as f64).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 19_999.0;
        let (expected, spread) = (trials as f64 * share, trials as f64 * share * (1.0 - share));
        assert!((mean - expected).abs() < 4.0 * (spread / 20_000.0).sqrt(), "{trials} of {share}: mean {mean}");
        assert!((variance / spread - 1.0).abs() < 0.05, "{trials} of {share}: variance {variance} for {spread}");
    }
    let drawn: Vec<f64> = (0..20_000).map(|_| draw.dirichlet(50.0, &[0.02, 0.98])[0]).collect();
    let mean = drawn.iter().sum::<f64>() / 20_000.0;
    let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 19_999.0;
    assert!((mean - 0.02).abs() < 6e-4 && (variance / (0.02 * 0.98 / 51.0) - 1.0).abs() < 0.1, "{mean}, {variance}");
}
