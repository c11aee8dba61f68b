//! Heaps to test on, and waiting for what happens on other threads.

use std::{
    thread,
    time::{Duration, Instant},
};

use gc_core::{Collect, Heap, HeapBuilder, Mutator, Stress};

/// A heap without stress, whatever the environment says, that is not collected when it is idle: for tests of when things happen.
pub fn calm() -> HeapBuilder {
    Heap::builder().stress(Stress::default()).idle_after(Duration::MAX)
}

/// A heap that verifies itself around each collection. With `GC_CORE_STRESS` set, under that stress too: for tests of what
/// happens, however often it is collected.
pub fn checked() -> HeapBuilder {
    let stress = std::env::var("GC_CORE_STRESS").unwrap_or_default();
    under(&format!("{stress},verify"))
}

/// A heap under the stress that `profile` names.
pub fn under(profile: &str) -> HeapBuilder {
    Heap::builder().stress(profile.parse().unwrap_or_else(|error| panic!("{error}")))
}

/// A time in which a machine under any load, and under a sanitizer, would have done what a test waits for.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Waits until `done`, or panics after [`TIMEOUT`]. After a millisecond it leaves the processor to others between two looks.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        let waited = start.elapsed();
        assert!(waited < TIMEOUT, "waited for {TIMEOUT:?} until {what}");
        if waited < Duration::from_millis(1) { thread::yield_now() } else { thread::sleep(Duration::from_micros(200)) }
    }
}

/// Waits until the heap has dropped what it found dead.
#[track_caller]
pub fn settle(heap: &Heap) {
    wait_until("what is dead was dropped", || heap.stats().drops_pending == 0);
}

/// What a minor collection cost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct MinorCost {
    /// Bytes that it copied and promoted.
    pub bytes: u64,
    /// Bytes that were allocated for it to look at.
    pub allocated: u64,
    /// What it left remembered.
    pub remembered: u64,
    /// Looks at ephemerons.
    pub looks: u64,
}

/// Does some work, and returns what the minor collection after it cost.
pub fn minor_cost(heap: &Heap, m: &mut Mutator, work: impl FnOnce(&Mutator)) -> MinorCost {
    let before = heap.stats();
    work(m);
    m.collect(Collect::Young);
    let after = heap.stats();
    MinorCost {
        bytes: after.bytes_copied + after.bytes_promoted - before.bytes_copied - before.bytes_promoted,
        allocated: after.bytes_allocated - before.bytes_allocated,
        remembered: after.remembered as u64,
        looks: after.ephemeron_looks - before.ephemeron_looks,
    }
}
