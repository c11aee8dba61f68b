//! Weak tables: maps and sets of objects that they do not keep alive. What is dead is not found, and leaves without the program.

#![forbid(unsafe_code)]

mod attacks;
mod drained;
mod ends;
mod leaving;
mod lies;
mod lockstep;
mod old;
mod refused;
mod threads;

use gc_core::{Collect, Mutator};
use gc_tests::heaps::TIMEOUT;

/// Has everything that is unreachable found dead, and dead entries removed.
#[track_caller]
fn collect_all(m: &mut Mutator) {
    // What was read while the heap was being marked lives until the cycle after that, and a table until its dead entries have been taken.
    for _ in 0..3 {
        m.collect(Collect::Full);
        m.drain_drops(TIMEOUT).unwrap();
    }
}
