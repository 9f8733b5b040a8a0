//! The walk over the inputs of a request, each held against the signature.

use super::places::Places;
use super::{Data, Plan, Tensor};
use crate::fault::{Reason, quoted};
use crate::oip::faults::Faults;
use crate::oip::parameters::find;
use crate::oip::request::{Head, Input};
use crate::oip::signature::{Signature, TensorSpec};
use crate::oip::text::{names, show};

/// One request on its way to a plan; faults gather so that the caller learns of all at once.
pub(super) struct Check<'a> {
    pub(super) head: &'a Head,
    pub(super) message: &'a [u8],
    pub(super) signature: &'a Signature,
    pub(super) faults: Faults,
    pub(super) plan: Plan,
}

impl<'a> Check<'a> {
    pub(super) fn inputs(&mut self, batched: bool) {
        let (head, signature) = (self.head, self.signature);
        // An input in shared memory has no entry, and is refused for that by its own name.
        let is_shared = || head.inputs.iter().any(|input| self.asks_for_shared_memory(input));
        if !head.raw.is_empty() && head.raw.len() != head.inputs.len() && !is_shared() {
            let (raw, inputs) = (head.raw.len(), head.inputs.len());
            self.faults.add(
                Reason::RawCountMismatch,
                || "raw_input_contents".to_owned(),
                || format!("raw_input_contents holds {raw} entries for {inputs} inputs; expected one for each input"),
            );
        }
        let places = self.places();
        self.plan.tensors.reserve_exact(signature.inputs.len());
        let mut rows: Option<(i64, usize)> = None;
        let mut shape = 0u64;
        for (place, spec) in signature.inputs.iter().enumerate() {
            let Some(index) = places.at(place) else {
                self.faults.add(
                    Reason::MissingInput,
                    || "inputs".to_owned(),
                    || {
                        format!(
                            "input \"{}\" is missing: expected {} {}",
                            spec.name,
                            spec.datatype.name(),
                            show(&spec.dims)
                        )
                    },
                );
                continue;
            };
            let Some(dims) = self.tensor(index, spec) else { continue };
            let mut inner = dims;
            // A scalar has no rows even if somebody switched batching on by hand.
            if batched && let Some((&first, rest)) = dims.split_first() {
                inner = rest;
                let (expected, twin) = *rows.get_or_insert((first, place));
                if expected != first {
                    self.unequal_rows(index, spec, first, &signature.inputs[twin].name, expected);
                }
            }
            for &dim in inner {
                shape = mix(shape ^ dim as u64);
            }
            shape = mix(shape ^ (dims.len() as u64) << 56);
        }
        self.plan.shape = shape;
        self.plan.rows = if batched { rows.map_or(1, |(rows, _)| rows as u32) } else { 1 };
    }

    /// Finds each input of the request among those of the signature; most come in the signature's order.
    fn places(&mut self) -> Places {
        let (message, signature) = (self.message, self.signature);
        let mut places = Places::new(signature.inputs.len());
        for (index, input) in self.head.inputs.iter().enumerate() {
            let name = input.name.text(message);
            let place = match signature.inputs.get(index) {
                Some(spec) if spec.name == name => Some(index),
                _ => signature.inputs.iter().position(|spec| spec.name == name),
            };
            let field = || format!("inputs[{index}].name");
            match place {
                None => self.faults.add(Reason::UnknownInput, field, || {
                    format!("input \"{}\" is not one of the model's: {}", quoted(name), names(&signature.inputs))
                }),
                Some(place) => {
                    if !places.take(place, index) {
                        self.faults.add(Reason::DuplicateInput, field, || {
                            format!("input \"{}\" comes more than once", quoted(name))
                        });
                    }
                }
            }
        }
        places
    }

    fn unequal_rows(&mut self, index: usize, spec: &TensorSpec, rows: i64, twin: &str, expected: i64) {
        self.faults.add(
            Reason::WrongShape,
            || format!("inputs[{index}].shape[0]"),
            || format!("input \"{}\" has {rows} rows, input \"{twin}\" has {expected}: expected the same", spec.name),
        );
    }

    /// Checks one input and adds its tensor to the plan; its shape if all of it is right.
    fn tensor(&mut self, index: usize, spec: &TensorSpec) -> Option<&'a [i64]> {
        let head = self.head;
        let input = &head.inputs[index];
        let before = self.faults.count();
        self.shared_memory(index, input);
        self.datatype(index, input, spec);
        let elements = self.shape(index, input, spec)?;
        if self.faults.count() > before {
            return None;
        }
        let data = self.data(index, input, spec, elements)?;
        let dims = head.dims(input);
        self.add(spec, dims, data, elements);
        Some(dims)
    }

    fn add(&mut self, spec: &TensorSpec, dims: &[i64], data: Data, elements: u64) {
        let start = self.plan.dims.len() as u32;
        self.plan.dims.extend_from_slice(dims);
        // A string costs by its bytes, not by being one.
        let weight = match (&data, spec.datatype.size()) {
            (_, Some(_)) => elements,
            (Data::Message(span), None) => elements + span.len() as u64 / BYTES_PER_ELEMENT,
            (Data::Own(raw), None) => elements + raw.len() as u64 / BYTES_PER_ELEMENT,
        };
        self.plan.tensors.push(Tensor { dims: (start, self.plan.dims.len() as u32), data });
        self.plan.elements = self.plan.elements.saturating_add(weight);
    }

    fn asks_for_shared_memory(&self, input: &Input) -> bool {
        find(self.head.input_parameters(input), self.message, b"shared_memory_region").is_some()
    }

    fn shared_memory(&mut self, index: usize, input: &Input) {
        if self.asks_for_shared_memory(input) {
            self.faults.add(
                Reason::SharedMemoryDisabled,
                || format!("inputs[{index}].parameters[\"shared_memory_region\"]"),
                || {
                    format!(
                        "input {index} asks for shared memory, which is not offered; send its contents in the request"
                    )
                },
            );
        }
    }

    fn datatype(&mut self, index: usize, input: &Input, spec: &TensorSpec) {
        let came = input.datatype.of(self.message);
        if came != spec.datatype.name().as_bytes() {
            let came = input.datatype.text(self.message);
            self.faults.add(
                Reason::WrongDatatype,
                || format!("inputs[{index}].datatype"),
                || {
                    format!(
                        "input \"{}\": expected datatype {}, got \"{}\"",
                        spec.name,
                        spec.datatype.name(),
                        quoted(came)
                    )
                },
            );
        }
    }

    /// The number of elements, if the shape fits.
    fn shape(&mut self, index: usize, input: &Input, spec: &TensorSpec) -> Option<u64> {
        let dims = self.head.dims(input);
        let field = || format!("inputs[{index}].shape");
        if dims.len() != spec.dims.len() {
            self.faults.add(Reason::WrongRank, field, || {
                let (expected, came) = (spec.dims.len(), dims.len());
                format!("input \"{}\": expected rank {expected} ({}), got rank {came}", spec.name, show(&spec.dims))
            });
            return None;
        }
        // Zero extents are left out of the first product: they would hide how large the others are.
        let (mut extents, mut elements) = (1u64, 1u64);
        for (axis, (&came, &expected)) in dims.iter().zip(&spec.dims).enumerate() {
            if came < 0 {
                self.faults.add(
                    Reason::InvalidShape,
                    || format!("inputs[{index}].shape[{axis}]"),
                    || format!("input \"{}\": axis {axis} is {came}; expected 0 or more", spec.name),
                );
                return None;
            }
            if expected >= 0 && came != expected {
                self.faults.add(
                    Reason::WrongShape,
                    || format!("inputs[{index}].shape[{axis}]"),
                    || format!("input \"{}\": expected shape {}, got {}", spec.name, show(&spec.dims), show(dims)),
                );
                return None;
            }
            extents = extents.saturating_mul((came as u64).max(1));
            elements = elements.saturating_mul(came as u64);
        }
        let most = if elements == 0 { MOST_EMPTY } else { u64::from(u32::MAX) };
        if extents > most {
            self.faults.add(Reason::InvalidShape, field, || {
                format!(
                    "input \"{}\": shape {} asks for more elements than any request can hold",
                    spec.name,
                    show(dims)
                )
            });
            return None;
        }
        Some(elements)
    }
}

/// Bytes of strings that count as one element when the cost of a run is predicted.
const BYTES_PER_ELEMENT: u64 = 8;

/// The extents of a tensor without elements have no bytes behind them, but outputs may be as long as they say.
const MOST_EMPTY: u64 = 1 << 16;

/// A finaliser with full avalanche (the 64-bit one of MurmurHash3), so that shapes spread.
fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}
