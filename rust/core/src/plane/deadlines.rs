//! Which deadline comes next, and what a caller's deadline is.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hash::Hash;

use super::{Map, Nanos, SECOND};

/// Removed deadlines that may stay in the heap beyond as many as are alive: keeps a small heap from being rebuilt often.
const GARBAGE: usize = 64;

/// Deadlines by key, the earliest first.
///
/// Most requests are answered long before their deadline, so removing only forgets the key and leaves its entry in the
/// heap; the heap is rebuilt when such entries outnumber the living ones, which keeps every call at O(log n) over time
/// and the memory at about twice what is alive.
#[derive(Debug)]
pub struct Deadlines<K> {
    heap: BinaryHeap<Reverse<Entry<K>>>,
    /// The serial number of each key's living entry.
    alive: Map<K, u64>,
    serial: u64,
}

#[derive(Debug)]
struct Entry<K> {
    deadline: Nanos,
    serial: u64,
    key: K,
}

impl<K: Copy + Eq + Hash> Default for Deadlines<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Copy + Eq + Hash> Deadlines<K> {
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), alive: Map::default(), serial: 0 }
    }

    /// Sets the deadline of a key, in place of an earlier one.
    pub fn insert(&mut self, deadline: Nanos, key: K) {
        self.serial += 1;
        self.alive.insert(key, self.serial);
        self.heap.push(Reverse(Entry { deadline, serial: self.serial, key }));
        self.tidy();
    }

    /// Forgets a key; false if it was not there (answered, expired, or never set).
    pub fn remove(&mut self, key: K) -> bool {
        let was_there = self.alive.remove(&key).is_some();
        if was_there {
            self.tidy();
        }
        was_there
    }

    /// The earliest deadline: when to look again.
    pub fn next(&self) -> Option<Nanos> {
        self.heap.peek().map(|Reverse(entry)| entry.deadline)
    }

    /// Appends to `expired` the keys whose deadline is `now` or earlier, the earliest first, and forgets them.
    pub fn expire(&mut self, now: Nanos, expired: &mut Vec<K>) {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if entry.deadline > now {
                break;
            }
            expired.push(entry.key);
            self.alive.remove(&entry.key);
            self.tidy();
        }
    }

    pub fn len(&self) -> usize {
        self.alive.len()
    }

    pub fn is_empty(&self) -> bool {
        self.alive.is_empty()
    }

    /// Keeps two promises: the top of the heap is alive, and garbage is bounded.
    fn tidy(&mut self) {
        let Self { heap, alive, .. } = self;
        let is_alive = |entry: &Entry<K>| alive.get(&entry.key) == Some(&entry.serial);
        while heap.peek().is_some_and(|Reverse(entry)| !is_alive(entry)) {
            heap.pop();
        }
        if heap.len() > 2 * alive.len() + GARBAGE {
            heap.retain(|Reverse(entry)| is_alive(entry));
        }
    }
}

impl<K> PartialEq for Entry<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<K> Eq for Entry<K> {}

impl<K> PartialOrd for Entry<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Entry<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.deadline, self.serial).cmp(&(other.deadline, other.serial))
    }
}

/// The one deadline of a request: the earliest of the caller's `grpc-timeout`, Triton's `timeout` parameter in
/// microseconds (0: none, as there) and the route's timeout, all counted from its arrival.
pub fn earliest(now: Nanos, grpc_timeout: Option<Nanos>, triton_timeout_us: Option<u64>, timeout: Nanos) -> Nanos {
    let triton = triton_timeout_us.filter(|us| *us > 0).map(|us| us.saturating_mul(1_000));
    let allowed = [grpc_timeout, triton].into_iter().flatten().fold(timeout, Nanos::min);
    now.saturating_add(allowed)
}

/// Reads a `grpc-timeout` header: one to eight digits and a unit, `H` `M` `S` `m` `u` `n` (gRPC over HTTP/2,
/// "Requests"). `None` if it is malformed. The longest, 99,999,999 hours, is beyond 2⁶⁴ ns and saturates.
pub fn parse_grpc_timeout(value: &[u8]) -> Option<Nanos> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let unit = match unit {
        b'H' => 3_600 * SECOND,
        b'M' => 60 * SECOND,
        b'S' => SECOND,
        b'm' => 1_000_000,
        b'u' => 1_000,
        b'n' => 1,
        _ => return None,
    };
    let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some(unit.saturating_mul(number))
}

#[cfg(test)]
mod tests {
    use super::{Deadlines, GARBAGE, earliest, parse_grpc_timeout};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64, u8),
        Remove(u8),
        Expire(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u64..100, any::<u8>()).prop_map(|(at, key)| Step::Insert(at, key)),
            3 => any::<u8>().prop_map(Step::Remove),
            1 => (0u64..100).prop_map(Step::Expire),
        ];
        prop::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn it_does_what_a_plain_map_does(steps in steps()) {
            let mut deadlines = Deadlines::new();
            let mut naive: BTreeMap<u8, u64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(at, key) => {
                        deadlines.insert(at, key);
                        naive.insert(key, at);
                    }
                    Step::Remove(key) => prop_assert_eq!(deadlines.remove(key), naive.remove(&key).is_some()),
                    Step::Expire(now) => {
                        let mut expired = Vec::new();
                        deadlines.expire(now, &mut expired);
                        prop_assert!(expired.is_sorted_by_key(|key| naive[key]));
                        expired.sort_unstable();
                        let due: Vec<u8> = naive.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
                        prop_assert_eq!(expired, due);
                        naive.retain(|_, at| *at > now);
                    }
                }
                prop_assert_eq!(deadlines.next(), naive.values().min().copied());
                prop_assert_eq!(deadlines.len(), naive.len());
                prop_assert!(deadlines.heap.len() <= 2 * deadlines.len() + GARBAGE);
            }
        }

        #[test]
        fn any_bytes_are_a_timeout_or_malformed(value in prop::collection::vec(any::<u8>(), 0..12)) {
            let _ = parse_grpc_timeout(&value);
        }
    }

    #[test]
    fn requests_that_are_answered_in_time_leave_no_garbage_behind_one_that_waits() {
        let mut deadlines = Deadlines::new();
        deadlines.insert(0, 0);
        for key in 1..10_000 {
            deadlines.insert(key, key);
            assert!(deadlines.remove(key));
            assert!(deadlines.heap.len() <= 2 + GARBAGE);
        }
        assert_eq!(deadlines.next(), Some(0));
    }

    #[test]
    fn a_timeout_header_is_read_in_every_unit() {
        for (text, nanos) in [
            ("1H", 3_600_000_000_000),
            ("2M", 120_000_000_000),
            ("3S", 3_000_000_000),
            ("4m", 4_000_000),
            ("5u", 5_000),
            ("6n", 6),
            ("0n", 0),
            ("00000007n", 7),
            ("99999999n", 99_999_999),
            ("99999999H", u64::MAX),
        ] {
            assert_eq!(parse_grpc_timeout(text.as_bytes()), Some(nanos), "{text}");
        }
    }

    #[test]
    fn a_malformed_timeout_header_is_told_apart() {
        for text in ["", "S", "1", "123456789S", "1s", "-1S", "+1S", " 1S", "1 S", "1.5S", "1SS", "\u{661}S"] {
            assert_eq!(parse_grpc_timeout(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_earliest_of_the_three_timeouts_counts() {
        assert_eq!(earliest(10, None, None, 500), 510);
        assert_eq!(earliest(10, Some(100), None, 500), 110);
        assert_eq!(earliest(10, Some(100_000), Some(7), 500_000), 7_010);
        assert_eq!(earliest(10, None, Some(0), 500), 510, "Triton's zero means the default");
        assert_eq!(earliest(10, Some(0), None, 500), 10, "a spent grpc-timeout is not");
        assert_eq!(earliest(10, Some(u64::MAX), Some(u64::MAX), u64::MAX), u64::MAX);
    }
}
