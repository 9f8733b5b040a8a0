//! Counts a batch, request by request, with what the thread left where it counts.

use super::lane::{Lane, Seat};
use super::observer::{Observed, Open};
use super::{Callers, Profiled};
use tidegate_core::oip::answer::Elements;
use tidegate_core::oip::validate::Plan;
use tidegate_core::routing::Reason;
use tidegate_core::sketch::Counts;

/// The counts that a thread has in its hand while it goes through a batch: consecutive requests mostly share them.
#[derive(Default)]
pub struct Hand<'a> {
    /// In the bins of the version's own profile.
    own: Option<Held<'a>>,
    /// In the bins of the stable version, where they are others.
    compared: Option<Held<'a>>,
}

/// Who counts the requests of an arm.
#[derive(Clone, Copy)]
pub struct Counting<'a> {
    pub observed: Option<&'a Observed>,
    pub callers: Option<&'a Callers>,
}

/// A request as it is counted.
pub struct Asked<'a> {
    pub reason: Reason,
    /// Of its caller, where versions are compared.
    pub sub_cell: Option<u8>,
    /// When it happened, in Unix seconds.
    pub at_s: u64,
    pub plan: &'a Plan,
    pub message: &'a [u8],
}

struct Held<'a> {
    profiled: &'a Profiled,
    lane: &'a Lane<Open>,
    /// Where it goes back to; none where another thread is.
    seat: Option<Seat<'a, Open>>,
    /// Rows of the request that was counted last, for outputs whose rows are of open length.
    rows: usize,
    // Taken out only to be put back.
    open: Option<Box<Open>>,
}

/// Where a request is counted.
struct Place<'a> {
    profiled: &'a Profiled,
    lane: &'a Lane<Open>,
    unit_s: u64,
}

impl<'a> Hand<'a> {
    /// Counts the inputs of a request, if somebody watches.
    pub fn inputs(&mut self, counting: Counting<'a>, asked: &Asked<'_>) {
        let [own, compared] = places(counting, asked);
        hold(&mut self.own, own.as_ref(), asked.at_s);
        hold(&mut self.compared, compared.as_ref(), asked.at_s);
        for held in [&mut self.own, &mut self.compared].into_iter().flatten() {
            held.inputs(asked.plan, asked.message);
        }
    }

    /// Counts the outputs of a request that was answered, after its inputs; `own` is its part of an output of the batch.
    pub fn outputs<'e>(&mut self, own: impl Fn(usize) -> Elements<'e>) {
        for held in [&mut self.own, &mut self.compared].into_iter().flatten() {
            held.outputs(&own);
        }
    }
}

/// Where a request is counted by its version's own profile, and where once more by that of the stable version.
fn places<'a>(Counting { observed, callers }: Counting<'a>, asked: &Asked<'_>) -> [Option<Place<'a>>; 2] {
    let own = observed.filter(|observed| observed.observer.is_watched()).map(|observed| {
        let observer = &*observed.observer;
        let lane = &observer.lanes[observed.class(asked.reason) as usize];
        Place { profiled: &observer.profiled, lane, unit_s: observer.unit_s().max(1) }
    });
    let Some((callers, sub_cell)) = callers.zip(asked.sub_cell) else { return [own, None] };
    let lane = callers.lane(sub_cell);
    if !callers.is_own {
        let unit_s = callers.observer.unit_s();
        return [own, (unit_s > 0).then_some(Place { profiled: &callers.observer.profiled, lane, unit_s })];
    }
    // The bins are the same: sub-cells are counted, and their sum is the split window.
    [own.map(|own| Place { lane, ..own }), None]
}

fn hold<'a>(held: &mut Option<Held<'a>>, place: Option<&Place<'a>>, at_s: u64) {
    let Some(&Place { profiled, lane, unit_s }) = place else {
        *held = None;
        return;
    };
    let start_s = at_s - at_s % unit_s;
    let is_same = |held: &Held<'_>| {
        std::ptr::eq(held.lane, lane) && held.open.as_ref().is_some_and(|open| open.is_of(start_s, unit_s))
    };
    if held.as_ref().is_some_and(is_same) {
        return;
    }
    // Puts back what was in the hand, so that it can be found again.
    *held = None;
    let mut seat = lane.enter();
    let open = match seat.as_mut().and_then(Seat::take) {
        Some(open) if open.is_of(start_s, unit_s) => open,
        other => {
            if let Some(other) = other {
                lane.close(other);
            }
            Box::new(Open { start_s, unit_s, counts: Counts::new(&profiled.plan) })
        }
    };
    *held = Some(Held { profiled, lane, seat, rows: 1, open: Some(open) });
}

impl Held<'_> {
    fn inputs(&mut self, plan: &Plan, message: &[u8]) {
        self.rows = plan.tensors.first().map_or(1, |tensor| first_of(plan.dims(tensor)));
        let Self { profiled, open: Some(open), .. } = self else { return };
        for place in &profiled.inputs {
            let tensor = &plan.tensors[place.index];
            let dims = plan.dims(tensor);
            let elements = dims.iter().product::<i64>().unsigned_abs() as usize;
            let rows = elements.checked_div(place.width).unwrap_or_else(|| first_of(dims));
            let data = plan.data(tensor, message);
            // Checked against the signature, to which the profile is bound; what still does not fit is left out.
            drop(open.counts.count_rows(&profiled.plan, place.tensor, data, rows));
        }
    }

    fn outputs<'e>(&mut self, own: impl Fn(usize) -> Elements<'e>) {
        let Self { profiled, rows, open: Some(open), .. } = self else { return };
        for place in &profiled.outputs {
            match own(place.index) {
                Elements::Fixed(raw) => {
                    let row = place.width * profiled.plan.datatype(place.tensor).size().unwrap_or(1);
                    let rows = raw.len().checked_div(row).unwrap_or(*rows);
                    drop(open.counts.count_rows(&profiled.plan, place.tensor, raw, rows));
                }
                Elements::Strings { text, start, ends } => {
                    let mut from = start;
                    let strings = ends.iter().map(|&end| &text[std::mem::replace(&mut from, end)..end]);
                    let rows = strings.len().checked_div(place.width).unwrap_or(*rows);
                    drop(open.counts.count_strings(&profiled.plan, place.tensor, strings, rows));
                }
            }
        }
    }
}

/// The extent of the first axis, which carries rows; 1 of a scalar.
fn first_of(dims: &[i64]) -> usize {
    dims.first().map_or(1, |rows| rows.unsigned_abs() as usize)
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        match self.seat.take() {
            Some(seat) => seat.put(open),
            None => self.lane.close(open),
        }
    }
}
