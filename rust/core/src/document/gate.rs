//! What a gate does: `monitors.<route>.gate`.

use serde::Serialize;

/// What becomes of a request whose rows break a rule of the profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum GateMode {
    /// Nothing: windows count it.
    #[default]
    Observe,
    /// It is answered, and the answer names the rules.
    Flag,
    /// It is refused.
    Reject,
}

impl GateMode {
    pub const ALL: [Self; 3] = [Self::Observe, Self::Flag, Self::Reject];

    /// As documents say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Flag => "flag",
            Self::Reject => "reject",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, render};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_gate_observes_flags_or_rejects() {
        for mode in GateMode::ALL {
            let document = parse(&json!({"monitors": {"r": {"gate": mode.name()}}})).expect("a good document");
            assert_eq!(document.monitors["r"].gate, mode);
            assert_eq!(render(&document)["monitors"]["r"]["gate"], json!(mode.name()));
        }
        let violations = parse(&json!({"monitors": {"r": {"gate": "refuse"}}})).expect_err("a bad document");
        assert_eq!(violations[0].path, "monitors.r.gate");
        assert_eq!(violations[0].reason, "must be one of observe, flag, reject, got \"refuse\"");
    }
}
