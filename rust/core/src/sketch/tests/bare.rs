//! Counts without a reference: what they are, what memory does to them, and the profiles that are made of them.

mod references;
mod thinning;

use super::*;
use crate::document::Sha256;
use crate::oip::datatype::Datatype;
use crate::oip::signature::{Signature, TensorSpec};
use proptest::prelude::*;

fn spec(name: &str, datatype: Datatype, dims: &[i64]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), datatype, dims: dims.to_vec(), axes: vec![String::new(); dims.len()] }
}

/// A plan that counts these inputs without a reference.
fn plan_of(inputs: Vec<TensorSpec>) -> Plan {
    let empty = Profile::new(0, None, None, Vec::new());
    Plan::new(Arc::new(empty)).and_others(&Signature { inputs, outputs: Vec::new() })
}

fn counted(plan: &Plan, raw: &[u8], rows: usize) -> Counts<u64> {
    let mut open = Counts::<u32>::new(plan);
    open.count_rows(plan, 0, raw, rows).expect("whole rows");
    closed(plan, &open)
}

fn closed(plan: &Plan, open: &Counts<u32>) -> Counts<u64> {
    let mut counts = Counts::new(plan);
    counts.merge(open);
    counts
}

fn strings(plan: &Plan, values: &[&[u8]]) -> Counts<u64> {
    let mut open = Counts::<u32>::new(plan);
    open.count_strings(plan, 0, values.iter().copied(), values.len()).expect("whole rows");
    closed(plan, &open)
}

fn numbers(counts: &Counts<u64>, plan: &Plan, at: usize) -> NumbersCell {
    match counts.bare_cells(plan).swap_remove(at) {
        BareCell::Numbers(cell) => cell,
        other => panic!("{other:?} are no numbers"),
    }
}

#[test]
fn every_column_is_counted_by_itself() {
    let plan = plan_of(vec![spec("x", Datatype::Fp32, &[-1, 3])]);
    let names: Vec<&str> = plan.bare_features().map(|(_, column)| &*column.name).collect();
    assert_eq!(names, ["x[0]", "x[1]", "x[2]"]);
    let rows = [[1.0, f32::NAN, -5.0], [2.0, f32::INFINITY, -0.0], [4.0, f32::NEG_INFINITY, 5.0]].concat();
    let counts = counted(&plan, &bytes_of(&rows), 3);
    assert_eq!(counts.rows(&plan), 3);
    let [first, second, third] = [0, 1, 2].map(|at| numbers(&counts, &plan, at));
    assert_eq!((first.rows, first.range), (3, Some((Exact::Float(1.0), Exact::Float(4.0)))));
    assert_eq!(first.mean, Some(7.0 / 3.0));
    assert!((first.sd.expect("three values") - (7.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    assert_eq!([second.nan, second.positive_infinite, second.negative_infinite], [1, 1, 1]);
    assert_eq!((second.range, second.mean, second.quantiles.len()), (None, None, 0));
    assert_eq!(third.range, Some((Exact::Float(-5.0), Exact::Float(5.0))));
    assert_eq!(third.quantiles.iter().map(|(share, _)| *share).collect::<Vec<_>>(), ["5", "50", "95"]);
}

#[test]
fn rows_of_open_length_and_too_wide_ones_are_counted_as_a_whole() {
    let plan = plan_of(vec![spec("ids", Datatype::Int64, &[-1, -1])]);
    let raw = |ids: &[i64]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
    let mut counts = counted(&plan, &raw(&[7, 9, 30_000, 4]), 2);
    counts.merge(&counted(&plan, &raw(&[1, 2, 3, 4, 5]), 1));
    let BareCell::Whole(cell) = counts.bare_cells(&plan).remove(0) else { panic!("its length is open") };
    assert_eq!((cell.rows, cell.lengths, cell.mean_length), (3, Some((2, 5)), Some(3.0)));
    let BareCell::Numbers(elements) = cell.elements else { panic!("ids are numbers") };
    assert_eq!(elements.range, Some((Exact::Integer(1), Exact::Integer(30_000))));

    let width = MOST_COLUMNS as i64 + 1;
    let wide = plan_of(vec![spec("image", Datatype::Fp32, &[-1, width])]);
    let mut row = vec![2.0; MOST_COLUMNS + 1];
    row[0] = f32::NAN;
    let BareCell::Whole(cell) = counted(&wide, &bytes_of(&row), 1).bare_cells(&wide).remove(0) else {
        panic!("it is too wide")
    };
    assert_eq!(cell.lengths, Some((width as u64, width as u64)));
    let BareCell::Numbers(elements) = cell.elements else { panic!("pixels are numbers") };
    assert_eq!((elements.nan, elements.mean), (1, Some(2.0)));
    assert_eq!(plan_of(vec![spec("x", Datatype::Fp32, &[-1, width - 1])]).bare_features().count(), MOST_COLUMNS);
}

#[test]
fn an_output_whose_rows_are_not_those_of_the_request_is_one_row() {
    let plan = plan_of(vec![spec("boxes", Datatype::Fp32, &[-1, 4, -1])]);
    let BareCell::Whole(cell) = counted(&plan, &bytes_of(&[1.0; 12]), 5).bare_cells(&plan).remove(0) else {
        panic!("its length is open")
    };
    assert_eq!((cell.rows, cell.lengths), (1, Some((12, 12))));
}

#[test]
fn strings_are_named_with_how_many_they_are() {
    let plan = plan_of(vec![spec("carrier", Datatype::Bytes, &[-1])]);
    let megabyte = vec![b'x'; 1 << 20];
    let counts = strings(&plan, &[b"UA", b"UA", b"DL", b"", &megabyte]);
    let BareCell::Texts(cell) = counts.bare_cells(&plan).remove(0) else { panic!("they are strings") };
    assert_eq!((cell.rows, cell.null, cell.lengths), (5, 1, Some((2, 1 << 20))));
    assert_eq!(cell.distinct.map(f64::round), Some(3.0));
    assert_eq!((&*cell.frequent[0].name, cell.frequent[0].at_least), ("UA", 2));
    assert!(cell.frequent.iter().all(|entry| entry.name.len() <= 128));
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_of_it_counted() {
    let plan = plan_of(vec![spec("x", Datatype::Fp32, &[-1, 2])]);
    let mut open = Counts::<u32>::new(&plan);
    assert!(open.count_rows(&plan, 0, &[0; 9], 1).is_err());
    assert!(open.count_strings(&plan, 0, [b"a".as_slice(); 2].into_iter(), 1).is_err());
    assert_eq!(open.rows(&plan), 0);
}

#[test]
fn windows_without_a_reference_are_written_and_read() {
    let inputs = |datatype, dims: &[i64]| vec![spec("x", datatype, dims)];
    let floats = plan_of(inputs(Datatype::Fp32, &[-1, 2]));
    let ids = plan_of(inputs(Datatype::Int64, &[-1, -1]));
    let texts = plan_of(inputs(Datatype::Bytes, &[-1]));
    let all = [
        counted(&floats, &bytes_of(&[1.0, f32::NAN, -3.5, 1e-30]), 2),
        Counts::new(&floats),
        counted(&ids, &i64::MIN.to_le_bytes(), 1),
        strings(&texts, &[b"UA", b"\xff", b""]),
    ];
    for counts in all {
        let key = Key {
            route: "flight".to_owned(),
            version: Sha256([1; 32]),
            profile: Sha256([2; 32]),
            traffic: Traffic::Split,
        };
        let window = Window { key, start_s: 60, length: Length::Minute, counts };
        let bytes = window.encode();
        assert_eq!(Window::decode(&bytes).as_ref(), Ok(&window));
        for end in 0..bytes.len() {
            assert!(Window::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn counters_that_are_used_again_are_empty() {
    for plan in
        [plan_of(vec![spec("x", Datatype::Fp32, &[-1, 2])]), plan_of(vec![spec("x", Datatype::Fp32, &[-1, -1])])]
    {
        let mut counts = counted(&plan, &bytes_of(&[1.0, 2.0]), 1);
        counts.clear();
        assert_eq!(counts, Counts::new(&plan));
    }
}

proptest! {
    #[test]
    fn merging_is_one_pass_in_any_order(
        left in proptest::collection::vec(any::<f32>(), 0..60),
        right in proptest::collection::vec(any::<f32>(), 0..60),
    ) {
        let plan = plan_of(vec![spec("x", Datatype::Fp32, &[-1])]);
        let of = |values: &[f32]| counted(&plan, &bytes_of(values), values.len());
        let whole = numbers(&of(&[left.clone(), right.clone()].concat()), &plan, 0);
        for (one, other) in [(&left, &right), (&right, &left)] {
            let mut merged = of(one);
            merged.merge(&of(other));
            let merged = numbers(&merged, &plan, 0);
            prop_assert_eq!((merged.rows, merged.nan, merged.range), (whole.rows, whole.nan, whole.range));
            prop_assert_eq!(&merged.quantiles, &whole.quantiles);
        }
    }
}
