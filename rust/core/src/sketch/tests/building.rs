//! References made of data: their bins, and that the very same rows are counted to the very same counts.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::oip::datatype::Datatype;

fn made(datatype: Datatype, values: Values<'_>, recipe: &Recipe<'_>) -> Kind {
    build(datatype, values, recipe).expect("a column")
}

fn floats(values: &[f64]) -> Numeric<f64> {
    match made(Datatype::Fp64, Values::F64(values), &Recipe::default()) {
        Kind::F64(numeric) => numeric,
        kind => panic!("not FP64: {kind:?}"),
    }
}

/// The plan of a profile of one column that was written and read.
fn plan(datatype: Datatype, rows: usize, kind: Kind) -> Plan {
    let feature = Feature { name: "f".to_owned(), column: 0, weight: 1.0, nullable: true, kind };
    let (name, direction, rows) = ("x".to_owned(), Direction::Input, rows as u64);
    let tensor = Tensor { name, direction, datatype, width: 1, in_sample: false, rows, features: vec![feature] };
    let profile = Profile::new(rows, None, None, vec![tensor]);
    assert_eq!(Profile::parse(&profile.render()).as_ref(), Ok(&profile));
    Plan::new(Arc::new(profile))
}

#[test]
fn bins_have_equal_weight() {
    let values: Vec<f64> = (0..1_000).map(f64::from).collect();
    let numeric = floats(&values);
    assert_eq!(numeric.counts, [50; 20]);
    assert_eq!((numeric.edges[0], numeric.edges[18]), (49.0, 949.0));
    assert_eq!((numeric.min, numeric.max, numeric.mean), (Some(0.0), Some(999.0), Some(499.5)));
}

#[test]
fn a_heavy_value_has_a_bin_of_its_own() {
    let values: Vec<f64> = (0..1_000).map(|at| if at % 2 == 0 { 0.0 } else { f64::from(at) }).collect();
    let numeric = floats(&values);
    let zero = numeric.edges.partition_point(|edge| *edge < 0.0);
    assert_eq!((numeric.edges[zero - 1], numeric.edges[zero]), (0.0_f64.next_down(), 0.0));
    assert_eq!(numeric.counts[zero], 500);
    assert!(numeric.counts[zero + 1..].iter().all(|count| *count == 50), "{:?}", numeric.counts);
}

#[test]
fn columns_with_little_in_them_have_defined_references() {
    let single = floats(&[7.0; 5]);
    assert_eq!(
        (single.edges.as_slice(), single.counts.as_slice()),
        ([7.0_f64.next_down(), 7.0].as_slice(), [0, 5, 0].as_slice())
    );
    assert_eq!((single.mean, single.sd), (Some(7.0), Some(0.0)));
    let null = floats(&[f64::NAN; 3]);
    assert_eq!((null.edges.len(), null.counts.as_slice(), null.nan), (0, [0].as_slice(), 3));
    assert_eq!((null.min, null.max, null.mean, null.sd), (None, None, None, None));
    assert_eq!(floats(&[]).counts, [0]);
    let widest = floats(&[f64::MIN, f64::MAX]);
    assert_eq!((widest.mean, widest.sd), (Some(0.0), None));
    for (rows, numeric) in [(5, single), (3, null), (2, widest)] {
        plan(Datatype::Fp64, rows, Kind::F64(numeric));
    }
}

#[test]
fn time_chunks_are_parts_of_the_counts() {
    let values: Vec<f64> = (0..1_000).map(f64::from).collect();
    let mut chunks: Vec<u32> = (0..1_000).map(|at| at / 300).collect();
    chunks[0] = NO_CHUNK;
    let recipe = Recipe { chunks: &chunks, ..Recipe::default() };
    let Kind::F64(numeric) = made(Datatype::Fp64, Values::F64(&values), &recipe) else { panic!("not FP64") };
    assert_eq!(numeric.chunks.len(), 4);
    assert_eq!(numeric.chunks.iter().flatten().sum::<u64>(), 999);
    assert_eq!(numeric.chunks[0][..7], [49, 50, 50, 50, 50, 50, 0]);
    plan(Datatype::Fp64, 1_000, Kind::F64(numeric));
}

#[test]
fn a_million_different_strings_are_bounded_and_counted() {
    let names: Vec<String> = (0..1_000_000).map(|number| number.to_string()).collect();
    let (mut offsets, data) = (vec![0_i32], names.concat());
    for name in &names {
        offsets.push(offsets[offsets.len() - 1] + name.len() as i32);
    }
    let values = Values::Strings { offsets: &offsets, data: data.as_bytes() };
    let Kind::Categorical(categorical) = made(Datatype::Bytes, values, &Recipe::default()) else {
        panic!("no strings")
    };
    assert_eq!((categorical.categories.len(), categorical.others.len()), (MAX_CATEGORIES, MAX_OTHERS));
    assert_eq!(categorical.new, 1_000_000 - 64 - 65_536);
}

#[test]
fn what_no_reference_can_be_made_with_is_refused() {
    let refused =
        |recipe: &Recipe<'_>| build(Datatype::Int8, Values::Raw(&[1, 2]), recipe).expect_err("refused").to_string();
    assert_eq!(refused(&Recipe { bins: 1, ..Recipe::default() }), "1 bins are not from 2 to 127");
    let sentinel = Some(Exact::Float(0.5));
    assert!(refused(&Recipe { sentinel, ..Recipe::default() }).contains("0.5 is no number of the column's datatype"));
    assert!(
        refused(&Recipe { chunks: &[1], ..Recipe::default() }).contains("1 rows have a time chunk, the column has 2")
    );
    assert!(refused(&Recipe { chunks: &[1, 5_000], ..Recipe::default() }).contains("take longer ones"));
    let wrong = build(Datatype::Int8, Values::F32(&[1.0]), &Recipe::default()).expect_err("refused");
    assert_eq!(wrong, BuildError::Values(CountError::Datatype { expected: "INT8" }));
}

fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(prop_oneof!["[a-c]{0,2}".prop_map(String::into_bytes), vec(any::<u8>(), 0..200)], 1..200)
}

proptest! {
    #[test]
    fn the_same_numbers_are_counted_to_the_same_counts(
        datatype in proptest::sample::select(vec![Datatype::Fp16, Datatype::Bf16, Datatype::Fp32, Datatype::Fp64, Datatype::Int64, Datatype::Uint8]),
        seeds in vec(prop_oneof![3 => (0..40_u64).prop_map(|low| low * 0x0101_0101_0101_0101), 1 => any::<u64>()], 1..400),
        has_sentinel in any::<bool>(),
    ) {
        let size = datatype.size().expect("numbers have a size");
        let raw: Vec<u8> = seeds.iter().flat_map(|seed| seed.to_le_bytes()[..size].to_vec()).collect();
        let sentinel = has_sentinel.then_some(Exact::Integer(0));
        let kind = made(datatype, Values::Raw(&raw), &Recipe { sentinel, ..Recipe::default() });
        let plan = plan(datatype, seeds.len(), kind);
        let (_, feature) = plan.profile().features().next().expect("one feature");
        prop_assert!(feature.counts().len() <= 2 * BINS + 1);
        let mut counts = Counts::new(&plan);
        counts.count_rows(&plan, 0, &raw, seeds.len()).expect("whole rows");
        let cell = numeric(&counts, &plan, 0);
        prop_assert_eq!(&cell.bins, &feature.counts());
        prop_assert_eq!((cell.below, cell.above, cell.rows()), (0, 0, seeds.len() as u64));
        let mean = match &feature.kind {
            Kind::F32(numeric) => numeric.mean,
            Kind::F64(numeric) => numeric.mean,
            Kind::I64(numeric) => numeric.mean,
            Kind::Categorical(_) => None,
        };
        let is_near = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0);
        prop_assert!(cell.mean().is_none_or(|ours| mean.is_some_and(|theirs| is_near(ours, theirs))));
    }

    #[test]
    fn the_same_strings_are_counted_to_the_same_counts(words in words()) {
        let raw: Vec<u8> = words.iter().flat_map(|word| [&(word.len() as u32).to_le_bytes(), word.as_slice()].concat()).collect();
        let recipe = Recipe { sentinel_text: Some("a"), ..Recipe::default() };
        let plan = plan(Datatype::Bytes, words.len(), made(Datatype::Bytes, Values::Raw(&raw), &recipe));
        let mut counts = Counts::<u32>::new(&plan);
        counts.count_rows(&plan, 0, &raw, words.len()).expect("whole rows");
        let Cell::Categorical(cell) = counts.cell(&plan, 0) else { panic!("strings") };
        let (_, feature) = plan.profile().features().next().expect("one feature");
        prop_assert_eq!(cell.categories.iter().copied().chain([cell.other]).collect::<Vec<_>>(), feature.counts());
        prop_assert_eq!((cell.new, cell.rows()), (0, words.len() as u64));
    }
}
