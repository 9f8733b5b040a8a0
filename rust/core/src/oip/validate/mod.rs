//! A request held against the signature of the version that will answer it.

mod check;
mod elements;
mod outputs;
mod places;

use super::faults::Faults;
use super::request::Head;
use super::signature::Signature;
use super::wire::Span;
use crate::fault::Fault;
use check::Check;

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
    plan.raw_answer = !head.raw.is_empty()
        || plan.outputs.iter().any(|&index| signature.outputs[index as usize].datatype.contents_field().is_none());
    Ok(plan)
}

#[cfg(test)]
mod tests;
