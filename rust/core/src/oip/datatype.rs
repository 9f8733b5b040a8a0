//! The datatypes of the protocol, their sizes and names.

/// A tensor's element type as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    Bytes,
}

/// Which field of `InferTensorContents` carries a datatype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentsField {
    pub number: u32,
    pub name: &'static str,
}

impl Datatype {
    pub const ALL: [Self; 14] = [
        Self::Bool,
        Self::Uint8,
        Self::Uint16,
        Self::Uint32,
        Self::Uint64,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Fp16,
        Self::Bf16,
        Self::Fp32,
        Self::Fp64,
        Self::Bytes,
    ];

    /// The name on the wire, such as `FP32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Uint8 => "UINT8",
            Self::Uint16 => "UINT16",
            Self::Uint32 => "UINT32",
            Self::Uint64 => "UINT64",
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Fp16 => "FP16",
            Self::Bf16 => "BF16",
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Bytes => "BYTES",
        }
    }

    /// The datatype of that name; names are case-sensitive.
    pub fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|datatype| datatype.name().as_bytes() == name)
    }

    /// Bytes per element; `None` for BYTES, whose elements carry their own length.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Bool | Self::Uint8 | Self::Int8 => Some(1),
            Self::Uint16 | Self::Int16 | Self::Fp16 | Self::Bf16 => Some(2),
            Self::Uint32 | Self::Int32 | Self::Fp32 => Some(4),
            Self::Uint64 | Self::Int64 | Self::Fp64 => Some(8),
            Self::Bytes => None,
        }
    }

    /// The typed field for this datatype; `None` where the protocol has only raw contents (FP16, BF16).
    pub fn contents_field(self) -> Option<ContentsField> {
        let (number, name) = match self {
            Self::Bool => (1, "bool_contents"),
            Self::Int8 | Self::Int16 | Self::Int32 => (2, "int_contents"),
            Self::Int64 => (3, "int64_contents"),
            Self::Uint8 | Self::Uint16 | Self::Uint32 => (4, "uint_contents"),
            Self::Uint64 => (5, "uint64_contents"),
            Self::Fp32 => (6, "fp32_contents"),
            Self::Fp64 => (7, "fp64_contents"),
            Self::Bytes => (8, "bytes_contents"),
            Self::Fp16 | Self::Bf16 => return None,
        };
        Some(ContentsField { number, name })
    }
}

/// The name of the `InferTensorContents` field with that number.
pub fn contents_field_name(number: u32) -> &'static str {
    match number {
        1 => "bool_contents",
        2 => "int_contents",
        3 => "int64_contents",
        4 => "uint_contents",
        5 => "uint64_contents",
        6 => "fp32_contents",
        7 => "fp64_contents",
        _ => "bytes_contents",
    }
}

/// The value of an FP16 (IEEE 754 binary16: one sign, five exponent and ten fraction bits), exactly.
pub fn widen_half(bits: u16) -> f64 {
    const FRACTION: f64 = 1_024.0;
    let fraction = f64::from(bits & 0x3ff);
    let exponent = i32::from((bits >> 10) & 0x1f);
    let size = match exponent {
        0 => fraction / FRACTION * 2_f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / FRACTION) * 2_f64.powi(exponent - 15),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// The value of a BF16 (the upper half of an FP32), exactly.
pub fn widen_brain(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_parsed_to_its_own_datatype_only() {
        for datatype in Datatype::ALL {
            assert_eq!(Datatype::parse(datatype.name().as_bytes()), Some(datatype));
            assert_eq!(Datatype::parse(datatype.name().to_lowercase().as_bytes()), None);
            if let Some(field) = datatype.contents_field() {
                assert_eq!(contents_field_name(field.number), field.name);
            }
        }
        assert_eq!(Datatype::parse(b""), None);
    }
}
