//! The first document: everything is loaded, and served in one swap.

use super::residents::Residents;
use super::ticket::{Report, Settlement, Tickets};
use super::timers::Timers;
use super::{Changer, Changes, News, Setting, scan};
use crate::drive::load::Loaders;
use crate::runtime::onnx::trim_memory;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use tidegate_core::document::Document;
use tidegate_core::plane::{Reconciler, Subject};
use tidegate_core::snapshot::SnapshotDocument;
use tokio::sync::oneshot;

impl Changer {
    /// Serves what the document says, or what was applied before where that cannot be.
    ///
    /// # Errors
    /// Every reason why a route cannot be served; nothing is left behind but threads of loads that do not end.
    pub(in crate::drive) fn start(setting: Setting, document: &Document) -> Result<(Self, Changes), Vec<String>> {
        let one = |reason: String| vec![reason];
        let before = setting.state.read().map_err(|error| one(error.to_string()))?;
        // A folder that is new begins a history of its own, later than any that was lost.
        let applied = before.unwrap_or_else(|| SnapshotDocument {
            incarnation: setting.clock.unix_ms(),
            ..SnapshotDocument::default()
        });
        let newer: Vec<String> = document
            .routes
            .keys()
            .filter_map(|name| Some(format!("routes.{name}: {}", applied.refused.get(name)?)))
            .collect();
        if !newer.is_empty() {
            return Err(newer);
        }
        let (sender, news) = mpsc::channel();
        let changes = Changes(sender);
        let reports = changes.clone();
        let loads = document.threads.load as usize;
        let loaders = Loaders::start(&setting.runtime, &setting.clock, move |done| reports.tell(News::Done(done)))
            .map_err(|error| one(format!("cannot start a thread: {error}")))?;
        let mut changer = Self {
            setting,
            news,
            changes: changes.clone(),
            loaders,
            reconciler: Reconciler::new(loads, BTreeMap::new()),
            document: Arc::new(document.clone()),
            stored: applied.clone(),
            last_epoch: applied.epoch,
            applied,
            prepared: BTreeMap::new(),
            next_revision: 0,
            settings: BTreeMap::new(),
            residents: Residents::default(),
            accounts: BTreeMap::new(),
            found: scan::Found::default(),
            failures: BTreeMap::new(),
            refused: BTreeMap::new(),
            said: BTreeMap::new(),
            ungated: Vec::new(),
            tickets: Tickets::default(),
            since: BTreeMap::new(),
            timers: Timers::default(),
            seated: 0,
            notes: Some(Vec::new()),
        };
        changer.begin(document, loads)?;
        Ok((changer, changes))
    }

    /// Loads everything and swaps once.
    fn begin(&mut self, document: &Document, loads: usize) -> Result<(), Vec<String>> {
        // What is in it is told apart when the document is applied; here it only has to be there.
        scan::folders(&self.setting.repository).map_err(|reason| vec![reason])?;
        let mut kept = BTreeMap::new();
        for (name, revision) in self.applied.routes.clone() {
            if document.routes.contains_key(&name) {
                let content = self.prepare(&name, revision, document);
                kept.insert(Subject::Route(name), content);
            }
        }
        // What is gone from the document is gone from what is in force too.
        self.applied.routes.retain(|name, _| document.routes.contains_key(name));
        self.reconciler = Reconciler::new(loads, kept);
        let (respond, mut settled) = oneshot::channel();
        self.apply(document.clone(), respond);
        while self.reconciler.pending().next().is_some() && self.turn() {}
        let reasons = |report: Report| {
            let missing = |subject: &Subject| match subject {
                Subject::Route(_) => !self.reconciler.current().contains_key(subject),
                Subject::Version(_) => false,
            };
            let refused = report.settlements.into_iter().filter(|settlement| missing(&settlement.subject));
            refused.filter_map(Settlement::sentence).collect::<Vec<_>>()
        };
        let reasons = settled.try_recv().map(reasons).unwrap_or_default();
        if reasons.is_empty() {
            self.notes.take().unwrap_or_default().iter().for_each(|note| self.note(note));
            // Nobody is answered yet who would wait for it.
            trim_memory();
            // A document without anything to serve has swapped nothing yet.
            if self.setting.plane.snapshot().incarnation == 0 {
                self.write().map_err(|reason| vec![reason])?;
                let nothing = self.assemble(&BTreeMap::new(), true);
                self.setting.plane.swap(nothing);
            }
            self.show_progress();
            Ok(())
        } else {
            Err(reasons)
        }
    }
}
