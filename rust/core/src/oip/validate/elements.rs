//! The contents of one input: as many as its shape says, of its datatype, in one of the two forms.

use super::Data;
use super::check::Check;
use crate::fault::Reason;
use crate::oip::contents::{Misfit, is_empty, to_raw};
use crate::oip::datatype::Datatype;
use crate::oip::request::Input;
use crate::oip::signature::TensorSpec;
use crate::oip::wire::Span;

impl Check<'_> {
    pub(super) fn data(&mut self, index: usize, input: &Input, spec: &TensorSpec, elements: u64) -> Option<Data> {
        let (head, message) = (self.head, self.message);
        let contents = head.contents(input);
        if head.raw.is_empty() {
            return self.typed(index, contents, spec, elements).map(Data::Own);
        }
        // An empty message is no contents: MLServer's client leaves one beside what it sends raw.
        if !is_empty(message, contents) {
            self.faults.add(
                Reason::RawAndTyped,
                || format!("inputs[{index}].contents"),
                || {
                    format!(
                        "input \"{}\" has typed contents beside raw_input_contents; expected one or the other",
                        spec.name
                    )
                },
            );
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
        if spec.datatype == Datatype::Bool
            && let Some(at) = raw.iter().position(|&byte| byte > 1)
        {
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
                format!(
                    "input \"{}\": expected {elements} elements, got {elements_seen} and {left} bytes more",
                    spec.name
                )
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
}
