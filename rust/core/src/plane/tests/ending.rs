//! How a server ends, in every order of events.

use proptest::prelude::*;

use crate::plane::{ABORT_GRACE, Ending, EndingCommand as Do, EndingEvent as On};

const CLOSE: [Do; 3] = [Do::StopAccepting, Do::SendGoaway, Do::EndIdleStreams];

#[test]
fn a_clean_end_reports_waits_closes_and_leaves_when_the_last_request_ends() {
    let mut server = Ending::new(5, 30);
    assert_eq!(server.step(On::Idle), []);
    assert_eq!(server.wake_at(), None);
    assert_eq!(server.step(On::Signal(100)), [Do::ReportNotServing]);
    assert!(server.is_ending() && server.is_accepting());
    assert_eq!(server.wake_at(), Some(105));
    assert_eq!(server.step(On::Idle), [], "the door is open: more may come");
    assert_eq!(server.step(On::Tick(104)), []);
    assert_eq!(server.step(On::Tick(105)), CLOSE);
    assert!(!server.is_accepting());
    assert_eq!(server.wake_at(), Some(135));
    assert_eq!(server.step(On::Idle), [Do::Exit { is_clean: true }]);
    assert_eq!(server.wake_at(), None);
}

#[test]
fn without_a_delay_the_door_closes_with_the_signal() {
    let mut server = Ending::new(0, 30);
    let commands = server.step(On::Signal(100));
    assert_eq!(commands[0], Do::ReportNotServing);
    assert_eq!(commands[1..], CLOSE);
}

#[test]
fn what_is_left_at_the_timeout_is_aborted_and_the_exit_says_so() {
    let mut server = Ending::new(0, 30);
    server.step(On::Signal(100));
    assert_eq!(server.step(On::Tick(129)), []);
    assert_eq!(server.step(On::Tick(130)), [Do::AbortRemaining]);
    assert_eq!(server.clone().step(On::Idle), [Do::Exit { is_clean: false }]);
    assert_eq!(server.wake_at(), Some(130 + ABORT_GRACE));
    assert_eq!(server.step(On::Tick(130 + ABORT_GRACE)), [Do::Exit { is_clean: false }], "a run that never ends");
}

#[test]
fn a_second_signal_leaves_at_once_whatever_is_going_on() {
    for ticks in [&[][..], &[105], &[105, 135]] {
        let mut server = Ending::new(5, 30);
        server.step(On::Signal(100));
        for tick in ticks {
            server.step(On::Tick(*tick));
        }
        assert_eq!(server.step(On::Signal(140)), [Do::ExitNow], "after {ticks:?}");
        assert_eq!(server.step(On::Signal(141)), []);
    }
}

fn event() -> impl Strategy<Value = (u64, u8)> {
    (0u64..ABORT_GRACE / 4, 0u8..12)
}

proptest! {
    #[test]
    fn commands_come_once_each_in_order_and_nothing_follows_an_exit(
        delay in 0u64..ABORT_GRACE,
        timeout in 0u64..ABORT_GRACE,
        events in prop::collection::vec(event(), 0..60),
    ) {
        let mut server = Ending::new(delay, timeout);
        let (mut now, mut all) = (0, Vec::new());
        for (step, kind) in events {
            now += step;
            all.extend(server.step(match kind {
                0 => On::Signal(now),
                1 => On::Idle,
                _ => On::Tick(now),
            }));
        }
        let order = [Do::ReportNotServing, CLOSE[0], CLOSE[1], CLOSE[2], Do::AbortRemaining];
        let ends = all.iter().position(|command| matches!(command, Do::Exit { .. } | Do::ExitNow));
        let before = &all[..ends.unwrap_or(all.len())];
        prop_assert!(order.starts_with(before), "{all:?}");
        prop_assert!(ends.is_none_or(|at| at + 1 == all.len() && at > 0), "{all:?}");
        if let Some(Do::Exit { is_clean }) = all.last() {
            prop_assert_eq!(*is_clean, !all.contains(&Do::AbortRemaining));
        }
    }
}
