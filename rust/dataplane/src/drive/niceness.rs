//! Threads that let those that answer callers go before them.

use rustix::process::setpriority_process;
use rustix::thread::gettid;

/// The nice value of loading and of shadows: about a tenth of the processor time of a thread that answers, if both want
/// it.
pub(super) const LOW: i32 = 10;

/// Sets the nice value of this thread. The system may refuse: then it takes more time from others than it should, and
/// costs no answer.
pub(super) fn give_way(niceness: i32) {
    if niceness > 0 {
        setpriority_process(Some(gettid()), niceness).ok();
    }
}
