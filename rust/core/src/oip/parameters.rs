//! Parameters of a request: the protocol's own, checked; anybody else's, handed through.

use super::faults::Faults;
use super::wire::{FIXED64, Malformed, Reader, Span, VARINT, expect};
use crate::fault::{Fault, Reason, quoted};

/// The value of one `InferParameter`, by position in the message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Value {
    /// The entry was there but chose no value.
    #[default]
    Unset,
    Bool(bool),
    Int64(i64),
    Text(Span),
    Double(f64),
    Uint64(u64),
}

/// One entry of a parameters map.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parameter {
    pub key: Span,
    pub value: Value,
}

impl Parameter {
    /// Reads one map entry.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut entry = Self::default();
        while !reader.is_done() {
            match reader.tag()? {
                (1, wire) => entry.key = reader.string(1, wire)?,
                (2, wire) => {
                    let span = reader.delimited(2, wire)?;
                    entry.value = read_value(&mut reader.inside(span)?, entry.value)?;
                }
                (field, wire) => reader.skip(field, wire)?,
            }
        }
        Ok(entry)
    }
}

/// A later choice replaces an earlier one, as in every oneof.
fn read_value(reader: &mut Reader<'_>, mut value: Value) -> Result<Value, Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        value = match field {
            1 => {
                expect(field, wire, VARINT)?;
                Value::Bool(reader.varint()? != 0)
            }
            2 => {
                expect(field, wire, VARINT)?;
                Value::Int64(reader.varint()? as i64)
            }
            3 => Value::Text(reader.string(field, wire)?),
            4 => {
                expect(field, wire, FIXED64)?;
                Value::Double(f64::from_le_bytes(reader.fixed64()?))
            }
            5 => {
                expect(field, wire, VARINT)?;
                Value::Uint64(reader.varint()?)
            }
            _ => {
                reader.skip(field, wire)?;
                value
            }
        };
    }
    Ok(value)
}

/// What the protocol's own request parameters ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Triton's `timeout`, in microseconds; 0 means none.
    pub timeout_us: Option<u64>,
    /// Triton's `priority`: 1 is the most urgent, 0 names none.
    pub priority: u64,
    /// Triton's `triton_enable_empty_final_response`, for streams.
    pub final_response: bool,
}

/// The protocol's own request parameters.
const RESERVED: [&str; 6] =
    ["timeout", "priority", "sequence_id", "sequence_start", "sequence_end", "triton_enable_empty_final_response"];

/// Reads the reserved parameters and refuses those of a wrong type, all at once; of entries with one key the last counts.
pub fn asked(parameters: &[Parameter], message: &[u8]) -> Result<Asked, Fault> {
    let mut asked = Asked::default();
    if parameters.is_empty() {
        return Ok(asked);
    }
    let mut faults = Faults::default();
    let mut last = [None; RESERVED.len()];
    for parameter in parameters {
        let key = parameter.key.of(message);
        if let Some(place) = RESERVED.iter().position(|name| name.as_bytes() == key) {
            last[place] = Some(parameter.value);
        } else if key.starts_with(b"triton_") {
            let key = quoted(parameter.key.text(message));
            faults.add(
                Reason::InvalidParameter,
                || format!("parameters[\"{key}\"]"),
                || format!("parameter \"{key}\": the prefix \"triton_\" is reserved; expected another name"),
            );
        }
    }
    for (key, value) in RESERVED.into_iter().zip(last) {
        let Some(value) = value else { continue };
        if let Err(expected) = asked.take(key, value) {
            faults.add(
                Reason::InvalidParameter,
                || format!("parameters[\"{key}\"]"),
                || format!("parameter \"{key}\": expected {expected}, got {}", describe(value)),
            );
        }
    }
    faults.finish().map(|()| asked)
}

impl Asked {
    /// Notes one reserved parameter.
    ///
    /// # Errors
    /// What was expected instead.
    fn take(&mut self, key: &str, value: Value) -> Result<(), &'static str> {
        match key {
            "timeout" => self.timeout_us = Some(unsigned(value)?).filter(|&us| us > 0),
            "priority" => self.priority = unsigned(value)?,
            "triton_enable_empty_final_response" => self.final_response = boolean(value)?,
            "sequence_start" | "sequence_end" => drop(boolean(value)?),
            "sequence_id" if matches!(value, Value::Text(_)) => {}
            "sequence_id" => drop(unsigned(value).map_err(|_| "a non-negative integer or a string")?),
            _ => drop(unsigned(value)?),
        }
        Ok(())
    }
}

/// The last entry of that name, as a map would keep it.
pub fn find(parameters: &[Parameter], message: &[u8], name: &[u8]) -> Option<Value> {
    parameters.iter().rev().find(|parameter| parameter.key.of(message) == name).map(|parameter| parameter.value)
}

fn unsigned(value: Value) -> Result<u64, &'static str> {
    match value {
        Value::Int64(value) if value >= 0 => Ok(value as u64),
        Value::Uint64(value) => Ok(value),
        _ => Err("a non-negative integer"),
    }
}

fn boolean(value: Value) -> Result<bool, &'static str> {
    if let Value::Bool(value) = value { Ok(value) } else { Err("a boolean") }
}

fn describe(value: Value) -> String {
    match value {
        Value::Unset => "no value".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Int64(value) => format!("the integer {value}"),
        Value::Uint64(value) => format!("the integer {value}"),
        Value::Double(value) => format!("the number {value}"),
        Value::Text(_) => "a string".to_owned(),
    }
}

#[cfg(test)]
mod tests;
