//! A profile made ready for counting.

use std::sync::Arc;

use super::bare::{BareColumn, BareTensor};
use super::cell::Cell;
use super::class::Class;
use super::dispatch::Level;
use super::layout::Layout;
use super::profile::{Direction, Feature, Kind, Profile, Tensor};
use super::strings::{Dictionary, StringLayout};
use crate::document::Violation;
use crate::oip::datatype::Datatype;
use crate::oip::signature::{Signature, TensorSpec};

/// How each tensor of a profile is counted; tensors are numbered as in the profile.
#[derive(Clone, Debug)]
pub struct Plan {
    profile: Arc<Profile>,
    pub(super) tensors: Vec<TensorPlan>,
    /// The tensor of each feature and its number there, features in the order of the profile.
    places: Vec<(usize, usize)>,
    pub(super) level: Level,
    /// What is counted without a reference; their tensors follow those of the profile.
    bare: Vec<BareTensor>,
}

/// How one tensor is counted.
#[derive(Clone, Debug)]
pub(super) struct TensorPlan {
    pub(super) datatype: Datatype,
    pub(super) width: usize,
    pub(super) columns: Columns,
}

#[derive(Clone, Debug)]
pub(super) enum Columns {
    F32(Layout<f32>),
    F64(Layout<f64>),
    I64(Layout<i64>),
    Strings(StringLayout),
    Bare(BareTensor),
}

impl Plan {
    /// Plans for data without a model, such as a table beside another.
    pub fn new(profile: Arc<Profile>) -> Self {
        let tensors = profile.tensors.iter().map(TensorPlan::new).collect();
        let count = |(at, tensor): (usize, &Tensor)| (0..tensor.features.len()).map(move |number| (at, number));
        let places = profile.tensors.iter().enumerate().flat_map(count).collect();
        Self { profile, tensors, places, level: Level::best(), bare: Vec::new() }
    }

    /// Plans for the tensors of a model, or says all that keeps the profile from being one of it.
    ///
    /// Tensors of the model that the profile leaves out are not counted by this plan.
    pub fn bind(profile: Arc<Profile>, signature: &Signature) -> Result<Self, Vec<Violation>> {
        let check = |(at, tensor)| {
            mismatch(tensor, signature).map(|(field, reason)| (format!("tensors[{at}].{field}"), reason))
        };
        let mut violations: Vec<Violation> = profile
            .tensors
            .iter()
            .enumerate()
            .filter_map(check)
            .map(|(path, reason)| Violation { path, reason })
            .collect();
        if violations.is_empty() {
            return Ok(Self::new(profile));
        }
        for (direction, kind, specs) in
            [(Direction::Input, "inputs", &signature.inputs), (Direction::Output, "outputs", &signature.outputs)]
        {
            let ours = profile.tensors.iter().filter(|tensor| tensor.direction == direction);
            let ours = listed(ours.map(|tensor| form(&tensor.name, tensor.datatype, Some(tensor.width as u64))));
            let theirs = listed(specs.iter().map(|spec| form(&spec.name, spec.datatype, width(spec))));
            let reason = format!("{kind} of the profile: {ours}; of the model: {theirs}");
            violations.push(Violation { path: "tensors".to_owned(), reason });
        }
        Err(violations)
    }

    /// The same plan, which counts these tensors as well, without a reference.
    #[must_use]
    pub fn and_bare(mut self, bare: Vec<BareTensor>) -> Self {
        self.tensors.extend(bare.iter().map(|tensor| TensorPlan {
            datatype: tensor.datatype,
            width: tensor.width.unwrap_or(0),
            columns: Columns::Bare(tensor.clone()),
        }));
        self.bare.extend(bare);
        self
    }

    /// The same plan, which counts all tensors of a model that the profile leaves out as well.
    #[must_use]
    pub fn and_others(self, signature: &Signature) -> Self {
        let bare = BareTensor::of(signature, |direction, name| self.tensor(direction, name).is_some());
        self.and_bare(bare)
    }

    /// What is counted without a reference.
    pub fn bare(&self) -> &[BareTensor] {
        &self.bare
    }

    /// Every feature without a reference with its tensor, in the order of [`Counts::bare_cells`].
    ///
    /// [`Counts::bare_cells`]: super::Counts::bare_cells
    pub fn bare_features(&self) -> impl Iterator<Item = (&BareTensor, &BareColumn)> {
        self.bare.iter().flat_map(|tensor| tensor.columns().iter().map(move |column| (tensor, column)))
    }

    /// Where each tensor is counted that this plan counts, by its number; one may be counted at two places, by other columns.
    pub fn counted(&self) -> impl Iterator<Item = (usize, Direction, &str, Option<usize>)> {
        let profiled = self.profile.tensors.iter().map(|own| (own.direction, &*own.name, Some(own.width)));
        let bare = self.bare.iter().map(|own| (own.direction, &*own.name, own.width));
        profiled.chain(bare).enumerate().map(|(at, (direction, name, width))| (at, direction, name, width))
    }

    /// The same plan for kernels of another level: all count alike.
    #[must_use]
    pub fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The number of a tensor.
    pub fn tensor(&self, direction: Direction, name: &str) -> Option<usize> {
        self.profile.tensors.iter().position(|tensor| tensor.direction == direction && tensor.name == name)
    }

    /// The datatype of a tensor, by its number.
    pub fn datatype(&self, tensor: usize) -> Datatype {
        self.tensors[tensor].datatype
    }

    /// How many features are counted in the bins of a reference.
    pub fn features(&self) -> usize {
        self.places.len()
    }

    /// Bytes that the cells of all features take, but for names of what is new.
    pub fn cell_bytes(&self) -> usize {
        let bytes = |feature: &Feature| size_of::<Cell>() + feature.counts().len() * size_of::<u64>();
        self.profile.features().map(|(_, feature)| bytes(feature)).sum()
    }

    /// A feature with its tensor, and the number of that tensor.
    pub(super) fn feature(&self, feature: usize) -> (usize, &Tensor, &Feature) {
        let (tensor, number) = self.places[feature];
        (tensor, &self.profile.tensors[tensor], &self.profile.tensors[tensor].features[number])
    }
}

impl TensorPlan {
    fn new(tensor: &Tensor) -> Self {
        macro_rules! layout {
            ($kind:ident) => {
                Columns::$kind(Layout::new(
                    tensor.width,
                    tensor.features.iter().filter_map(|feature| match &feature.kind {
                        Kind::$kind(numeric) => Some((feature.column, numeric)),
                        _ => None,
                    }),
                ))
            };
        }
        let columns = match Class::of(tensor.datatype) {
            Class::F32 => layout!(F32),
            Class::F64 => layout!(F64),
            Class::I64 => layout!(I64),
            Class::Strings => Columns::Strings(strings(tensor)),
        };
        Self { datatype: tensor.datatype, width: tensor.width, columns }
    }
}

fn strings(tensor: &Tensor) -> StringLayout {
    let dictionary = |feature: &Feature| match &feature.kind {
        Kind::Categorical(categorical) => Some((feature.column, Dictionary::new(categorical))),
        _ => None,
    };
    let mut columns: Vec<_> = tensor.features.iter().filter_map(dictionary).collect();
    columns.sort_by_key(|(column, _)| *column);
    StringLayout { width: tensor.width, columns }
}

/// Why each tensor of a profile is none of a model, in the order of the profile; `None` for those that are.
pub fn unbound(profile: &Profile, signature: &Signature) -> Vec<Option<String>> {
    let say = |tensor: &Tensor| {
        mismatch(tensor, signature).map(|(field, reason)| match field {
            "name" => reason,
            field => format!("the {field} of {:?} {reason}", tensor.name),
        })
    };
    profile.tensors.iter().map(say).collect()
}

/// The field of a tensor that is not the model's, and why.
fn mismatch(tensor: &Tensor, signature: &Signature) -> Option<(&'static str, String)> {
    let (kind, specs) = match tensor.direction {
        Direction::Input => ("input", &signature.inputs),
        Direction::Output => ("output", &signature.outputs),
    };
    let Some(spec) = specs.iter().find(|spec| spec.name == tensor.name) else {
        return Some(("name", format!("the model has no {kind} {:?}", tensor.name)));
    };
    if spec.datatype != tensor.datatype {
        let (ours, theirs) = (tensor.datatype.name(), spec.datatype.name());
        return Some(("datatype", format!("is {ours}, {kind} {:?} of the model is {theirs}", tensor.name)));
    }
    let width = width(spec)?;
    (width != tensor.width as u64).then(|| {
        ("width", format!("is {}, {kind} {:?} of the model has {width} elements per row", tensor.width, tensor.name))
    })
}

/// Elements per row; `None` where the model leaves it open.
fn width(spec: &TensorSpec) -> Option<u64> {
    if spec.dims.is_empty() { Some(1) } else { spec.elements_per_row() }
}

fn form(name: &str, datatype: Datatype, width: Option<u64>) -> String {
    let width = width.map_or("?".to_owned(), |width| width.to_string());
    format!("{name} {}[{width}]", datatype.name())
}

/// Names as a sentence lists them; of very many, the first.
fn listed(names: impl Iterator<Item = String>) -> String {
    const MOST: usize = 50;
    let names: Vec<String> = names.collect();
    match names.len() {
        0 => "none".to_owned(),
        all if all > MOST => format!("{} and {} more", names[..MOST].join(", "), all - MOST),
        _ => names.join(", "),
    }
}
