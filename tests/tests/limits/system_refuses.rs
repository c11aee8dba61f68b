//! What the system refuses is an error, and costs nothing.

use gc_core::{GcCell, Heap, Stress};

fn failing(commit: u32) -> Heap {
    Heap::builder().stress(format!("map-fails={commit}").parse::<Stress>().unwrap()).build().unwrap()
}

#[test]
fn a_refused_run_is_not_charged() {
    let heap = failing(1);
    let m = heap.attach().unwrap();
    // The first attempt is refused, the second is not.
    let run = m.alloc([0_u8; 100_000]);
    let pages = (run.len() + 16).div_ceil(4096) * 4096;
    assert_eq!(heap.stats().memory_bytes, pages);
}

/// The first requests commit memory ahead of its use. What they were refused is requested again for the use.
#[test]
fn what_was_refused_ahead_of_its_use_is_requested_again_and_not_charged() {
    let memory = |heap: &Heap| {
        heap.attach().unwrap().alloc(1_u64);
        heap.stats().memory_bytes
    };
    let usual = memory(&Heap::builder().stress(Stress::default()).build().unwrap());
    for commit in 1..6 {
        let refused = memory(&failing(commit));
        let group = 8 * (64 << 10);
        assert!(refused < usual + group, "{refused} against {usual}");
    }
}

#[test]
fn a_forgotten_guard_is_forgotten_when_its_thread_detaches() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let root = m.root(m.alloc(GcCell::new(1_u64)));
    std::mem::forget(root.get(&m).borrow_mut(&m));
    drop(m);
    let m = heap.attach().unwrap();
    assert_eq!(root.get(&m).get(&m), 1);
}
