//! Gates that check nothing: no request is let through unlooked at without somebody being told.

use super::Changer;
use crate::observe::drift::Observed;
use tidegate_core::document::GateMode;

impl Changer {
    /// Gates that the document wants and that have nothing to go by, as sentences; what is new of it is in the log.
    pub(super) fn say_ungated(&mut self) -> Vec<String> {
        // Before everything has settled, who will answer is not known.
        let is_settled = self.reconciler.pending().next().is_none();
        if !is_settled && !self.tickets.has_settled() {
            return Vec::new();
        }
        let ungated = self.ungated();
        if !is_settled {
            return ungated;
        }
        let new: Vec<String> = ungated.iter().filter(|sentence| !self.ungated.contains(sentence)).cloned().collect();
        for sentence in new {
            self.say(sentence);
        }
        self.ungated.clone_from(&ungated);
        ungated
    }

    fn ungated(&self) -> Vec<String> {
        let snapshot = self.setting.plane.snapshot();
        let wanted = self.document.monitors.iter().filter(|(_, monitor)| monitor.gate != GateMode::Observe);
        let mut sentences = Vec::new();
        for (name, monitor) in wanted {
            let gate = format!("monitors.{name}.gate is {}", monitor.gate.name());
            let Some(target) = snapshot.targets.get(name) else {
                sentences.push(format!("{gate}, but nobody answers as {name}: add the route, or take the gate away"));
                continue;
            };
            let has_profile = |observed: &Observed| observed.observer.profiled.profile_digest.is_some();
            let open = target.arms.iter().filter(|arm| !arm.observed.as_ref().is_some_and(has_profile));
            sentences.extend(open.map(|arm| {
                let version = &arm.version.id;
                format!(
                    "{gate}, but {version} has no profile.json that fits it: its requests are not checked; make one \
                     with `tidegate profiles build`, and have the version loaded anew"
                )
            }));
        }
        sentences
    }
}
