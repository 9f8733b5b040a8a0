//! What the traffic of a version is counted by: the profile that lies beside it, and what no profile describes.

use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tidegate_core::document::{self, Violation};
use tidegate_core::drift::wander::Wander;
use tidegate_core::monitor;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::oip::validate;
use tidegate_core::sketch::{self, BareTensor, Breaches, Direction, Feature, Gate, Plan, Profile, Unjudged, Window};

/// The reference of a version, ready for counting.
pub struct Profiled {
    /// Of what is counted: that of the profile, if all of its features are counted in its bins.
    pub digest: document::Sha256,
    /// Of the profile as it was read; `None` for a version without one.
    pub profile_digest: Option<document::Sha256>,
    pub plan: Plan,
    /// What its inputs are held against on their way.
    rules: Arc<Rules>,
    /// Bytes of one window.
    pub window_bytes: usize,
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
    /// Elements per row; 0 where the model leaves them open.
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
        Ok(Self::new(digest, Some(digest), plan.and_others(signature), &Names::of(signature)))
    }

    /// What a version without a profile is counted by.
    pub fn bare(signature: &Signature) -> Self {
        let nothing = Profile::new(0, None, None, Vec::new());
        let plan = Plan::new(Arc::new(nothing)).and_others(signature);
        Self::new(digest_of(None, &plan), None, plan, &Names::of(signature))
    }

    /// The same with as many features by their bins as there is room for in each window, of the others only the moments;
    /// `None` if there is room for all.
    pub fn within(&self, room_bytes: usize, weight_of: &dyn Fn(&Feature) -> f64) -> Option<Self> {
        if self.window_bytes <= room_bytes {
            return None;
        }
        let plan = self.plan.within(room_bytes, weight_of)?;
        let thinned = Self::new(digest_of(self.profile_digest, &plan), self.profile_digest, plan, &self.names());
        // What memory has no bins for still has rules.
        Some(Self { rules: Arc::clone(&self.rules), ..thinned })
    }

    fn new(digest: document::Sha256, profile_digest: Option<document::Sha256>, plan: Plan, names: &Names<'_>) -> Self {
        let inputs = places(&plan, Direction::Input, &names.inputs);
        let outputs = places(&plan, Direction::Output, &names.outputs);
        let wanders = monitor::wanders(plan.profile());
        let rules = Arc::new(Rules { gate: Gate::new(&plan), plan: plan.clone(), inputs: inputs.clone() });
        Self {
            digest,
            profile_digest,
            window_bytes: plan.window_bytes() + size_of::<Window>(),
            plan,
            rules,
            wanders,
            inputs,
            outputs,
        }
    }

    /// The rules that the rows of a checked request break.
    pub fn broken(&self, plan: &validate::Plan, message: &[u8]) -> Breaches {
        self.rules.broken(plan, message)
    }

    /// The same reference for another model, as far as its tensors are those of the profile; for each tensor of the profile
    /// that is none of the model, why.
    pub fn bind_part(&self, signature: &Signature) -> (Self, Vec<Option<String>>) {
        let unbound = sketch::unbound(self.plan.profile(), signature);
        let is_bound = |place: &Place| unbound.get(place.tensor).is_some_and(Option::is_none);
        let names = Names::of(signature);
        let bound = |places: Vec<Place>| places.into_iter().filter(is_bound).collect();
        let inputs = bound(places(&self.plan, Direction::Input, &names.inputs));
        let outputs = bound(places(&self.plan, Direction::Output, &names.outputs));
        let own = Self {
            digest: self.digest,
            profile_digest: self.profile_digest,
            window_bytes: self.window_bytes,
            plan: self.plan.clone(),
            rules: Arc::clone(&self.rules),
            wanders: self.wanders.clone(),
            inputs,
            outputs,
        };
        (own, unbound)
    }

    /// Features of which only the moments are kept, for want of memory.
    pub fn moments(&self) -> impl Iterator<Item = &str> {
        let features = self.plan.bare_features();
        features.filter(|(_, column)| column.state == Unjudged::Moments).map(|(_, column)| &*column.name)
    }

    /// How many features are counted, in bins or otherwise.
    pub fn all_features(&self) -> usize {
        self.plan.features() + self.plan.bare_features().count()
    }

    fn names(&self) -> Names<'_> {
        let counted: Vec<&str> = self.plan.counted().map(|(_, _, name, _)| name).collect();
        let names = |places: &[Place]| places.iter().map(|place| (place.index, counted[place.tensor])).collect();
        Names { inputs: names(&self.inputs), outputs: names(&self.outputs) }
    }

    /// The name of a feature, by its place in the profile.
    pub fn feature(&self, at: usize) -> &str {
        self.plan.profile().features().nth(at).map_or("", |(_, feature)| &feature.name)
    }
}

/// What the inputs of a version are held against: the rules of its profile, all of them.
struct Rules {
    gate: Gate,
    plan: Plan,
    inputs: Vec<Place>,
}

impl Rules {
    fn broken(&self, plan: &validate::Plan, message: &[u8]) -> Breaches {
        let mut broken = Breaches::default();
        // What no profile describes has no rules.
        let described = self.plan.profile().tensors.len();
        for place in self.inputs.iter().filter(|place| place.tensor < described) {
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
}

fn sentences(violations: Vec<Violation>) -> Vec<String> {
    const MOST: usize = 8;
    let more = violations.len().saturating_sub(MOST);
    let shown = violations.into_iter().take(MOST).map(|Violation { path, reason }| format!("{path} {reason}"));
    shown.chain((more > 0).then(|| format!("and {more} more"))).collect()
}

/// The tensors of a model by their place in its signature.
struct Names<'s> {
    inputs: Vec<(usize, &'s str)>,
    outputs: Vec<(usize, &'s str)>,
}

impl<'s> Names<'s> {
    fn of(signature: &'s Signature) -> Self {
        let names = |specs: &'s [TensorSpec]| specs.iter().enumerate().map(|(at, spec)| (at, &*spec.name)).collect();
        Self { inputs: names(&signature.inputs), outputs: names(&signature.outputs) }
    }
}

/// The digest of what a plan counts beside, or instead of, the bins of a profile.
fn digest_of(profile: Option<document::Sha256>, plan: &Plan) -> document::Sha256 {
    let profile = profile.map_or("no profile".to_owned(), |digest| digest.to_string());
    let bare: Vec<String> = plan.bare().iter().map(BareTensor::describe).collect();
    document::Sha256(Sha256::digest(format!("tidegate counts by {profile}\n{}", bare.join("\n"))).into())
}

/// Where each counted tensor of one side lies; a tensor of which some columns are counted otherwise has two places.
fn places(plan: &Plan, direction: Direction, names: &[(usize, &str)]) -> Vec<Place> {
    let counted = plan.counted().filter(|(_, own, ..)| *own == direction);
    counted
        .filter_map(|(tensor, _, name, width)| {
            let (index, _) = names.iter().find(|(_, own)| *own == name)?;
            Some(Place { tensor, index: *index, width: width.unwrap_or(0) })
        })
        .collect()
}
