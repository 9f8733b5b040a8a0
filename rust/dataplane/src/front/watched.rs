//! Sockets that say whether something came, and sockets that do not wait for ever for a peer that reads nothing.

use std::cell::Cell;
use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Whether something came since it was last asked.
#[derive(Clone, Default)]
pub struct Heard(Rc<Cell<bool>>);

impl Heard {
    pub fn take(&self) -> bool {
        self.0.take()
    }
}

/// A socket that notes what comes.
pub struct Listening<Socket> {
    socket: Socket,
    heard: Heard,
}

impl<Socket> Listening<Socket> {
    pub fn new(socket: Socket, heard: &Heard) -> Self {
        Self { socket, heard: heard.clone() }
    }
}

impl<Socket: AsyncRead + Unpin> AsyncRead for Listening<Socket> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, into);
        if into.filled().len() > before {
            self.heard.0.set(true);
        }
        read
    }
}

impl<Socket: AsyncWrite + Unpin> AsyncWrite for Listening<Socket> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// A socket that breaks when its peer takes nothing for so long.
pub struct Impatient<Socket> {
    socket: Socket,
    patience: Duration,
    /// Until when the write that waits may wait.
    until: Option<Pin<Box<Sleep>>>,
}

impl<Socket> Impatient<Socket> {
    pub fn new(socket: Socket, patience: Duration) -> Self {
        Self { socket, patience, until: None }
    }

    /// What a write comes to, if waiting for it has not taken too long.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience)));
        until.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<Socket: AsyncRead + Unpin> AsyncRead for Impatient<Socket> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, into)
    }
}

impl<Socket: AsyncWrite + Unpin> AsyncWrite for Impatient<Socket> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.bounded(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const PATIENCE: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_write_that_nobody_takes_breaks_in_time() {
        let (near, _far) = tokio::io::duplex(8);
        let mut near = Impatient::new(near, PATIENCE);
        near.write_all(&[0; 8]).await.expect("there is room");
        let begun = tokio::time::Instant::now();
        let broken = near.write_all(&[0; 8]).await.expect_err("nobody reads");
        assert_eq!(broken.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= PATIENCE);
    }

    #[tokio::test]
    async fn a_write_that_is_taken_slowly_goes_on() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut near = Impatient::new(near, PATIENCE);
        let reading = async {
            for _ in 0..4 {
                tokio::time::sleep(PATIENCE / 2).await;
                far.read_exact(&mut [0; 8]).await.expect("it comes");
            }
        };
        let (written, ()) = tokio::join!(near.write_all(&[0; 32]), reading);
        written.expect("somebody reads");
    }
}
