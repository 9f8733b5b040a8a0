//! A request held against the signature of the version that will answer it.

use super::contents::{Misfit, to_raw};
use super::datatype::Datatype;
use super::parameters::find;
use super::request::{Head, Input};
use super::signature::{Signature, TensorSpec};
use super::wire::Span;
use crate::fault::{Fault, Reason, Violation};

/// More violations than this are counted, not listed: an answer stays small whatever the request was.
const LISTED: usize = 16;

/// What a request asks of a version, in the version's own order: ready to run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One per input of the signature.
    pub tensors: Vec<Tensor>,
    dims: Vec<i64>,
    /// Indices of the outputs to answer with, in the order to answer; all of the signature's if the request named none.
    pub outputs: Vec<u16>,
    /// The extent of the first axis where requests are batched, else 1.
    pub rows: u32,
    /// Equal for requests that may share a batch; verify with [`Plan::same_shape`] before relying on it.
    pub shape: u64,
    /// Elements over all inputs: what the cost of a run is predicted from.
    pub elements: u64,
    /// Whether the answer carries raw contents.
    pub raw_answer: bool,
}

/// One input's data.
#[derive(Clone, Debug)]
pub struct Tensor {
    dims: (u32, u32),
    pub data: Data,
}

/// Where the raw form of an input lies.
#[derive(Clone, Debug)]
pub enum Data {
    /// In the request itself.
    Message(Span),
    /// Translated from typed contents.
    Own(Vec<u8>),
}

impl Plan {
    /// The shape of an input.
    pub fn dims(&self, tensor: &Tensor) -> &[i64] {
        &self.dims[tensor.dims.0 as usize..tensor.dims.1 as usize]
    }

    /// The raw bytes of an input.
    pub fn data<'a>(&'a self, tensor: &'a Tensor, message: &'a [u8]) -> &'a [u8] {
        match &tensor.data {
            Data::Message(span) => span.of(message),
            Data::Own(raw) => raw,
        }
    }

    /// Whether two requests agree in every axis but the first.
    pub fn same_shape(&self, other: &Self) -> bool {
        self.tensors.len() == other.tensors.len()
            && self.tensors.iter().zip(&other.tensors).all(|(ours, theirs)| {
                let (ours, theirs) = (self.dims(ours), other.dims(theirs));
                ours.len() == theirs.len() && ours.iter().skip(1).eq(theirs.iter().skip(1))
            })
    }

    /// Bytes held besides the request itself.
    pub fn own_bytes(&self) -> usize {
        self.tensors.iter().map(|tensor| if let Data::Own(raw) = &tensor.data { raw.len() } else { 0 }).sum()
    }
}

/// Holds a request against `signature`; with `batched`, its first axis is the rows.
///
/// # Errors
/// One [`Fault`] with every violation found; its reason is that of the first.
pub fn validate(head: &Head, message: &[u8], signature: &Signature, batched: bool) -> Result<Plan, Fault> {
    let mut check = Check { head, message, signature, faults: Faults::default(), plan: Plan::default() };
    check.inputs(batched);
    check.outputs();
    check.faults.finish()?;
    let mut plan = check.plan;
    plan.raw_answer = !head.raw.is_empty() || {
        let outputs = plan.outputs.iter().map(|&index| signature.outputs[index as usize].datatype);
        outputs.into_iter().any(|datatype| datatype.contents_field().is_none())
    };
    Ok(plan)
}

#[derive(Default)]
struct Faults {
    first: Option<Reason>,
    violations: Vec<Violation>,
    unlisted: usize,
}

impl Faults {
    fn add(&mut self, reason: Reason, field: impl FnOnce() -> String, description: impl FnOnce() -> String) {
        self.first.get_or_insert(reason);
        if self.violations.len() < LISTED {
            self.violations.push(Violation { field: field(), description: description() });
        } else {
            self.unlisted += 1;
        }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        let Some(reason) = self.first else { return Ok(()) };
        let sentences: Vec<_> = self.violations.iter().map(|violation| violation.description.as_str()).collect();
        let mut message = sentences.join("; ");
        if self.unlisted > 0 {
            message = format!("{message}; and {} more", self.unlisted);
        }
        Err(Fault { reason, message, violations: std::mem::take(&mut self.violations), retry_after: None })
    }
}

struct Check<'a> {
    head: &'a Head,
    message: &'a [u8],
    signature: &'a Signature,
    faults: Faults,
    plan: Plan,
}

impl<'a> Check<'a> {
    fn inputs(&mut self, batched: bool) {
        let (head, message, signature) = (self.head, self.message, self.signature);
        if !head.raw.is_empty() && head.raw.len() != head.inputs.len() {
            let (raw, inputs) = (head.raw.len(), head.inputs.len());
            self.faults.add(
                Reason::RawCountMismatch,
                || "raw_input_contents".to_owned(),
                || format!("raw_input_contents holds {raw} entries for {inputs} inputs; expected one for each input"),
            );
        }
        // Position in the request of each input of the signature.
        let mut places: Vec<Option<usize>> = vec![None; signature.inputs.len()];
        for (index, input) in head.inputs.iter().enumerate() {
            let name = input.name.text(message);
            let place = match signature.inputs.get(index) {
                Some(spec) if spec.name == name => Some(index),
                _ => signature.inputs.iter().position(|spec| spec.name == name),
            };
            let field = || format!("inputs[{index}].name");
            match place {
                None => self.faults.add(Reason::UnknownInput, field, || {
                    format!("input \"{}\" is not one of the model's: {}", clip(name), names(&signature.inputs))
                }),
                Some(place) if places[place].is_some() => self
                    .faults
                    .add(Reason::DuplicateInput, field, || format!("input \"{}\" comes more than once", clip(name))),
                Some(place) => places[place] = Some(index),
            }
        }
        let mut rows: Option<(i64, usize)> = None;
        let mut shape = 0u64;
        for (place, spec) in signature.inputs.iter().enumerate() {
            let Some(index) = places[place] else {
                self.faults.add(
                    Reason::MissingInput,
                    || "inputs".to_owned(),
                    || format!("input \"{}\" is missing: expected {} {}", spec.name, spec.datatype.name(), show(&spec.dims)),
                );
                continue;
            };
            let Some(dims) = self.tensor(index, spec) else { continue };
            if batched {
                let first = dims[0];
                match rows {
                    Some((other, place)) if other != first => self.faults.add(
                        Reason::WrongShape,
                        || format!("inputs[{index}].shape[0]"),
                        || {
                            let twin = &signature.inputs[place].name;
                            format!("input \"{}\" has {first} rows, input \"{twin}\" has {other}: expected the same", spec.name)
                        },
                    ),
                    _ => rows = Some((first, place)),
                }
            }
            for &dim in &dims[usize::from(batched)..] {
                shape = mix(shape ^ dim as u64);
            }
            shape = mix(shape ^ (dims.len() as u64) << 56);
        }
        self.plan.shape = shape;
        self.plan.rows = if batched { rows.map_or(0, |(rows, _)| u32::try_from(rows).unwrap_or(u32::MAX)) } else { 1 };
    }

    /// Checks one input and adds its tensor to the plan; its shape if that much of it is right.
    fn tensor(&mut self, index: usize, spec: &TensorSpec) -> Option<&'a [i64]> {
        let head = self.head;
        let input = &head.inputs[index];
        let before = self.faults.violations.len() + self.faults.unlisted;
        self.shared_memory(index, input);
        self.datatype(index, input, spec);
        let elements = self.shape(index, input, spec)?;
        if self.faults.violations.len() + self.faults.unlisted > before {
            return None;
        }
        let data = self.data(index, input, spec, elements)?;
        let dims = head.dims(input);
        let start = self.plan.dims.len() as u32;
        self.plan.dims.extend_from_slice(dims);
        self.plan.tensors.push(Tensor { dims: (start, self.plan.dims.len() as u32), data });
        self.plan.elements = self.plan.elements.saturating_add(elements);
        Some(dims)
    }

    fn shared_memory(&mut self, index: usize, input: &Input) {
        if find(self.head.input_parameters(input), self.message, b"shared_memory_region").is_some() {
            self.faults.add(
                Reason::SharedMemoryDisabled,
                || format!("inputs[{index}].parameters[\"shared_memory_region\"]"),
                || format!("input {index} asks for shared memory, which is not offered; send its contents in the request"),
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
                || format!("input \"{}\": expected datatype {}, got \"{}\"", spec.name, spec.datatype.name(), clip(came)),
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
        let mut product = 1u64;
        for (axis, (&came, &expected)) in dims.iter().zip(&spec.dims).enumerate() {
            if came < 0 {
                self.faults.add(Reason::InvalidShape, || format!("inputs[{index}].shape[{axis}]"), || {
                    format!("input \"{}\": axis {axis} is {came}; expected 0 or more", spec.name)
                });
                return None;
            }
            if expected >= 0 && came != expected {
                self.faults.add(Reason::WrongShape, || format!("inputs[{index}].shape[{axis}]"), || {
                    format!("input \"{}\": expected shape {}, got {}", spec.name, show(&spec.dims), show(dims))
                });
                return None;
            }
            product = product.saturating_mul(came as u64);
        }
        // A zero elsewhere would hide an overflow from the product, so the extents are bounded one by one too.
        if product > u64::from(u32::MAX) || dims.iter().any(|&dim| dim > i64::from(u32::MAX)) {
            self.faults.add(Reason::InvalidShape, field, || {
                format!("input \"{}\": shape {} asks for more elements than any request can hold", spec.name, show(dims))
            });
            return None;
        }
        Some(product)
    }

    fn data(&mut self, index: usize, input: &Input, spec: &TensorSpec, elements: u64) -> Option<Data> {
        let (head, message) = (self.head, self.message);
        let contents = head.contents(input);
        if head.raw.is_empty() {
            return self.typed(index, contents, spec, elements).map(Data::Own);
        }
        if !contents.is_empty() {
            self.faults.add(Reason::RawAndTyped, || format!("inputs[{index}].contents"), || {
                format!("input \"{}\" has typed contents beside raw_input_contents; expected one or the other", spec.name)
            });
            return None;
        }
        let span = *head.raw.get(index)?;
        self.raw(index, span.of(message), spec, elements).then_some(Data::Message(span))
    }

    fn raw(&mut self, index: usize, raw: &[u8], spec: &TensorSpec, elements: u64) -> bool {
        let field = || format!("raw_input_contents[{index}]");
        let Some(size) = spec.datatype.size() else { return self.raw_bytes(index, raw, spec, elements) };
        let expected = elements * size as u64;
        if raw.len() as u64 != expected {
            self.faults.add(Reason::RawLengthMismatch, field, || {
                let came = raw.len();
                format!("input \"{}\": expected {expected} bytes for {elements} elements, got {came}", spec.name)
            });
            return false;
        }
        if spec.datatype == Datatype::Bool && let Some(at) = raw.iter().position(|&byte| byte > 1) {
            self.faults.add(Reason::ContentsOutOfRange, field, || {
                format!("input \"{}\": element {at} is {}; a BOOL is 0 or 1", spec.name, raw[at])
            });
            return false;
        }
        true
    }

    fn raw_bytes(&mut self, index: usize, raw: &[u8], spec: &TensorSpec, elements: u64) -> bool {
        let field = || format!("raw_input_contents[{index}]");
        let mut elements_seen = 0u64;
        let mut rest = raw;
        while !rest.is_empty() && elements_seen < elements {
            let length = rest.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize);
            match length {
                Some(length) if rest.len() - 4 >= length => rest = &rest[4 + length..],
                _ => {
                    self.faults.add(Reason::TruncatedBytes, field, || {
                        format!("input \"{}\": element {elements_seen} ends after the contents do", spec.name)
                    });
                    return false;
                }
            }
            elements_seen += 1;
        }
        if elements_seen != elements || !rest.is_empty() {
            self.faults.add(Reason::RawLengthMismatch, field, || {
                let left = rest.len();
                format!("input \"{}\": expected {elements} elements, got {elements_seen} and {left} bytes more", spec.name)
            });
            return false;
        }
        true
    }

    fn typed(&mut self, index: usize, contents: &[Span], spec: &TensorSpec, elements: u64) -> Option<Vec<u8>> {
        let field = || format!("inputs[{index}].contents");
        let (name, datatype) = (&spec.name, spec.datatype);
        let Some(expected) = datatype.contents_field() else {
            self.faults.add(Reason::MissingContents, field, || {
                format!("input \"{name}\": {} travels in raw_input_contents only", datatype.name())
            });
            return None;
        };
        if contents.is_empty() && elements > 0 {
            self.faults.add(Reason::MissingContents, field, || {
                format!("input \"{name}\" has no data: expected raw_input_contents or {}", expected.name)
            });
            return None;
        }
        match to_raw(self.message, contents, datatype, elements) {
            Ok(raw) => Some(raw),
            Err(Misfit::WrongField { came }) => {
                self.faults.add(Reason::WrongContents, field, || {
                    format!("input \"{name}\": expected {} for {}, got {came}", expected.name, datatype.name())
                });
                None
            }
            Err(Misfit::Count { came }) => {
                self.faults.add(Reason::ContentsLengthMismatch, field, || {
                    format!("input \"{name}\": expected {elements} elements, got {came}")
                });
                None
            }
            Err(Misfit::OutOfRange { index, value }) => {
                self.faults.add(Reason::ContentsOutOfRange, field, || {
                    format!("input \"{name}\": element {index} is {value}, which {} cannot hold", datatype.name())
                });
                None
            }
        }
    }

    fn outputs(&mut self) {
        let (head, message, signature) = (self.head, self.message, self.signature);
        if head.outputs.is_empty() {
            self.plan.outputs.extend(0..signature.outputs.len() as u16);
            return;
        }
        for (index, output) in head.outputs.iter().enumerate() {
            let name = output.name.text(message);
            let field = || format!("outputs[{index}].name");
            match signature.outputs.iter().position(|spec| spec.name == name) {
                None => self.faults.add(Reason::UnknownOutput, field, || {
                    format!("output \"{}\" is not one of the model's: {}", clip(name), names(&signature.outputs))
                }),
                Some(place) if self.plan.outputs.contains(&(place as u16)) => self
                    .faults
                    .add(Reason::DuplicateOutput, field, || format!("output \"{name}\" is asked for more than once")),
                Some(place) => self.plan.outputs.push(place as u16),
            }
            for (key, reason) in [
                ("classification", Reason::UnsupportedParameter),
                ("shared_memory_region", Reason::SharedMemoryDisabled),
            ] {
                if find(head.output_parameters(output), message, key.as_bytes()).is_some() {
                    self.faults.add(reason, || format!("outputs[{index}].parameters[\"{key}\"]"), || {
                        format!("output \"{}\": the parameter \"{key}\" is not offered; take the whole output", clip(name))
                    });
                }
            }
        }
    }
}

/// A few names for a sentence.
fn names(specs: &[TensorSpec]) -> String {
    const SHOWN: usize = 8;
    let mut text = specs.iter().take(SHOWN).map(|spec| format!("\"{}\"", spec.name)).collect::<Vec<_>>().join(", ");
    if specs.len() > SHOWN {
        text = format!("{text} and {} more", specs.len() - SHOWN);
    }
    text
}

/// What a caller sent, short enough for an error.
fn clip(text: &str) -> &str {
    const SHOWN: usize = 128;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

fn show(dims: &[i64]) -> String {
    const SHOWN: usize = 16;
    let mut text = dims.iter().take(SHOWN).map(i64::to_string).collect::<Vec<_>>().join(",");
    if dims.len() > SHOWN {
        text.push_str(",…");
    }
    format!("[{text}]")
}

/// A finaliser with full avalanche (the 64-bit one of MurmurHash3), so that shapes spread.
fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}
