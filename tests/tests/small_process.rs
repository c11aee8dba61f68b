//! A process that may take little memory or address space can have a heap, too. Alone in its process: it runs itself again, with limits.

#![forbid(unsafe_code)]

use std::{env, process::Command, sync::atomic::Ordering::Relaxed};

use gc_core::{Collect, Gc, Trace};
use gc_tests::heaps::{TIMEOUT, calm};

/// Counts its drops.
#[derive(Trace)]
#[trace(leaf)]
struct Counts;

static DROPS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

impl Drop for Counts {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Relaxed);
    }
}

const LIMITED: &str = "GC_TESTS_LIMITED";

/// Uses all that has a thread or memory of its own: nurseries, old objects, large ones, destructors, compaction.
fn uses_a_heap() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<[u64]>>::new());
    for n in 0..20_000_u64 {
        let new = m.alloc_slice_with(if n % 1000 == 0 { 4000 } else { 20 }, |_| n);
        m.alloc(Counts);
        if n % 100 == 0 {
            kept.get_mut(&m).push(new);
        }
        m.safepoint();
    }
    m.collect(Collect::Full);
    m.compact();
    m.drain_drops(TIMEOUT).unwrap();
    assert_eq!(DROPS.load(Relaxed), 20_000);
    for (n, slice) in kept.borrow(&m).iter().enumerate() {
        assert!(slice.iter().all(|&word| word == 100 * n as u64));
    }
}

/// A limit on data counts the stacks of threads; one on address space counts what is reserved, too.
#[test]
fn a_heap_is_built_where_the_process_may_take_little() {
    if env::var_os(LIMITED).is_some() {
        uses_a_heap();
        return;
    }
    for (limit, kibibytes) in [("-d", 48 << 10), ("-v", 384 << 10)] {
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit {limit} {kibibytes} && exec \"$0\" \"$@\"")])
            .arg(env::current_exe().unwrap())
            .args(["--exact", "a_heap_is_built_where_the_process_may_take_little", "--nocapture", "--test-threads=1"])
            .env(LIMITED, "yes")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ulimit {limit} {kibibytes}: {}\n{said}", output.status);
    }
}
