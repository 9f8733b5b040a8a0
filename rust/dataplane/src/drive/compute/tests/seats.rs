//! Threads have a worker of each version that they run, and give it up when the version leaves.

use super::*;

#[test]
fn a_long_run_of_one_version_keeps_nothing_of_another_that_leaves() {
    let (gate, slow) = Gate::and_model();
    let mut shop = Shop::new(1, vec![(slow, Recipe::default()), (Scripted::honest(), Recipe::default())]);
    // One thread has run both, and is in a run of the first.
    shop.compute.staff(1, &(Arc::clone(&shop.clock) as Arc<dyn Clock>)).expect("fewer threads");
    while shop.compute.lock().threads > 1 {
        std::thread::yield_now();
    }
    shop.submit(1, 1).expect("room");
    assert_own(&shop.mail.next().1, &[1.0]);
    shop.submit(0, 2).expect("room");
    gate.wait();
    let leaving = Arc::clone(&shop.versions[1].seats);
    let holders = || Arc::strong_count(&leaving);
    let before = holders();
    shop.compute.leave_seats();
    assert_eq!(holders(), before, "nobody is sent away from what serves");
    leaving.close();
    shop.compute.leave_seats();
    assert_eq!(holders(), 2, "the version's own, and the test's");
    gate.open();
    assert_own(&shop.mail.next().1, &[2.0]);
}
