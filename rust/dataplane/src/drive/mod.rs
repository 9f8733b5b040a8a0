//! Gives the step machines of the core a clock, threads and a runtime.

pub mod aside;
pub mod change;
pub mod clock;
pub mod compute;
mod control;
pub mod execute;
pub mod inbox;
pub mod inspect;
pub mod keys;
mod lease;
mod load;
pub mod message;
mod niceness;
pub mod plane;
pub mod reactor;
pub mod recorded;
pub mod server;
pub mod snapshot;
pub mod state;
pub mod workers;
