//! A `ModelInferRequest` read in place: where everything lies, with nothing copied.
//!
//! One [`Head`] serves many requests: its lists keep their room, so that reading a request allocates nothing once a
//! thread has seen a few.

use super::parameters::Parameter;
use super::wire::{DELIMITED, Malformed, Reader, Span, VARINT};
use std::ops::Range;

/// Entries that any one list of a request may have: more than a model has inputs, few enough that a message of nothing
/// but empty entries costs megabytes to read and not a multiple of its size.
pub const ENTRIES: usize = 1 << 12;

/// Room for this many entries stays with a [`Head`] from one request to the next; what a larger one took is given back.
const KEPT: usize = 1024;

/// Positions of everything in one `ModelInferRequest`.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub model_name: Span,
    pub model_version: Span,
    pub id: Span,
    pub parameters: Vec<Parameter>,
    pub inputs: Vec<Input>,
    pub outputs: Vec<RequestedOutput>,
    pub raw: Vec<Span>,
    dims: Vec<i64>,
    tensor_parameters: Vec<Parameter>,
    contents: Vec<Span>,
}

/// One `InferInputTensor`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input {
    pub name: Span,
    pub datatype: Span,
    dims: List,
    parameters: List,
    contents: List,
}

/// One `InferRequestedOutputTensor`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestedOutput {
    pub name: Span,
    parameters: List,
}

/// A stretch of one of the lists that all tensors share.
#[derive(Clone, Copy, Debug, Default)]
struct List {
    start: u32,
    end: u32,
}

impl List {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Head {
    /// Reads `message`, forgetting what this head held before.
    ///
    /// # Errors
    /// [`Malformed`] exactly where a generated decoder would refuse the bytes too, and for lists of more than [`ENTRIES`].
    pub fn read(&mut self, message: &[u8]) -> Result<(), Malformed> {
        self.clear();
        let mut reader = Reader::new(message);
        while !reader.is_done() {
            let (field, wire) = reader.tag()?;
            match field {
                1 => self.model_name = reader.string(field, wire)?,
                2 => self.model_version = reader.string(field, wire)?,
                3 => self.id = reader.string(field, wire)?,
                4 => {
                    let span = reader.delimited(field, wire)?;
                    push(&mut self.parameters, Parameter::read(&mut reader.inside(span)?)?)?;
                }
                5 => {
                    let span = reader.delimited(field, wire)?;
                    self.read_input(&mut reader.inside(span)?)?;
                }
                6 => {
                    let span = reader.delimited(field, wire)?;
                    self.read_output(&mut reader.inside(span)?)?;
                }
                7 => push(&mut self.raw, reader.delimited(field, wire)?)?,
                _ => reader.skip(field, wire)?,
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        (self.model_name, self.model_version, self.id) = (Span::default(), Span::default(), Span::default());
        empty(&mut self.parameters);
        empty(&mut self.inputs);
        empty(&mut self.outputs);
        empty(&mut self.raw);
        empty(&mut self.dims);
        empty(&mut self.tensor_parameters);
        empty(&mut self.contents);
    }

    fn read_input(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut input = Input::default();
        let (dims, parameters, contents) = (self.dims.len(), self.tensor_parameters.len(), self.contents.len());
        while !reader.is_done() {
            let (field, wire) = reader.tag()?;
            match field {
                1 => input.name = reader.string(field, wire)?,
                2 => input.datatype = reader.string(field, wire)?,
                3 => self.read_dims(reader, wire)?,
                4 => {
                    let span = reader.delimited(field, wire)?;
                    push(&mut self.tensor_parameters, Parameter::read(&mut reader.inside(span)?)?)?;
                }
                5 => {
                    let span = reader.delimited(field, wire)?;
                    super::contents::check(&mut reader.inside(span)?)?;
                    push(&mut self.contents, span)?;
                }
                _ => reader.skip(field, wire)?,
            }
        }
        input.dims = List { start: dims as u32, end: self.dims.len() as u32 };
        input.parameters = List { start: parameters as u32, end: self.tensor_parameters.len() as u32 };
        input.contents = List { start: contents as u32, end: self.contents.len() as u32 };
        push(&mut self.inputs, input)
    }

    /// The shape comes packed from every current client; the unpacked form is as valid.
    fn read_dims(&mut self, reader: &mut Reader<'_>, wire: u8) -> Result<(), Malformed> {
        match wire {
            DELIMITED => {
                let span = reader.delimited(3, wire)?;
                let mut packed = reader.inside(span)?;
                while !packed.is_done() {
                    push(&mut self.dims, packed.varint()? as i64)?;
                }
                Ok(())
            }
            VARINT => push(&mut self.dims, reader.varint()? as i64),
            _ => Err(Malformed::WireType { field: 3, wire }),
        }
    }

    fn read_output(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut output = RequestedOutput::default();
        let parameters = self.tensor_parameters.len();
        while !reader.is_done() {
            let (field, wire) = reader.tag()?;
            match field {
                1 => output.name = reader.string(field, wire)?,
                2 => {
                    let span = reader.delimited(field, wire)?;
                    push(&mut self.tensor_parameters, Parameter::read(&mut reader.inside(span)?)?)?;
                }
                _ => reader.skip(field, wire)?,
            }
        }
        output.parameters = List { start: parameters as u32, end: self.tensor_parameters.len() as u32 };
        push(&mut self.outputs, output)
    }

    /// The shape of an input.
    pub fn dims(&self, input: &Input) -> &[i64] {
        &self.dims[input.dims.range()]
    }

    /// The parameters of an input.
    pub fn input_parameters(&self, input: &Input) -> &[Parameter] {
        &self.tensor_parameters[input.parameters.range()]
    }

    /// The parameters of a requested output.
    pub fn output_parameters(&self, output: &RequestedOutput) -> &[Parameter] {
        &self.tensor_parameters[output.parameters.range()]
    }

    /// The typed contents of an input: usually one message, several if a client wrote the field more than once.
    pub fn contents(&self, input: &Input) -> &[Span] {
        &self.contents[input.contents.range()]
    }
}

fn push<T>(list: &mut Vec<T>, entry: T) -> Result<(), Malformed> {
    if list.len() >= ENTRIES {
        return Err(Malformed::TooMany);
    }
    list.push(entry);
    Ok(())
}

fn empty<T>(list: &mut Vec<T>) {
    list.clear();
    list.shrink_to(KEPT);
}

#[cfg(test)]
mod tests;
