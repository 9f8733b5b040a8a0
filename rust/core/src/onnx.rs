//! What a model file says of itself before any runtime sees it: opsets, and where its external data lies.

use crate::oip::wire::{DELIMITED, Malformed, Reader, Span, VARINT, expect};

/// Facts read from a `ModelProto`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFile {
    pub ir_version: u64,
    /// Operator set versions by domain; the standard domain is the empty string.
    pub opsets: Vec<(String, u64)>,
    /// File names of external data, as the tensors name them; sorted, each once.
    pub external: Vec<String>,
    pub producer: String,
}

/// Reads the facts of a model file.
///
/// # Errors
/// A sentence that says why this is not an ONNX model.
pub fn read(bytes: &[u8]) -> Result<ModelFile, String> {
    if bytes.len() > u32::MAX as usize {
        return Err("the model file is larger than 4 GiB; keep large weights as external data".to_owned());
    }
    let mut file = ModelFile::default();
    let mut has_graph = false;
    let walked = model(&mut Reader::new(bytes), bytes, &mut file, &mut has_graph);
    walked.map_err(|malformed| format!("not an ONNX model, or one cut short: {malformed}"))?;
    if !has_graph || file.opsets.is_empty() {
        return Err("not an ONNX model: it has no graph or names no operator set".to_owned());
    }
    file.external.sort();
    file.external.dedup();
    Ok(file)
}

// Field numbers of onnx.proto.
fn model(reader: &mut Reader<'_>, bytes: &[u8], file: &mut ModelFile, has_graph: &mut bool) -> Result<(), Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        match field {
            1 => {
                expect(field, wire, VARINT)?;
                file.ir_version = reader.varint()?;
            }
            2 => reader.string(field, wire)?.text(bytes).clone_into(&mut file.producer),
            7 => {
                *has_graph = true;
                let span = reader.delimited(field, wire)?;
                graph(&mut reader.inside(span)?, bytes, &mut file.external)?;
            }
            8 => {
                let span = reader.delimited(field, wire)?;
                file.opsets.push(opset(&mut reader.inside(span)?, bytes)?);
            }
            // FunctionProto: its nodes hold attributes as the graph's do.
            25 => {
                let span = reader.delimited(field, wire)?;
                nested(&mut reader.inside(span)?, bytes, &mut file.external, 7)?;
            }
            _ => reader.skip(field, wire)?,
        }
    }
    Ok(())
}

fn opset(reader: &mut Reader<'_>, bytes: &[u8]) -> Result<(String, u64), Malformed> {
    let mut set = (String::new(), 0);
    while !reader.is_done() {
        match reader.tag()? {
            (1, wire) => reader.string(1, wire)?.text(bytes).clone_into(&mut set.0),
            (2, VARINT) => set.1 = reader.varint()?,
            (field, wire) => reader.skip(field, wire)?,
        }
    }
    Ok(set)
}

fn graph(reader: &mut Reader<'_>, bytes: &[u8], external: &mut Vec<String>) -> Result<(), Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        match field {
            1 => {
                let span = reader.delimited(field, wire)?;
                nested(&mut reader.inside(span)?, bytes, external, 5)?;
            }
            5 => {
                let span = reader.delimited(field, wire)?;
                tensor(&mut reader.inside(span)?, bytes, external)?;
            }
            // SparseTensorProto: values and indices are tensors.
            15 => {
                let span = reader.delimited(field, wire)?;
                let mut sparse = reader.inside(span)?;
                while !sparse.is_done() {
                    match sparse.tag()? {
                        (inner @ (1 | 2), DELIMITED) => {
                            let span = sparse.delimited(inner, DELIMITED)?;
                            tensor(&mut sparse.inside(span)?, bytes, external)?;
                        }
                        (inner, wire) => sparse.skip(inner, wire)?,
                    }
                }
            }
            _ => reader.skip(field, wire)?,
        }
    }
    Ok(())
}

/// A node's attributes (`list` = 5) or a function's nodes (`list` = 7).
fn nested(reader: &mut Reader<'_>, bytes: &[u8], external: &mut Vec<String>, list: u32) -> Result<(), Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        if field != list {
            reader.skip(field, wire)?;
            continue;
        }
        let span = reader.delimited(field, wire)?;
        let mut inner = reader.inside(span)?;
        if list == 7 { nested(&mut inner, bytes, external, 5)? } else { attribute(&mut inner, bytes, external)? }
    }
    Ok(())
}

fn attribute(reader: &mut Reader<'_>, bytes: &[u8], external: &mut Vec<String>) -> Result<(), Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        match field {
            5 | 10 => {
                let span = reader.delimited(field, wire)?;
                tensor(&mut reader.inside(span)?, bytes, external)?;
            }
            6 | 11 => {
                let span = reader.delimited(field, wire)?;
                graph(&mut reader.inside(span)?, bytes, external)?;
            }
            _ => reader.skip(field, wire)?,
        }
    }
    Ok(())
}

fn tensor(reader: &mut Reader<'_>, bytes: &[u8], external: &mut Vec<String>) -> Result<(), Malformed> {
    while !reader.is_done() {
        let (field, wire) = reader.tag()?;
        if field != 13 {
            reader.skip(field, wire)?;
            continue;
        }
        let span = reader.delimited(field, wire)?;
        let mut entry = reader.inside(span)?;
        let (mut key, mut value) = (Span::default(), Span::default());
        while !entry.is_done() {
            match entry.tag()? {
                (1, wire) => key = entry.string(1, wire)?,
                (2, wire) => value = entry.string(2, wire)?,
                (field, wire) => entry.skip(field, wire)?,
            }
        }
        if key.of(bytes) == b"location" {
            external.push(value.text(bytes).to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_refused_with_a_sentence() {
        let cut = read(&[0x3a, 0x05, 0x00]).expect_err("cut short");
        assert_eq!(cut, "not an ONNX model, or one cut short: the message ends in the middle of a field");
        let empty = "not an ONNX model: it has no graph or names no operator set";
        assert_eq!(read(&[]), Err(empty.to_owned()));
        assert_eq!(read(&[0x3a, 0x00]), Err(empty.to_owned()), "no operator set");
        assert_eq!(read(&[0x42, 0x02, 0x10, 0x15]), Err(empty.to_owned()), "no graph");
        assert!(read(b"PK\x03\x04 a zip file").is_err());
    }
}
