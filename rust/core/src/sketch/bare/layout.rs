//! Which tensors are counted without a reference, and what of them.

use super::super::exact::Exact;
use super::super::profile::Direction;
use crate::oip::datatype::Datatype;
use crate::oip::signature::{Signature, TensorSpec};

/// Most columns of a tensor that are counted one by one; a wider row is an image or an embedding, counted as a whole.
pub const MOST_COLUMNS: usize = 4_096;

/// A tensor, or some columns of it, without a reference.
#[derive(Clone, Debug, PartialEq)]
pub struct BareTensor {
    pub name: String,
    pub direction: Direction,
    pub datatype: Datatype,
    /// Elements per row; `None` where the model leaves them open.
    pub width: Option<usize>,
    pub(in super::super) form: Form,
}

/// What is counted of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Form {
    /// These columns, in order, each by itself.
    Columns(Vec<BareColumn>),
    /// How long rows are, and all elements together.
    Whole(Box<BareColumn>),
}

/// A feature that is not judged.
#[derive(Clone, Debug, PartialEq)]
pub struct BareColumn {
    pub at: usize,
    pub name: String,
    pub state: Unjudged,
    pub(in super::super) sentinel: Sentinel,
}

/// Why a feature is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    /// No profile describes it.
    Unprofiled,
    /// Memory has room for its moments only.
    Moments,
}

impl Unjudged {
    /// As reports say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unprofiled => "unprofiled",
            Self::Moments => "moments",
        }
    }
}

/// What stands for a missing value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) enum Sentinel {
    #[default]
    None,
    Number(Exact),
    Text(Box<[u8]>),
}

impl BareTensor {
    /// All tensors of a model but those that are described already.
    pub fn of(signature: &Signature, is_described: impl Fn(Direction, &str) -> bool) -> Vec<Self> {
        let inputs = signature.inputs.iter().map(|spec| (Direction::Input, spec));
        let outputs = signature.outputs.iter().map(|spec| (Direction::Output, spec));
        let bare = inputs.chain(outputs).filter(|(direction, spec)| !is_described(*direction, &spec.name));
        bare.map(|(direction, spec)| Self::new(direction, spec)).collect()
    }

    fn new(direction: Direction, spec: &TensorSpec) -> Self {
        let width = if spec.dims.is_empty() { Some(1) } else { spec.elements_per_row() };
        let width = width.and_then(|width| usize::try_from(width).ok()).filter(|width| *width > 0);
        let column = |at, name| BareColumn { at, name, state: Unjudged::Unprofiled, sentinel: Sentinel::None };
        let form = match width {
            Some(1) => Form::Columns(vec![column(0, spec.name.clone())]),
            Some(width) if width <= MOST_COLUMNS => {
                Form::Columns((0..width).map(|at| column(at, format!("{}[{at}]", spec.name))).collect())
            }
            _ => Form::Whole(Box::new(column(0, spec.name.clone()))),
        };
        Self { name: spec.name.clone(), direction, datatype: spec.datatype, width, form }
    }

    /// What is counted of it, each by its name.
    pub fn columns(&self) -> &[BareColumn] {
        match &self.form {
            Form::Columns(columns) => columns,
            Form::Whole(whole) => std::slice::from_ref(whole),
        }
    }

    /// What is counted of it, in letters: counts of two tensors are alike only if this is equal.
    pub fn describe(&self) -> String {
        let direction = match self.direction {
            Direction::Input => "input",
            Direction::Output => "output",
        };
        let width = self.width.map_or("?".to_owned(), |width| width.to_string());
        let column = |column: &BareColumn| format!("{} {} {:?}", column.at, column.state.name(), column.sentinel);
        let columns: Vec<String> = self.columns().iter().map(column).collect();
        let kind = if self.is_whole() { "whole" } else { "columns" };
        format!("{direction} {:?} {}[{width}] {kind}: {}", self.name, self.datatype.name(), columns.join(", "))
    }

    /// Whether rows are counted as a whole, because they are of open length or too wide.
    pub fn is_whole(&self) -> bool {
        matches!(self.form, Form::Whole(_))
    }
}
