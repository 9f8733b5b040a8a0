//! A profile that fits the version it lies beside.

use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tidegate_core::document::{self, Violation};
use tidegate_core::drift::wander::Wander;
use tidegate_core::monitor;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::oip::validate;
use tidegate_core::sketch::{Breaches, Direction, Gate, Plan, Profile};

/// The reference of a version, ready for counting.
pub struct Profiled {
    /// Of the profile as it was read.
    pub digest: document::Sha256,
    pub plan: Plan,
    /// What its inputs are held against on their way.
    gate: Gate,
    /// How far each feature wanders by itself, in the order of the profile.
    pub wanders: Vec<Wander>,
    /// For each tensor of the profile that is an input, its place in the signature.
    pub inputs: Vec<Place>,
    pub outputs: Vec<Place>,
}

/// One tensor, as the profile and as the signature number it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub tensor: usize,
    pub index: usize,
    /// Elements per row.
    pub width: usize,
}

impl Profiled {
    /// Reads a profile and binds it to a signature.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that does not fit, as one sentence for the operator.
    pub fn read(text: &[u8], signature: &Signature) -> Result<Self, String> {
        let read = || {
            let text = std::str::from_utf8(text).map_err(|_| vec!["is not UTF-8".to_owned()])?;
            let profile = Profile::parse_text(text).map_err(sentences)?;
            Plan::bind(Arc::new(profile), signature).map_err(sentences)
        };
        let plan = read().map_err(|reasons| {
            format!("profile.json {}; build it anew with `tidegate profiles build`", reasons.join("; "))
        })?;
        let digest = document::Sha256(Sha256::digest(text).into());
        let inputs = places(&plan, Direction::Input, &signature.inputs);
        let outputs = places(&plan, Direction::Output, &signature.outputs);
        let wanders = monitor::wanders(plan.profile());
        let gate = Gate::new(&plan);
        Ok(Self { digest, plan, gate, wanders, inputs, outputs })
    }

    /// The rules that the rows of a checked request break.
    pub fn broken(&self, plan: &validate::Plan, message: &[u8]) -> Breaches {
        let mut broken = Breaches::default();
        for place in &self.inputs {
            let tensor = &plan.tensors[place.index];
            let (rows, width) = match plan.dims(tensor) {
                [] => (1, 1),
                [rows, row @ ..] => (rows.unsigned_abs() as usize, row.iter().product::<i64>().unsigned_abs() as usize),
            };
            // Where a model leaves the width open, rows of another width have none of the profile's columns.
            if width == place.width {
                let looked = self.gate.check(&self.plan, place.tensor, plan.data(tensor, message), rows, &mut broken);
                looked.expect("the request was held against the signature that the profile is bound to");
            }
        }
        broken
    }

    /// The name of a feature, by its place in the profile.
    pub fn feature(&self, at: usize) -> &str {
        self.plan.profile().features().nth(at).map_or("", |(_, feature)| &feature.name)
    }
}

fn sentences(violations: Vec<Violation>) -> Vec<String> {
    const MOST: usize = 8;
    let more = violations.len().saturating_sub(MOST);
    let shown = violations.into_iter().take(MOST).map(|Violation { path, reason }| format!("{path} {reason}"));
    shown.chain((more > 0).then(|| format!("and {more} more"))).collect()
}

fn places(plan: &Plan, direction: Direction, specs: &[TensorSpec]) -> Vec<Place> {
    let tensors = specs.iter().enumerate();
    tensors
        .filter_map(|(index, spec)| {
            let tensor = plan.tensor(direction, &spec.name)?;
            Some(Place { tensor, index, width: plan.profile().tensors[tensor].width })
        })
        .collect()
}
