//! What the traffic of a version is counted by: the profile that lies beside it, and what no profile describes.

use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tidegate_core::document::{self, Violation};
use tidegate_core::drift::wander::Wander;
use tidegate_core::monitor;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::sketch::{BareTensor, Direction, Feature, Plan, Profile, Unjudged};

/// The reference of a version, ready for counting.
pub struct Profiled {
    /// Of what is counted: that of the profile, if all of its features are counted in its bins.
    pub digest: document::Sha256,
    /// Of the profile as it was read; `None` for a version without one.
    pub profile_digest: Option<document::Sha256>,
    pub plan: Plan,
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
        Some(Self::new(digest_of(self.profile_digest, &plan), self.profile_digest, plan, &self.names()))
    }

    fn new(digest: document::Sha256, profile_digest: Option<document::Sha256>, plan: Plan, names: &Names<'_>) -> Self {
        let inputs = places(&plan, Direction::Input, &names.inputs);
        let outputs = places(&plan, Direction::Output, &names.outputs);
        let wanders = monitor::wanders(plan.profile());
        Self { digest, profile_digest, window_bytes: plan.window_bytes(), plan, wanders, inputs, outputs }
    }

    /// Features of which only the moments are kept, for want of memory.
    pub fn moments(&self) -> impl Iterator<Item = &str> {
        let features = self.plan.bare_features();
        features.filter(|(_, column)| column.state == Unjudged::Moments).map(|(_, column)| &*column.name)
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
