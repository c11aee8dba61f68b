//! The models of `gc-loom` again, under shuttle: a second scheduler that shares no code with the first. It covers interleavings
//! only, not weak memory, and can therefore run longer executions.

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

/// Runs a model with a bug planted, which it must find. It runs in a process of its own: a model that fails takes its process
/// along.
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
    assert!(!output.status.success(), "the model does not find the mutant `{}`", mutant.name);
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
