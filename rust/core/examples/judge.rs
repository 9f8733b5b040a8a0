//! What a judgement costs: `judge ROUNDS` judges 1,000 features of 20 bins each round and prints, as one JSON line, the
//! milliseconds of the median round without and with a tolerance, without and with a reference that wanders.
#![expect(clippy::disallowed_methods, reason = "an example is told what to do, and shows how long it took")]

use serde_json::{Map, json};
use std::hint::black_box;
use std::time::Instant;
use tidegate_core::drift::judge::{Counts, Question, judge};
use tidegate_core::drift::wander::Wander;

const FEATURES: u64 = 1_000;
const BINS: u64 = 20;
const ALPHA: f64 = 1e-7;

fn main() {
    let Some(rounds) =
        std::env::args().nth(1).and_then(|rounds| rounds.parse::<usize>().ok()).filter(|rounds| *rounds > 0)
    else {
        eprintln!("usage: judge ROUNDS");
        std::process::exit(2);
    };
    let reference = vec![4_000; BINS as usize];
    // Every feature has other counts, around 500 a bin.
    let windows: Vec<Vec<u64>> =
        (0..FEATURES).map(|feature| (0..BINS).map(|bin| 470 + (feature * 31 + bin * 17) % 61).collect()).collect();
    // And each wanders by itself, as features do: nothing of one law is of use for the next.
    let wanders = |feature: usize| {
        let measured = 8e-4 * (0.8 + 0.4 * feature as f64 / FEATURES as f64);
        Wander { omega: measured - 3e-4, measured, noise: 3e-4, freedom: 456.0, chunks: 24, is_measured: true }
    };
    let wander_of = |is_wandering: bool| -> Vec<Wander> {
        (0..FEATURES as usize).map(|at| if is_wandering { wanders(at) } else { Wander::UNKNOWN }).collect()
    };
    let mut spent = Map::new();
    for (name, wander, tolerated) in [
        ("strict_ms", wander_of(false), 0.0),
        ("tolerant_ms", wander_of(false), 0.05),
        ("wandering_strict_ms", wander_of(true), 0.0),
        ("wandering_tolerant_ms", wander_of(true), 0.05),
    ] {
        let mut times: Vec<f64> = (0..rounds).map(|_| round(&reference, &windows, &wander, tolerated)).collect();
        times.sort_unstable_by(f64::total_cmp);
        spent.insert(name.to_owned(), json!((times[rounds / 2] * 1e6).round() / 1e3));
    }
    println!("{}", json!({"features": FEATURES, "bins": BINS, "rounds": rounds, "median": spent}));
}

fn round(reference: &[u64], windows: &[Vec<u64>], wanders: &[Wander], tolerated: f64) -> f64 {
    let begin = Instant::now();
    for (window, wander) in windows.iter().zip(wanders) {
        let counts = |bins| Counts { bins, new: 0, missing: 0 };
        let question = Question {
            reference: counts(reference),
            current: counts(window),
            wander: *wander,
            design_effect: None,
            tolerated,
            alpha: ALPHA,
        };
        black_box(judge(black_box(&question)).expect("the same bins"));
    }
    begin.elapsed().as_secs_f64()
}
