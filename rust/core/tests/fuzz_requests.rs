//! The parser of requests held against generated code, on requests that are a little broken.
//!
//! Each case has its own random numbers, drawn from the seed and its index, so that a failure names everything that
//! repeats it: `TIDEGATE_FUZZ_SEED=<seed>` and, for more or fewer cases, `TIDEGATE_FUZZ_CASES=<cases>`.
//!
//! Line coverage of the parser, of which at least 95 % is asked (LLVM's tools must be as new as rustc's): run
//! `cargo test -p tidegate-core --lib --tests` with `RUSTFLAGS=-Cinstrument-coverage LLVM_PROFILE_FILE=cov/%p.profraw`,
//! then `llvm-profdata merge cov/*.profraw -o cov/all` and
//! `llvm-cov report <test binary> -object <other test binary> -instr-profile cov/all core/src/oip`.

#![expect(clippy::disallowed_methods, reason = "how long to fuzz is set from outside")]

mod fuzz;

use fuzz::generate::Case;
use fuzz::rng::Rng;
use fuzz::{answers, compare, models, mutate, oracle};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidegate_core::oip::request::Head;

const CASES: u64 = 100_000;
const SEED: u64 = 0x7469_6465_6761_7465;

/// Says which case failed, and on what bytes, when a check or the code under test panics.
struct Witness<'a> {
    seed: u64,
    case: u64,
    bytes: &'a [u8],
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let hex: Vec<_> = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("seed {} case {}: {}", self.seed, self.case, hex.concat());
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")),
        Err(_) => default,
    }
}

/// Runs every case once, on all cores; `each` gets random numbers of the case's own.
fn for_each_case(share: u64, each: impl Fn(&mut Head, Rng, u64, u64) + Sync) {
    let (cases, seed) = (setting("TIDEGATE_FUZZ_CASES", CASES).div_ceil(share), setting("TIDEGATE_FUZZ_SEED", SEED));
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let each = &each;
            scope.spawn(move || {
                // One head for all: what a request leaves behind must not show in the next.
                let mut head = Head::default();
                for case in (thread..cases).step_by(threads as usize) {
                    each(&mut head, Rng::of_case(seed, case), seed, case);
                }
            });
        }
    });
}

#[test]
fn a_mutated_request_means_the_same_as_to_generated_code() {
    let (all, read, valid) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    for_each_case(1, |head, mut rng, seed, case| {
        let made = Case::new(&mut rng);
        let bytes = mutate::request(&mut rng, &made.request);
        let _witness = Witness { seed, case, bytes: &bytes };
        all.fetch_add(1, Relaxed);
        let Some(decoded) = compare::reads_alike(head, &bytes) else { return };
        read.fetch_add(1, Relaxed);
        oracle::asks_alike(head, &bytes, &decoded);
        let is_valid = oracle::validates_alike(head, &bytes, &decoded, &made.signature, made.batched);
        valid.fetch_add(u64::from(is_valid), Relaxed);
    });
    let (all, read, valid) = (all.into_inner(), read.into_inner(), valid.into_inner());
    println!("{all} cases: {read} well-formed, {valid} fit their signature");
    assert!(read * 5 > all && read * 10 < all * 9, "mutations no longer leave a mix of well-formed and malformed");
    assert!(valid * 20 > all, "too few mutations leave a valid request to learn anything from them");
}

#[test]
fn a_written_answer_decodes_to_what_was_put_in() {
    for_each_case(4, |_, mut rng, seed, case| {
        let _witness = Witness { seed, case, bytes: &[] };
        answers::write_and_decode(&mut rng);
    });
}

#[test]
fn a_mutated_model_file_is_read_or_refused() {
    let models = AtomicU64::new(0);
    for_each_case(4, |_, mut rng, seed, case| {
        let bytes = models::mutated(&mut rng);
        let _witness = Witness { seed, case, bytes: &bytes };
        let read = tidegate_core::onnx::read(&bytes);
        models.fetch_add(u64::from(read.is_ok()), Relaxed);
    });
    assert!(models.into_inner() > 0, "no mutation left a model that can be read");
}
