//! A bell that any thread rings and that one thread's event loop hears: an eventfd.

use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

/// See the module.
pub struct Bell(OwnedFd);

impl Bell {
    /// # Errors
    /// The system has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    /// Rings once more; rings that nobody has heard yet are one.
    pub fn ring(&self) {
        // It can only refuse when it has been rung 2^64 times unheard, and then it is heard.
        rustix::io::write(&self.0, &1u64.to_ne_bytes()).ok();
    }

    /// Takes note of all rings so far.
    pub fn hear(&self) {
        // There is nothing to read when nobody rang.
        rustix::io::read(&self.0, &mut [0; 8]).ok();
    }

    /// What an event loop waits on until it can be read.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
