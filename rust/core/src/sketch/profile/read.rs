//! From JSON to a [`Profile`], or to everything that is wrong with it.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::super::class::Class;
use super::{Direction, FORMAT, Feature, Kind, MAX_FEATURES, Profile, Source, Tensor, categorical, lists, numeric};
use crate::document::Violation;
use crate::document::walk::{Bounds, Fields, Walk, describe};
use crate::oip::datatype::Datatype;

const FIELDS: [&str; 6] = ["format", "rows", "source", "timezone", "label", "tensors"];
const TENSOR_FIELDS: [&str; 7] = ["name", "direction", "datatype", "width", "in_sample", "rows", "features"];
const FEATURE_FIELDS: [&str; 5] = ["name", "column", "weight", "kind", "nullable"];

const DIRECTIONS: [(&str, Direction); 2] = [("input", Direction::Input), ("output", Direction::Output)];
const SOURCES: [(&str, Source); 2] = [("training", Source::Training), ("traffic", Source::Traffic)];
const ON_OFF: [(&str, bool); 2] = [("on", true), ("off", false)];

const ROWS: Bounds = Bounds { min: 1, max: 1 << 53, why: "rows; a profile of none says nothing" };
const WIDTH: Bounds = Bounds { min: 1, max: 1 << 24, why: "elements per row; a wider row is an image, not features" };
const COLUMN: Bounds = Bounds { min: 0, max: (1 << 24) - 1, why: "the place in a row, from 0" };

/// Reads the document. Features beyond the bound are refused before they are looked at.
pub(super) fn profile(value: &Value) -> Result<Profile, Vec<Violation>> {
    let mut walk = Walk::default();
    let root = walk.fields(String::new(), value, &FIELDS);
    format(&mut walk, &root);
    walk.require(&root, "rows", "how many rows the reference has");
    walk.require(&root, "tensors", "what the reference says of each input and output");
    let mut rows = 1;
    walk.integer(&root, "rows", &ROWS, &mut rows);
    let mut source = Source::Training;
    walk.choice(&root, "source", &SOURCES, &mut source);
    let mut text = |name| walk.text(&root, name).map(|(_, text)| text.to_owned());
    let (timezone, label) = (text("timezone"), text("label"));
    let items = walk.items(&root, "tensors", MAX_FEATURES);
    let features: usize = items.iter().map(|(_, item)| item["features"].as_array().map_or(0, Vec::len)).sum();
    if features > MAX_FEATURES {
        let reason = format!("have {features} features; at most {MAX_FEATURES} are counted, leave out the lesser ones");
        walk.refuse("tensors", reason);
        return Err(walk.violations);
    }
    let tensors: Vec<Tensor> = items.into_iter().map(|(path, item)| tensor(&mut walk, path, item, rows)).collect();
    names_once(&mut walk, &tensors);
    let profile = Profile::new(rows, timezone, label, tensors).made_of(source);
    if walk.violations.is_empty() { Ok(profile) } else { Err(walk.violations) }
}

fn format(walk: &mut Walk, root: &Fields<'_>) {
    walk.require(root, "format", "the version of the format, \"tidegate.profile/1\"");
    if let Some((path, text)) = walk.text(root, "format")
        && text != FORMAT
    {
        let reason = match text.strip_prefix("tidegate.profile/") {
            Some(version) => {
                format!("is version {version:?}, this release reads {FORMAT:?}: upgrade, or build it anew")
            }
            None => format!("must be {FORMAT:?}, got {text:?}: this is no profile"),
        };
        walk.refuse(&path, reason);
    }
}

fn tensor(walk: &mut Walk, path: String, value: &Value, rows: u64) -> Tensor {
    let fields = walk.fields(path, value, &TENSOR_FIELDS);
    let name = required_text(walk, &fields, "name", "the input or output it describes");
    walk.require(&fields, "direction", "input or output");
    let mut direction = Direction::Input;
    walk.choice(&fields, "direction", &DIRECTIONS, &mut direction);
    let datatype = datatype(walk, &fields);
    walk.require(&fields, "width", "elements per row");
    let (mut width, mut own_rows, mut in_sample) = (1, rows, false);
    walk.integer(&fields, "width", &WIDTH, &mut width);
    walk.integer(&fields, "rows", &ROWS, &mut own_rows);
    walk.choice(&fields, "in_sample", &ON_OFF, &mut in_sample);
    walk.require(&fields, "features", "its monitored columns");
    let items = walk.items(&fields, "features", MAX_FEATURES);
    let mut taken = HashMap::new();
    let mut features = Vec::with_capacity(items.len());
    for (path, item) in items {
        let Some(datatype) = datatype else { continue };
        let feature = feature(walk, path.clone(), item, datatype, own_rows);
        if feature.column as u64 >= width {
            let reason = format!("must be below the width of the tensor: {} of {width}", feature.column);
            walk.refuse(&format!("{path}.column"), reason);
        }
        if let Some(other) = taken.insert(feature.column, feature.name.clone()) {
            walk.refuse(&format!("{path}.column"), format!("column {} is already feature {other:?}", feature.column));
        }
        features.push(feature);
    }
    let datatype = datatype.unwrap_or(Datatype::Fp32);
    Tensor { name, direction, datatype, width: width as usize, in_sample, rows: own_rows, features }
}

fn datatype(walk: &mut Walk, fields: &Fields<'_>) -> Option<Datatype> {
    walk.require(fields, "datatype", "such as \"FP32\"");
    let (path, text) = walk.text(fields, "datatype")?;
    let datatype = Datatype::parse(text.as_bytes());
    if datatype.is_none() {
        let names: Vec<_> = Datatype::ALL.iter().map(|datatype| datatype.name()).collect();
        walk.refuse(&path, format!("must be one of {}, got {text:?}", names.join(", ")));
    }
    datatype
}

fn feature(walk: &mut Walk, path: String, value: &Value, datatype: Datatype, rows: u64) -> Feature {
    let is_categorical = datatype == Datatype::Bytes;
    let own: &[&str] = if is_categorical { &categorical::FIELDS } else { &numeric::FIELDS };
    let fields = walk.fields(path, value, &[&FEATURE_FIELDS, own].concat());
    let name = required_text(walk, &fields, "name", "what people call it");
    walk.require(&fields, "column", "its place in a row, from 0");
    let mut column = 0;
    walk.integer(&fields, "column", &COLUMN, &mut column);
    let weight = lists::number(walk, &fields, "weight", "a number").unwrap_or(1.0);
    if weight <= 0.0 {
        walk.refuse(&format!("{}.weight", fields.path), "must be above 0; leave a feature out that does not matter");
    }
    let mut nullable = false;
    walk.choice(&fields, "nullable", &ON_OFF, &mut nullable);
    let expected = if is_categorical { "categorical" } else { "numeric" };
    walk.require(&fields, "kind", "numeric or categorical");
    if let Some((path, value)) = fields.get("kind")
        && value.as_str() != Some(expected)
    {
        let reason = format!("must be {expected:?} in a tensor of {}, got {}", datatype.name(), describe(value));
        walk.refuse(&path, reason);
    }
    let kind = match Class::of(datatype) {
        Class::F32 => Kind::F32(numeric::numeric(walk, &fields, rows, "a finite number within FP32")),
        Class::F64 => Kind::F64(numeric::numeric(walk, &fields, rows, "a finite number")),
        Class::I64 => Kind::I64(numeric::numeric(walk, &fields, rows, "a whole number within INT64")),
        Class::Strings => Kind::Categorical(categorical::categorical(walk, &fields, rows)),
    };
    Feature { name, column: column as usize, weight, nullable, kind }
}

fn required_text(walk: &mut Walk, fields: &Fields<'_>, name: &str, meaning: &str) -> String {
    walk.require(fields, name, meaning);
    match walk.text(fields, name) {
        Some((path, "")) => {
            walk.refuse(&path, "must not be empty");
            String::new()
        }
        text => text.map(|(_, text)| text.to_owned()).unwrap_or_default(),
    }
}

/// Tensors are bound by name and direction, features are spoken of by name alone.
fn names_once(walk: &mut Walk, tensors: &[Tensor]) {
    let (mut bound, mut spoken) = (HashSet::new(), HashSet::new());
    for (at, tensor) in tensors.iter().enumerate() {
        if !bound.insert((tensor.direction, &tensor.name)) {
            walk.refuse(&format!("tensors[{at}].name"), format!("{:?} is described twice", tensor.name));
        }
        for (number, feature) in tensor.features.iter().enumerate() {
            if !spoken.insert(&feature.name) {
                let path = format!("tensors[{at}].features[{number}].name");
                walk.refuse(&path, format!("{:?} is another feature's name as well", feature.name));
            }
        }
    }
}
