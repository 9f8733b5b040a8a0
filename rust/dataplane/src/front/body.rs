//! Messages out of a request's body: framed, perhaps compressed, arriving in pieces.

use crate::drive::plane::Held;
use bytes::{Buf as _, Bytes, BytesMut};
use flate2::read::{GzDecoder, ZlibDecoder};
use h2::RecvStream;
use http::HeaderMap;
use std::future::poll_fn;
use std::io::Read;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::answer::FRAME_HEAD;

/// How messages of a call may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    /// The call's `grpc-encoding`.
    ///
    /// # Errors
    /// We do not know it.
    pub fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        match headers.get("grpc-encoding").map(http::HeaderValue::as_bytes) {
            None | Some(b"identity") => Ok(Self::Identity),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(b"deflate") => Ok(Self::Deflate),
            Some(other) => {
                let shown: String = String::from_utf8_lossy(other).chars().take(32).collect();
                let known = super::grpc::ENCODINGS;
                let message = format!("grpc-encoding \"{shown}\" is not understood; send one of {known}");
                Err(Fault::new(Reason::UnknownCompression, message))
            }
        }
    }
}

/// Why no message comes.
#[derive(Debug)]
pub enum Broken {
    /// The caller is told.
    Fault(Fault),
    /// There is nobody left to tell.
    Gone,
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One step of reading.
#[derive(Debug)]
pub enum Step {
    /// Bytes arrived, no whole message yet.
    More,
    Message(Bytes),
    End,
}

/// The messages of one body.
pub struct Messages {
    body: RecvStream,
    encoding: Encoding,
    limit: usize,
    buffer: BytesMut,
    /// A whole frame in one piece, which is the rule: it is handed on without a copy.
    whole: Option<Bytes>,
}

impl Messages {
    /// Reads messages of at most `limit` bytes, compressed or not.
    pub fn new(body: RecvStream, encoding: Encoding, limit: usize) -> Self {
        Self { body, encoding, limit, buffer: BytesMut::new(), whole: None }
    }

    /// Takes one step; `held` accounts for what arrives.
    pub fn poll_step(&mut self, cx: &mut Context<'_>, held: &mut Held) -> Poll<Result<Step, Broken>> {
        if let Some(message) = self.buffered(held)? {
            return Poll::Ready(Ok(Step::Message(message)));
        }
        match ready!(self.body.poll_data(cx)) {
            None if self.buffer.is_empty() => Poll::Ready(Ok(Step::End)),
            None => {
                let (came, fault) = (self.buffer.len(), Reason::MalformedMessage);
                let message = format!("the body ends in the middle of a message, {came} bytes after its start");
                Poll::Ready(Err(Fault::new(fault, message).into()))
            }
            Some(Err(_)) => Poll::Ready(Err(Broken::Gone)),
            Some(Ok(chunk)) => {
                // What is released may come again; the account keeps the total in bounds.
                drop(self.body.flow_control().release_capacity(chunk.len()));
                held.grow(chunk.len())?;
                if self.buffer.is_empty() && is_one_frame(&chunk) {
                    self.whole = Some(chunk);
                } else {
                    self.buffer.extend_from_slice(&chunk);
                }
                match self.buffered(held)? {
                    Some(message) => Poll::Ready(Ok(Step::Message(message))),
                    None => Poll::Ready(Ok(Step::More)),
                }
            }
        }
    }

    /// The next message, if all of it is here.
    fn buffered(&mut self, held: &mut Held) -> Result<Option<Bytes>, Fault> {
        let (flag, message) = if let Some(mut whole) = self.whole.take() {
            let length = (whole.len() - FRAME_HEAD) as u64;
            self.check_length(length)?;
            let flag = whole[0];
            whole.advance(FRAME_HEAD);
            (flag, whole)
        } else {
            let Some(head) = self.buffer.first_chunk::<FRAME_HEAD>() else { return Ok(None) };
            let (flag, length) = (head[0], u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize);
            self.check_length(length as u64)?;
            if self.buffer.len() < FRAME_HEAD + length {
                return Ok(None);
            }
            let mut frame = self.buffer.split_to(FRAME_HEAD + length);
            frame.advance(FRAME_HEAD);
            (flag, frame.freeze())
        };
        match flag {
            0 => Ok(Some(message)),
            1 => self.decompress(&message, held).map(Some),
            other => {
                let text = format!("a message starts with {other}; expected 0 (as it is) or 1 (compressed)");
                Err(Fault::new(Reason::MalformedMessage, text))
            }
        }
    }

    fn check_length(&self, length: u64) -> Result<(), Fault> {
        if length <= self.limit as u64 { Ok(()) } else { Err(self.too_large(&format!("{length} bytes"))) }
    }

    fn too_large(&self, came: &str) -> Fault {
        let mib = self.limit >> 20;
        let message = format!("the message has {came}; at most {mib} MiB are taken (limits.message_mib)");
        Fault::new(Reason::MessageTooLarge, message)
    }

    fn decompress(&self, message: &[u8], held: &mut Held) -> Result<Bytes, Fault> {
        let reader: &mut dyn Read = match self.encoding {
            Encoding::Gzip => &mut GzDecoder::new(message),
            Encoding::Deflate => &mut ZlibDecoder::new(message),
            Encoding::Identity => {
                let text = "a message is flagged as compressed, but the call names no grpc-encoding";
                return Err(Fault::new(Reason::InvalidCompression, text));
            }
        };
        let mut plain = Vec::new();
        reader.take(self.limit as u64 + 1).read_to_end(&mut plain).map_err(|error| {
            Fault::new(Reason::InvalidCompression, format!("the message cannot be decompressed: {error}"))
        })?;
        if plain.len() > self.limit {
            return Err(self.too_large(&format!("more than {} bytes after decompression", self.limit)));
        }
        held.grow(plain.len())?;
        Ok(plain.into())
    }

    /// Takes the one message of a unary call as far as bytes are here; `one` keeps it until the body ends.
    pub fn poll_unary(&mut self, cx: &mut Context<'_>, one: &mut Option<Bytes>, held: &mut Held) -> Poll<Result<Bytes, Broken>> {
        loop {
            if let Some(message) = ready!(self.poll_unary_step(cx, one, held))? {
                return Poll::Ready(Ok(message));
            }
        }
    }

    /// One step towards the one message: `None` means that bytes arrived and more are to come.
    fn poll_unary_step(
        &mut self,
        cx: &mut Context<'_>,
        one: &mut Option<Bytes>,
        held: &mut Held,
    ) -> Poll<Result<Option<Bytes>, Broken>> {
        let is_over = one.is_some() && self.buffer.is_empty() && self.body.is_end_stream();
        let step = if is_over { Step::End } else { ready!(self.poll_step(cx, held))? };
        Poll::Ready(match (step, one.take()) {
            (Step::More, kept) => {
                *one = kept;
                Ok(None)
            }
            (Step::Message(message), None) => {
                *one = Some(message);
                Ok(None)
            }
            (Step::End, Some(message)) => Ok(Some(message)),
            (Step::Message(_), Some(_)) => {
                let text = "a unary call carries one message; this one carries more";
                Err(Fault::new(Reason::SeveralMessages, text).into())
            }
            (Step::End, None) => {
                Err(Fault::new(Reason::NoMessage, "a unary call carries one message; this one carries none").into())
            }
        })
    }

    /// Waits for the one message of a unary call; gives up when nothing arrives for `idle`, or after `within`.
    pub async fn unary(
        &mut self,
        one: &mut Option<Bytes>,
        held: &mut Held,
        idle: Duration,
        within: Duration,
    ) -> Result<Bytes, Broken> {
        let whole = async {
            loop {
                let step = poll_fn(|cx| self.poll_unary_step(cx, one, held));
                let step = tokio::time::timeout(idle, step).await.map_err(|_| {
                    let millis = idle.as_millis();
                    let text = format!("no byte of the message arrived for {millis} ms (limits.idle_body_timeout_ms)");
                    Fault::new(Reason::DeadlineExpired, text)
                })??;
                if let Some(message) = step {
                    return Ok(message);
                }
            }
        };
        tokio::time::timeout(within, whole).await.unwrap_or_else(|_| {
            Err(Fault::new(Reason::DeadlineExpired, "the deadline passed before the whole message had arrived").into())
        })
    }
}

fn is_one_frame(chunk: &Bytes) -> bool {
    chunk.first_chunk::<FRAME_HEAD>().is_some_and(|head| {
        u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize == chunk.len() - FRAME_HEAD
    })
}
