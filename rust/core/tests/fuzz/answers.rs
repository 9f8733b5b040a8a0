//! Answers of random outputs, written and decoded again.

use super::generate::raw;
use super::rng::Rng;
use bytes::BytesMut;
use prost::Message as _;
use tidegate_core::oip::answer::{Credit, Elements, FRAME_HEAD, Output, Said, Stamp, write};
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::messages::inference::infer_parameter::ParameterChoice;
use tidegate_core::oip::messages::inference::{InferTensorContents, ModelInferResponse};
use tidegate_core::oip::signature::TensorSpec;

/// An output's elements in the two forms that hold them: raw, and strings back to back.
struct Made {
    dims: Vec<i64>,
    raw: Vec<u8>,
    text: Vec<u8>,
    start: usize,
    ends: Vec<usize>,
}

impl Made {
    fn new(rng: &mut Rng, datatype: Datatype) -> Self {
        let dims: Vec<i64> = (0..rng.below(4)).map(|_| rng.below(5) as i64).collect();
        let raw = raw(rng, datatype, dims.iter().product::<i64>() as usize);
        let start = rng.below(4);
        let mut made = Self { dims, raw: Vec::new(), text: rng.bytes(start), start, ends: Vec::new() };
        let mut rest = raw.as_slice();
        while datatype == Datatype::Bytes && !rest.is_empty() {
            let length = u32::from_le_bytes(*rest.first_chunk().expect("a length")) as usize;
            made.text.extend_from_slice(&rest[4..4 + length]);
            made.ends.push(made.text.len());
            rest = &rest[4 + length..];
        }
        made.raw = raw;
        made
    }

    fn elements(&self, datatype: Datatype) -> Elements<'_> {
        match datatype {
            Datatype::Bytes => Elements::Strings { text: &self.text, start: self.start, ends: &self.ends },
            _ => Elements::Fixed(&self.raw),
        }
    }
}

/// Writes two answers into one buffer and asserts that both decode to what went in.
pub(crate) fn write_and_decode(rng: &mut Rng) {
    let specs: Vec<TensorSpec> = (0..=rng.below(3))
        .map(|index| {
            let datatype = rng.pick(&Datatype::ALL);
            TensorSpec { name: format!("out-{index}"), datatype, dims: Vec::new(), axes: Vec::new() }
        })
        .collect();
    let epoch = rng.number() >> 1;
    let stamp = Stamp::new("flight-delay", "2", "flight-delay/2", &specs);
    let mut out = BytesMut::new();
    for _ in 0..2 {
        let made: Vec<_> = specs.iter().map(|spec| Made::new(rng, spec.datatype)).collect();
        let is_raw = rng.once_in(2) || specs.iter().any(|spec| spec.datatype.contents_field().is_none());
        let id = rng.pick(&["", "a", "an id that is longer than the others, ünïcode ∞"]);
        let credit = rng.once_in(2).then_some(Credit { epoch, reason: "split", prediction_id: "0192-ab" });
        let said = Said { credit, rules_broken: rng.once_in(4).then_some("dep_hour:range") };
        // Any subset of the outputs, the last first.
        let mut places: Vec<usize> = (0..specs.len()).filter(|_| !rng.once_in(4)).collect();
        places.reverse();
        let outputs: Vec<_> = places
            .iter()
            .map(|&place| {
                let elements = made[place].elements(specs[place].datatype);
                Output { index: place as u16, dims: &made[place].dims, elements }
            })
            .collect();
        let before = out.len();
        write(&mut out, &stamp, id.as_bytes(), said, is_raw, &outputs).expect("a small answer");
        let frame = &out[before..];
        assert_eq!(frame[0], 0, "not compressed");
        assert_eq!(frame[1..FRAME_HEAD], ((frame.len() - FRAME_HEAD) as u32).to_be_bytes());
        let answer = ModelInferResponse::decode(&frame[FRAME_HEAD..]).expect("an answer decodes");
        assert_eq!((answer.model_name.as_str(), answer.model_version.as_str()), ("flight-delay", "2"));
        assert_eq!(answer.id, id);
        check_parameters(&answer, said, epoch);
        assert_eq!(answer.outputs.len(), places.len());
        assert_eq!(answer.raw_output_contents.len(), if is_raw { places.len() } else { 0 });
        for (at, (&place, output)) in places.iter().zip(&answer.outputs).enumerate() {
            let (spec, made) = (&specs[place], &made[place]);
            assert_eq!((&output.name, output.datatype.as_str()), (&spec.name, spec.datatype.name()));
            assert_eq!(output.shape, made.dims);
            if is_raw {
                assert_eq!(answer.raw_output_contents[at], made.raw);
                assert_eq!(output.contents, None);
            } else {
                let contents = output.contents.as_ref().expect("typed contents");
                assert_eq!(contents.encode_to_vec(), typed(&made.raw, spec.datatype).encode_to_vec());
            }
        }
    }
}

fn check_parameters(answer: &ModelInferResponse, said: Said<'_>, epoch: u64) {
    let mut expected: Vec<(&str, ParameterChoice)> = Vec::new();
    if let Some(credit) = said.credit {
        expected.push(("tidegate_epoch", ParameterChoice::Int64Param(epoch as i64)));
        expected.push(("tidegate_prediction_id", ParameterChoice::StringParam(credit.prediction_id.to_owned())));
        expected.push(("tidegate_reason", ParameterChoice::StringParam(credit.reason.to_owned())));
        expected.push(("tidegate_version", ParameterChoice::StringParam("flight-delay/2".to_owned())));
    }
    if let Some(rules) = said.rules_broken {
        // The decoder sorts by name.
        let place = expected.iter().position(|(name, _)| *name > "tidegate_rules_broken").unwrap_or(expected.len());
        expected.insert(place, ("tidegate_rules_broken", ParameterChoice::StringParam(rules.to_owned())));
    }
    let came: Vec<_> = answer
        .parameters
        .iter()
        .map(|(key, value)| (key.as_str(), value.parameter_choice.clone().expect("a value")))
        .collect();
    assert_eq!(came, expected);
}

/// Raw elements as typed contents.
fn typed(raw: &[u8], datatype: Datatype) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    let mut rest = raw;
    while !rest.is_empty() {
        let size = datatype.size().unwrap_or_else(|| {
            let length = u32::from_le_bytes(*rest.first_chunk().expect("a length")) as usize;
            rest = &rest[4..];
            length
        });
        let (element, after) = rest.split_at(size);
        rest = after;
        let mut wide = [0; 8];
        wide[..size.min(8)].copy_from_slice(&element[..size.min(8)]);
        let bits = u64::from_le_bytes(wide);
        match datatype {
            Datatype::Bool => contents.bool_contents.push(bits == 1),
            Datatype::Int8 => contents.int_contents.push(i32::from(bits as i8)),
            Datatype::Int16 => contents.int_contents.push(i32::from(bits as i16)),
            Datatype::Int32 => contents.int_contents.push(bits as i32),
            Datatype::Int64 => contents.int64_contents.push(bits as i64),
            Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => contents.uint_contents.push(bits as u32),
            Datatype::Uint64 => contents.uint64_contents.push(bits),
            Datatype::Fp32 => contents.fp32_contents.push(f32::from_bits(bits as u32)),
            Datatype::Fp64 => contents.fp64_contents.push(f64::from_bits(bits)),
            Datatype::Bytes => contents.bytes_contents.push(element.to_vec().into()),
            Datatype::Fp16 | Datatype::Bf16 => unreachable!("half floats travel raw"),
        }
    }
    contents
}
