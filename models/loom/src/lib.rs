//! The protocols between `gc-core`'s threads, checked by loom: their production files are compiled against it, and it runs every
//! execution within a bound of preemptions.
//!
//! The files are included as they are; `sync` replaces the crate's own. Every atomic access first touches a shadow of its own by
//! a read-modify-write. Without it loom 0.7.2 may skip a thread whose next step is a plain load, and so miss bugs (its issues 166
//! and 392); with it loom finds both upstream reproducers.

#![cfg(test)]

#[path = "../../stand_ins/barrier.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod barrier;
#[path = "../../stand_ins/collector.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod collector;
#[path = "../../../gc-core/src/counted"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod counted {
    pub(crate) mod count;
    pub(crate) mod owners;
}
#[path = "../../../gc-core/src/map"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod map {
    pub(crate) mod counts;
    pub(crate) mod head;
    pub(crate) mod memory;
    pub(crate) mod moving;
    pub(crate) mod node;
    pub(crate) mod probe;
    pub(crate) mod slots;
    pub(crate) mod table;
}
#[path = "../../stand_ins/map.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod map_heap;
#[path = "../../stand_ins/memory.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod memory;
#[path = "../../protocols/mod.rs"]
mod models;
#[path = "../../stand_ins/object.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod object;
#[path = "../../stand_ins/old.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod old;
#[path = "../../stand_ins/registered.rs"]
#[allow(dead_code, unused_imports, reason = "a model uses the part of the files that it is about")]
mod registered;
#[path = "../../stand_ins/roots.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod roots;
#[path = "../../stand_ins/safepoint.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod safepoint;
#[path = "../../stand_ins/space.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod space;
#[path = "../../stand_ins/stats.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod stats;
#[path = "../../stand_ins/trace.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod trace;
#[path = "../../stand_ins/workers.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod workers;

mod sync;

use map_heap::{Gc, Leaf, Mutator, Slot, Trace, mutator};

pub(crate) use loom::{sync::Arc, thread};

/// Runs a model in every execution.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(model);
}

/// Runs a model with a bug planted, which it must find. It runs in a process of its own: a model that fails takes its process
/// along, because values that it owns fail again when they are dropped.
fn must_fail(test: &str, mutant: sync::mutant::Mutant, model: fn()) {
    const PLANT: &str = "GC_MODEL_MUTANT";
    if std::env::var(PLANT).is_ok_and(|planted| planted == mutant.name) {
        sync::plant(mutant);
        model();
        return;
    }
    let test = format!("models::{test}");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([&test, "--exact", "--nocapture"])
        .env(PLANT, mutant.name)
        // Printing the panic may need more stack than a model's thread has, and then never end.
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "the model does not find the mutant `{}`", mutant.name);
    assert!(said.contains("panicked"), "the model of `{}` failed for another reason: {said}", mutant.name);
}

/// Memory that only one thread at a time may touch. The model fails if two threads do.
struct Heap(loom::cell::UnsafeCell<usize>);

// SAFETY: the model checks that accesses are exclusive, which is its purpose.
unsafe impl Sync for Heap {}
// SAFETY: this is a number.
unsafe impl Send for Heap {}

impl Heap {
    fn new() -> Self {
        Self(loom::cell::UnsafeCell::new(0))
    }

    fn touch(&self) {
        // SAFETY: loom panics if this is not exclusive.
        self.0.with_mut(|place| unsafe { *place += 1 });
    }

    fn look(&self) -> usize {
        // SAFETY: loom panics if another thread writes.
        self.0.with(|place| unsafe { *place })
    }
}
