//! What the sentences of a refusal quote, cut to a length that fits them.

use super::signature::TensorSpec;

/// A few names for a sentence.
pub(super) fn names(specs: &[TensorSpec]) -> String {
    const SHOWN: usize = 8;
    let mut text = specs.iter().take(SHOWN).map(|spec| format!("\"{}\"", spec.name)).collect::<Vec<_>>().join(", ");
    if specs.len() > SHOWN {
        text = format!("{text} and {} more", specs.len() - SHOWN);
    }
    text
}

pub(super) fn show(dims: &[i64]) -> String {
    const SHOWN: usize = 16;
    let mut text = dims.iter().take(SHOWN).map(i64::to_string).collect::<Vec<_>>().join(",");
    if dims.len() > SHOWN {
        text.push_str(",…");
    }
    format!("[{text}]")
}
