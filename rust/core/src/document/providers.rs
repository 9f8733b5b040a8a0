//! What a version's operators run on: `versions.<version>.providers`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::names::clip;
use super::walk::{Fields, Walk, describe};

/// The provider that every runtime has, and that runs what no other takes.
pub const CPU: &str = "CPUExecutionProvider";

/// Most providers of one version, options of one provider, and bytes of an option: beyond what any runtime knows.
const MAX_PROVIDERS: usize = 16;
const MAX_OPTIONS: usize = 64;
const MAX_OPTION_BYTES: usize = 1024;

/// Something that the runtime can run operators on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Provider {
    /// As ONNX Runtime spells it, such as `CUDAExecutionProvider`.
    pub name: String,
    /// What the provider itself is told, as the runtime takes it.
    pub options: BTreeMap<String, String>,
}

impl Provider {
    /// The processor.
    pub fn cpu() -> Self {
        Self { name: CPU.to_owned(), options: BTreeMap::new() }
    }
}

/// A list of names, or of mappings with a name and options.
pub(super) fn parse(walk: &mut Walk, parent: &Fields<'_>, into: &mut Vec<Provider>) {
    let Some((path, _)) = parent.get("providers") else { return };
    let before = walk.violations.len();
    let items = walk.items(parent, "providers", MAX_PROVIDERS);
    let found: Vec<Provider> = items.iter().filter_map(|(path, item)| provider(walk, path, item)).collect();
    if walk.violations.len() > before {
        return;
    }
    if found.is_empty() {
        return walk.refuse(&path, format!("names no provider; leave it out for {CPU} alone"));
    }
    for (at, provider) in found.iter().enumerate() {
        if found[..at].iter().any(|other| other.name == provider.name) {
            walk.refuse(&items[at].0, format!("{} stands in an earlier place already", provider.name));
        }
        if provider.name == CPU && at + 1 < found.len() {
            walk.refuse(&items[at].0, format!("{CPU} runs everything and leaves nothing: it has to be the last"));
        }
    }
    *into = found;
}

fn provider(walk: &mut Walk, path: &str, item: &Value) -> Option<Provider> {
    if let Value::String(name) = item {
        return Some(Provider { name: provider_name(walk, path, name)?, options: BTreeMap::new() });
    }
    if !item.is_object() {
        if !item.is_null() {
            walk.refuse(path, format!("must be a name, or a mapping with name and options, got {}", describe(item)));
        }
        return None;
    }
    let fields = walk.fields(path.to_owned(), item, &["name", "options"]);
    walk.require(&fields, "name", "which provider it is about");
    let name = walk.text(&fields, "name").and_then(|(path, name)| provider_name(walk, &path, name));
    let mut options = BTreeMap::new();
    if let Some((path, value)) = fields.get("options") {
        let given = walk.mapping(path, value);
        if given.len() > MAX_OPTIONS {
            walk.refuse(&given.path, format!("has {} entries; at most {MAX_OPTIONS} are allowed", given.len()));
        }
        for (key, path, value) in given.entries() {
            options.extend(option(walk, &path, key, value));
        }
    }
    Some(Provider { name: name?, options })
}

fn provider_name(walk: &mut Walk, path: &str, name: &str) -> Option<String> {
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_name {
        walk.refuse(path, format!("must be a name as ONNX Runtime spells it, such as {CPU}, got {:?}", clip(name)));
    }
    is_name.then(|| name.to_owned())
}

/// The runtime takes text; numbers and words are written as it reads them.
fn option(walk: &mut Walk, path: &str, key: &str, value: &Value) -> Option<(String, String)> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(is_on) => u8::from(*is_on).to_string(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        other => {
            walk.refuse(path, format!("must be a string, a whole number, on or off, got {}", describe(other)));
            return None;
        }
    };
    if [key, &text].into_iter().any(|part| part.len() > MAX_OPTION_BYTES || part.contains('\0')) || key.is_empty() {
        walk.refuse(path, format!("name and value must have at most {MAX_OPTION_BYTES} bytes, without NUL"));
        return None;
    }
    Some((key.to_owned(), text))
}
