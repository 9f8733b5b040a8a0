//! Which class of numbers a datatype is counted as.

use crate::oip::datatype::Datatype;

/// How the elements of a datatype are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    F32,
    F64,
    I64,
    Strings,
}

impl Class {
    pub(super) fn of(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 => Self::F32,
            Datatype::Fp64 => Self::F64,
            Datatype::Bytes => Self::Strings,
            _ => Self::I64,
        }
    }
}
