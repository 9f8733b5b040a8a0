//! Profiles of what was counted.

use super::*;

const BINS: usize = 20;

/// The profile of a column of one tensor, read back as a gateway reads it.
fn profile_of(plan: &Plan, total: &Counts<u64>, chunks: &[&Counts<u64>]) -> Profile {
    let made = Reference::of(plan, total, chunks, BINS).expect("enough rows");
    let read = Profile::parse(&made.profile.render()).expect("it is one");
    assert_eq!(read, made.profile);
    read
}

fn raw_of(datatype: Datatype, values: &[f64]) -> Vec<u8> {
    let bytes = |value: f64| match datatype {
        Datatype::Fp32 => (value as f32).to_le_bytes().to_vec(),
        Datatype::Fp64 => value.to_le_bytes().to_vec(),
        Datatype::Uint8 => vec![value.abs().min(255.0) as u8],
        _ => (value as i64).to_le_bytes().to_vec(),
    };
    values.iter().flat_map(|value| bytes(*value)).collect()
}

/// Counts of the same bytes in the bins of a profile.
fn replayed(profile: Profile, raw: &[u8], rows: usize) -> (Vec<u64>, Vec<u64>) {
    let expected = profile.features().next().expect("a feature").1.counts();
    let plan = Plan::new(Arc::new(profile));
    let mut open = Counts::<u32>::new(&plan);
    open.count_rows(&plan, 0, raw, rows).expect("whole rows");
    (expected, numeric(&open, &plan, 0).bins)
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => -3.0..3.0_f64,
        2 => (-12..12_i32).prop_map(f64::from),
        2 => 280.0..300.0_f64,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e-300), Just(-4e9), Just(0.0)],
    ];
    proptest::collection::vec(value, 120..400)
}

proptest! {
    #[test]
    fn replaying_the_rows_of_a_profile_gives_its_counts_exactly(values in values(), days in 1..12_usize) {
        for datatype in [Datatype::Fp32, Datatype::Fp64, Datatype::Int64, Datatype::Uint8] {
            let plan = plan_of(vec![spec("x", datatype, &[-1])]);
            let size = datatype.size().expect("numbers");
            let parts: Vec<Counts<u64>> = values
                .chunks(values.len().div_ceil(days))
                .map(|values| counted(&plan, &raw_of(datatype, values), values.len()))
                .collect();
            let mut total = Counts::<u64>::new(&plan);
            for part in &parts {
                total.merge(part);
            }
            let profile = profile_of(&plan, &total, &parts.iter().collect::<Vec<_>>());
            let (_, feature) = profile.features().next().expect("a feature");
            let all_days = feature.chunks().iter().fold(vec![0; feature.counts().len()], |sum: Vec<u64>, day| {
                sum.iter().zip(day).map(|(sum, count)| sum + count).collect()
            });
            prop_assert_eq!(&all_days, &feature.counts());
            let raw = raw_of(datatype, &values);
            let (expected, found) = replayed(profile.clone(), &raw, raw.len() / size);
            prop_assert_eq!(expected, found);
        }
    }
}

#[test]
fn a_smooth_column_has_twenty_even_bins_and_a_heavy_integer_its_own() {
    let logistic = |share: f64| (share / (1.0 - share)).ln();
    let values: Vec<f64> = (0..20_000).map(|at| logistic((f64::from(at) + 0.5) / 20_000.0)).collect();
    let plan = plan_of(vec![spec("x", Datatype::Fp64, &[-1])]);
    let profile = profile_of(&plan, &counted(&plan, &raw_of(Datatype::Fp64, &values), values.len()), &[]);
    assert_eq!(profile.source, Source::Traffic);
    let counts = profile.features().next().expect("a feature").1.counts();
    assert!((15..=21).contains(&counts.len()), "{counts:?}");
    assert!(counts.iter().all(|count| (300..2_500).contains(count)), "{counts:?}");

    let hours: Vec<f64> = (0..2_400).map(|at| f64::from(at % 24)).collect();
    let plan = plan_of(vec![spec("hour", Datatype::Int64, &[-1])]);
    let mut hours_and_noon = hours.clone();
    hours_and_noon.extend([12.0; 600]);
    let raw = raw_of(Datatype::Int64, &hours_and_noon);
    let profile = profile_of(&plan, &counted(&plan, &raw, hours_and_noon.len()), &[]);
    let (_, Feature { kind: Kind::I64(numeric), .. }) = profile.features().next().expect("a feature") else {
        panic!("hours are whole numbers")
    };
    assert!([11, 12].iter().all(|edge| numeric.edges.contains(edge)), "{:?}", numeric.edges);
    assert_eq!(numeric.counts[numeric.edges.partition_point(|edge| *edge < 12)], 700);
}

#[test]
fn frequent_strings_become_categories_and_the_rest_is_new() {
    let plan = plan_of(vec![spec("carrier", Datatype::Bytes, &[-1])]);
    let rare: Vec<String> = (0..500).map(|at| format!("N{at}")).collect();
    let long = vec![b'x'; 300];
    let mut values: Vec<&[u8]> = Vec::new();
    for at in 0..500 {
        values.extend([b"UA".as_slice(), b"UA", b"DL", b"", &long, rare[at].as_bytes()]);
    }
    let profile = profile_of(&plan, &strings(&plan, &values), &[]);
    let (_, feature) = profile.features().next().expect("a feature");
    let Kind::Categorical(categorical) = &feature.kind else { panic!("they are strings") };
    assert_eq!(&categorical.categories[..2], ["UA", "DL"]);
    assert_eq!((categorical.counts[0], categorical.null, feature.nullable), (1_000, 500, true));
    assert!(categorical.categories[2].starts_with("xxxx"), "{:?}", categorical.categories);
    assert_eq!(categorical.new, 3_000 - 500 - categorical.counts.iter().sum::<u64>());
    let plan = Plan::new(Arc::new(profile.clone()));
    let mut open = Counts::<u32>::new(&plan);
    open.count_strings(&plan, 0, values.iter().copied(), values.len()).expect("whole rows");
    let Cell::Categorical(cell) = open.cell(&plan, 0) else { panic!("they are strings") };
    assert_eq!(&cell.categories[..3], &categorical.counts[..3]);
}

#[test]
fn a_column_of_a_million_different_strings_is_left_out() {
    let plan = plan_of(vec![spec("id", Datatype::Bytes, &[-1])]);
    let ids: Vec<String> = (0..1_000_000).map(|at| at.to_string()).collect();
    let values: Vec<&[u8]> = ids.iter().map(String::as_bytes).collect();
    let refused = Reference::of(&plan, &strings(&plan, &values), &[], BINS).expect_err("nothing is left");
    let sentence = refused.to_string();
    assert!(sentence.contains("none of them frequent"), "{sentence}");
}

#[test]
fn too_few_rows_are_no_reference() {
    let plan = plan_of(vec![spec("x", Datatype::Fp32, &[-1])]);
    let counts = counted(&plan, &bytes_of(&[1.0; 99]), 99);
    let sentence = Reference::of(&plan, &counts, &[], BINS).expect_err("99 rows").to_string();
    assert_eq!(sentence, "99 rows were counted; 20 bins need 100 at least: wait for more, or take fewer with --bins");
}

#[test]
fn a_version_with_a_profile_keeps_its_bins() {
    let plan = Plan::new(profile("FP32", 1, 10, &[super::super::feature(0, &json!([5]), &json!(-1))]));
    let values: Vec<f32> = (0..200).map(|at| at as f32 / 10.0 - 1.0).collect();
    let total = counted(&plan, &bytes_of(&values), values.len());
    let made = profile_of(&plan, &total, &[]);
    let (tensor, feature) = made.features().next().expect("a feature");
    let Kind::F32(numeric) = &feature.kind else { panic!("it is of floats") };
    assert_eq!((&*numeric.edges, numeric.sentinel, numeric.null), (&[5.0_f32][..], Some(-1.0), 1));
    assert_eq!((numeric.counts.iter().sum::<u64>(), tensor.rows, feature.nullable), (199, 200, true));
}

#[test]
fn an_input_and_an_output_of_one_name_are_told_apart() {
    let empty = Plan::new(Arc::new(Profile::new(0, None, None, Vec::new())));
    let both = || vec![spec("x", Datatype::Fp32, &[-1])];
    let plan = empty.and_others(&Signature { inputs: both(), outputs: both() });
    let mut open = Counts::<u32>::new(&plan);
    for tensor in 0..2 {
        open.count_rows(&plan, tensor, &bytes_of(&[1.0; 200]), 200).expect("whole rows");
    }
    let made = profile_of(&plan, &closed(&plan, &open), &[]);
    let names: Vec<&str> = made.features().map(|(_, feature)| &*feature.name).collect();
    assert_eq!(names, ["x", "output x"]);
}
