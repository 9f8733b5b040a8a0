//! What loses its bins first where memory does not suffice.

use super::super::counts::Counts;
use super::super::layout::LANES;
use super::super::plan::Plan;
use super::super::profile::{Feature, Kind, Tensor};
use super::layout::{BareColumn, BareTensor, Form, Sentinel, Unjudged};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Features that lose their bins together, because their counters lie together: eight columns of numbers, or one of strings.
#[derive(Debug)]
struct Block {
    /// Of the heaviest of them.
    weight: f64,
    tensor: usize,
    columns: Vec<usize>,
}

impl Plan {
    /// Bytes of one window by this plan.
    pub fn window_bytes(&self) -> usize {
        Counts::<u64>::new(self).size_bytes()
    }

    /// A plan that counts as much in full as there is room for, and of the rest only the moments: first what no profile
    /// describes, then the lightest features. `None` if this plan has room enough; where even moments have not, they stay.
    #[must_use]
    pub fn within(&self, room_bytes: usize, weight_of: &dyn Fn(&Feature) -> f64) -> Option<Self> {
        if self.window_bytes() <= room_bytes {
            return None;
        }
        let bare: Vec<BareTensor> = self.bare().iter().map(moments_of).collect();
        let mut blocks = self.blocks(weight_of);
        blocks.sort_by(|left, right| left.weight.total_cmp(&right.weight));
        let thinned = |most: usize| self.without(&blocks[..most], bare.clone());
        // The more are thinned, the less is taken: the fewest that fit are found by halving.
        let (mut too_few, mut enough) = (None, blocks.len());
        while too_few.map_or(0, |few| few + 1) < enough {
            let middle = usize::midpoint(too_few.map_or(0, |few| few + 1), enough);
            if thinned(middle).window_bytes() <= room_bytes { enough = middle } else { too_few = Some(middle) }
        }
        Some(thinned(enough))
    }

    fn blocks(&self, weight_of: &dyn Fn(&Feature) -> f64) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for (at, tensor) in self.profile().tensors.iter().enumerate() {
            let mut features: Vec<&Feature> = tensor.features.iter().collect();
            features.sort_by_key(|feature| feature.column);
            let together = |left: &&Feature, right: &&Feature| {
                left.column / LANES == right.column / LANES && !matches!(left.kind, Kind::Categorical(_))
            };
            blocks.extend(features.chunk_by(together).map(|features| Block {
                weight: features.iter().map(|feature| weight_of(feature)).fold(0.0, f64::max),
                tensor: at,
                columns: features.iter().map(|feature| feature.column).collect(),
            }));
        }
        blocks
    }

    /// The plan with only the moments of some features, and these tensors without a reference.
    fn without(&self, blocks: &[Block], mut bare: Vec<BareTensor>) -> Self {
        let profile = self.profile();
        let thin: BTreeSet<(usize, usize)> =
            blocks.iter().flat_map(|block| block.columns.iter().map(|column| (block.tensor, *column))).collect();
        let mut tensors = Vec::with_capacity(profile.tensors.len());
        for (at, tensor) in profile.tensors.iter().enumerate() {
            let is_thin = |feature: &&Feature| thin.contains(&(at, feature.column));
            let (thinned, kept): (Vec<&Feature>, Vec<&Feature>) = tensor.features.iter().partition(is_thin);
            if !thinned.is_empty() {
                bare.push(moments_of_features(tensor, &thinned));
            }
            if !kept.is_empty() {
                let features = kept.into_iter().cloned().collect();
                tensors.push(Tensor { name: tensor.name.clone(), features, ..*tensor });
            }
        }
        Self::new(Arc::new(profile.of_tensors(tensors))).and_bare(bare)
    }
}

fn moments_of(tensor: &BareTensor) -> BareTensor {
    let mut tensor = tensor.clone();
    if let Form::Columns(columns) = &mut tensor.form {
        for column in columns {
            column.state = Unjudged::Moments;
        }
    }
    tensor
}

fn moments_of_features(tensor: &Tensor, features: &[&Feature]) -> BareTensor {
    let mut columns: Vec<BareColumn> = features
        .iter()
        .map(|feature| BareColumn {
            at: feature.column,
            name: feature.name.clone(),
            state: Unjudged::Moments,
            sentinel: sentinel(&feature.kind),
        })
        .collect();
    columns.sort_by_key(|column| column.at);
    BareTensor {
        name: tensor.name.clone(),
        direction: tensor.direction,
        datatype: tensor.datatype,
        width: Some(tensor.width),
        form: Form::Columns(columns),
    }
}

fn sentinel(kind: &Kind) -> Sentinel {
    use super::super::number::Number;
    let number = match kind {
        Kind::F32(numeric) => numeric.sentinel.map(Number::exact),
        Kind::F64(numeric) => numeric.sentinel.map(Number::exact),
        Kind::I64(numeric) => numeric.sentinel.map(Number::exact),
        Kind::Categorical(categorical) => {
            return categorical.sentinel.as_ref().map_or(Sentinel::None, |text| Sentinel::Text(text.as_bytes().into()));
        }
    };
    number.map_or(Sentinel::None, Sentinel::Number)
}
