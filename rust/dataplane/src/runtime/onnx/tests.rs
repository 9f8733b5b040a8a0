//! Against the real library.

mod buffers;
mod refusals;

use super::{Datatype, Model, datatype_of};
use crate::testing::onnx::{STRING, add, identity, lookup};
use crate::testing::runtime::{Asked, floats, load, run, run_alone};

/// Every element type that the protocol carries, by its number in onnx.proto.
fn element_types() -> impl Iterator<Item = (u64, Datatype)> {
    (1..=16).filter_map(|element| Some((element, datatype_of(element as i32)?)))
}

/// `count` elements in the raw form, no two neighbours alike.
fn contents(datatype: Datatype, count: usize) -> Vec<u8> {
    match datatype.size() {
        Some(size) => (0..count * size).map(|at| if size == 1 { at % 2 } else { at % 251 } as u8).collect(),
        None => strings(&(0..count).map(|at| vec![at as u8; at % 4]).collect::<Vec<_>>()),
    }
}

fn strings(texts: &[Vec<u8>]) -> Vec<u8> {
    texts.iter().flat_map(|text| [&(text.len() as u32).to_le_bytes()[..], text].concat()).collect()
}

#[test]
fn every_datatype_of_the_protocol_has_an_element_type() {
    let known: Vec<_> = element_types().map(|(_, datatype)| datatype).collect();
    assert!(Datatype::ALL.iter().all(|datatype| known.contains(datatype)));
    assert_eq!(known.len(), Datatype::ALL.len());
}

#[test]
fn every_datatype_makes_the_round_trip_where_the_output_is_bound_and_where_it_is_not() {
    for (element, datatype) in element_types() {
        // A batch of fixed rows is bound to our own buffer; a shape that only the run knows is the library's.
        let (fixed, free) = (load(&identity(element, &[-1, 3])), load(&identity(element, &[-1, -1])));
        assert_eq!(fixed.signature().inputs[0].datatype, datatype);
        assert_eq!(
            (&fixed.signature().inputs[0].dims[..], &fixed.signature().inputs[0].axes[0][..]),
            (&[-1, 3][..], "N")
        );
        let (mut bound, mut unbound) = (fixed.worker(), free.worker());
        for rows in [2u32, 1, 0, 7, 2] {
            let (shape, raw) = (vec![i64::from(rows), 3], contents(datatype, rows as usize * 3));
            let asked = Asked::new(fixed.signature(), true, &shape, &raw);
            let expected = Ok((shape.clone(), raw.clone()));
            assert_eq!(run(bound.as_mut(), Some(rows), &[&asked]), expected, "{datatype:?}");
            assert_eq!(run_alone(free.as_ref(), unbound.as_mut(), &shape, &raw), expected, "{datatype:?}");
        }
    }
}

#[test]
fn a_scalar_and_a_tensor_without_elements_make_the_round_trip() {
    for (element, datatype) in element_types() {
        let model = load(&identity(element, &[]));
        let raw = contents(datatype, 1);
        assert_eq!(run_alone(model.as_ref(), model.worker().as_mut(), &[], &raw), Ok((vec![], raw)), "{datatype:?}");
        let model = load(&identity(element, &[-1, -1, 2]));
        let mut worker = model.worker();
        for shape in [[0, 0, 2], [3, 0, 2], [0, 3, 2]] {
            let empty = Ok((shape.to_vec(), Vec::new()));
            assert_eq!(run_alone(model.as_ref(), worker.as_mut(), &shape, &[]), empty, "{datatype:?}");
        }
    }
}

#[test]
fn strings_keep_their_nul_bytes_their_emptiness_and_what_is_no_text() {
    let model = load(&identity(STRING, &[-1]));
    let mut worker = model.worker();
    let long = vec![b'x'; 70_000];
    let texts = [&b"a\0b"[..], b"", b"\xff\xfe", b"\0", "für".as_bytes(), &long].map(<[u8]>::to_vec);
    for texts in [&texts[..], &texts[3..], &texts[..1], &[]] {
        let (shape, raw) = (vec![texts.len() as i64], strings(texts));
        assert_eq!(run_alone(model.as_ref(), worker.as_mut(), &shape, &raw), Ok((shape, raw)));
    }
}

#[test]
fn strings_of_an_earlier_batch_leave_no_trace_in_the_next_of_its_shape() {
    let model = load(&identity(STRING, &[-1]));
    let mut worker = model.worker();
    for text in ["a long text that needs memory of its own", "b", "", "another long text, a little longer still"] {
        let asked = [text, "x"].map(|own| Asked::new(model.signature(), true, &[1], &strings(&[own.into()])));
        let raw = strings(&[text.into(), b"x".to_vec()]);
        assert_eq!(run(worker.as_mut(), Some(2), &[&asked[0], &asked[1]]), Ok((vec![2], raw)));
    }
}

#[test]
fn the_parts_of_a_batch_lie_one_after_the_other() {
    let model = load(&add());
    let mut worker = model.worker();
    let part = |rows: i64, values: &[f32]| Asked::new(model.signature(), true, &[rows, 2], &floats(values));
    let parts = [part(1, &[1.0, 2.0]), part(0, &[]), part(2, &[3.0, 4.0, 5.0, 6.0])];
    let expected = floats(&[11.0, 22.0, 13.0, 24.0, 15.0, 26.0]);
    assert_eq!(run(worker.as_mut(), Some(3), &parts.each_ref()), Ok((vec![3, 2], expected)));
}

#[test]
fn a_failed_run_leaves_the_worker_usable() {
    let model = load(&lookup());
    let mut worker = model.worker();
    let mut ask = |indices: &[i64]| {
        let raw: Vec<u8> = indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let asked = Asked::new(model.signature(), true, &[indices.len() as i64], &raw);
        run(worker.as_mut(), Some(indices.len() as u32), &[&asked]).map(|(_, raw)| raw)
    };
    for _ in 0..3 {
        assert_eq!(ask(&[2, 0]), Ok(floats(&[7.0, 5.0])));
        let error = ask(&[2, 99]).expect_err("there is no such entry");
        assert!(error.contains("99"), "{error}");
        assert_eq!(ask(&[3, 1]), Ok(floats(&[8.0, 6.0])), "of the same shape");
        assert_eq!(ask(&[1]), Ok(floats(&[6.0])), "of another shape");
    }
}

#[test]
fn a_worker_that_prepared_nothing_says_so_and_one_outlives_its_model() {
    let model = load(&add());
    let mut worker = model.worker();
    assert!(worker.run().is_err());
    let asked = Asked::new(model.signature(), true, &[1, 2], &floats(&[1.0, 1.0]));
    drop(model);
    assert_eq!(run(worker.as_mut(), Some(1), &[&asked]), Ok((vec![1, 2], floats(&[11.0, 21.0]))));
}

#[test]
fn two_workers_on_two_threads_run_at_once_without_seeing_each_other() {
    let model = load(&add());
    let model: &dyn Model = model.as_ref();
    let both = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        for thread in [0u16, 1] {
            let both = &both;
            scope.spawn(move || {
                let mut worker = model.worker();
                both.wait();
                for round in 0..2_000u16 {
                    let rows = round % 5 + 1;
                    let base = f32::from(thread) * 4_096.0 + f32::from(round);
                    let asked =
                        Asked::new(model.signature(), true, &[rows.into(), 2], &floats(&vec![base; rows as usize * 2]));
                    let expected = floats(&[base + 10.0, base + 20.0].repeat(rows.into()));
                    assert_eq!(
                        run(worker.as_mut(), Some(rows.into()), &[&asked]),
                        Ok((vec![rows.into(), 2], expected))
                    );
                }
            });
        }
    });
}
