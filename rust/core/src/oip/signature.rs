//! What a model takes and gives: names, datatypes, shapes.

use super::datatype::Datatype;

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    pub name: String,
    pub datatype: Datatype,
    /// The extent of each axis; −1 where it is dynamic.
    pub dims: Vec<i64>,
    /// The symbolic name of each axis; empty where it has none.
    pub axes: Vec<String>,
}

impl TensorSpec {
    /// Whether the first axis is dynamic, so that it can carry the rows of several requests.
    pub fn has_dynamic_first_axis(&self) -> bool {
        self.dims.first() == Some(&-1)
    }

    /// Elements per row, if every axis but the first is fixed.
    pub fn elements_per_row(&self) -> Option<u64> {
        self.dims.get(1..)?.iter().try_fold(1u64, |product, &dim| product.checked_mul(u64::try_from(dim).ok()?))
    }
}

/// All inputs and outputs of a model, in the model's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub inputs: Vec<TensorSpec>,
    pub outputs: Vec<TensorSpec>,
}

impl Signature {
    /// Whether the form of the model allows batching: every input and output has a dynamic first axis, equally named or
    /// unnamed. Whether rows stay independent is for the warm-up to prove.
    ///
    /// # Errors
    /// The sentence that says why not.
    pub fn eligible_for_batching(&self) -> Result<(), String> {
        let mut axis: Option<&str> = None;
        let inputs = self.inputs.iter().map(|spec| ("input", spec));
        for (kind, spec) in inputs.chain(self.outputs.iter().map(|spec| ("output", spec))) {
            let name = &spec.name;
            if spec.dims.is_empty() {
                return Err(format!("{kind} \"{name}\" is a scalar, it has no first axis to carry rows"));
            }
            if !spec.has_dynamic_first_axis() {
                let extent = spec.dims[0];
                return Err(format!("the first axis of {kind} \"{name}\" is fixed at {extent}, not dynamic"));
            }
            let own = spec.axes.first().map_or("", String::as_str);
            match axis {
                Some(other) if !own.is_empty() && own != other => {
                    return Err(format!(
                        "the first axis of {kind} \"{name}\" is named \"{own}\", another one \"{other}\": they may differ in length"
                    ));
                }
                None if !own.is_empty() => axis = Some(own),
                _ => {}
            }
        }
        if self.inputs.is_empty() { Err("the model has no inputs".to_owned()) } else { Ok(()) }
    }

    /// How this signature differs from another in what callers rely on: names, datatypes, ranks. Empty if it does not.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (kind, ours, theirs) in [("input", &self.inputs, &other.inputs), ("output", &self.outputs, &other.outputs)]
        {
            for spec in ours {
                let name = &spec.name;
                match theirs.iter().find(|candidate| candidate.name == *name) {
                    None => found.push(format!("{kind} \"{name}\" is missing")),
                    Some(twin) if twin.datatype != spec.datatype => found.push(format!(
                        "{kind} \"{name}\" is {} instead of {}",
                        twin.datatype.name(),
                        spec.datatype.name()
                    )),
                    Some(twin) if twin.dims.len() != spec.dims.len() => found.push(format!(
                        "{kind} \"{name}\" has rank {} instead of {}",
                        twin.dims.len(),
                        spec.dims.len()
                    )),
                    Some(_) => {}
                }
            }
            for spec in theirs.iter().filter(|spec| !ours.iter().any(|own| own.name == spec.name)) {
                found.push(format!("{kind} \"{}\" is not known to the other", spec.name));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
