//! All kernels count what the portable one counts, on every bit pattern.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::oip::datatype::Datatype;

const NUMBERS: [Datatype; 13] = [
    Datatype::Bool,
    Datatype::Uint8,
    Datatype::Uint16,
    Datatype::Uint32,
    Datatype::Uint64,
    Datatype::Int8,
    Datatype::Int16,
    Datatype::Int32,
    Datatype::Int64,
    Datatype::Fp16,
    Datatype::Bf16,
    Datatype::Fp32,
    Datatype::Fp64,
];

/// Elements that are usual, and any bits at all: NaN with payloads, subnormal numbers, both zeros, infinities.
fn element(datatype: Datatype) -> BoxedStrategy<Vec<u8>> {
    let size = datatype.size().expect("numbers have a size");
    let any = vec(any::<u8>(), size);
    let usual = (-40..40_i8).prop_map(move |number| match datatype {
        Datatype::Fp32 => (f32::from(number) / 4.0).to_le_bytes().to_vec(),
        Datatype::Fp64 => (f64::from(number) / 4.0).to_le_bytes().to_vec(),
        _ => i64::from(number).to_le_bytes()[..size].to_vec(),
    });
    let special = match datatype {
        Datatype::Fp32 => [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45].map(|x| x.to_le_bytes().to_vec()),
        Datatype::Fp64 => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324].map(|x| x.to_le_bytes().to_vec()),
        _ => [vec![0; size], vec![0xff; size], vec![0x80; size], vec![0x7c; size], vec![0x7f; size]],
    };
    prop_oneof![4 => usual, 1 => any, 1 => proptest::sample::select(special.to_vec())].boxed()
}

/// A datatype, the width of its tensor, and rows.
fn tensor() -> impl Strategy<Value = (Datatype, usize, Vec<u8>)> {
    let sizes = prop_oneof![(Just(1), 0..1_200_usize), (1..20_usize, 0..70_usize)];
    (proptest::sample::select(NUMBERS.to_vec()), sizes).prop_flat_map(|(datatype, (width, rows))| {
        let elements = vec(element(datatype), width * rows).prop_map(|elements| elements.concat());
        (Just(datatype), Just(width), elements)
    })
}

/// Features in two of three columns, some with a sentinel.
fn features(datatype: Datatype, width: usize) -> Vec<Value> {
    let is_float = matches!(datatype, Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64);
    let edges = |column: usize| {
        if is_float { json!([-2.25, -0.0, 0.5, 7.0 + column as f64]) } else { json!([0, 1, 5, 7 + column]) }
    };
    let sentinel = |column: usize| if column.is_multiple_of(2) { json!(3) } else { Value::Null };
    (0..width)
        .filter(|column| column % 3 != 1)
        .map(|column| feature(column, &edges(column), &sentinel(column)))
        .collect()
}

fn assert_alike(ours: &NumericCell, theirs: &NumericCell, scale: f64) -> Result<(), TestCaseError> {
    let exact = |cell: &NumericCell| NumericCell { sum: 0.0, squares: 0.0, ..cell.clone() };
    prop_assert_eq!(exact(ours), exact(theirs));
    for (ours, theirs, scale) in [(ours.sum, theirs.sum, scale), (ours.squares, theirs.squares, theirs.squares)] {
        let is_near = (ours - theirs).abs() <= 1e-12 * scale.max(1.0) || !ours.is_finite() && !theirs.is_finite();
        prop_assert!(is_near, "{} and {}", ours, theirs);
    }
    Ok(())
}

/// Σ|x − c| is at most √(n·Σ(x − c)²).
fn scale(cell: &NumericCell) -> f64 {
    (cell.squares * cell.finite() as f64).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn kernels_count_alike((datatype, width, raw) in tensor(), shift in 0..8_usize) {
        let size = datatype.size().expect("numbers have a size");
        let (rows, features) = (raw.len() / size / width, features(datatype, width));
        let profile = profile(datatype.name(), width, 10, &features);
        // At any address.
        let moved = [vec![0; shift], raw].concat();
        let raw = &moved[shift..];
        let plan = Plan::new(profile).at(Level::PORTABLE);
        let mut expected = Counts::<u32>::new(&plan);
        expected.count_rows(&plan, 0, raw, rows).expect("whole rows");
        for level in Level::available() {
            let plan = plan.clone().at(level);
            let (mut by_rows, mut by_columns) = (Counts::new(&plan), Counts::new(&plan));
            by_rows.count_rows(&plan, 0, raw, rows).expect("whole rows");
            for column in features.iter().map(|feature| feature["column"].as_u64().expect("a number") as usize) {
                let of_row = |row: &[u8]| row[column * size..][..size].to_vec();
                let values: Vec<u8> = raw.chunks_exact(width * size).flat_map(of_row).collect();
                by_columns.count_column(&plan, 0, column, Values::Raw(&values)).expect("a column");
            }
            for feature in 0..features.len() {
                let expected = numeric(&expected, &plan, feature);
                prop_assert_eq!(expected.rows(), rows as u64);
                assert_alike(&numeric(&by_rows, &plan, feature), &expected, scale(&expected))?;
                assert_alike(&numeric(&by_columns, &plan, feature), &expected, scale(&expected))?;
            }
        }
    }

    #[test]
    fn counting_parts_in_any_order_is_counting_all((datatype, width, raw) in tensor(), cuts in (0..70_usize, 0..70_usize)) {
        let row = datatype.size().expect("numbers have a size") * width;
        let rows = raw.len() / row;
        let (first, second) = (cuts.0.min(cuts.1).min(rows), cuts.0.max(cuts.1).min(rows));
        let features = features(datatype, width);
        let plan = Plan::new(profile(datatype.name(), width, 10, &features));
        let count = |from: usize, to: usize| {
            let mut counts = Counts::<u32>::new(&plan);
            counts.count_rows(&plan, 0, &raw[from * row..to * row], to - from).expect("whole rows");
            counts
        };
        let (a, b, c) = (count(0, first), count(first, second), count(second, rows));
        let merged = |parts: [&Counts<u32>; 3]| {
            let mut all = Counts::<u64>::new(&plan);
            for part in parts {
                all.merge(part);
            }
            all
        };
        let mut pair = b.clone();
        pair.merge(&c);
        let nothing = Counts::new(&plan);
        for all in [merged([&a, &b, &c]), merged([&c, &a, &b]), merged([&a, &nothing, &pair])] {
            for feature in 0..features.len() {
                let Cell::Numeric(all) = all.cell(&plan, feature) else { panic!("features are numeric") };
                let whole = numeric(&count(0, rows), &plan, feature);
                assert_alike(&all, &whole, scale(&whole))?;
            }
        }
    }
}
