//! Messages out of a request's body: framed, perhaps compressed, arriving in pieces.

use crate::drive::message::{Encoding, Message, too_large};
use crate::drive::plane::Held;
use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::answer::FRAME_HEAD;

/// Pieces below this are gathered; gathered ones are handed on when they reach the second.
const SMALL_PIECE: usize = 8 << 10;
const GATHERED: usize = 64 << 10;

/// The call's `grpc-encoding`.
///
/// # Errors
/// We do not know it.
pub fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Fault> {
    match headers.get("grpc-encoding").map(http::HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(Encoding::Identity),
        Some(b"gzip") => Ok(Encoding::Gzip),
        Some(b"deflate") => Ok(Encoding::Deflate),
        Some(other) => {
            let shown: String = String::from_utf8_lossy(other).chars().take(32).collect();
            let known = super::grpc::ENCODINGS;
            let message = format!("grpc-encoding \"{shown}\" is not understood; send one of {known}");
            Err(Fault::new(Reason::UnknownCompression, message))
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
    Message(Message),
    End,
}

/// The messages of one body.
pub struct Messages {
    body: RecvStream,
    encoding: Encoding,
    limit: usize,
    pieces: VecDeque<Bytes>,
    /// Small pieces are gathered here, so that a message that comes byte by byte does not cost a buffer a byte.
    tail: BytesMut,
    /// Bytes in `pieces` and `tail`.
    arrived: usize,
}

impl Messages {
    /// Reads messages of at most `limit` bytes, compressed or not.
    pub fn new(body: RecvStream, encoding: Encoding, limit: usize) -> Self {
        Self { body, encoding, limit, pieces: VecDeque::new(), tail: BytesMut::new(), arrived: 0 }
    }

    /// Takes one step; `held` accounts for what arrives.
    pub fn poll_step(&mut self, cx: &mut Context<'_>, held: &mut Held) -> Poll<Result<Step, Broken>> {
        if let Some(message) = self.next_frame()? {
            return Poll::Ready(Ok(Step::Message(message)));
        }
        match ready!(self.body.poll_data(cx)) {
            None if self.arrived == 0 => Poll::Ready(Ok(Step::End)),
            None => {
                let came = self.arrived;
                let text = format!("the body ends in the middle of a message, {came} bytes after its start");
                Poll::Ready(Err(Fault::new(Reason::MalformedMessage, text).into()))
            }
            Some(Err(_)) => Poll::Ready(Err(Broken::Gone)),
            Some(Ok(chunk)) => {
                // What is released may come again; the account keeps the total in bounds.
                drop(self.body.flow_control().release_capacity(chunk.len()));
                held.grow(chunk.len())?;
                self.absorb(chunk);
                Poll::Ready(Ok(self.next_frame()?.map_or(Step::More, Step::Message)))
            }
        }
    }

    /// Whether nothing of an unfinished message is held: a caller may rest here as long as it likes.
    pub fn is_between(&self) -> bool {
        self.arrived == 0
    }

    /// The next step of a stream; gives up when a message stands still half-way for `idle`.
    pub async fn step(&mut self, held: &mut Held, idle: Duration) -> Result<Step, Broken> {
        let is_between = self.is_between();
        let step = poll_fn(|cx| self.poll_step(cx, held));
        if is_between {
            return step.await;
        }
        tokio::time::timeout(idle, step).await.unwrap_or_else(|_| Err(stood_still(idle).into()))
    }

    fn absorb(&mut self, chunk: Bytes) {
        self.arrived += chunk.len();
        // Nearly always one frame holds one message, which is then handed on as it came.
        if chunk.len() >= SMALL_PIECE || (self.arrived == chunk.len() && is_one_frame(&chunk)) {
            self.gather();
            self.pieces.push_back(chunk);
        } else {
            self.tail.extend_from_slice(&chunk);
            if self.tail.len() >= GATHERED {
                self.gather();
            }
        }
    }

    fn gather(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
    }

    /// The next message, if all of it is here.
    fn next_frame(&mut self) -> Result<Option<Message>, Fault> {
        if self.arrived < FRAME_HEAD {
            return Ok(None);
        }
        let mut head = [0; FRAME_HEAD];
        let bytes = self.pieces.iter().flatten().chain(&self.tail);
        head.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > self.limit {
            return Err(too_large(self.limit, &format!("{length} bytes")));
        }
        let encoding = match (head[0], self.encoding) {
            (0, _) => Encoding::Identity,
            (1, Encoding::Identity) => {
                let text = "a message is flagged as compressed, but the call names no grpc-encoding";
                return Err(Fault::new(Reason::InvalidCompression, text));
            }
            (1, encoding) => encoding,
            (other, _) => {
                let text = format!("a message starts with {other}; expected 0 (as it is) or 1 (compressed)");
                return Err(Fault::new(Reason::MalformedMessage, text));
            }
        };
        if self.arrived < FRAME_HEAD + length {
            return Ok(None);
        }
        self.gather();
        self.take(FRAME_HEAD);
        let pieces = self.take(length);
        Ok(Some(Message::new(pieces, encoding, self.limit)))
    }

    /// Takes so many bytes, which are here, off the front.
    fn take(&mut self, mut count: usize) -> Vec<Bytes> {
        self.arrived -= count;
        let mut taken = Vec::with_capacity(1);
        while count > 0 {
            let Some(first) = self.pieces.front_mut() else { break };
            let part = first.split_to(count.min(first.len()));
            count -= part.len();
            taken.push(part);
            if first.is_empty() {
                self.pieces.pop_front();
            }
        }
        taken
    }

    /// Takes the one message of a unary call as far as bytes are here; `one` keeps it until the body ends.
    pub fn poll_unary(
        &mut self,
        cx: &mut Context<'_>,
        one: &mut Option<Message>,
        held: &mut Held,
    ) -> Poll<Result<Message, Broken>> {
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
        one: &mut Option<Message>,
        held: &mut Held,
    ) -> Poll<Result<Option<Message>, Broken>> {
        let is_over = one.is_some() && self.arrived == 0 && self.body.is_end_stream();
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
        one: &mut Option<Message>,
        held: &mut Held,
        idle: Duration,
        within: Duration,
    ) -> Result<Message, Broken> {
        let whole = async {
            loop {
                let step = poll_fn(|cx| self.poll_unary_step(cx, one, held));
                let step = tokio::time::timeout(idle, step).await.map_err(|_| stood_still(idle))??;
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

fn stood_still(idle: Duration) -> Fault {
    let millis = idle.as_millis();
    let text = format!("no byte of the message arrived for {millis} ms (limits.idle_body_timeout_ms)");
    Fault::new(Reason::DeadlineExpired, text)
}

fn is_one_frame(chunk: &Bytes) -> bool {
    chunk.first_chunk::<FRAME_HEAD>().is_some_and(|head| {
        u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize == chunk.len() - FRAME_HEAD
    })
}
