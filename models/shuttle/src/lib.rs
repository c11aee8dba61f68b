//! The models of `gc-loom` again, under shuttle: a second scheduler that shares no code with the first. It covers interleavings
//! only, not weak memory, and can therefore run longer executions.

#![cfg(test)]
#![allow(clippy::duplicate_mod, reason = "the map is modelled by its parts, and as a whole")]

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
mod of_maps;
#[path = "../../stand_ins/old.rs"]
#[allow(dead_code, reason = "a model uses the part of the files that it is about")]
mod old;
/// What is modelled as a whole.
#[path = "../../../gc-core/src"]
#[allow(dead_code, unused_imports, reason = "a model uses the part of the files that it is about")]
#[allow(unreachable_code, reason = "no memory is refused here")]
mod production {
    pub(crate) mod map;
}
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

use core::sync::atomic::{AtomicIsize, Ordering};

pub(crate) use shuttle::{sync::Arc, thread};

/// Runs a model depth first up to a bound, then with probabilistic concurrency testing, and then in random schedules.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let model = std::sync::Arc::new(model);
    let (again, random) = (model.clone(), model.clone());
    shuttle::check_dfs(move || model(), Some(2_000));
    shuttle::check_pct(move || again(), 2_000, 3);
    shuttle::check_random(move || random(), 5_000);
}

/// Runs a model of `models` with a bug planted, which it must find.
fn must_fail(test: &str, mutant: sync::mutant::Mutant, model: fn()) {
    must_fail_in(&format!("models::{test}"), mutant, "", model);
}

/// Runs a test with a bug planted, which it must find, and say so. It runs in a process of its own: a model that fails takes its process along.
fn must_fail_in(test: &str, mutant: sync::mutant::Mutant, says: &str, model: fn()) {
    const PLANT: &str = "GC_MODEL_MUTANT";
    if std::env::var(PLANT).is_ok_and(|planted| planted == mutant.name) {
        sync::plant(mutant);
        model();
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(PLANT, mutant.name)
        // Printing the panic may need more stack than a model's thread has, and then never end.
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    assert!(!output.status.success(), "the model does not find the mutant `{}`", mutant.name);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(says), "expected that the model of `{}` says `{says}`, found: {said}", mutant.name);
}

/// Memory that only one thread at a time may touch. The model fails if two threads do.
struct Heap {
    /// Readers, or −1 for a writer.
    users: AtomicIsize,
}

impl Heap {
    fn new() -> Self {
        Self { users: AtomicIsize::new(0) }
    }

    fn touch(&self) {
        assert_eq!(self.users.swap(-1, Ordering::SeqCst), 0, "a write overlaps");
        thread::yield_now();
        assert_eq!(self.users.swap(0, Ordering::SeqCst), -1, "a write overlaps");
    }

    fn look(&self) -> usize {
        assert!(self.users.fetch_add(1, Ordering::SeqCst) >= 0, "a read overlaps a write");
        thread::yield_now();
        assert!(self.users.fetch_sub(1, Ordering::SeqCst) > 0, "a read overlaps a write");
        0
    }
}
