//! The words of the reconciler: what is wanted, what happened, what to do, what became of it.
//!
//! A *subject* is a public thing with a content: a route, or a version that the document or the repository wants loaded
//! for itself.

use std::collections::{BTreeMap, BTreeSet};

use super::lifecycle::{Lifecycle, LifecycleCommand, LifecycleEvent};
use crate::document::VersionId;

/// What has a content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Route(String),
    Version(VersionId),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Route(name) => write!(f, "routes.{name}"),
            Self::Version(id) => write!(f, "versions[\"{id}\"]"),
        }
    }
}

/// A version as a content wants it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Want {
    pub version: VersionId,
    /// Stands for everything beside the files that decides how it is loaded; another number is another load.
    pub settings: u64,
}

/// One content of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    /// Names the content to the shell; equal contents have equal numbers.
    pub revision: u64,
    pub wants: BTreeSet<Want>,
}

/// Names one loading of a version, from the order to the end of its memory. Numbers are used again after that.
pub type LoadId = usize;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChangeEvent {
    /// A document wants these contents; a subject that it does not name goes.
    Apply(BTreeMap<Subject, Content>),
    /// Some subjects shall have these contents, or, with `None`, go; all others stay as they are or are on their way to be.
    Amend(BTreeMap<Subject, Option<Content>>),
    /// The last [`ChangeCommand::Publish`] is in force.
    Published,
    /// Nothing of the last [`ChangeCommand::Publish`] is in force, because of these subjects of it.
    Rejected(BTreeMap<Subject, String>),
    /// Something happened to a load; orders are not reported.
    Load(LoadId, LifecycleEvent),
}

/// What the shell shall do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChangeCommand {
    /// Begin the load of a version.
    Begin(LoadId, Want),
    /// What a new load waits for is stuck. If that is still so when its patience is over ([`Load::is_held_up`]), say
    /// LoadFailed.
    Wait(LoadId),
    /// What the lifecycle of a load asks for: WarmUp, Terminate, Release, AbortRemaining or Unload.
    Load(LoadId, LifecycleCommand),
    /// Swap to these contents, all at once, `None` for a subject that goes; then say Published or Rejected before
    /// anything else.
    Publish(BTreeMap<Subject, Option<Content>>),
    /// What became of what a document wanted for a subject.
    Settled(Subject, Outcome),
}

/// What became of a content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is served.
    Current,
    /// It was served before.
    Unchanged,
    /// The subject is gone, as the document wants.
    Removed,
    /// It cannot be served for this reason; the subject keeps what it had.
    Refused(String),
    /// A newer document came before it was ready.
    Superseded,
}

/// One loading of a version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    pub want: Want,
    pub life: Lifecycle,
    /// It is new, and waits for a load that is stuck: for the last one of its version, or for a place.
    pub is_held_up: bool,
}
