//! Protocol-buffer wire format over a borrowed slice: the few moves that reading a request needs.
//!
//! Accepts and refuses exactly what prost does (the fuzz test compares them), so that a request means the same on the
//! fast path as to any generated code.

/// A stretch of the message, by position. Messages are limited to less than 2 GiB, so 32 bits suffice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The bytes it stands for.
    pub fn of(self, message: &[u8]) -> &[u8] {
        &message[self.start as usize..self.end as usize]
    }

    /// The text it stands for; only for spans that were read as strings, whose UTF-8 was checked then.
    pub fn text(self, message: &[u8]) -> &str {
        std::str::from_utf8(self.of(message)).unwrap_or_default()
    }
}

/// What is wrong with the bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the message ends in the middle of a field")]
    Truncated,
    #[error("a varint is longer than 64 bits")]
    VarintTooLong,
    #[error("a field has number 0 or a number that is too large")]
    FieldNumber,
    #[error("field {field} has wire type {wire}, which does not fit it")]
    WireType { field: u32, wire: u8 },
    #[error("groups do not nest")]
    Group,
    #[error("messages nest deeper than {NESTING} levels")]
    TooDeep,
    #[error("a string is not valid UTF-8")]
    Utf8,
    #[error("a list has more than {} entries", super::request::ENTRIES)]
    TooMany,
}

/// How deep messages and groups may nest, as in every protobuf runtime.
pub const NESTING: u32 = 100;

pub const VARINT: u8 = 0;
pub const FIXED64: u8 = 1;
pub const DELIMITED: u8 = 2;
const START_GROUP: u8 = 3;
const END_GROUP: u8 = 4;
pub const FIXED32: u8 = 5;

/// A cursor over one message inside `buf`, which is the whole request: positions stay absolute.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    buf: &'a [u8],
    at: usize,
    end: usize,
    /// Levels that may still be opened below this message.
    depth: u32,
}

impl<'a> Reader<'a> {
    /// Reads the top-level message.
    pub fn new(buf: &'a [u8]) -> Self {
        Self { buf, at: 0, end: buf.len(), depth: NESTING }
    }

    /// Reads a stretch of the same request that was set aside, as one message inside another.
    pub fn over(buf: &'a [u8], span: Span) -> Self {
        Self { buf, at: span.start as usize, end: span.end as usize, depth: NESTING - 2 }
    }

    /// Reads a message that is a field of this one.
    pub fn inside(&self, span: Span) -> Result<Self, Malformed> {
        let depth = self.depth.checked_sub(1).ok_or(Malformed::TooDeep)?;
        Ok(Self { buf: self.buf, at: span.start as usize, end: span.end as usize, depth })
    }

    pub fn is_done(&self) -> bool {
        self.at >= self.end
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let bytes = &self.buf[self.at..self.end];
        match bytes.first() {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for count in 0..10 {
            let at = self.at + count;
            if at >= self.end {
                return Err(Malformed::Truncated);
            }
            let byte = self.buf[at];
            value |= u64::from(byte & 0x7f) << (7 * count);
            if byte < 0x80 {
                if count == 9 && byte > 1 {
                    return Err(Malformed::VarintTooLong);
                }
                self.at = at + 1;
                return Ok(value);
            }
        }
        Err(Malformed::VarintTooLong)
    }

    /// The next field's number and wire type.
    #[inline]
    pub fn tag(&mut self) -> Result<(u32, u8), Malformed> {
        let key = u32::try_from(self.varint()?).map_err(|_| Malformed::FieldNumber)?;
        let (field, wire) = (key >> 3, (key & 7) as u8);
        if wire > FIXED32 {
            return Err(Malformed::WireType { field, wire });
        }
        if field == 0 {
            return Err(Malformed::FieldNumber);
        }
        Ok((field, wire))
    }

    /// A length-delimited field's stretch; the length is believed only as far as bytes have arrived.
    #[inline]
    pub fn delimited(&mut self, field: u32, wire: u8) -> Result<Span, Malformed> {
        expect(field, wire, DELIMITED)?;
        let length = self.varint()?;
        self.stretch(length)
    }

    /// The next `length` bytes, if so many are left.
    #[inline]
    pub fn stretch(&mut self, length: u64) -> Result<Span, Malformed> {
        if length > (self.end - self.at) as u64 {
            return Err(Malformed::Truncated);
        }
        let start = self.at;
        self.at += length as usize;
        Ok(Span { start: start as u32, end: self.at as u32 })
    }

    /// A string field: its stretch, known to be UTF-8.
    #[inline]
    pub fn string(&mut self, field: u32, wire: u8) -> Result<Span, Malformed> {
        let span = self.delimited(field, wire)?;
        std::str::from_utf8(span.of(self.buf)).map_err(|_| Malformed::Utf8)?;
        Ok(span)
    }

    /// Eight bytes as they lie there.
    pub fn fixed64(&mut self) -> Result<[u8; 8], Malformed> {
        let span = self.stretch(8)?;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(span.of(self.buf));
        Ok(bytes)
    }

    /// Passes over a field that this reader does not know.
    pub fn skip(&mut self, field: u32, wire: u8) -> Result<(), Malformed> {
        self.skip_at(field, wire, self.depth)
    }

    fn skip_at(&mut self, field: u32, wire: u8, depth: u32) -> Result<(), Malformed> {
        if depth == 0 {
            return Err(Malformed::TooDeep);
        }
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.stretch(8).map(drop),
            FIXED32 => self.stretch(4).map(drop),
            DELIMITED => self.delimited(field, wire).map(drop),
            START_GROUP => loop {
                let (inner, wire) = self.tag()?;
                if wire == END_GROUP {
                    return if inner == field { Ok(()) } else { Err(Malformed::Group) };
                }
                self.skip_at(inner, wire, depth - 1)?;
            },
            _ => Err(Malformed::Group),
        }
    }
}

/// Refuses a known field that comes with another wire type.
#[inline]
pub fn expect(field: u32, wire: u8, expected: u8) -> Result<(), Malformed> {
    if wire == expected { Ok(()) } else { Err(Malformed::WireType { field, wire }) }
}
